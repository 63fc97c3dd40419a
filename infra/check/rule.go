package check

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Rule is one thing that is known.
type Rule struct {
	// Code is KC and three digits: KC1.. for references, KC2.. for traffic, KC3.. for pods, KC4.. for rollouts, KC5..
	// for values, KC0.. for the set itself. A code is never given to another rule.
	Code string
	// Title says in a few words what is found.
	Title string
	// Severity of its findings, where a finding does not say otherwise.
	Severity Severity
	// Doc says why it matters.
	Doc string
	// Wrong and Right are manifests: one with the finding, and the same without.
	Wrong, Right string
	// Kinds that it looks at, for example Service. Empty for a rule on the set as a whole.
	Kinds []string

	// object looks at an object of Kinds, set at the set as a whole. A rule has one of them, or neither where its
	// findings are made while the set is prepared.
	object func(c *checker, o *object)
	set    func(c *checker)
}

// themes are the tables of the themes' files.
var themes = [][]Rule{
	setRules,
	podReferenceRules,
	workloadReferenceRules,
	routeReferenceRules,
	meshReferenceRules,
	trafficRules,
	policyRules,
	admissionRules,
	injectionRules,
	portRules,
	podRules,
	containerRules,
	startRules,
	podValueRules,
	spreadRules,
	rolloutRules,
	orderRules,
	againstRules,
	valueRules,
	schemaRules,
}

// Rules returns the table of all rules, in the order of their codes.
func Rules() []Rule { return slices.Clone(table()) }

// FindRule returns the rule with a code.
func FindRule(code string) (Rule, bool) {
	for _, rule := range table() {
		if rule.Code == code {
			return rule, true
		}
	}
	return Rule{}, false
}

var table = sync.OnceValue(func() []Rule {
	rules := slices.Concat(themes...)
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Code, b.Code) })
	return rules
})

// checker is what a rule is given.
type checker struct {
	*index
	options  Options
	rule     *Rule
	findings []Finding
	// order is that of the object of each finding.
	order []int
}

// report records a finding of the rule at a field of an object.
func (c *checker) report(o *object, field, message, fix string) {
	c.reportAs(c.rule.Severity, o, field, message, fix)
}

func (c *checker) reportAs(severity Severity, o *object, field, message, fix string) {
	if severity == Note && !c.options.Strict {
		return
	}
	if c.options.ignores(c.rule.Code) {
		return
	}
	c.findings = append(c.findings, Finding{
		Code: c.rule.Code, Severity: severity, Kind: o.kind, Namespace: o.written, Name: o.name,
		Field: field, Place: o.Place, Message: message, Fix: fix,
	})
	c.order = append(c.order, o.order)
}

// missing records a reference to an object that is not there: as the rule says where that is certain, as a note where
// it may be made elsewhere.
func (c *checker) missing(o *object, field string, state lookup, message, fix string) {
	switch state {
	case missing:
		c.report(o, field, message, fix)
	case external:
		c.reportAs(Note, o, field, message+", unless it is made elsewhere", fix)
	}
}

// at writes the path of a field.
func at(format string, values ...any) string { return fmt.Sprintf(format, values...) }

// in writes a namespace for a message.
func in(namespace string) string {
	if namespace == "" {
		return "its namespace"
	}
	return "namespace " + namespace
}
