package infra

import (
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// portKey is what tells ports apart: two of one number may differ in protocol.
func portKey(port int32, protocol Protocol) string {
	if protocol == "" {
		protocol = TCP
	}
	return strconv.Itoa(int(port)) + "/" + string(protocol)
}

// isContainerPortName tells whether a container's port may have this name, which is shorter than a Service's may be.
func isContainerPortName(name string) bool { return len(validation.IsValidPortName(name)) == 0 }

// optionalSeconds converts a duration of which 0 means that Kubernetes' default holds.
func optionalSeconds(d time.Duration) *int32 {
	if d == 0 {
		return nil
	}
	return new(seconds(d))
}
