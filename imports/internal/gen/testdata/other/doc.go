// Package other is read by the tests of the generator.
package other

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const GroupName = "other.example.org"

var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1"}
