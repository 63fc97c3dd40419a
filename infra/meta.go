package infra

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// objectMeta is the metadata of an object. It shares the maps: an object is encoded when it enters the tree, and a Patch
// is given a copy.
func objectMeta(name string, labels, annotations map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: labels, Annotations: annotations}
}

// namespaceOf is the namespace of an object, empty where neither it nor its chart names one.
func namespaceOf(object cdk8s.ApiObject) string {
	if namespace := object.Metadata().Namespace(); namespace != nil {
		return *namespace
	}
	return ""
}

// chartLabel is the value of a label that the chart of a construct puts on its objects, empty where it does not.
func chartLabel(construct constructs.Construct, key string) string {
	if chart := chartOf(construct); chart != nil && chart.Labels() != nil {
		if value := (*chart.Labels())[key]; value != nil {
			return *value
		}
	}
	return ""
}

// chartOf is the chart that a construct stands in.
func chartOf(construct constructs.Construct) cdk8s.Chart {
	for _, scope := range slices.Backward(*construct.Node().Scopes()) {
		if chart, ok := scope.(cdk8s.Chart); ok {
			return chart
		}
	}
	return nil
}
