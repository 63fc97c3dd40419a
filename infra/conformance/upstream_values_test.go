package conformance_test

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// nameCases are those of names.test.ts, and of names-legacy.test.ts, which has the same with another hash.
func nameCases() []upstreamCase {
	const maxTooSmall = "(required for hash)"
	type namer func(u *upstream, options tree.NameOptions, path ...string) (name, hash string, err error)
	var cases []upstreamCase
	for _, variant := range []struct {
		file, group string
		legacy      bool
		label       bool
	}{
		{"cdk8s/names", "toDnsLabel", false, false}, {"cdk8s/names", "toLabel", false, true},
		{"cdk8s/names-legacy", "toDnsLabel", true, false}, {"cdk8s/names-legacy", "toLabel", true, true},
	} {
		name := namer(func(u *upstream, options tree.NameOptions, path ...string) (string, string, error) {
			c := at(u.app(), path...)
			hash := (*c.Node().Addr())[:8]
			if variant.legacy {
				u.Setenv("CDK8S_LEGACY_HASH", "1")
				hash = legacyHash(*c.Node().Path())
			}
			toName := tree.DNSLabel
			if variant.label {
				toName = tree.LabelValue
			}
			name, err := toName(c, options)
			return name, hash, err
		})
		// is expects a name, in which # is the hash.
		is := func(u *upstream, want string, options tree.NameOptions, path ...string) {
			u.Helper()
			got, hash, err := name(u, options, path...)
			require.NoError(u, err)
			u.equal(strings.ReplaceAll(want, "#", hash), got)
		}
		add := func(name string, check func(u *upstream)) {
			c := upstreamCase{file: variant.file, name: variant.group + ": " + name, check: check}
			if variant.legacy {
				c.nativeOnly = "Node.js has the environment that it was started with"
			}
			cases = append(cases, c)
		}
		none := tree.NameOptions{}
		add("ignores default children", func(u *upstream) {
			is(u, "a-b-#", none, "a", "default", "b", "Default")
			is(u, "a-b-#", none, "a", "Resource", "b", "resource")
			is(u, "#", none, "resource", "default")
		})
		add("normalize to dns_name", func(u *upstream) {
			if variant.label {
				is(u, "Web", none, "Web")
			} else {
				is(u, "web-#", none, "Web")
			}
			is(u, "web-#", none, "web*")
			is(u, "webserver-#", none, "web server")
		})
		add("maximum length for a single term", func(u *upstream) {
			is(u, "abcdef-#", tree.NameOptions{MaxLength: 15}, "abcdefghijklmnop")
			is(u, strings.Repeat("a", 54)+"-#", none, strings.Repeat("a", 64))
		})
		add("single term is not decorated with a hash", func(u *upstream) {
			is(u, "web", none, "web")
			is(u, "web-1-2", none, "web-1-2")
			is(u, strings.Repeat("a", 63), none, strings.Repeat("a", 63))
		})
		add(`multiple terms are separated by "." and a hash is appended`, func(u *upstream) {
			is(u, "a-b", none, "a-b")
			is(u, "a-b-c-#", none, "a-b", "c")
			is(u, "a-b-b-#", none, "a-b", "b")
			is(u, "a-b-c-#", none, "a", "b", "c")
		})
		add("invalid max length (minimum is 8 - for hash)", func(u *upstream) {
			for _, length := range []int{4, 7} {
				_, _, err := name(u, tree.NameOptions{MaxLength: length}, "web")
				assert.ErrorContains(u, err, maxTooSmall)
			}
			is(u, "web", tree.NameOptions{MaxLength: 8}, "web")
		})
		add("omit duplicate components in names", func(u *upstream) {
			is(u, "a-b-#", none, "a", "a", "a", "b")
			is(u, "a-#", none, "a", "a")
			is(u, "a-b-a-#", none, "a", "b", "a")
		})
		add("trimming (prioritize last component)", func(u *upstream) {
			is(u, "#", tree.NameOptions{MaxLength: 8}, "first", "last")
			is(u, "las-#", tree.NameOptions{MaxLength: 12}, "first", "last")
			is(u, "last-#", tree.NameOptions{MaxLength: 14}, "first", "last")
			is(u, "f-last-#", tree.NameOptions{MaxLength: 15}, "first", "last")
		})
		add("filter empty components", func(u *upstream) {
			is(u, "a-b-c-#", none, "a", "b---c---")
			is(u, "a-b-c-d-#", none, "a", "b-c", "d")
		})
		if !variant.legacy {
			add("optional hash", func(u *upstream) {
				is(u, "a-b", tree.NameOptions{WithoutHash: true}, "a", "default", "b")
				is(u, "b-last", tree.NameOptions{WithoutHash: true, MaxLength: 7}, "a", "b", "last")
			})
		}
	}
	return cases
}

