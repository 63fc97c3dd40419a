package infra

import "time"

// seconds converts a duration that problem.List.Seconds has seen.
func seconds(d time.Duration) int32 { return int32(d / time.Second) }

// optionalSeconds converts a duration of which 0 means that Kubernetes' default holds.
func optionalSeconds(d time.Duration) *int32 {
	if d == 0 {
		return nil
	}
	return new(seconds(d))
}
