package native

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

type app struct {
	construct
	outdir, extension string
	outputType        cdk8s.YamlOutputType
	resolvers         []cdk8s.IResolver
	recordConstructs  bool
	// keepOrder leaves objects where the tree has them.
	keepOrder bool
}

// NewApp makes the root of a native tree as cdk8s.NewApp makes that of an official one. props may be nil, and means
// what it means there: Outdir defaults to the environment variable CDK8S_OUTDIR, else to "dist", OutputFileExtension to
// ".k8s.yaml", YamlOutputType to one file a chart, RecordConstructMetadata to whether CDK8S_RECORD_CONSTRUCT_METADATA
// is "true". It panics for a YamlOutputType that does not exist. Resolvers are called for plain values: a tree without
// jsii has no tokens and no lazy values, and NewApp panics for a resolver of cdk8s that resolves these.
func NewApp(props *cdk8s.AppProps) cdk8s.App {
	if props == nil {
		props = &cdk8s.AppProps{}
	}
	a := &app{
		outdir:           "dist",
		extension:        ".k8s.yaml",
		outputType:       cdk8s.YamlOutputType_FILE_PER_CHART,
		recordConstructs: os.Getenv("CDK8S_RECORD_CONSTRUCT_METADATA") == "true",
	}
	if outdir := os.Getenv("CDK8S_OUTDIR"); outdir != "" {
		a.outdir = outdir
	}
	if props.Outdir != nil {
		a.outdir = *props.Outdir
	}
	if props.OutputFileExtension != nil {
		a.extension = *props.OutputFileExtension
	}
	if props.YamlOutputType != "" {
		a.outputType = props.YamlOutputType
	}
	if props.RecordConstructMetadata != nil {
		a.recordConstructs = *props.RecordConstructMetadata
	}
	if props.Resolvers != nil {
		a.resolvers = slices.Clone(*props.Resolvers)
		for i, resolver := range a.resolvers {
			v := reflect.Indirect(reflect.ValueOf(resolver))
			if !v.IsValid() {
				fail("resolver %d, counted from 0, is nil: pass resolvers of your own, or none", i)
			}
			if manifest.IsProxy(v.Type()) {
				fail("resolver %T lives in Node.js, and a native tree has none of the lazy values and tokens that it resolves: "+
					"pass resolvers of your own", resolver)
			}
		}
	}
	switch a.outputType {
	case cdk8s.YamlOutputType_FILE_PER_APP, cdk8s.YamlOutputType_FILE_PER_CHART,
		cdk8s.YamlOutputType_FILE_PER_RESOURCE, cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE:
	default:
		fail("%q is not a YamlOutputType", a.outputType)
	}
	a.node = &node{host: a, kind: "App", application: a}
	return a
}

func (a *app) Outdir() *string { return new(a.outdir) }

func (a *app) OutputFileExtension() *string { return new(a.extension) }

func (a *app) YamlOutputType() cdk8s.YamlOutputType { return a.outputType }

// Resolvers returns those that the app was made with: the built-in ones of cdk8s resolve values of jsii.
func (a *app) Resolvers() *[]cdk8s.IResolver { return new(slices.Clone(a.resolvers)) }

func (a *app) Charts() *[]cdk8s.Chart {
	charts := []cdk8s.Chart{}
	for _, c := range newOrder(a.node).charts() {
		charts = append(charts, c.self())
	}
	return &charts
}

func (a *app) SynthYaml() *string {
	order := newCheckedOrder(a.node)
	var all file
	for _, c := range order.charts() {
		all.documents = append(all.documents, c.documents(renderings(order.objects(c)))...)
	}
	var text strings.Builder
	for _, part := range encode(parts([]file{all})) {
		text.Write(part)
	}
	return new(text.String())
}

func (a *app) Synth() {
	out := a.plan(newValidOrder(a.node))
	if err := out.write(a.outdir); err != nil {
		panic(fmt.Errorf("cannot write the manifests: %w", err))
	}
}
