package pod_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// kubelet does to a text what the kubelet does (k8s.io/kubernetes/third_party/forked/golang/expansion): $$ is $, $( up to
// the next ) is the value of the variable of that name, or stays as it is where there is none; before any other byte a $
// is itself, and that byte is taken for a character of its own.
func kubelet(text string, values map[string]string) string {
	var result strings.Builder
	for len(text) > 0 {
		at := strings.IndexByte(text, '$')
		if at < 0 || at == len(text)-1 {
			break
		}
		result.WriteString(text[:at])
		next := text[at+1]
		text = text[at+2:]
		name, rest, closed := strings.Cut(text, ")")
		switch {
		case next == '$':
			result.WriteByte('$')
		case next == '(' && closed:
			value, isSet := values[name]
			if !isSet {
				value = "$(" + name + ")"
			}
			result.WriteString(value)
			text = rest
		default:
			result.WriteByte('$')
			result.WriteRune(rune(next))
		}
	}
	return result.String() + text
}

func TestTheReferenceExpandsAsDocumented(t *testing.T) {
	t.Parallel()
	values := map[string]string{"A": "value"}
	for text, want := range map[string]string{
		"":           "",
		"plain":      "plain",
		"$(A)":       "value",
		"x$(A)y":     "xvaluey",
		"$(B)":       "$(B)",
		"$$(A)":      "$(A)",
		"$$$(A)":     "$value",
		"$$$$(A)":    "$$(A)",
		"$":          "$",
		"$$":         "$",
		"s3c$$ret":   "s3c$ret",
		"$(":         "$(",
		"$(A":        "$(A",
		"$A":         "$A",
		"$(A)$(A)":   "valuevalue",
		"a$($(A)b":   "a$($(A)b",
		"$(A)$":      "value$",
		"$\u00e9":    "$\u00c3\xa9",
		"$(\u00e9)":  "$(\u00e9)",
		"\u00e9$(A)": "\u00e9value",
	} {
		assert.Equal(t, want, kubelet(text, values), "%q", text)
	}
}

// meant is what a text of the props means: $(A) and $(AB) are values, $$( before a name and ) is that text, and everything
// else is itself.
func meant(text string, values map[string]string) string {
	var result strings.Builder
	for len(text) > 0 {
		taken := false
		for name, value := range values {
			reference := "$(" + name + ")"
			if rest, ok := strings.CutPrefix(text, "$"+reference); ok {
				result.WriteString(reference)
				text, taken = rest, true
				break
			}
			if rest, ok := strings.CutPrefix(text, reference); ok {
				result.WriteString(value)
				text, taken = rest, true
				break
			}
		}
		if !taken {
			result.WriteByte(text[0])
			text = text[1:]
		}
	}
	return result.String()
}

// words are random texts of the signs that matter. The names in them are those of variables, so that all refer to one that
// is set.
func words(n int, seed uint64) []string {
	random := rand.New(rand.NewPCG(seed, seed))
	signs := []string{"$", "$", "$", "(", ")", "A", "B", " ", "a", "\u00e9", "$(A)", "$$(AB)"}
	texts := make([]string, n)
	for i := range texts {
		for range random.IntN(10) {
			texts[i] += signs[random.IntN(len(signs))]
		}
	}
	return texts
}

// variables are all names that words can refer to, up to some length.
func variables() []pod.EnvVar {
	var env []pod.EnvVar
	names := []string{""}
	for range 4 {
		var longer []string
		for _, name := range names {
			for _, letter := range []string{"A", "B", "a"} {
				longer = append(longer, name+letter)
			}
		}
		for _, name := range longer {
			env = append(env, pod.EnvVar{Name: name, Value: "<" + name + ">"})
		}
		names = longer
	}
	return env
}

func TestWhatIsMeantArrives(t *testing.T) {
	t.Parallel()
	values := map[string]string{}
	for _, variable := range variables() {
		values[variable.Name] = variable.Value
	}
	texts := words(20_000, 1)
	env := variables()
	first := len(env)
	for i, text := range texts[:200] {
		env = append(env, pod.EnvVar{Name: fmt.Sprintf("TEXT_%d", i), Value: text})
	}
	container := template(t, props(func(p *pod.Props) {
		p.Env = env
		p.Command = append([]string{"run"}, texts...)
		p.Args = texts
	})).Spec.Containers[0]
	for i, variable := range container.Env[first:] {
		assert.Equal(t, meant(env[first+i].Value, values), kubelet(variable.Value, values), "%q was written %q", env[first+i].Value, variable.Value)
	}
	for i, text := range texts {
		assert.Equal(t, meant(text, values), kubelet(container.Command[i+1], values), "%q was written %q", text, container.Command[i+1])
		assert.Equal(t, container.Command[i+1], container.Args[i])
	}
}

// The kubelet expands the command of a probe too, with some of the variables: there a text is a text.
func TestTheCommandOfAProbeArrivesAsWritten(t *testing.T) {
	t.Parallel()
	values := map[string]string{"A": "value", "AB": "value", "AA": "value"}
	texts := words(5_000, 2)
	container := template(t, props(func(p *pod.Props) {
		p.Probes.Readiness.Handler = pod.Exec(append([]string{"sh", "-c"}, texts...)...)
	})).Spec.Containers[0]
	for i, text := range texts {
		assert.Equal(t, text, kubelet(container.ReadinessProbe.Exec.Command[i+2], values))
	}
}

