package pod_test

import (
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// queue is a construct of somebody's own, of a kind that package infra has none for.
type queue struct{ constructs.Construct }

// Name makes it a construct of the official tree too.
func (*queue) Name() string { return "queue" }

func newQueue(scope constructs.Construct, selector map[string]string, props pod.Props) {
	q := &queue{}
	tree.New(q, scope, "queue")
	template := pod.NewTemplate(q, selector, props)
	k8s.NewReplicaSet(q, "Resource", &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "queue"},
		Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: selector}, Template: template},
	})
}

// pods builds a queue whose pods are in order but for what change does.
func pods(change func(chart cdk8s.Chart, props *pod.Props)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := pod.Props{Name: "queue", Image: "example.com/queue:1"}
		if change != nil {
			change(chart, &props)
		}
		newQueue(chart, map[string]string{"app": "queue"}, props)
	}
}

// props is pods for a change that needs no chart.
func props(change func(props *pod.Props)) func(cdk8s.Chart) {
	return pods(func(_ cdk8s.Chart, props *pod.Props) { change(props) })
}

// template is what the pods of build are made of.
func template(t *testing.T, build func(cdk8s.Chart)) corev1.PodTemplateSpec {
	t.Helper()
	return synthtest.Only[appsv1.ReplicaSet](t, "ReplicaSet", build).Spec.Template
}
