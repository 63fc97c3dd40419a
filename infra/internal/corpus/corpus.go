// Package corpus has the sets of manifests by which the check is measured: some that work, and some that are broken, each by
// a small edit of one that works.
package corpus

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

//go:embed testdata
var files embed.FS

// edit makes a broken set of one that works.
type edit struct {
	Code string `json:"code"`
	Name string `json:"name"`
	// Old is there once. New takes its place.
	Old    string `json:"old"`
	New    string `json:"new"`
	Old2   string `json:"old2"`
	New2   string `json:"new2"`
	Append string `json:"append"`
	// Also is a code that cannot be told apart from the other.
	Also string `json:"also"`
}

func (e edit) apply(text string) (string, error) {
	for _, pair := range [][2]string{{e.Old, e.New}, {e.Old2, e.New2}} {
		if pair[0] == "" {
			continue
		}
		if n := strings.Count(text, pair[0]); n != 1 {
			return "", fmt.Errorf("%s: what is replaced is there %d times: %q", e.Name, n, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text + e.Append, nil
}

// Set is a set of manifests.
type Set struct {
	Name, Text string
	// Code is what it is to give, empty for a set that works. Also is one that cannot be told apart from it.
	Code, Also string
	// Base is the set that works of which a broken one was made.
	Base string
}

// Sets returns all sets, with the examples of the rules whose findings are no notes, in the same order each time.
func Sets() ([]Set, error) {
	content, err := files.ReadFile("testdata/broken.yaml")
	if err != nil {
		return nil, err
	}
	edits := map[string][]edit{}
	if err := yaml.UnmarshalStrict(content, &edits); err != nil {
		return nil, err
	}
	var sets []Set
	for _, base := range slices.Sorted(maps.Keys(edits)) {
		content, err := files.ReadFile("testdata/" + base)
		if err != nil {
			return nil, err
		}
		text := string(content)
		sets = append(sets, Set{Name: base, Text: text})
		for _, edit := range edits[base] {
			broken, err := edit.apply(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", base, err)
			}
			sets = append(sets, Set{Name: base + ": " + edit.Name, Text: broken, Code: edit.Code, Also: edit.Also, Base: text})
		}
	}
	for _, rule := range check.Rules() {
		// The examples of KC408 are two sets each: what was, and what is.
		if rule.Severity != check.Note && rule.Code != "KC408" {
			sets = append(sets, Set{Name: "example of " + rule.Code, Text: rule.Wrong, Code: rule.Code, Base: rule.Right})
		}
	}
	content, err = files.ReadFile("testdata/correct.txtar")
	if err != nil {
		return nil, err
	}
	for _, file := range txtar.Parse(content).Files {
		sets = append(sets, Set{Name: file.Name, Text: string(file.Data)})
	}
	return sets, nil
}