func TestValuesAreWrittenPlainlyWhereTheyCanBe(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"s3c$$ret":           "s3c$$$$ret",
		"price: 5$":          "price: 5$$",
		"$HOME/bin":          "$HOME/bin",
		"a $b c":             "a $b c",
		"$(A)":               "$(A)",
		"$$(A)":              "$$(A)",
		"$$(A) $":            "$$(A) $$",
		"$\u20ac":            "$$\u20ac",
		"$(not a name)":      "$$(not a name)",
		"a$b and $(A), $$":   "a$b and $(A), $$$$",
		"https://x/$(A)?q=$": "https://x/$(A)?q=$$",
	} {
		env := template(t, props(func(p *pod.Props) {
			p.Env = []pod.EnvVar{{Name: "A", Value: "x"}, {Name: "B", Value: value}}
		})).Spec.Containers[0].Env
		assert.Equal(t, []corev1.EnvVar{{Name: "A", Value: "x"}, {Name: "B", Value: want}}, env)
	}
}

func TestReferencesToVariables(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"not set": {props(func(p *pod.Props) {
			p.Env = []pod.EnvVar{{Name: "A", Value: "$(B) $(A)"}, {Name: "B", Value: "$(A) $$(C) $(not a name)"}}
			p.Command = []string{"run", "$(B)", "$(date)"}
			p.Args = []string{"$(C)"}
			p.Mounts = []pod.Mount{{Path: "/data", Volume: pod.EmptyDir("data", pod.EmptyDirOptions{}), SubPathExpr: "$(B)/$(POD)"}}
			p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Args: []string{"$(A)"}}}
		}), []string{
			`[chart/queue] Env[0].Value: "$(B)" refers to a variable that is not set there; set it before, or write $$(B) for the text itself`,
			`[chart/queue] Env[0].Value: "$(A)" refers to a variable that is not set there; set it before, or write $$(A) for the text itself`,
			`[chart/queue] Command[2]: "$(date)" refers to a variable that is not set there; set it before, or write $$(date) for the text itself`,
			`[chart/queue] Args[0]: "$(C)" refers to a variable that is not set there; set it before, or write $$(C) for the text itself`,
			`[chart/queue] Mounts[0].SubPathExpr: "$(POD)" refers to a variable that is not set there; set it before, or write $$(POD) for the text itself`,
			`[chart/queue] Sidecars[0].Args[0]: "$(A)" refers to a variable that is not set there; set it before, or write $$(A) for the text itself`,
		}},
		// The kubelet makes them of what stands before, and these stand behind.
		"those of the shutdown": {props(func(p *pod.Props) {
			p.Shutdown.Variables.Drain = "DRAIN"
			p.Env = []pod.EnvVar{{Name: "A", Value: "$(DRAIN)"}}
			p.Args = []string{"--drain=$(DRAIN)"}
		}), []string{
			`[chart/queue] Env[0].Value: "$(DRAIN)" refers to a variable that is not set there; set it before, or write $$(DRAIN) for the text itself`,
		}},
	}.Run(t)
}

func TestReferencesToWhatTheKubeletSets(t *testing.T) {
	t.Parallel()
	build := func(links bool) func(cdk8s.Chart) {
		return pods(func(chart cdk8s.Chart, p *pod.Props) {
			p.ServiceLinks = links
			p.EnvFrom = []pod.EnvFrom{{Source: existing(chart, "nobody-knows"), Prefix: "DB_"}}
			p.Env = []pod.EnvVar{{Name: "URL", Value: "https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT_HTTPS) $(DB_USER)"}}
			p.Args = []string{"$(CART_SERVICE_HOST)", "$(CART_PORT_80_TCP_ADDR)", "$(CART)"}
		})
	}
	const notSet = " refers to a variable that is not set there; set it before, or write $"
	_, messages := synthtest.Synth(t, build(true))
	assert.Equal(t, []string{`[chart/queue] Args[2]: "$(CART)"` + notSet + `$(CART) for the text itself`}, messages)
	_, messages = synthtest.Synth(t, build(false))
	assert.Equal(t, []string{
		`[chart/queue] Args[0]: "$(CART_SERVICE_HOST)"` + notSet + `$(CART_SERVICE_HOST) for the text itself`,
		`[chart/queue] Args[1]: "$(CART_PORT_80_TCP_ADDR)"` + notSet + `$(CART_PORT_80_TCP_ADDR) for the text itself`,
		`[chart/queue] Args[2]: "$(CART)"` + notSet + `$(CART) for the text itself`,
	}, messages)
}

func TestReferencesToAllKeys(t *testing.T) {
	t.Parallel()
	_, messages := synthtest.Synth(t, pods(func(chart cdk8s.Chart, p *pod.Props) {
		p.EnvFrom = []pod.EnvFrom{{Source: config(chart), Prefix: "MY_"}}
		p.Env = []pod.EnvVar{{Name: "URL", Value: "http://$(MY_LEVEL)"}}
		p.Command = []string{"run", "$(MY_LEVEL)", "$(LEVEL)"}
	}))
	assert.Equal(t, []string{
		`[chart/queue] Command[2]: "$(LEVEL)" refers to a variable that is not set there; set it before, or write $$(LEVEL) for the text itself`,
	}, messages)
	_, messages = synthtest.Synth(t, pods(func(chart cdk8s.Chart, p *pod.Props) {
		p.EnvFrom = []pod.EnvFrom{{Source: existing(chart, "nobody-knows")}}
		p.Env = []pod.EnvVar{{Name: "URL", Value: "http://$(HOST)"}}
		p.Args = []string{"$(PORT)"}
	}))
	assert.Empty(t, messages, "a Secret whose keys nobody knows may have any")
}
