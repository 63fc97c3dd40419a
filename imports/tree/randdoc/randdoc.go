// Package randdoc makes random JSON values to test writers of manifests with. Most are harmless; many are of the kind
// that YAML writers get wrong.
//
// The same source of randomness gives the same values. Keys that JavaScript objects inherit, such as "__proto__" and
// "constructor", are left out: cdk8s drops the one and refuses the other.
package randdoc

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Object returns a map with up to depth levels below it.
func Object(r *rand.Rand, depth int) map[string]any {
	object := map[string]any{}
	for range size(r) {
		object[Key(r)] = Value(r, depth)
	}
	return object
}

// Value returns a JSON value: nil, a bool, a string, a number (float64, int64, uint64 or json.Number), a []any or a
// map[string]any. With depth 0 it is not a collection.
func Value(r *rand.Rand, depth int) any {
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return Object(r, depth-1)
		case 1:
			list := []any{}
			for range size(r) {
				list = append(list, Value(r, depth-1))
			}
			return list
		}
	}
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2, 3:
		return Number(r)
	}
	return String(r)
}

// size is the length of a collection: short, sometimes empty, seldom long.
func size(r *rand.Rand) int {
	if r.IntN(50) == 0 {
		return r.IntN(40)
	}
	return r.IntN(5)
}

// Number returns a number of any type that stands for one.
func Number(r *rand.Rand) any {
	switch r.IntN(9) {
	case 0:
		return float64(r.IntN(1000)) / 10
	case 1:
		return r.NormFloat64() * math.Pow(10, float64(r.IntN(50)-25))
	case 2:
		number := math.Float64frombits(r.Uint64())
		if math.IsNaN(number) || math.IsInf(number, 0) {
			return 0.0
		}
		return number
	case 3:
		return int64(r.Uint64()) >> r.IntN(64)
	case 4:
		return r.Uint64() >> r.IntN(64)
	case 5:
		return json.Number(pick(r, numbers))
	case 6:
		return json.Number(strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10) + pick(r, exponents))
	}
	return int64(r.IntN(100))
}

var (
	numbers = []string{
		"0", "-0", "1.0", "-1.50", "1e3", "1E+2", "1e-7", "0.000001", "0.0000001", "1e20", "1e21", "1e22", "-1e21",
		"123456789012345678901234567890", "9007199254740993", "18446744073709551615", "-9223372036854775808",
		"1e400", "-1e400", "1e-400", "5e-324", "1.7976931348623157e308", "0.1", "0.30000000000000004",
	}
	exponents = []string{"", "", ".0", ".5", "e5", "e-5", "e25", "e-25"}
)

// Key returns a key of an object: a string, or the kind that JavaScript orders in its own way.
func Key(r *rand.Rand) string {
	for {
		key := String(r)
		switch r.IntN(6) {
		case 0, 1:
			key = word(r)
		case 2:
			key = pick(r, keys)
		case 3:
			key = strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		}
		switch key {
		case "__proto__", "constructor":
			continue
		}
		return key
	}
}

var keys = []string{
	"0", "1", "2", "10", "00", "01", "-1", "1.5", "4294967294", "4294967295", "4294967296", "99999999999",
	"a", "B", "_", "é", "\uFFFD", "\uE000", "\U0001F600", "a\U0001F600", "a\uE000", "\uD7FF", "\uFFEE", "\U00010000",
	"app.kubernetes.io/name", "apiVersion", "kind", "metadata", "spec", "",
}

// String returns a string: a word, one of the awkward ones, or several pieces of either kind.
func String(r *rand.Rand) string {
	switch r.IntN(12) {
	case 0, 1, 2:
		return word(r)
	case 3, 4:
		return pick(r, awkward)
	case 5:
		return numeric(r)
	case 6:
		return lines(r)
	case 7:
		return runes(r)
	case 8:
		if r.IntN(20) == 0 {
			return long(r)
		}
	}
	var text strings.Builder
	for range 1 + r.IntN(8) {
		text.WriteString(piece(r))
	}
	return text.String()
}

func piece(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return word(r)
	case 1:
		return pick(r, awkward)
	case 2:
		return strings.Repeat(pick(r, separators), 1+r.IntN(3))
	}
	return pick(r, separators)
}

func word(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_./"
	word := make([]byte, 1+r.IntN(12))
	for i := range word {
		word[i] = letters[r.IntN(len(letters))]
	}
	return string(word)
}

