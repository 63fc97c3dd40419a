// Package k8s makes Kubernetes' own objects as constructs: one constructor for each kind of core/v1, apps/v1, batch/v1,
// networking/v1, policy/v1, autoscaling/v2, rbac/v1, storage/v1, scheduling/v1 and discovery/v1, typed by k8s.io/api.
// Kinds that nobody creates, such as Binding and Eviction, which are subresources, have none.
//
// A constructor puts the object into the tree of its scope, whichever that is (see package tree). The object is encoded
// at once: changing it afterwards changes nothing, and several constructors may be given the same one. apiVersion and
// kind need not be set. What is written is what says something: no status, no nil or empty optional field, no
// "creationTimestamp: null", "strategy: {}" or "resources: {}". An explicit pointer to an empty struct
// ("emptyDir: {}") and an empty element of a list ("ingress: [{}]") mean something and are kept, and so is an empty struct
// that the API requires ("podSelector: {}"); package manifest has the rules.
//
// Nothing here panics or returns an error: a nil object, an apiVersion or kind that is another's, a value that cannot be
// written, and an id that is empty or taken are reported at synth, under the construct's path.
package k8s

//go:generate go run ../internal/gen constructors k8s.io/api/core/v1 k8s.io/api/apps/v1 k8s.io/api/batch/v1 k8s.io/api/networking/v1 k8s.io/api/policy/v1 k8s.io/api/autoscaling/v2 k8s.io/api/rbac/v1 k8s.io/api/storage/v1 k8s.io/api/scheduling/v1 k8s.io/api/discovery/v1
