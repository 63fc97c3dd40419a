package pod

import "time"

// Rollout is how long a workload waits for a new pod.
type Rollout struct {
	// MinReady is how long a pod must be ready before it counts as available.
	MinReady time.Duration
	// ProgressDeadline is how long it may take to become that. 0 is for ever.
	ProgressDeadline time.Duration
}