// numeric returns what looks like a number, a time or a date, or nearly does.
func numeric(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("%d-%d-%d", r.IntN(12000), r.IntN(130), r.IntN(130)) + pick(r, dateTails)
	case 1:
		return fmt.Sprintf("%04d-%02d-%02d", r.IntN(3000), r.IntN(13), r.IntN(32)) + pick(r, dateTails)
	}
	const characters = "0123456789012345670000__..::--++eExXbBoaFin"
	number := make([]byte, 1+r.IntN(8))
	for i := range number {
		number[i] = characters[r.IntN(len(characters))]
	}
	return pick(r, numberHeads) + string(number)
}

func lines(r *rand.Rand) string {
	var text strings.Builder
	for range 1 + r.IntN(6) {
		for range r.IntN(4) {
			text.WriteString(piece(r))
		}
		text.WriteString(pick(r, lineEnds))
	}
	return text.String()
}

func runes(r *rand.Rand) string {
	text := make([]rune, r.IntN(12))
	for i := range text {
		limit := pick(r, []int{0x20, 0x80, 0xA0, 0x100, 0x3000, 0x10000, 0x110000})
		text[i] = rune(r.IntN(limit))
	}
	return string(text) // surrogates become U+FFFD
}

func long(r *rand.Rand) string {
	return strings.Repeat(piece(r)+word(r), 1+r.IntN(10_000/8))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

var (
	awkward = []string{
		"", " ", "  ", "\t", "\n", "\n\n", " \n", "\n ", "\t\n", "-", "--", "---", "--- ", "---a", "...", "....", "?", "? ",
		"?a", "- a", "-a", ":", ":a", "a:", "a: b", "a:b", ":\t", "#", "#a", "a#", "a #b", "a\t#b", "a\n#b", "%", "%YAML", "a%",
		"@", "`", "!", "!!str", "&a", "*a", "|", ">", "|-", "[", "]", "[]", "{", "}", "{}", ",", "'", "''", `"`, `""`, `'"`,
		"it's", `say "hi"`, `it's "so"`, `\`, `\n`, `a\`, "\\\n", "=", "<<", "<", "~", "null", "Null", "NULL", "nULL", "undefined",
		"y", "Y", "n", "N", "yes", "Yes", "YES", "yES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "true", "True",
		"TRUE", "tRUE", "false", "False", "FALSE", "0", "1", "-1", "+1", "01", "08", "0o7", "0x1", "0X1", "0xg", "0b1", "0b2",
		"1_000", "_1", "1_", "1.", ".1", ".", "+.", "-.", "._", "1.5", "1e3", "1E3", "e3", ".e3", "1e", "1e+", "1e+3", "1.e3", "1.5e-3",
		"1:30", "1:60", "1:2:3", "1:30.5", "190:20:30", "-1:30", "1:", "12:34:56.", ".inf", "-.inf", "+.Inf", ".INF", ".nan",
		"-.nan", ".NaN", ".NAN", "inf", "NaN", "Infinity", "2001-12-14", "2001-1-1", "2001-12-14t21:59:43.10-05:00",
		"2001-12-14 21:59:43.10 -5", "2001-12-15 2:59:43.10", "2001-12-14T21:59:43Z", "2001-12-14 21:59", "1Gi", "500m", "1.29.0",
		"10.0.0.1", "\r", "\r\n", "a\rb", "a\r\nb\r\n", "\x00", "\x07", "\x0b", "\x1b", "\x7f", "\u0080", "\u0085", "\u00a0",
		"\u2028", "\u2029", "a\u2028---", "\ufeff", "\ufeff\n", "\u200b", "\u3000\n", "\ufffd", "\uffff", "é", "日本", "\U0001F600",
		"\U0010FFFF", "k: |\n  v", "#!/bin/sh\necho hi\n", "{{ .Values.x }}", "$(X)", "a, b", "[a", "{a", "a]", "a}",
	}
	separators = []string{
		" ", " ", "\n", "\n", "\t", ":", "#", "-", ",", "'", `"`, `\`, "%", "?", "é", "\U0001F600", "a", "b c", "\u2028", "\u00a0",
	}
	lineEnds    = []string{"\n", "\n", "\n", "\n\n", " \n", "\t\n", "\n ", "\n  ", "\n\t", "\r\n", "", "\u2028"}
	numberHeads = []string{"", "", "", "-", "+", "0x", "0b", "0", ".", "1:", "1e", "9."}
	dateTails   = []string{
		"", "", "T1:2:3", "t01:02:03.4", " 01:02:03", "\t1:2:3 Z", " 1:2:3 +1", " 1:2:3-03:30", "T1:2", "T1:2:3+31", "T1:2:3Z ",
	}
)
