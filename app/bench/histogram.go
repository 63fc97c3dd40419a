//go:build linux

package main

import (
	"math/bits"
	"time"
)

// exact is the number of nanoseconds below which each has a bucket of its own; above, each doubling has as many buckets,
// so that a duration is known to 1.6 %.
const exact = 64

// histogram counts durations. Its zero value is ready to use.
type histogram struct {
	counts [exact * 59]uint32
	total  int
}

func bucketOf(ns uint64) int {
	if ns < exact {
		return int(ns)
	}
	shift := bits.Len64(ns) - bits.Len64(exact)
	return shift*exact + int(ns>>shift)
}

// upperBound is the longest duration of a bucket.
func upperBound(bucket int) time.Duration {
	if bucket < 2*exact {
		return time.Duration(bucket)
	}
	shift := bucket/exact - 1
	return time.Duration((bucket%exact+exact+1)<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(uint64(max(d, 0)))]++
	h.total++
}

// quantile returns a duration that at least the share q of all did not exceed, or 0 of none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := int(q*float64(h.total) + 0.999999)
	seen := 0
	for bucket, count := range h.counts {
		if seen += int(count); count > 0 && seen >= rank {
			return upperBound(bucket)
		}
	}
	return 0
}
