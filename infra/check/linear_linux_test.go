package check_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// TestTimeIsLinear compares how much of the processors an object takes in a set and in one ten times as large: what else
// the machine has to do counts little then. What is quadratic takes 100 times as long.
func TestTimeIsLinear(t *testing.T) {
	took := func(size int) time.Duration {
		objects := read(t, manifests(size))
		best := time.Hour
		for range 3 {
			start := processorTime(t)
			if findings := check.Objects(objects, check.Options{}); len(findings) > 0 {
				t.Fatal(findings[0])
			}
			best = min(best, processorTime(t)-start)
		}
		return best
	}
	small, large := took(1_000), took(10_000)
	if ratio := float64(large) / float64(small); ratio > 50 {
		t.Errorf("10 times as many objects take %.1f times as long: %v and %v", ratio, small, large)
	}
}

// processorTime is what the process has had of the processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
