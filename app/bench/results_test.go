//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMedianTakesEachNumberByItself(t *testing.T) {
	r := result{rounds: []round{
		{rate: 1, p50: 30, p99: 200, cpu: 5},
		{rate: 3, p50: 10, p99: 100, cpu: 6},
		{rate: 2, p50: 20, p99: 300, cpu: 4},
	}}
	assert.Equal(t, round{rate: 2, p50: 20, p99: 200, cpu: 5}, r.median())
}

// measured is a result of one round.
func measured(name string, rate float64, p99 time.Duration, peak int64) result {
	return result{name: name, rounds: []round{{rate: rate, p50: time.Millisecond, p99: p99, cpu: 10 * time.Microsecond}}, requests: 10, logged: 10, counted: 10, peak: peak}
}

func TestWriteTable(t *testing.T) {
	var out strings.Builder
	writeTable(&out, "title", []result{measured("a", 1000, 2*time.Millisecond, 1<<20), measured("b", 500, 3*time.Millisecond, 3<<20)})
	assert.Contains(t, out.String(), "\ntitle\n")
	assert.Regexp(t, `a +1000 +1\.00 +1\.00 ms +2\.00 ms +0 +10\.0 µs +1\.00 +1\.0 MiB +1\.00`, out.String())
	assert.Regexp(t, `b +500 +0\.50 +1\.00 ms +3\.00 ms +0 +10\.0 µs +1\.00 +3\.0 MiB +3\.00`, out.String())
}

func TestWriteGoals(t *testing.T) {
	good := []result{
		measured(serviceName, 85, 1300*time.Microsecond, mostMemory),
		measured(bareHTTPName, 100, time.Millisecond, 1),
		measured(podinfoName, 56, 1300*time.Microsecond, 2*mostMemory),
	}
	var out strings.Builder
	writeGoals(&out, good, good[:1], []time.Duration{25 * time.Millisecond}, mostImage-1)
	assert.Equal(t, 10, strings.Count(out.String(), "reached  "), out.String())
	assert.NotContains(t, out.String(), "MISSED")

	bad := []result{
		measured(serviceName, 84, 1301*time.Microsecond, mostMemory+1),
		measured(bareHTTPName, 100, time.Millisecond, 1),
		measured(podinfoName, 57, 1300*time.Microsecond, 2*mostMemory),
	}
	bad[0].logged--
	out.Reset()
	writeGoals(&out, bad, bad[:1], []time.Duration{25*time.Millisecond + 1}, mostImage)
	assert.Equal(t, 10, strings.Count(out.String(), "MISSED   "), out.String())

	out.Reset()
	writeGoals(&out, good[:1], good[:1], []time.Duration{time.Millisecond}, 1)
	assert.Equal(t, 5, strings.Count(out.String(), "\n")-1, "what was not measured is no goal: %s", out.String())
}
