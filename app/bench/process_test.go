//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseStat(t *testing.T) {
	cpu, err := parseStat("42 (a ) b) S 1 1 1 0 -1 4194560 1000 0 0 0 123 27 0 0 20 0 8 0 1000 1 1")
	assert.NoError(t, err)
	assert.Equal(t, 1500*time.Millisecond, cpu)
	for _, stat := range []string{"", "42 (a) S 1", "42 (a) S 1 1 1 0 -1 4194560 1000 0 0 0 x 27 0"} {
		_, err := parseStat(stat)
		assert.Error(t, err)
	}
}

func TestParsePeak(t *testing.T) {
	peak, err := parsePeak("VmPeak:\t  99 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n")
	assert.NoError(t, err)
	assert.EqualValues(t, 12345<<10, peak)
	_, err = parsePeak("VmPeak:\t  99 kB\n")
	assert.Error(t, err)
}

func TestParseSeries(t *testing.T) {
	const page = "# TYPE a counter\na{b=\"1\"} 2\na{b=\"12\"} 1.234567e+06\n"
	count, err := parseSeries(page, `a{b="12"}`)
	assert.NoError(t, err)
	assert.Equal(t, 1_234_567, count)
	_, err = parseSeries(page, `a{b="3"}`)
	assert.ErrorContains(t, err, `no series a{b="3"}`)
}