// saved writes documents, as cdk8s.Yaml_Tmp does, and reads them again.
func saved(u *upstream, documents ...any) (text string, loaded []any) {
	text, err := native.Stringify(documents...)
	require.NoError(u, err)
	loaded, err = tree.Load(strings.NewReader(text))
	require.NoError(u, err)
	return text, loaded
}

const noTree = "a function of no tree: TestPlainValues and TestIncludeIsThatOfCdk8s compare it with that of cdk8s"

// included includes documents as a file would have them.
func included(u *upstream, documents ...any) *tree.Included {
	text, _ := saved(u, documents...)
	return tree.Include(u.chart(), "inc", strings.NewReader(text))
}

func twoOfOneName() []any {
	return []any{
		values{"apiVersion": "v1", "kind": "Foo", "metadata": values{"name": "same"}}, values{},
		values{"apiVersion": "v1", "kind": "Bar", "metadata": values{"name": "same"}},
	}
}

var yamlCases = []upstreamCase{
	{file: yamlTest, name: "load: from file", nativeOnly: noTree, check: func(u *upstream) {
		file := filepath.Join(u.TempDir(), "a.yaml")
		require.NoError(u, os.WriteFile(file, []byte("a: 1\n---\nb: [x]\n"), 0o600))
		opened, err := os.Open(file)
		require.NoError(u, err)
		defer func() { _ = opened.Close() }()
		u.equal([]any{values{"a": 1}, values{"b": []any{"x"}}}, must(tree.Load(opened)))
	}},
	{file: yamlTest, name: "load: from url", notHere: "tree.Load takes any reader, such as the body of a response"},
	{file: yamlTest, name: "load: empty documents are filtered out", nativeOnly: noTree, check: func(u *upstream) {
		_, loaded := saved(u, values{"a": 1}, nil, "text", values{}, "", 0, []any{}, values{"b": 2})
		u.equal([]any{values{"a": 1}, "text", "", 0, values{"b": 2}}, loaded)
	}},
	{file: yamlTest, name: "save: single document", nativeOnly: noTree, check: func(u *upstream) {
		text, _ := saved(u, values{"a": "b", "list": []any{1, 2}})
		u.equal("a: b\nlist:\n  - 1\n  - 2\n", text)
	}},
	{file: yamlTest, name: "save: multiple documents", nativeOnly: noTree, check: func(u *upstream) {
		text, _ := saved(u, values{"a": "b"}, values{"c": 2})
		u.equal("a: b\n---\nc: 2\n", text)
	}},
	{file: yamlTest, name: "save: empty values are preserved", nativeOnly: noTree, check: func(u *upstream) {
		text, _ := saved(u, values{"a": nil, "b": []any{}, "c": values{}})
		u.equal("a: null\nb: []\nc: {}\n", text)
	}},
	{file: yamlTest, name: "save: empty documents are respected", nativeOnly: noTree, check: func(u *upstream) {
		text, _ := saved(u, values{}, nil, values{"a": true}, values{})
		u.equal("{}\n---\n\n---\na: true\n---\n{}\n", text)
	}},
	{file: yamlTest, name: "save: strings are quoted", nativeOnly: noTree, check: func(u *upstream) {
		text, loaded := saved(u, values{"a": "off", "b": `a "quote"`, "c": true})
		u.equal("a: \"off\"\nb: a \"quote\"\nc: true\n", text)
		u.equal([]any{values{"a": "off", "b": `a "quote"`, "c": true}}, loaded)
	}},
	{file: yamlTest, name: "save: escaped character does not divided by cross line boundaries", nativeOnly: noTree, check: func(u *upstream) {
		text, _ := saved(u, strings.Repeat(`(\d*µs)|`, 30))
		u.equal(1, strings.Count(text, "\n"))
	}},
	{file: yamlTest, name: "yaml 1.1 octal numbers are parsed correctly", nativeOnly: noTree, check: func(u *upstream) {
		u.equal([]any{values{"mode": 420}}, must(tree.Load(strings.NewReader("mode: 0644\n"))))
	}},
	{file: yamlTest, name: "multi-line text block with long line keep line break", nativeOnly: noTree, check: func(u *upstream) {
		long := "[part]\n  a: b\n  c: " + strings.Repeat("0123456789", 12)
		text, loaded := saved(u, values{"text": long})
		u.equal(4, strings.Count(text, "\n"))
		u.equal([]any{values{"text": long}}, loaded)
	}},
	{file: yamlTest, name: "stringify() accepts multiple documents", nativeOnly: noTree, check: func(u *upstream) {
		u.equal("a: 1\n---\nb:\n  - x\nc: 2\n", must(native.Stringify(values{"a": 1}, values{"b": []any{"x"}, "c": 2})))
	}},
	{file: yamlTest, name: "strings don't become booleans", nativeOnly: noTree, check: func(u *upstream) {
		u.equal("a: \"yes\"\nb: \"no\"\nc: \"true\"\nd: \"false\"\n", must(native.Stringify(values{"a": "yes", "b": "no", "c": "true", "d": "false"})))
	}},

	{file: includeTest, name: "Include can be used to load from YAML", check: func(u *upstream) {
		service := values{"apiVersion": "v1", "kind": "Service", "metadata": values{"name": "web"}, "spec": values{"ports": []any{values{"port": 80.0}}}}
		inc := included(u, service)
		u.equal([]any{service}, must(tree.Render(must(tree.ChartOf(inc)))))
	}},
	{file: includeTest, name: "skips empty documents", check: func(u *upstream) { assert.Empty(u, *included(u, values{}).Node().Children()) }},
	{file: includeTest, name: "multiple resources with the same k8s name can be included so long as their kind is different", check: func(u *upstream) {
		u.equal([]any{"test/inc/same-foo", "test/inc/same-bar"}, paths(*included(u, twoOfOneName()...).Node().Children()))
	}},
	{file: includeTest, name: "apiObjects returns all the API objects", check: func(u *upstream) {
		u.equal([]any{"test/inc/same-foo", "test/inc/same-bar"}, paths(included(u, twoOfOneName()...).Objects()))
	}},

	{file: helmTest, name: "basic usage", check: func(u *upstream) {
		h, arguments := rendered(u, tree.HelmProps{Chart: "./web"})
		assert.Regexp(u, "^test-h-c8[0-9a-f]{6}$", h.ReleaseName())
		u.equal("template "+h.ReleaseName()+" ./web", arguments)
	}},
	{file: helmTest, name: "fails if the helm executable is not found", check: func(u *upstream) {
		chart := u.chart()
		tree.Helm(chart, "h", tree.HelmProps{Chart: "./web", HelmExecutable: "no-such-helm"})
		_, err := tree.Render(chart)
		assert.ErrorContains(u, err, `HelmExecutable: "no-such-helm" cannot be run`)
	}},
	{file: helmTest, name: "values can be specified when defining the chart", check: func(u *upstream) {
		_, arguments := rendered(u, tree.HelmProps{Chart: "./web", Values: values{"replicas": 2}})
		assert.Regexp(u, "^template -f [^ ]+ test-h-c8[0-9a-f]{6} ./web$", arguments)
	}},
	{file: helmTest, name: "releaseName can be used to specify the release name", check: func(u *upstream) {
		h, arguments := rendered(u, tree.HelmProps{Chart: "./web", ReleaseName: "mine"})
		u.equal("mine", h.ReleaseName())
		u.equal("template mine ./web", arguments)
	}},
	{file: helmTest, name: "it is possible to interact with api objects in the chart", check: func(u *upstream) {
		h, _ := rendered(u, tree.HelmProps{Chart: "./web"})
		h.Objects()[0].Metadata().AddAnnotation(new("a"), new("b"))
		u.equal(values{"a": "b"}, must(tree.Render(must(tree.ChartOf(h))))[0].(values)["metadata"].(values)["annotations"])
	}},
	{file: helmTest, name: "helmFlags can be used to specify additional helm options", check: func(u *upstream) {
		_, arguments := rendered(u, tree.HelmProps{Chart: "./web", ReleaseName: "mine", HelmFlags: []string{"--description", "text", "--no-hooks"}})
		u.equal("template --description text --no-hooks mine ./web", arguments)
	}},
	{file: helmTest, name: "repo can be used to specify helm repo", check: func(u *upstream) {
		_, arguments := rendered(u, tree.HelmProps{Chart: "web", ReleaseName: "mine", Repo: "https://charts.example.org", Version: "1.2.3", Namespace: "prod"})
		u.equal("template --repo https://charts.example.org --version 1.2.3 --namespace prod mine web", arguments)
	}},
	{file: helmTest, name: "propagates helm failures", check: func(u *upstream) {
		chart := u.chart()
		program := filepath.Join(u.TempDir(), "helm")
		require.NoError(u, os.WriteFile(program, []byte("#!/bin/sh\necho 'Error: unknown flag: --boom' >&2\nexit 1\n"), 0o755))
		tree.Helm(chart, "h", tree.HelmProps{Chart: "./web", HelmExecutable: program})
		_, err := tree.Render(chart)
		assert.ErrorContains(u, err, "Chart: cannot be rendered: Error: unknown flag: --boom")
	}},
}

