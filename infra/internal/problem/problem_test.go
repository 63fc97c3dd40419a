package problem_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

func TestAddTakesARuleApart(t *testing.T) {
	t.Parallel()
	var l problem.List
	at := problem.At("Hosts").Index(0)
	l.Add(at.Child("Paths").Index(1), "x", "is not a path; use for example \"/\"; or leave it out")
	l.Say(problem.Key(problem.At("Labels"), "a b"), "is odd")
	l.Missing(problem.At("Resources", "Limits"), "give some")
	assert.Equal(t, problem.List{
		{Field: "Hosts[0].Paths[1]", Value: "x", Detail: "is not a path", Fix: "use for example \"/\"; or leave it out"},
		{Field: `Labels["a b"]`, Detail: "is odd"},
		{Field: "Resources.Limits", Detail: "is not set", Fix: "give some"},
	}, l)
	assert.Equal(t, `Hosts[0].Paths[1]: "x" is not a path; use for example "/"; or leave it out; Labels["a b"]: is odd; Resources.Limits: is not set; give some`, l.String())
}

func TestRulesCanBePrinted(t *testing.T) {
	t.Parallel()
	var l problem.List
	l.Say(problem.At("Port"), "Service \x1b[31m\n has no port; use \u009b")
	l.Say(problem.At("Port"), strings.Repeat("x", 5000))
	assert.Equal(t, tree.Problem{Field: "Port", Detail: `Service \x1b[31m\n has no port`, Fix: `use \u009b`}, l[0])
	assert.Equal(t, strings.Repeat("x", 2048)+"... (5000 bytes)", l[1].Detail)
	l.Missing(problem.At("Port"), "Service \x1b has several")
	assert.Equal(t, `Service \x1b has several`, l[2].Fix)
}

func TestOrAndUnique(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "nothing", problem.Or(nil))
	assert.Equal(t, "a", problem.Or([]string{"a"}))
	assert.Equal(t, "a, b or c", problem.Or([]string{"a", "b", "c"}))
	var l problem.List
	var seen problem.Unique
	for i, value := range []string{"a", "b", "a"} {
		at := problem.At("Names").Index(i)
		seen.Check(&l, at, at, value)
	}
	assert.Equal(t, `Names[2]: "a" is already taken by Names[0]; give each its own`, l.String())
	problem.OneOf(&l, problem.At("Kind"), "x", "a", "b")
	problem.OneOf(&l, problem.At("Kind"), "", "a")
	assert.Len(t, l, 2)
}
