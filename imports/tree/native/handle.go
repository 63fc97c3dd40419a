package native

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// handle is a node as users hold it.
//
// It is an array because of jsii, which asks a construct that it does not know for its node. Whatever points to a struct
// it takes for an object with methods of JavaScript, and somebody's library then fails with "scope.node.addChild is not
// a function". Any other kind of value it marshals, and a handle refuses that with the cause.
type handle [1]*node

var _ tree.Scope = handle{}

// MarshalJSON fails: a construct is no value. Encoded, it would look like an empty one.
func (h handle) MarshalJSON() ([]byte, error) {
	where := "the app"
	if path := h[0].path; path != "" {
		where = fmt.Sprintf("%q", path)
	}
	return nil, fmt.Errorf("%s is of the native tree (imports/tree/native), which jsii cannot take: "+
		"make the App with cdk8s.NewApp, or make the objects with tree.NewObject or the constructors of imports/", where)
}

func (h handle) AddConstruct(self constructs.Construct, id string) constructs.Construct {
	return h[0].AddConstruct(self, id)
}

func (h handle) AddChart(id string, props tree.ChartProps) cdk8s.Chart {
	return h[0].AddChart(id, props)
}

func (h handle) AddObject(id string, object manifest.Object, clusterScoped bool) cdk8s.ApiObject {
	return h[0].AddObject(id, object, clusterScoped)
}

func (h handle) KeepOrder() { h[0].app().keepOrder = true }

func (h handle) Addr() *string { return h[0].Addr() }

func (h handle) Children() *[]constructs.IConstruct { return h[0].Children() }

func (h handle) DefaultChild() constructs.IConstruct { return h[0].DefaultChild() }

func (h handle) SetDefaultChild(child constructs.IConstruct) { h[0].SetDefaultChild(child) }

func (h handle) Dependencies() *[]constructs.IConstruct { return h[0].Dependencies() }

func (h handle) Id() *string { return h[0].Id() }

func (h handle) Locked() *bool { return h[0].Locked() }

func (h handle) Metadata() *[]*constructs.MetadataEntry { return h[0].Metadata() }

func (h handle) Path() *string { return h[0].Path() }

func (h handle) Root() constructs.IConstruct { return h[0].Root() }

func (h handle) Scope() constructs.IConstruct { return h[0].Scope() }

func (h handle) Scopes() *[]constructs.IConstruct { return h[0].Scopes() }

func (h handle) AddDependency(deps ...constructs.IDependable) { h[0].AddDependency(deps...) }

func (h handle) AddMetadata(kind *string, data any, options *constructs.MetadataOptions) {
	h[0].AddMetadata(kind, data, options)
}

func (h handle) AddValidation(validation constructs.IValidation) { h[0].AddValidation(validation) }

func (h handle) FindAll(order constructs.ConstructOrder) *[]constructs.IConstruct {
	return h[0].FindAll(order)
}

func (h handle) FindChild(id *string) constructs.IConstruct { return h[0].FindChild(id) }

func (h handle) GetAllContext(defaults *map[string]any) any { return h[0].GetAllContext(defaults) }

func (h handle) GetContext(key *string) any { return h[0].GetContext(key) }

func (h handle) Lock() { h[0].Lock() }

func (h handle) RemoveDependency(deps ...constructs.IDependable) { h[0].RemoveDependency(deps...) }

func (h handle) SetContext(key *string, value any) { h[0].SetContext(key, value) }

func (h handle) TryFindChild(id *string) constructs.IConstruct { return h[0].TryFindChild(id) }

func (h handle) TryGetContext(key *string) any { return h[0].TryGetContext(key) }

func (h handle) TryRemoveChild(id *string) *bool { return h[0].TryRemoveChild(id) }

func (h handle) Validate() *[]*string { return h[0].Validate() }

func (h handle) With(mixins ...constructs.IMixin) constructs.IConstruct { return h[0].With(mixins...) }
