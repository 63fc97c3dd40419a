package fill

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type size string

type inner struct {
	// Name is required.
	Name string
	Port int32
}

type opaque struct{ text string }

type props struct {
	// Name of it. Required.
	Name   string
	Size   size
	Inner  inner
	Many   []inner
	Map    map[string]time.Duration
	Number *float64
	Opaque opaque
	Patch  func(*inner)
}

// source of the types above, as Read finds it.
const source = `package fill

type size string

const (
	small size = "small"
	large size = "large"
	other      = "other"
)

type props struct {
	// Name of it. Required.
	Name string
	// Size of it. Defaults to small.
	Size size
}

func NewThing(scope constructs.Construct, id string, props props) *Thing { return nil }
func NewOther(scope constructs.Construct, id string) *Other { return nil }
func newHidden(scope constructs.Construct, id string, props props) *Thing { return nil }
`

func readSource(t *testing.T) *Source {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "thing.go"), []byte(source), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "thing_test.go"), []byte("not Go"), 0o644))
	read, err := Read(folder, "github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill", ".")
	require.NoError(t, err)
	return read
}

func TestReadSource(t *testing.T) {
	t.Parallel()
	read := readSource(t)
	assert.Equal(t, []string{"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill.NewThing"}, read.Constructors)
	assert.True(t, read.isRequired(reflect.TypeFor[props](), "Name"))
	assert.False(t, read.isRequired(reflect.TypeFor[props](), "Size"))
	assert.Equal(t, []string{"small", "large"}, read.constantsOf(reflect.TypeFor[size]()))

	_, err := Read(t.TempDir(), "example.com", "missing")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func filled(t *testing.T, seed uint64, wildness float64) props {
	t.Helper()
	f := New(readSource(t), rand.New(rand.NewPCG(seed, 1)), wildness)
	Make(f, func(Place) opaque { return opaque{"made"} })
	Shape(f, func(i *inner) { i.Port = 7 })
	var p props
	f.Fill(&p)
	return p
}

func dump(p props) string { return Dump(p, func(reflect.Value) (string, bool) { return "", false }) }

func TestTheSameSeedGivesTheSameValues(t *testing.T) {
	t.Parallel()
	first, again, other := dump(filled(t, 1, 0.5)), dump(filled(t, 1, 0.5)), dump(filled(t, 2, 0.5))
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
}

func TestTameValuesAreUsual(t *testing.T) {
	t.Parallel()
	const runs = 300
	var named, sized, many, patched, made, shaped int
	for seed := range uint64(runs) {
		p := filled(t, seed, 0)
		if p.Name != "" {
			named++
			assert.Contains(t, slices.Concat(texts["Name"], tricky["Name"]), p.Name)
		}
		if p.Size != "" {
			sized++
			assert.Contains(t, []size{"small", "large"}, p.Size)
		}
		if len(p.Many) > 0 {
			many++
			if p.Many[0].Port == 7 {
				shaped++
			}
		}
		if p.Patch != nil {
			patched++
		}
		if p.Opaque.text == "made" {
			made++
		}
	}
	assert.Greater(t, named, runs*9/10, "what is required is given")
	for what, n := range map[string]int{"sized": sized, "many": many, "made": made} {
		assert.Greater(t, n, runs/10, what)
		assert.Less(t, n, runs*9/10, what)
	}
	assert.Positive(t, patched)
	assert.Greater(t, shaped, many*8/10)
}

// Every kind of hook comes up: one that does nothing or annotates, one that edits at random, and one that panics.
func TestHooks(t *testing.T) {
	t.Parallel()
	var edited, panicked, quiet int
	for seed := range uint64(300) {
		f := New(nil, rand.New(rand.NewPCG(seed, 1)), 0.5)
		var hook func(*inner)
		f.Fill(&hook)
		if hook == nil {
			continue
		}
		func() {
			defer func() {
				if recover() != nil {
					assert.True(t, f.Panicked)
					panicked++
				}
			}()
			hook(&inner{Name: "a"})
		}()
		switch {
		case f.Edited:
			edited++
		case !f.Panicked:
			quiet++
		}
	}
	assert.Positive(t, edited)
	assert.Positive(t, panicked)
	assert.Positive(t, quiet)
}

// A type that nobody can fill is noticed, not left out.
func TestOpaqueTypesNeedAMaker(t *testing.T) {
	t.Parallel()
	f := New(nil, rand.New(rand.NewPCG(1, 1)), 0)
	assert.PanicsWithValue(t, "fill: no maker for fill.opaque, which has no exported field", func() { f.Fill(new(opaque)) })
	assert.PanicsWithValue(t, "fill: no maker for the interface error of .", func() { f.Fill(new(error)) })
}

func TestDump(t *testing.T) {
	t.Parallel()
	number := 1.5
	named := &inner{Name: "known"}
	value := struct {
		P     props
		Known *inner
		None  *inner
	}{
		P: props{
			Name: "a\n", Many: []inner{{Port: 1}, {}}, Number: &number,
			Map:    map[string]time.Duration{"b": time.Second, "a": 0},
			Opaque: opaque{"x"}, Patch: func(*inner) {},
		},
		Known: named,
	}
	got := Dump(value.P, func(reflect.Value) (string, bool) { return "", false })
	assert.Equal(t, `fill.props{Name: "a\n", Many: []fill.inner{fill.inner{Port: 1}, fill.inner{}}, `+
		`Map: map[string]time.Duration{"a": 0 /* 0s */, "b": 1000000000 /* 1s */}, Number: &1.5, `+
		`Opaque: fill.opaque{text: "x"}, Patch: func}`, got)
	got = Dump(value.Known, func(pointer reflect.Value) (string, bool) {
		return "web", pointer.Pointer() == reflect.ValueOf(named).Pointer()
	})
	assert.Equal(t, "web", got)
}
