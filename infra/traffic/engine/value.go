package engine

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// value is a part of an object, of which nothing is taken for granted: what is missing, or something else than it should
// be, is empty.
type value struct {
	of any
	// proto says that fields may have the names of Protobuf, in snake case, beside those of JSON, as Istio reads its kinds
	// (jsonpb.Unmarshaler of github.com/golang/protobuf, in Unmarshal).
	proto bool
}

func (v value) get(name string) value {
	fields, _ := v.of.(map[string]any)
	found, ok := fields[name]
	if !ok && v.proto {
		found = fields[snake(name)]
	}
	return value{found, v.proto}
}

// at follows names.
func (v value) at(names ...string) value {
	for _, name := range names {
		v = v.get(name)
	}
	return v
}

func snake(name string) string {
	if strings.ToLower(name) == name {
		return name
	}
	var text strings.Builder
	for _, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' {
			_ = text.WriteByte('_')
			c += 'a' - 'A'
		}
		_ = text.WriteByte(c)
	}
	return text.String()
}

func (v value) has() bool { return v.of != nil }

func (v value) list() []value {
	list, _ := v.of.([]any)
	values := make([]value, len(list))
	for i, element := range list {
		values[i] = value{element, v.proto}
	}
	return values
}

func (v value) text() string {
	text, _ := v.of.(string)
	return text
}

// texts are the elements of a list that are texts.
func (v value) texts() []string {
	list, _ := v.of.([]any)
	var texts []string
	for _, element := range list {
		if text, ok := element.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// textMap is never nil: a selector without labels is another than one that is missing.
func (v value) textMap() map[string]string {
	if texts := objects.Texts(v.of); texts != nil {
		return texts
	}
	return map[string]string{}
}

// names are the keys of a map, in order.
func (v value) names() []string {
	entries, _ := v.of.(map[string]any)
	return slices.Sorted(maps.Keys(entries))
}

// entry is the value of a key of a map whose keys are data.
func (v value) entry(name string) value {
	entries, _ := v.of.(map[string]any)
	return value{entries[name], v.proto}
}

// number is a number, or a text that is one: Protobuf's JSON writes large ones so.
func (v value) number() (float64, bool) {
	switch number := v.of.(type) {
	case int64:
		return float64(number), true
	case int:
		return float64(number), true
	case float64:
		return number, true
	case string:
		if v.proto {
			parsed, err := strconv.ParseFloat(number, 64)
			return parsed, err == nil
		}
	}
	return 0, false
}

// whole is a number within 32 bits, 0 for what is none.
func (v value) whole() int {
	number, ok := v.number()
	if !ok || number != number || number > 1<<31-1 || number < -1<<31 {
		return 0
	}
	return int(number)
}

func (v value) wholeOr(missing int) int {
	if _, ok := v.number(); !ok {
		return missing
	}
	return v.whole()
}

func (v value) yes() bool {
	yes, _ := v.of.(bool)
	return yes
}

// duration is a duration as Go writes it. Istio reads "1.5s" as well as "1m30s" and "100ms": its Unmarshal hands texts to
// time.ParseDuration (github.com/golang/protobuf/jsonpb/decode.go), although Protobuf's own JSON knows seconds only.
func (v value) duration() (Duration, bool) {
	return ParseDuration(v.text())
}
