package tree

import (
	"errors"
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
)

// PathSeparator stands between the ids of a path, as constructs.Node_PATH_SEP says.
const PathSeparator = "/"

// AppOf returns the app that a construct stands in, as cdk8s.App_Of does, on either tree. It is an error if the root of
// the tree is something else.
func AppOf(construct constructs.IConstruct) (app cdk8s.App, err error) {
	defer recovered(&err)
	if isNative(construct) {
		root := construct.Node().Root()
		app, ok := root.(cdk8s.App)
		if !ok {
			return nil, fmt.Errorf("the root of construct %s is a %T, not an App", *construct.Node().Path(), root)
		}
		return app, nil
	}
	return cdk8s.App_Of(construct), nil
}

// ChartOf returns the chart that a construct is or stands in, the closest one, as cdk8s.Chart_Of does, on either tree.
// It is an error if there is none.
func ChartOf(construct constructs.IConstruct) (chart cdk8s.Chart, err error) {
	defer recovered(&err)
	if !isNative(construct) {
		return cdk8s.Chart_Of(construct), nil
	}
	for scope := construct; scope != nil; scope = scope.Node().Scope() {
		if chart, ok := scope.(cdk8s.Chart); ok {
			return chart, nil
		}
	}
	return nil, errors.New("cannot find a parent chart (directly or indirectly)")
}

// ObjectOf returns the object that a construct is, or the one that is its default child, the child Resource or Default,
// or that child's, as cdk8s.ApiObject_Of does, on either tree. It is an error if there is none.
func ObjectOf(construct constructs.IConstruct) (object cdk8s.ApiObject, err error) {
	defer recovered(&err)
	if !isNative(construct) {
		return cdk8s.ApiObject_Of(construct), nil
	}
	for seen := map[constructs.IConstruct]bool{}; ; seen[construct] = true {
		if object, ok := construct.(cdk8s.ApiObject); ok {
			return object, nil
		}
		child := construct.Node().DefaultChild()
		if child == nil {
			return nil, fmt.Errorf("cannot find a (direct or indirect) child of type ApiObject for construct %s", *construct.Node().Path())
		}
		if seen[child] {
			return nil, fmt.Errorf("construct %s is its own default child; undo SetDefaultChild", *child.Node().Path())
		}
		construct = child
	}
}

// IsConstruct tells whether a value is a construct, of either tree, as constructs.Construct_IsConstruct and its likes do.
func IsConstruct(value any) bool {
	_, ok := value.(constructs.IConstruct)
	return ok
}

// IsChart tells whether a value is a chart, of either tree, as cdk8s.Chart_IsChart does.
func IsChart(value any) bool {
	if _, ok := value.(cdk8s.Chart); ok {
		return true
	}
	// A chart of somebody's library may have come out of jsii as a mere construct.
	construct, ok := value.(constructs.IConstruct)
	return ok && isOfficial(construct) && *cdk8s.Chart_IsChart(construct)
}

// IsObject tells whether a value is a Kubernetes object, of either tree, as cdk8s.ApiObject_IsApiObject does.
func IsObject(value any) bool {
	if _, ok := value.(cdk8s.ApiObject); ok {
		return true
	}
	construct, ok := value.(constructs.IConstruct)
	return ok && isOfficial(construct) && *cdk8s.ApiObject_IsApiObject(construct)
}

// isOfficial reports whether a construct is of the official tree. One that is nil is of none.
func isOfficial(construct constructs.IConstruct) bool {
	return missingNode(construct) == "" && !isNative(construct)
}

func isNative(construct constructs.IConstruct) bool {
	_, ok := nativeScope(construct)
	return ok
}
