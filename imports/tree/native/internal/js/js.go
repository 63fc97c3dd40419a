// Package js holds the few rules of JavaScript that show in what cdk8s writes: in which order an object lists its keys,
// and how strings and numbers are printed.
package js

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Index returns the number that key stands for when it is an array index: an integer from 0 to 2^32-2 in decimal,
// without sign or leading zeros. JavaScript lists such keys before all others, by value.
func Index(key string) (index uint32, ok bool) {
	if key == "" || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	var value uint64
	for i := range len(key) {
		digit := key[i] - '0'
		if digit > 9 {
			return 0, false
		}
		value = value*10 + uint64(digit)
	}
	return uint32(value), value < math.MaxUint32
}

// CompareKeys orders keys as an object lists them when they were set in sorted order, as cdk8s sets them: array indexes
// by value, then the rest by UTF-16 code units.
func CompareKeys(a, b string) int {
	if x, y, ok := indexes(a, b); ok {
		return cmp.Compare(x, y)
	}
	return compareUTF16(a, b)
}

// IndexesFirst puts items into the order that an object lists them in when its keys were set in the given order: array
// indexes by value, then the rest as they are.
func IndexesFirst[T any](items []T, key func(T) string) {
	slices.SortStableFunc(items, func(a, b T) int {
		x, y, _ := indexes(key(a), key(b))
		return cmp.Compare(x, y)
	})
}

// indexes returns what to compare two keys by, and whether that decides. A key that is no index comes after all indexes.
func indexes(a, b string) (x, y uint32, ok bool) {
	x, okA := Index(a)
	y, okB := Index(b)
	if !okA {
		x = math.MaxUint32
	}
	if !okB {
		y = math.MaxUint32
	}
	return x, y, okA || okB
}

// compareUTF16 differs from comparing bytes for characters beyond U+FFFF alone: in UTF-16 these begin with a surrogate,
// U+D800 to U+DBFF, which comes before U+E000.
func compareUTF16(a, b string) int {
	const (
		afterSurrogates = 0xEE // the first byte of U+E000
		beyondFFFF      = 0xF0 // the first byte of U+10000
	)
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= afterSurrogates && y >= afterSurrogates && (x >= beyondFFFF) != (y >= beyondFFFF) {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(len(a), len(b))
}

// Length is the length of a JavaScript string: its number of UTF-16 code units.
func Length[T string | []byte](s T) int {
	length := 0
	for i := range len(s) {
		switch {
		case s[i] >= 0xF0:
			length += 2
		case s[i] < 0x80 || s[i] >= 0xC0:
			length++
		}
	}
	return length
}

// Valid returns s with each byte that is not UTF-8 replaced by U+FFFD, which is what is left of it when it goes through
// encoding/json.
func Valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// AppendNumber appends a finite number as JSON.stringify prints it.
func AppendNumber(dst []byte, number float64) []byte {
	size := math.Abs(number)
	switch {
	case size == 0:
		return append(dst, '0') // without the sign of -0
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, number, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, number, 'e', -1, 64)
	// 1e-07 is 1e-7 in JavaScript.
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// AppendString appends a string, which has to be UTF-8, as JSON.stringify prints it.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c >= '\b' && c <= '\r' && c != '\v':
			dst = append(dst, '\\', "btn_fr"[c-'\b'])
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
	}
	return append(dst, '"')
}
