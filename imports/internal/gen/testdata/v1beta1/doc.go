// Package v1beta1 is read by the tests of the generator. Its group is another package's constant, and its version one of
// its own.
//
// +groupName=things.example.org
package v1beta1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/crossoverJie/k8s-combat/imports/internal/gen/testdata/v1"
)

const Version = "v1beta1"

var SchemeGroupVersion = schema.GroupVersion{Group: v1.GroupName, Version: Version}
