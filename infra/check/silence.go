package check

import (
	"maps"
	"slices"
	"strings"
)

// SilenceAnnotation silences findings on its object: a line for each, CODE: REASON.
const SilenceAnnotation = "combat.check/silence"

const silenceField = "metadata.annotations[" + SilenceAnnotation + "]"

var setRules = []Rule{
	{
		Code: "KC001", Title: "a silencer without a reason", Severity: Error,
		Doc: "A finding may be silenced on its object, for a reason that the next reader can judge. " +
			"Without one the silencer is the finding.",
		Wrong: silencedExample("KC306"),
		Right: silencedExample("KC306: the image has no versions yet"),
	},
	{
		Code: "KC002", Title: "a silencer that silences nothing", Severity: Warning,
		Doc:   "What was silenced is gone, or the code is another one. A silencer that stays would hide the next mistake.",
		Wrong: silencedExample("KC306: the image has no versions yet\n      KC102: it is made by hand"),
		Right: silencedExample("KC306: the image has no versions yet"),
	},
}

func silencedExample(text string) string {
	return `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    ` + SilenceAnnotation + `: |
      ` + text + `
spec:
  containers:
    - name: web
      image: example.com/web:latest
      resources: {requests: {cpu: 100m, memory: 64Mi}}
`
}

// silencers are those of all objects, by the order of the objects.
type silencers struct {
	set     *index
	reasons map[int]map[string]string
	used    map[int]map[string]bool
}

func newSilencers(set *index) *silencers {
	s := &silencers{set: set, reasons: map[int]map[string]string{}, used: map[int]map[string]bool{}}
	for _, o := range set.objects {
		text, ok := o.annotations[SilenceAnnotation]
		if !ok {
			continue
		}
		reasons := map[string]string{}
		for line := range strings.Lines(text) {
			code, reason, _ := strings.Cut(strings.TrimSpace(line), ":")
			if code = strings.TrimSpace(code); code != "" {
				reasons[code] = strings.TrimSpace(reason)
			}
		}
		s.reasons[o.order] = reasons
		s.used[o.order] = map[string]bool{}
	}
	return s
}

func (s *silencers) silence(order int, code string) bool {
	if _, ok := s.reasons[order][code]; !ok {
		return false
	}
	s.used[order][code] = true
	return true
}

// findings are those on the silencers themselves.
func (s *silencers) findings(options Options) []Finding {
	rule := func(code string) *Rule {
		rule, _ := FindRule(code)
		return &rule
	}
	c := &checker{index: s.set, options: options}
	for _, order := range slices.Sorted(maps.Keys(s.reasons)) {
		o := s.set.objects[order]
		for _, code := range slices.Sorted(maps.Keys(s.reasons[order])) {
			switch {
			case !s.used[order][code] && !options.ignores(code):
				c.rule = rule("KC002")
				c.report(o, silenceField, code+" is silenced, and nothing of that code is found here", "take the line away")
			case s.reasons[order][code] == "":
				c.rule = rule("KC001")
				c.report(o, silenceField, code+" is silenced, and nobody knows why", "write "+code+": REASON")
			}
		}
	}
	lines := lineFinder{}
	for i := range c.findings {
		c.findings[i].Place = lines.place(c.findings[i].Place, silenceField)
	}
	return c.findings
}
