package other

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Widget is in another group too.
//
// +genclient
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}

// +genclient

type Novelty struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}
