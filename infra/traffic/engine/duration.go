package engine

import (
	"math"
	"strconv"
	"strings"
)

// Duration is a time in nanoseconds, as time.Duration is. Package time would take a tenth of what a page may weigh.
type Duration int64

// Units of Duration.
const (
	Nanosecond  Duration = 1
	Microsecond          = 1000 * Nanosecond
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
	Hour                 = 60 * Minute
)

var units = map[string]Duration{"ns": Nanosecond, "us": Microsecond, "µs": Microsecond, "μs": Microsecond,
	"ms": Millisecond, "s": Second, "m": Minute, "h": Hour}

// ParseDuration reads what time.ParseDuration reads: "1.5s", "1m30s", "100ms".
func ParseDuration(text string) (Duration, bool) {
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	if rest == "0" {
		return 0, true
	}
	if rest == "" {
		return 0, false
	}
	total := 0.0
	for rest != "" {
		end := strings.IndexFunc(rest, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
		if end <= 0 {
			return 0, false
		}
		number, err := strconv.ParseFloat(rest[:end], 64)
		if err != nil {
			return 0, false
		}
		rest = rest[end:]
		end = strings.IndexAny(rest, ".0123456789")
		if end < 0 {
			end = len(rest)
		}
		unit, ok := units[rest[:end]]
		if !ok {
			return 0, false
		}
		total += number * float64(unit)
		rest = rest[end:]
	}
	if total >= math.MaxInt64 {
		return 0, false
	}
	if negative {
		total = -total
	}
	return Duration(math.Round(total)), true
}

// String writes a duration as time.Duration does, to the millisecond where it is longer than one.
func (d Duration) String() string {
	if d < 0 {
		return "-" + (-d).String()
	}
	if d == 0 {
		return "0s"
	}
	number := func(of Duration, unit string) string {
		return strconv.FormatFloat(float64(d)/float64(of), 'f', -1, 64) + unit
	}
	switch {
	case d < Microsecond:
		return number(Nanosecond, "ns")
	case d < Millisecond:
		return number(Microsecond, "µs")
	case d < Second:
		return number(Millisecond, "ms")
	}
	text := ""
	if d >= Hour {
		text += strconv.FormatInt(int64(d/Hour), 10) + "h"
	}
	if d >= Minute {
		text += strconv.FormatInt(int64(d%Hour/Minute), 10) + "m"
	}
	return text + strconv.FormatFloat(float64(d%Minute/Millisecond)/1000, 'f', -1, 64) + "s"
}
