package check

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// Objects checks a set of objects and returns what is wrong, in the order of the objects and of their fields.
func Objects(objects []Object, options Options) []Finding {
	set := newIndex(objects, options)
	rules := table()
	byKind := map[string][]*Rule{}
	for i := range rules {
		for _, kind := range rules[i].Kinds {
			byKind[kind] = append(byKind[kind], &rules[i])
		}
	}
	checkers := make([]*checker, runtime.GOMAXPROCS(0)+1)
	var hands sync.WaitGroup
	for i := range checkers {
		c := &checker{index: set, options: options}
		checkers[i] = c
		if i == 0 {
			hands.Go(func() {
				for i := range rules {
					if c.rule = &rules[i]; c.rule.set != nil {
						c.rule.set(c)
					}
				}
			})
			continue
		}
		hands.Go(func() {
			for n := i - 1; n < len(set.objects); n += len(checkers) - 1 {
				o := set.objects[n]
				for _, all := range [][]*Rule{byKind[o.kind], byKind[anyKind]} {
					for _, rule := range all {
						c.rule = rule
						rule.object(c, o)
					}
				}
			}
		})
	}
	hands.Wait()

	type ordered struct {
		Finding
		order int
	}
	var all []ordered
	for _, c := range checkers {
		for i, finding := range c.findings {
			all = append(all, ordered{finding, c.order[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b ordered) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message))
	})
	silencers := newSilencers(set)
	findings, lines := []Finding{}, lineFinder{}
	for i, finding := range all {
		if i > 0 && finding.Finding == all[i-1].Finding || silencers.silence(finding.order, finding.Code) {
			continue
		}
		finding.Place = lines.place(finding.Place, finding.Field)
		findings = append(findings, finding.Finding)
	}
	return append(findings, silencers.findings(options)...)
}

// anyKind stands in Rule.Kinds for all kinds.
const anyKind = "*"

// Chart checks the objects of a chart, of either tree, as they would be written: for a test of the chart.
// It panics where the chart cannot be rendered.
func Chart(chart cdk8s.Chart) []Finding { return Charts([]cdk8s.Chart{chart}, Options{}) }

// Charts checks the objects of charts, of either tree, as one set. It panics where a chart cannot be rendered.
func Charts(charts []cdk8s.Chart, options Options) []Finding {
	if options.ClusterDomain == "" && len(charts) > 0 {
		options.ClusterDomain = tree.ClusterDomain(charts[0])
	}
	var objects []Object
	for _, chart := range charts {
		made, err := objectsOf(chart)
		if err != nil {
			panic(err)
		}
		objects = append(objects, made...)
	}
	return Objects(objects, options)
}

// objectsOf are the objects of a chart, without those of charts in it, in the order of application.
func objectsOf(chart cdk8s.Chart) (objects []Object, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			objects, err = nil, fmt.Errorf("cannot render chart %s: %v", *chart.Node().Path(), cause)
		}
	}()
	var walk func(construct constructs.IConstruct) error
	walk = func(construct constructs.IConstruct) error {
		for _, child := range *construct.Node().Children() {
			if tree.IsChart(child) {
				continue
			}
			if tree.IsObject(child) {
				made, err := tree.ObjectOf(child)
				if err != nil {
					return err
				}
				path := *child.Node().Path()
				rendered, err := Of(made.ToJson())
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				for _, object := range rendered {
					objects = append(objects, Object{Content: object.Content, Place: Place{Construct: path}})
				}
			}
			if err := walk(child); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(chart); err != nil {
		return nil, err
	}
	// Synth writes them so that each comes after what it needs.
	slices.SortStableFunc(objects, func(a, b Object) int { return cmp.Compare(a.rank(), b.rank()) })
	return objects, nil
}

// Install makes the check a part of the synth of an app, of either tree: it looks at the objects of all charts as one
// set, whoever has made them, and synth fails with what it finds to be an Error. Warnings and notes fail nothing:
// Charts tells them.
func Install(app cdk8s.App, options Options) {
	tree.Validate(app, func() []tree.Problem {
		var problems []tree.Problem
		for _, finding := range Charts(*app.Charts(), options) {
			if finding.Severity == Error {
				problem := finding.Problem()
				// The problem is told under the path of the app, which is empty.
				problem.Detail = finding.Place.String() + " " + finding.Object() + ": " + problem.Detail
				problems = append(problems, problem)
			}
		}
		return problems
	})
}
