package check

import (
	"math"
	"regexp"
	"slices"
	"unicode/utf8"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// shape is what of a schema can be asked quickly. It answers for objects that are in order, as nearly all are; for others, and
// where it cannot tell, the code of the API server is asked.
type shape struct {
	kind string
	// unsure says that it cannot tell of any value, ruled that rules of CEL are to be asked, or that something is filled in.
	unsure, ruled bool
	// keyed says that the elements of a list are unlike each other.
	keyed    bool
	open     bool
	fields   map[string]*shape
	entries  *shape
	items    *shape
	required []string
	enum     []string
	pattern  *regexp.Regexp
	least    float64
	most     float64
	shortest int
	longest  int
	conditions
}

// conditions are those of a schema on which fields a map has.
type conditions struct {
	all, any, one []*condition
	not           *condition
}

type condition struct {
	required []string
	conditions
}

func newShape(s *structuralschema.Structural) *shape {
	sh := &shape{kind: s.Type, open: s.XPreserveUnknownFields, least: math.Inf(-1), most: math.Inf(1), longest: math.MaxInt}
	sh.unsure = s.XEmbeddedResource || s.XIntOrString
	sh.ruled = len(s.XValidations) > 0
	sh.keyed = s.XListType != nil && *s.XListType != "atomic"
	if s.Items != nil {
		sh.items = newShape(s.Items)
	}
	if len(s.Properties) > 0 {
		sh.fields = make(map[string]*shape, len(s.Properties))
		for name, property := range s.Properties {
			sh.fields[name] = newShape(&property)
			sh.ruled = sh.ruled || property.Default.Object != nil
		}
	}
	if more := s.AdditionalProperties; more != nil {
		if more.Structural != nil {
			sh.entries = newShape(more.Structural)
		} else {
			sh.open = sh.open || more.Bool
		}
	}
	if v := s.ValueValidation; v != nil {
		sh.constrain(v)
	}
	if !sh.isEmpty() {
		for _, property := range s.Properties {
			// What is filled in may be what a condition is about.
			sh.unsure = sh.unsure || property.Default.Object != nil
		}
	}
	return sh
}

func (sh *shape) constrain(v *structuralschema.ValueValidation) {
	sh.required = v.Required
	if v.ExclusiveMaximum || v.ExclusiveMinimum || v.UniqueItems || v.MultipleOf != nil || v.MaxProperties != nil || v.MinProperties != nil ||
		v.Format != "" && !slices.Contains([]string{"int32", "int64", "uint32", "double", "float"}, v.Format) {
		sh.unsure = true
	}
	if v.Minimum != nil {
		sh.least = *v.Minimum
	}
	if v.Maximum != nil {
		sh.most = *v.Maximum
	}
	switch v.Format {
	case "int32":
		sh.least, sh.most = max(sh.least, math.MinInt32), min(sh.most, math.MaxInt32)
	case "uint32":
		sh.least, sh.most = max(sh.least, 0), min(sh.most, math.MaxUint32)
	}
	for _, of := range []*int64{v.MinLength, v.MinItems} {
		if of != nil {
			sh.shortest = int(*of)
		}
	}
	for _, of := range []*int64{v.MaxLength, v.MaxItems} {
		if of != nil {
			sh.longest = int(*of)
		}
	}
	if v.Pattern != "" {
		pattern, err := regexp.Compile(v.Pattern)
		sh.pattern, sh.unsure = pattern, sh.unsure || err != nil
	}
	for _, each := range v.Enum {
		text, ok := each.Object.(string)
		sh.enum, sh.unsure = append(sh.enum, text), sh.unsure || !ok
	}
	known := true
	sh.conditions = newConditions(v, &known)
	sh.unsure = sh.unsure || !known
}

func newConditions(v *structuralschema.ValueValidation, known *bool) conditions {
	list := func(of []structuralschema.NestedValueValidation) []*condition {
		var all []*condition
		for i := range of {
			all = append(all, newCondition(&of[i], known))
		}
		return all
	}
	c := conditions{all: list(v.AllOf), any: list(v.AnyOf), one: list(v.OneOf)}
	if v.Not != nil {
		c.not = newCondition(v.Not, known)
	}
	return c
}

// newCondition makes a condition of a schema that asks for nothing but fields. known is false for others.
func newCondition(v *structuralschema.NestedValueValidation, known *bool) *condition {
	only := structuralschema.ValueValidation{Required: v.Required, AllOf: v.AllOf, AnyOf: v.AnyOf, OneOf: v.OneOf, Not: v.Not}
	rest := v.ValueValidation
	rest.Required, rest.AllOf, rest.AnyOf, rest.OneOf, rest.Not = nil, nil, nil, nil, nil
	plain := rest.Format == "" && rest.Maximum == nil && rest.Minimum == nil && rest.MaxLength == nil && rest.MinLength == nil && rest.Pattern == "" &&
		rest.MaxItems == nil && rest.MinItems == nil && !rest.UniqueItems && rest.MultipleOf == nil && len(rest.Enum) == 0 && rest.MaxProperties == nil && rest.MinProperties == nil
	if !plain || v.Items != nil || len(v.Properties) > 0 || v.AdditionalProperties != nil || len(v.XValidations) > 0 || v.ForbiddenGenerics.Type != "" {
		*known = false
	}
	return &condition{required: v.Required, conditions: newConditions(&only, known)}
}

func (c *condition) holds(fields map[string]any) bool {
	for _, name := range c.required {
		if _, ok := fields[name]; !ok {
			return false
		}
	}
	return c.hold(fields)
}

func (c *conditions) hold(fields map[string]any) bool {
	holds := func(each *condition) bool { return each.holds(fields) }
	if slices.ContainsFunc(c.all, func(each *condition) bool { return !each.holds(fields) }) || len(c.any) > 0 && !slices.ContainsFunc(c.any, holds) ||
		c.not != nil && c.not.holds(fields) {
		return false
	}
	held := 0
	for _, each := range c.one {
		if each.holds(fields) {
			held++
		}
	}
	return len(c.one) == 0 || held == 1
}

func (c *conditions) isEmpty() bool { return len(c.all)+len(c.any)+len(c.one) == 0 && c.not == nil }

// verdict is what a shape says of a value.
type verdict int

const (
	// toAsk leaves it to the API server's code, byRules to the rules of CEL alone.
	toAsk verdict = iota
	byRules
	inOrder
)

// judgeObject judges an object. Its name and labels are not asked for here.
func (sh *shape) judgeObject(content map[string]any) verdict {
	if sh.unsure || sh.kind != "object" || len(sh.required) > 0 && !slices.Equal(sh.required, []string{"spec"}) || !sh.isEmpty() {
		return toAsk
	}
	if _, ok := content["metadata"].(map[string]any); !ok || len(sh.required) > 0 && content["spec"] == nil {
		return toAsk
	}
	found := sh.found()
	for name, value := range content {
		switch name {
		case "apiVersion", "kind", "metadata":
		default:
			field := sh.fields[name]
			if field == nil {
				return toAsk
			}
			if found = min(found, field.judge(value)); found == toAsk {
				return toAsk
			}
		}
	}
	return found
}

// found is what the shape says of a value of which nothing else than its rules is in doubt.
func (sh *shape) found() verdict {
	if sh.ruled {
		return byRules
	}
	return inOrder
}

func (sh *shape) judge(value any) verdict {
	if sh.unsure {
		return toAsk
	}
	fits := false
	switch value := value.(type) {
	case map[string]any:
		return sh.judgeMap(value)
	case []any:
		return sh.judgeList(value)
	case string:
		// A letter has a byte at least.
		fits = sh.kind == "string" && len(value) <= sh.longest && (sh.shortest == 0 || utf8.RuneCountInString(value) >= sh.shortest) &&
			(sh.enum == nil || slices.Contains(sh.enum, value)) && (sh.pattern == nil || sh.pattern.MatchString(value))
	case bool:
		fits = sh.kind == "boolean" && sh.enum == nil
	case int64:
		fits = (sh.kind == "integer" || sh.kind == "number") && float64(value) >= sh.least && float64(value) <= sh.most && sh.enum == nil
	case float64:
		fits = sh.kind == "number" && value >= sh.least && value <= sh.most && sh.enum == nil
	}
	// Nothing, nil, is filled in or refused.
	if !fits || !sh.isEmpty() {
		return toAsk
	}
	return sh.found()
}

func (sh *shape) judgeList(value []any) verdict {
	if sh.kind != "array" || sh.items == nil || len(value) < sh.shortest || len(value) > sh.longest || !sh.isEmpty() || sh.keyed && len(value) > 1 {
		return toAsk
	}
	found := sh.found()
	for _, element := range value {
		if found = min(found, sh.items.judge(element)); found == toAsk {
			return toAsk
		}
	}
	return found
}

func (sh *shape) judgeMap(value map[string]any) verdict {
	if sh.kind != "object" || sh.enum != nil || !sh.hold(value) {
		return toAsk
	}
	for _, name := range sh.required {
		if _, ok := value[name]; !ok {
			return toAsk
		}
	}
	found := sh.found()
	for name, entry := range value {
		field := sh.fields[name]
		if field == nil {
			field = sh.entries
		}
		switch {
		case field != nil:
			if found = min(found, field.judge(entry)); found == toAsk {
				return toAsk
			}
		case !sh.open:
			return toAsk
		}
	}
	return found
}
