package chapters

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// Chapter is one chapter of the tutorial.
type Chapter struct {
	// Name is the id of the chart, and the name of its file.
	Name string
	// Title says in a few words what the chapter shows.
	Title string

	// Namespace of its objects. Defaults to none: they go where they are applied.
	Namespace string
	// Elsewhere are the objects that the reader makes by hand, as check.Options.Assume has them.
	Elsewhere []string
	// Build fills the chart.
	Build func(chart cdk8s.Chart)
}

// New makes the chapter's chart.
func (c Chapter) New(scope constructs.Construct) cdk8s.Chart {
	chart := tree.NewChart(scope, c.Name, tree.ChartProps{Namespace: c.Namespace})
	c.Build(chart)
	return chart
}

var all = []Chapter{
	{Name: "01-deploy", Title: "a service as a Deployment", Build: deploy},
	{Name: "02-service", Title: "calling it by the name of a Service", Build: service},
	{Name: "03-ingress", Title: "reaching it from outside, by host name", Build: ingress},
	{Name: "04-config", Title: "configuration and a password for it", Build: config},
	{Name: "05-mesh", Title: "a sidecar for each pod, HTTP and gRPC behind one Service", Build: meshChapter},
	{Name: "06-canary", Title: "two versions, chosen by a header", Build: canary},
	{Name: "07-weights", Title: "two versions by weight, with timeout, retries and faults", Build: weights},
	{Name: "08-gateway", Title: "Istio's gateway for requests from outside", Build: gateway},
	{Name: "09-probes", Title: "startup, readiness and liveness probes", Namespace: probeNamespace,
		Build: probes},
	{Name: "10-rollout", Title: "rolling update, graceful shutdown, autoscaling, disruption budget",
		Build: rollout},
	{Name: "11-logs", Title: "the JSON logs in Elasticsearch, Kibana to read them", Build: logsChapter,
		Elsewhere: []string{"Secret/*/elasticsearch-credentials"}},
	{Name: "12-observability", Title: "metrics, traces, alerts on objectives, and a dashboard",
		Build: observability},
}

// All returns the chapters in the order of the tutorial.
func All() []Chapter { return slices.Clone(all) }
