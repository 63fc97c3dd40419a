package conformance_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// comparison is how much was compared, and what was found.
type comparison struct {
	differences []string
	// files and bytes are what both trees wrote, errors are those that both made.
	files, bytes, errors int
	// reworded are the errors that both made in words of their own, as the documentation of package native says.
	reworded int
}

// ownWords are what errors begin with that the native tree words in its own way: those of JSON Patch, which come out of
// a library of JavaScript as its internals, and the path of a dependency cycle, of which there may be several.
var ownWords = []string{"Failed serializing construct at path '", "Dependency cycle detected: "}

// compare compares the results of a case.
func compare(want, got any) *comparison {
	c := &comparison{}
	c.compare("", want, got)
	return c
}

func (c *comparison) compare(place string, want, got any) {
	switch want := want.(type) {
	case values:
		got, ok := got.(values)
		if !ok {
			break
		}
		if text, ok := want["error"].(string); ok && len(want) == 1 {
			c.compareErrors(place, text, got)
			return
		}
		if strings.HasSuffix(place, "/files") {
			c.files += len(want)
		}
		for _, key := range keys(want, got) {
			below, ok := got[key]
			if expected, also := want[key]; ok && also {
				c.compare(place+"/"+key, expected, below)
			} else {
				c.differ(place+"/"+key, want[key], below)
			}
		}
		return
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			break
		}
		for i := range want {
			c.compare(fmt.Sprintf("%s/%d", place, i), want[i], got[i])
		}
		return
	case string:
		c.bytes += len(want)
	}
	if !reflect.DeepEqual(want, got) {
		c.differ(place, want, got)
	}
}

func (c *comparison) compareErrors(place, want string, result values) {
	got, ok := result["error"].(string)
	if !ok {
		c.differ(place, values{"error": want}, result)
		return
	}
	c.errors++
	if want == got {
		return
	}
	for _, words := range ownWords {
		if strings.HasPrefix(want, words) && head(want) == head(got) {
			c.reworded++
			return
		}
	}
	c.differ(place, want, got)
}

// head is the part of an error that both trees word alike: for an object, which one it is.
func head(text string) string {
	if strings.HasPrefix(text, ownWords[0]) {
		if before, _, ok := strings.Cut(text, "': "); ok {
			return before
		}
	}
	return ownWords[1]
}

func (c *comparison) differ(place string, want, got any) {
	c.differences = append(c.differences, fmt.Sprintf("%s: want (cdk8s) -, got (native) +:\n%s", place, cmp.Diff(want, got)))
}

func keys(objects ...values) []string {
	var all []string
	for _, object := range objects {
		for key := range object {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
