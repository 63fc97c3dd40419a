package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// +genclient
// +genclient:nonNamespaced

// Widget is a kind with its markers in a comment of its own (e.g. this). It has a second sentence.
//
// <!-- notes
// +for generators
// -->
// Deprecated: use Gadget,
// which is newer.
//
// The end.
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
}

// Gadget has its markers in its own comment, and a sentence that is long enough to be broken, since it goes on beyond the end of a line
//
// +genclient
type Gadget struct {
	metav1.TypeMeta   `json:""`
	metav1.ObjectMeta `json:"metadata"`

	Spec GadgetSpec `json:"spec,omitempty"`
	// +required
	Status string `json:"status,omitempty"`
}

// GadgetSpec has fields of which the API requires some.
type GadgetSpec struct {
	// Marked is required.
	// +required
	Marked Part `json:"marked,omitempty"`
	// +kubebuilder:validation:Required
	Zero metav1.LabelSelector `json:"zero,omitzero"`
	// +k8s:required
	// +more
	Declarative Part `json:"declarative,omitempty,omitzero"`
	// +required
	Pointer *Part `json:"pointer,omitempty"`
	// +required
	Name PartName `json:"name,omitempty"`
	// +required
	Always Part `json:"always"`
	// +optional
	Optional Part `json:"optional,omitempty"`
	Plain    Part `json:"plain,omitempty"`
	// +required
	Untagged Part
}

// Part is part of a GadgetSpec.
type Part struct{}

// PartName is no struct.
type PartName string

// GadgetList has no client.
type GadgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []Gadget `json:"items"`
}

// +genclient
// +genclient:noVerbs

// Poke is a subresource.
type Poke struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}

// +genclient

// Options is not an object.
type Options struct {
	metav1.TypeMeta `json:",inline"`
}

// Binding is an object without a client.
type Binding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}
