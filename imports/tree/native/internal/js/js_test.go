package js_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]uint32{"0": 0, "7": 7, "10": 10, "4294967294": 4294967294} {
		got, ok := js.Index(key)
		assert.True(t, ok, key)
		assert.Equal(t, want, got)
	}
	for _, key := range []string{"", "00", "01", "-1", "+1", "1.0", "1e3", " 1", "a", "4294967295", "4294967296", "9999999999", "12345678901"} {
		_, ok := js.Index(key)
		assert.False(t, ok, key)
	}
}

func TestCompareKeys(t *testing.T) {
	t.Parallel()
	// Emoji are surrogate pairs in UTF-16, and so come before U+E000.
	want := []string{"0", "9", "10", "4294967294", "", "-1", "01", "4294967295", "Z", "a", "ab", "é", "\uD7FF", "\U00010000", "\U0001F600", "\uE000", "\uFFFF"}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, js.CompareKeys)
	assert.Equal(t, want, got)
}

func TestIndexesFirst(t *testing.T) {
	t.Parallel()
	keys := []string{"b", "10", "a", "9", "01", "c"}
	js.IndexesFirst(keys, func(key string) string { return key })
	assert.Equal(t, []string{"9", "10", "b", "a", "01", "c"}, keys)
}

func TestLength(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 0, js.Length(""))
	assert.Equal(t, 6, js.Length("aé\u2028\U0001F600b"))
}

func TestValid(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "aé", js.Valid("aé"))
	assert.Equal(t, "a\uFFFD\uFFFDb\uFFFD", js.Valid("a\xff\xfeb\xc3"))
}

func TestAppendNumber(t *testing.T) {
	t.Parallel()
	for want, number := range map[string]float64{
		"0":                       math.Copysign(0, -1),
		"-1.5":                    -1.5,
		"0.1":                     0.1,
		"100000000000000000000":   1e20,
		"1e+21":                   1e21,
		"-1.5e+300":               -1.5e300,
		"0.000001":                1e-6,
		"1e-7":                    1e-7,
		"1.25e-10":                1.25e-10,
		"5e-324":                  5e-324,
		"9007199254740992":        1 << 53,
		"18446744073709552000":    1 << 64,
		"1.7976931348623157e+308": math.MaxFloat64,
	} {
		assert.Equal(t, want, string(js.AppendNumber(nil, number)))
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	got := js.AppendString(nil, "a\"\\/\b\t\n\v\f\r\x00\x1f\x7f<é\u2028\U0001F600")
	assert.Equal(t, `"a\"\\/\b\t\n\u000b\f\r\u0000\u001f`+"\x7f<é\u2028\U0001F600"+`"`, string(got))
}
