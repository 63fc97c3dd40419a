//go:build linux

package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHistogramKnowsDurationsTo2Percent(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 63, 64, 127, 128, 129, 1000, 65_535, 65_536, time.Millisecond, time.Second, time.Hour, math.MaxInt64} {
		var h histogram
		h.add(d)
		got := h.quantile(0.5)
		assert.GreaterOrEqual(t, got, d)
		assert.InEpsilon(t, float64(d)+1, float64(got)+1, 0.016, "%d", d)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h histogram
	assert.Zero(t, h.quantile(0.99))
	for i := range 100 {
		h.add(time.Duration(i + 1))
	}
	assert.EqualValues(t, 50, h.quantile(0.5))
	assert.EqualValues(t, 99, h.quantile(0.99))
	assert.EqualValues(t, 100, h.quantile(1))
	assert.Equal(t, 100, h.total)
}

func TestHistogramBucketsFollowEachOther(t *testing.T) {
	for bucket := range 20 * exact {
		assert.Equal(t, bucket, bucketOf(uint64(upperBound(bucket))))
		assert.Equal(t, bucket+1, bucketOf(uint64(upperBound(bucket))+1))
	}
}