// rendered runs a program in place of helm that writes its arguments into a ConfigMap.
func rendered(u *upstream, props tree.HelmProps) (h *tree.HelmChart, arguments string) {
	props.HelmExecutable = filepath.Join(u.TempDir(), "helm")
	script := "#!/bin/sh\necho \"{apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {arguments: '$*'}}\"\n"
	require.NoError(u, os.WriteFile(props.HelmExecutable, []byte(script), 0o755))
	h = tree.Helm(u.chart(), "h", props)
	require.Len(u, h.Objects(), 1)
	return h, h.Objects()[0].ToJson().(values)["data"].(values)["arguments"].(string)
}

var valueCases = append(append(append([]upstreamCase{
	{file: tokenTest, name: "lazy", notHere: lazy},
	{file: tokenTest, name: "does not resolve aws-cdk tokens", check: func(u *upstream) {
		text := "${Token[TOKEN.1]}"
		u.equal(text, newKind(u.chart(), "o", "O", values{"spec": text}).ToJson().(values)["spec"])
	}},
	{file: utilTest, name: "sanitizeValue: default options", check: func(u *upstream) {
		content := values{"a": nil, "b": values{}, "c": []any{}, "d": values{"e": nil, "f": values{}}, "g": []any{1, values{"h": nil}, []any{}, values{}}}
		want := values{"b": values{}, "c": []any{}, "d": values{"f": values{}}, "g": []any{1.0, values{}, []any{}, values{}}}
		u.equal(want, newKind(u.chart(), "o", "O", values{"spec": content}).ToJson().(values)["spec"])
	}},
	{file: utilTest, name: "sanitizeValue: filterEmptyArrays", check: func(u *upstream) {
		u.equal(values{"b": []any{1.0}}, metadataOf(u, values{"a": []any{}, "b": []any{1}}, func(cdk8s.ApiObjectMetadataDefinition) {}))
	}},
	{file: utilTest, name: "sanitizeValue: filterEmptyObjects", check: func(u *upstream) {
		u.equal(values{"b": values{"c": "d"}}, metadataOf(u, values{"a": values{}, "b": values{"c": "d", "e": values{"f": values{}}}}, func(cdk8s.ApiObjectMetadataDefinition) {}))
	}},
	{file: utilTest, name: "sanitizeValue: sortKeys", check: func(u *upstream) {
		app := u.app()
		newKind(newTestChart(app, "c"), "o", "O", values{"metadata": values{"name": "own"}, "spec": values{"z": 1, "a": []any{2, 1}, "m": values{"y": 1, "x": 2}}})
		u.equal("apiVersion: v1\nkind: O\nmetadata:\n  name: own\nspec:\n  a:\n    - 2\n    - 1\n  m:\n    x: 2\n    \"y\": 1\n  z: 1\n", *app.SynthYaml())
	}},
}, without("cdk8s/cron", goTypes,
	"cron expression for running every minute", "cron expression for running every hour", "cron expression for running every day",
	"cron expression for running every week", "cron expression for running every month", "cron expression for running every year",
	"custom schedule cron expression", "custom schedule cron expression using default initialization", "custom schedule cron expression using initialization",
)...), without("cdk8s/duration", goTypes,
	"negative amount", "Duration in seconds", "Duration in minutes", "Duration in hours", "seconds to milliseconds", "Duration in days", "toIsoString", "parse", "to human string",
)...), without("cdk8s/size", goTypes,
	"negative amount", "Size in kibibytes", "Size in mebibytes", "Size in gibibyte", "Size in tebibyte", "Size in pebibyte", "rounding behavior", "asString function gives abbreviated units",
)...)

// without are cases that are not for us.
func without(file, why string, names ...string) []upstreamCase {
	var cases []upstreamCase
	for _, name := range names {
		cases = append(cases, upstreamCase{file: file, name: name, notHere: why})
	}
	return cases
}
