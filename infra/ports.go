package infra

import (
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// uniqueness remembers where a value was seen first.
type uniqueness map[string]string

// check records a value that was seen before. at is the element that has it.
func (u *uniqueness) check(p *problems, field, at, value string) {
	if *u == nil {
		*u = uniqueness{}
	}
	if first, twice := (*u)[value]; twice {
		p.add(field, value, fmt.Sprintf("is already taken by %s; give each its own", first))
		return
	}
	(*u)[value] = at
}

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
