package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/apivalidation"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill"
)

const infraPath = "github.com/crossoverJie/k8s-combat/infra"

// source is the source code of the rooms.
var source *fill.Source

func TestMain(m *testing.M) {
	var err error
	if source, err = fill.Read("../..", infraPath, rooms...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// Whoever adds a constructor adds it to the table.
func TestEveryConstructorIsFilled(t *testing.T) {
	t.Parallel()
	var inTable []string
	for _, c := range constructors {
		if c.product != reflect.TypeFor[*own]() {
			inTable = append(inTable, c.name)
		}
	}
	slices.Sort(inTable)
	assert.Equal(t, source.Constructors, inTable)
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

// outcome is what became of an app.
type outcome int

const (
	refused outcome = iota
	passed
	// edited is passed with an object that a hook has changed at random, and that the API takes all
	// the same. What it does not take is not counted as a defect: the hook has the last word.
	edited
	editedAndRefused
	defect
)

// result is an outcome with its reasons.
type result struct {
	outcome outcome
	used    []string
	// signature is the same for defects that are alike, description tells of this one.
	signature, description string
}

// run makes an app at random and looks at what becomes of it.
func run(seed, number uint64) result { return judge(seed, number, (*world).populate) }

// judge makes an app and looks at what becomes of it.
func judge(seed, number uint64, populate func(*world)) (r result) {
	w := newWorld(seed, number)
	found := func(signature, format string, arguments ...any) {
		r.outcome, r.signature = defect, signature
		r.description = fmt.Sprintf(format, arguments...) + fmt.Sprintf("\nSEED=%d, app %d:\n%s", seed,
			number, w.log.String())
	}
	defer func() {
		r.used = w.used
		if cause := recover(); cause != nil {
			stack := string(debug.Stack())
			found("panic: "+place(stack)+": "+alike(fmt.Sprint(cause)), "panic: %v\n%s", cause, stack)
		}
	}()
	populate(w)
	files, err := native.Files(w.app)
	if before, after := w.changed(); before != after {
		found("props are changed: "+alike(before),
			"a construct changes the props that it was given:\n%s\n%s", before, after)
		return r
	}
	var problems tree.Problems
	switch {
	case errors.As(err, &problems):
		r.judgeProblems(problems, found)
	case err != nil:
		found("error: "+alike(err.Error()), "synth fails with what is no validation message: %v", err)
	case w.Panicked:
		found("a hook panicked and the app passed", "a hook panicked and the app passed")
	case w.Edited:
		r.outcome = edited
		if len(validate(files)) > 0 {
			r.outcome = editedAndRefused
		}
	default:
		r.outcome = passed
		const every = 10 // It takes the time of another app.
		if number%every == 0 {
			again := newWorld(seed, number)
			populate(again)
			if repeated, err := native.Files(again.app); err != nil || !reflect.DeepEqual(files, repeated) {
				found("not the same twice", "the same app gives other manifests (%v):\n%s\n%s", err, files, repeated)
				return r
			}
		}
		if errs := validate(files); len(errs) > 0 {
			found("refused: "+alike(errs[0].Error()), "the API refuses it: %v\n%s", errors.Join(errs...), files)
		}
	}
	return r
}

func validate(files []native.File) (errs []error) {
	for _, file := range files {
		errs = append(errs, apivalidation.Validate(file.Content)...)
	}
	return errs
}

// What is wrong is found: each of these apps has one defect.
func TestDefectsAreFound(t *testing.T) {
	config := func(w *world, name string, data map[string]string) {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
		k8s.NewConfigMap(w.scopes[0], "config", object)
	}
	invalid := func(problem tree.Problem) func(*world) {
		return func(w *world) { tree.Invalid(tree.NewConstruct(w.scopes[0], "group-2"), problem) }
	}
	calls := 0
	for name, test := range map[string]struct {
		populate func(*world)
		want     string
	}{
		"panic": {func(w *world) { w.scopes[len(w.scopes)].Node() }, "panic: ?: runtime error: index out of range"},
		"refused": {
			func(w *world) { config(w, "Capitals", nil) },
			`refused: document N: ConfigMap "...": metadata.name: Invalid value: "...": a lowercase RFC N subdomain`,
		},
		"late panic": {func(w *world) {
			group := tree.NewConstruct(w.scopes[0], "group-2")
			tree.Validate(group, func() []tree.Problem { panic("late") })
		}, "late check: "},
		"secret":      {invalid(tree.Problem{Field: "Keys", Detail: "is " + fill.Secret}), "secret: Keys"},
		"long":        {invalid(tree.Problem{Detail: strings.Repeat("a", longestMessage+1)}), "long message"},
		"unprintable": {invalid(tree.Problem{Detail: "\x1b[31m"}), "unprintable message"},
		"hidden panic": {
			invalid(tree.Problem{Detail: "runtime error: index out of range [0]"}), "runtime error: ",
		},
		"swallowed": {func(w *world) { w.Panicked = true }, "a hook panicked and the app passed"},
		"changed props": {func(w *world) {
			labels := map[string]string{}
			w.props["a"], w.given["a"] = labels, fill.Dump(labels, w.nameOf)
			labels["a"] = "b"
		}, "props are changed: "},
		"other manifests": {func(w *world) {
			calls++
			config(w, "config", map[string]string{"calls": strconv.Itoa(calls)})
		}, "not the same twice"},
	} {
		t.Run(name, func(t *testing.T) {
			r := judge(1, 10, test.populate)
			assert.Equal(t, defect, r.outcome)
			assert.True(t, strings.HasPrefix(r.signature, test.want), r.signature)
			assert.Contains(t, r.description, "SEED=1, app 10:")
		})
	}
	fine := judge(1, 10, func(w *world) { config(w, "config", nil) })
	assert.Equal(t, result{outcome: passed}, fine)
}

// longestMessage is more than anybody reads, in bytes.
const longestMessage = 4096

// judgeProblems finds messages that should not be.
func (r *result) judgeProblems(problems tree.Problems, found func(signature, format string, arguments ...any)) {
	for _, problem := range problems {
		// The path of a construct is made of ids, which are as their author writes them.
		text := problem.Message()
		switch {
		case strings.Contains(text, "the check of this construct failed"):
			found("late check: "+alike(problem.Detail), "a late check panics: %s", text)
		case strings.Contains(text, fill.Secret):
			found("secret: "+alike(problem.Field), "a message shows a secret: %s", text)
		case strings.Contains(text, "runtime error"):
			found("runtime error: "+alike(problem.Detail), "a message tells of a panic: %s", text)
		case len(text) > longestMessage:
			found("long message", "a message of %d bytes: %s", len(text), text)
		case strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text):
			found("unprintable message", "a message cannot be printed as it is: %q", text)
		case problem.Construct == "":
			found("no construct: "+alike(problem.Detail), "a message names no construct: %s", text)
		default:
			continue
		}
		return
	}
}

var (
	quoted  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	keys    = regexp.MustCompile(`\[[^\]]*\]`)
	numbers = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)
	frame   = regexp.MustCompile(`/(infra|imports)/([\w/]*\w+\.go:\d+)`)
)

// alike leaves out of a text what differs from one app to the next.
func alike(text string) string {
	// What a parser says depends on the text.
	for _, parser := range []string{"ERROR: <input>", "invalid character", ": template: "} {
		text, _, _ = strings.Cut(text, parser)
	}
	text = numbers.ReplaceAllString(keys.ReplaceAllString(quoted.ReplaceAllString(text, `"..."`), "[]"), "N")
	const longest = 300
	return text[:min(len(text), longest)]
}

// place is the innermost line of a stack that is the project's own.
func place(stack string) string {
	_, stack, _ = strings.Cut(stack, "panic(")
	for _, match := range frame.FindAllStringSubmatch(stack, -1) {
		if !strings.Contains(match[2], "internal/fuzz") {
			return match[1] + "/" + match[2]
		}
	}
	return "?"
}

// Whatever somebody writes into the options of a construct, there is no panic; and what passes, the
// API takes.
func TestRandomApps(t *testing.T) {
	t.Parallel()
	apps, seed := setting(t, "FUZZ_APPS", 3000), setting(t, "SEED", 1)
	if text := os.Getenv("FUZZ_APP"); text != "" {
		r := run(seed, setting(t, "FUZZ_APP", 0))
		require.NotEqual(t, defect, r.outcome, r.description)
		return
	}
	t.Logf("SEED=%d, %d apps", seed, apps)

	var next atomic.Uint64
	results := make(chan result)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for number := next.Add(1); number <= apps; number = next.Add(1) {
				results <- run(seed, number)
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()

	var outcomes [defect + 1]int
	used, well := map[string]int{}, map[string]int{}
	defects := map[string][]string{}
	for r := range results {
		outcomes[r.outcome]++
		for _, name := range slices.Compact(slices.Sorted(slices.Values(r.used))) {
			used[name]++
			if r.outcome == passed {
				well[name]++
			}
		}
		if r.outcome == defect {
			defects[r.signature] = append(defects[r.signature], r.description)
		}
	}
	t.Logf("%d apps: %d passed, %d refused, %d defects; "+
		"%d passed with an object that a hook has changed at random, %d of them not at the API",
		apps, outcomes[passed], outcomes[refused], outcomes[defect],
		outcomes[edited]+outcomes[editedAndRefused], outcomes[editedAndRefused])
	for _, c := range constructors {
		t.Logf("%-28s in %6d apps, of which %5.1f %% passed", shortName(c.name), used[c.name],
			100*float64(well[c.name])/float64(max(used[c.name], 1)))
		assert.NotZero(t, well[c.name], "no app with %s passes: what is filled in is too wild", c.name)
	}
	for _, signature := range slices.Sorted(maps.Keys(defects)) {
		shortest := slices.MinFunc(defects[signature], func(a, b string) int { return cmp.Compare(len(a), len(b)) })
		t.Errorf("%d apps: %s\n%s", len(defects[signature]), signature, shortest)
	}
}
