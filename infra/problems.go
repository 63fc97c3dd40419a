package infra

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// problems collects what is wrong with a construct's props.
type problems []string

// add records that the field has a value that is not allowed. rule says what is, and what to do.
func (p *problems) add(field string, value any, rule string) {
	*p = append(*p, fmt.Sprintf("%s: %s %s", field, show(value), rule))
}

// missing records that the field is not set.
func (p *problems) missing(field, rule string) {
	*p = append(*p, fmt.Sprintf("%s: is not set; %s", field, rule))
}

// show writes a value for an error message: text in quotes, and cut where it is long.
func show(value any) string {
	text, ok := value.(string)
	if !ok {
		return fmt.Sprint(value)
	}
	const longest = 80
	if len(text) <= longest {
		return strconv.Quote(text)
	}
	return fmt.Sprintf("%q... (%d bytes)", strings.ToValidUTF8(text[:longest], ""), len(text))
}

// list writes what is allowed: a, b or c.
func list(values []string) string {
	last := len(values) - 1
	if last == 0 {
		return values[0]
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// index writes the path of an element of a field that is a list.
func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// entry writes the path of an element of a field that is a map.
func entry(field, key string) string { return field + "[" + show(key) + "]" }

// oneOf records a value that is none of those allowed. The empty value is always allowed: it stands for the default.
func oneOf[T ~string](p *problems, field string, value T, allowed ...T) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	p.add(field, string(value), "is not known; use "+list(names))
}
