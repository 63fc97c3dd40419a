package fill

import (
	"math"
	"reflect"
	"strings"
	"time"
)

func (f *Filler) scalar(v reflect.Value, place Place) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.Chance(0.5))
	case reflect.String:
		v.SetString(f.string(v.Type(), place))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			v.SetInt(int64(f.duration(place)))
		} else {
			v.SetInt(f.integer(v.Type(), place))
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.Rand.IntN(100)))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(f.float(place))
	default:
		panic("fill: cannot fill a " + v.Type().String())
	}
}

// string chooses among the constants of a type that has some.
func (f *Filler) string(of reflect.Type, place Place) string {
	if f.wild() {
		return f.wildText()
	}
	if constants := f.Source.constantsOf(of); len(constants) > 0 {
		return Pick(f, constants...)
	}
	return f.tameText(place)
}

func (f *Filler) text(place Place) string {
	if f.wild() {
		return f.wildText()
	}
	return f.tameText(place)
}

func (f *Filler) tameText(place Place) string {
	const share = 0.03
	odd := f.Chance(share)
	for _, key := range []string{place.Owner + "." + place.Field, place.Field} {
		if values, ok := tricky[key]; ok && odd {
			return Pick(f, values...)
		}
		if values, ok := texts[key]; ok {
			return Pick(f, values...)
		}
	}
	return Pick(f, "one", "two", "three", "four")
}

// wildTexts are what somebody pastes, mistypes or tries on purpose.
var wildTexts = []string{
	"", " ", "  web  ", "Web", "web_1", "-web", "web-", "a..b", ".", "..", "...", "a.b.c",
	"UPPER.example.com", "über", "日本語", "🙂", "e\u0301",
	"\u202egnp.exe", "\x00", "a\x00b", "\n", "a\nb", "a\r\nb", "\t", "\x1b[31mred", "\x7f", "\ufeff",
	"\u2028", "\xff\xfe", "a\xc3", "null", "~", "true", "no", "1",
	"0123", "1e3", "0x1f", "-1", "1.5", "*", "**", "*.*", "*.example.com", "a*b", "/", "//", "/..",
	"/../etc", "/a//b", "a/b", "a/b/c", "/a?b=c#d",
	"%", "%2f", "%zz", "%REQ(x)%", "$(VAR)", "$(", "$$(A)", "${x}", "{{.}}", "{{", "}", "[", "(", ")", "\\",
	"\\\\", "\"", "'", "`", "a:b", ":", "a:b:c",
	"http://", "http://user:pw@host:99999/", "://", "[::1]", "::1", "10.0.0.1", "10.0.0.0/33",
	"256.256.256.256", "1.2.3.4:80", "host:0", "---", "- a", "a: b", "&a", "!x", "#",
	"@request.auth.claims", "kubernetes.io/x", "example.com/", "/name", "a=b", "a,b", "a;b", "app", "none",
	"default", "-0", "+1", "1Ki", "1E400", "NaN", "Inf", ".5", "1m", "100%", "-5%",
}

// lengths are those at which something ends: names, labels, paths, header values, what the API server keeps.
var lengths = []int{15, 16, 52, 53, 63, 64, 253, 254, 255, 256, 1024, 1025, 2048, 4097}

func (f *Filler) wildText() string {
	switch f.Rand.IntN(8) {
	case 0:
		return strings.Repeat(Pick(f, "a", "a", "é", "a."), Pick(f, lengths...))
	case 1:
		return strings.Repeat("a", Pick(f, lengths...)-2) + Pick(f, "-a", "aa", ".a", "A1")
	case 2:
		if f.Chance(0.02) {
			return strings.Repeat("x", Pick(f, 256<<10, 256<<10+1, 1<<20, 1<<20+1))
		}
	case 3:
		// What is right for some other field.
		return Pick(f, allTexts...)
	case 4:
		return Pick(f, wildTexts...) + Pick(f, wildTexts...)
	}
	return Pick(f, wildTexts...)
}

func (f *Filler) integer(of reflect.Type, place Place) int64 {
	if f.wild() {
		highest := int64(1)<<(of.Bits()-1) - 1
		n := Pick(f, -1, 0, 1, 2, 100, 101, 65535, 65536, 70000, math.MaxInt32, math.MinInt32, highest,
			-highest-1, f.Rand.Int64())
		return max(min(n, highest), -highest-1)
	}
	for _, key := range []string{place.Owner + "." + place.Field, place.Field} {
		if values, ok := integers[key]; ok {
			return Pick(f, values...)
		}
	}
	return Pick[int64](f, 1, 2, 3, 5)
}

func (f *Filler) duration(place Place) time.Duration {
	if f.wild() {
		return Pick(f, -time.Second, -1, 0, 1, time.Millisecond, 1500*time.Millisecond, time.Second/3,
			24*time.Hour, 100000*time.Hour,
			math.MaxInt32*time.Second, (math.MaxInt32+1)*time.Second, math.MaxInt64, math.MinInt64)
	}
	for _, key := range []string{place.Owner + "." + place.Field, place.Field} {
		if values, ok := durations[key]; ok {
			return Pick(f, values...)
		}
	}
	return Pick(f, time.Second, 2*time.Second, 5*time.Second, 10*time.Second, 30*time.Second)
}

func (f *Filler) float(place Place) float64 {
	if f.wild() {
		return Pick(f, math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, 100, 100.00001, 1e300, -1e300, 5e-324,
			0.1+0.2, 1e-5, math.MaxFloat64)
	}
	for _, key := range []string{place.Owner + "." + place.Field, place.Field} {
		if values, ok := floats[key]; ok {
			return Pick(f, values...)
		}
	}
	return Pick(f, 1.0, 5, 12.5, 50)
}
