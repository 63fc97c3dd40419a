// Package v1 is read by the tests of the generator.
package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const GroupName = "things.example.org"

var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1"}
