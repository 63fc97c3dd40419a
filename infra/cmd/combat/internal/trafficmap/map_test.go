package trafficmap_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/cmd/combat/internal/trafficmap"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// read reads a set of manifests.
func read(t testing.TB, manifests string) trafficmap.Set {
	t.Helper()
	objects, err := check.Read(strings.NewReader(manifests), check.Stdin)
	require.NoError(t, err)
	return trafficmap.Set{Name: "test", Objects: objects}
}

func html(t testing.TB, m *trafficmap.Map, options trafficmap.PageOptions) string {
	t.Helper()
	content, err := m.HTML(options)
	require.NoError(t, err)
	return string(content)
}

func svg(t testing.TB, m *trafficmap.Map) string {
	t.Helper()
	content, err := m.SVG()
	require.NoError(t, err)
	decoder := xml.NewDecoder(bytes.NewReader(content))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return string(content)
		}
		require.NoError(t, err)
	}
}

// data is what the script of a page reads.
func data(t testing.TB, page string) (all struct {
	Sets []struct {
		Graph engine.Graph
		Cards map[string]struct {
			Chips    []struct{ Text string }
			Sections []struct {
				Title string
				Items []string
			}
			Findings []int
			Worst    string
		}
		Findings []struct{ Code, Node string }
		Objects  []struct {
			Content map[string]any
			Place   string
		}
	}
}) {
	t.Helper()
	found := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	require.NotNil(t, found)
	require.NoError(t, json.Unmarshal([]byte(found[1]), &all))
	return all
}

// Bounds of what is written, in bytes.
const (
	maxPage   = 400_000
	maxEngine = 1 << 20
)

func TestSizes(t *testing.T) {
	t.Parallel()
	m := trafficmap.New(chapterSets(t), check.Options{})
	page := html(t, m, trafficmap.PageOptions{})
	engine, err := theEngine()
	require.NoError(t, err)
	whole := html(t, m, trafficmap.PageOptions{Engine: engine})
	t.Logf("page of dist/: %d bytes without the engine, %d with it; the engine: %d compressed", len(page), len(whole), engine.Size())
	assert.Less(t, len(page), maxPage)
	// With what the engine reads, and without the engine itself, which is written in base64.
	assert.Less(t, len(whole)-(engine.Size()+2)/3*4, maxPage)
	assert.Less(t, engine.Size(), maxEngine)
}

const secretive = `
apiVersion: v1
kind: Secret
metadata:
  name: login
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"sesame-1"}}'
stringData: {password: sesame-2}
data: {token: c2VzYW1lLTM=}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: sesame-4}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"env":"sesame-5"}'
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {note: sesame-6}
    spec:
      containers:
        - name: web
          image: example.com/web:1
          args: [--password=sesame-7]
          command: [sh, sesame-8]
          env:
            - {name: DIRECT, value: sesame-9}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}
          envFrom: [{configMapRef: {name: settings}}]
          readinessProbe: {httpGet: {path: /ready, port: 8080, httpHeaders: [{name: a, value: sesame-10}]}, periodSeconds: 5}
          volumeMounts: [{name: login, mountPath: /login}]
      volumes: [{name: login, secret: {secretName: login}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 6
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: missing}]}
`

// TestNoValues looks for values that are nobody's business.
func TestNoValues(t *testing.T) {
	t.Parallel()
	m := trafficmap.New([]trafficmap.Set{read(t, secretive)}, check.Options{})
	for _, text := range []string{html(t, m, trafficmap.PageOptions{}), html(t, m, trafficmap.PageOptions{Engine: &trafficmap.Engine{}}), svg(t, m), string(m.Mermaid())} {
		for _, value := range []string{"sesame", "c2VzYW1l"} {
			at := strings.Index(text, value)
			assert.Negative(t, at, "%.80s", text[max(at-40, 0):])
		}
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	set := data(t, html(t, trafficmap.New([]trafficmap.Set{read(t, secretive)}, check.Options{}), trafficmap.PageOptions{})).Sets[0]
	card := set.Cards["Deployment.apps/default/web"]
	var chips []string
	for _, chip := range card.Chips {
		chips = append(chips, chip.Text)
	}
	assert.Equal(t, []string{"1 config", "1 secret", "1 probe", "scales 2–6 pods", "budget"}, chips)
	sections := map[string][]string{}
	for _, section := range card.Sections {
		sections[section.Title] = section.Items
	}
	assert.Equal(t, []string{"settings: all keys as variables"}, sections["Config"])
	assert.Equal(t, []string{"login: PASSWORD, volume login"}, sections["Secrets, by name"])
	assert.Equal(t, []string{"web readiness: GET /ready on port 8080, every 5 s"}, sections["Probes"])
	assert.Equal(t, []string{"2–6 pods", "Resource cpu"}, sections["Autoscaler web"])
	assert.Equal(t, []string{"maxUnavailable 1"}, sections["Budget web"])
	codes := map[string]string{}
	for _, finding := range set.Findings {
		codes[finding.Code] = finding.Node
	}
	assert.Equal(t, "Service./default/web", codes["KC102"], "the port that no pod has stands on the card of the Service")
	assert.Equal(t, "error", set.Cards["Service./default/web"].Worst)
}

// hostile has markup in every place that is shown.
const hostile = `
apiVersion: v1
kind: Service
metadata: {name: "</script><img src=x onerror=evil()>"}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "<img src=x onerror=evil()>&\"'"}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: "<b>v1"}}
    spec:
      containers: [{name: "</title>", image: "<script>evil()</script>", envFrom: [{secretRef: {name: "<svg onload=evil()>"}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: d}
spec:
  host: "</script><img src=x onerror=evil()>"
  subsets: [{name: "</text><script>evil()</script>", labels: {version: "<b>v1"}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: "v<style>*{display:none}", namespace: "]]>&lt;"}
spec:
  hosts: ["<!--<script>.example.com"]
  http:
    - name: "--><script>evil()</script>"
      match: [{uri: {exact: "/</script><script>evil()</script>"}, headers: {"\"]|x": {exact: "a\"|b#quot;"}}}]
      route: [{destination: {host: "</script><img src=x onerror=evil()>", subset: "</text><script>evil()</script>"}}]
      rewrite: {uri: "javascript:evil()"}
`

func TestMarkupIsText(t *testing.T) {
	t.Parallel()
	set := read(t, hostile)
	set.Name = "</script><script>evil()</script>"
	m := trafficmap.New([]trafficmap.Set{set}, check.Options{})
	page := html(t, m, trafficmap.PageOptions{Title: "</title><script>evil()</script>", Without: "</script><script>evil()</script>", Engine: &trafficmap.Engine{}})
	assert.Equal(t, strings.Count(html(t, trafficmap.New(nil, check.Options{}), trafficmap.PageOptions{Engine: &trafficmap.Engine{}}), "<script"), strings.Count(page, "<script"))
	assert.Negative(t, strings.Index(page, "<img"))
	drawn := svg(t, m)
	assert.Negative(t, max(strings.Index(drawn, "<img"), strings.Index(drawn, "<script")))
	for line := range strings.Lines(string(m.Mermaid())) {
		// Nothing but its own quotes and line breaks.
		assert.NotContains(t, strings.ReplaceAll(line, "<br>", ""), "<")
	}
	if engine, err := theEngine(); assert.NoError(t, err) {
		b := open(t, []byte(html(t, m, trafficmap.PageOptions{Engine: engine})))
		b.is(t, `document.documentElement.dataset.engine === "ready"`)
		b.ask(t, "<!--<script>.example.com", "/</script><script>evil()</script>", "a: <img src=x onerror=evil()>")
		evaluate[bool](t, b, `[...document.querySelectorAll(".node")].every((node) => node.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })) || true)`)
		evaluate[bool](t, b, `document.getElementById("tab-findings").click() === undefined`)
		assert.True(t, evaluate[bool](t, b, `document.querySelectorAll("img").length === 0 && document.querySelectorAll("script").length === 3`))
		b.clean(t)
	}
}

func TestNonsense(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]trafficmap.Set{
		"nothing":        {Name: "nothing"},
		"no kind":        {Objects: []check.Object{{Content: map[string]any{"a": "b"}}, {}}},
		"other kinds":    read(t, "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"),
		"odd fields":     read(t, "apiVersion: v1\nkind: Service\nmetadata: 3\nspec: [1]\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [1, null, {env: 3, ports: x}], volumes: {}}, metadata: []}}\n"),
		"circle":         read(t, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r}\nspec: {hosts: [a], http: [{delegate: {name: x}}]}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: {http: [{delegate: {name: y}}]}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: y}\nspec: {http: [{delegate: {name: x}}]}\n"),
		"of a prototype": read(t, "apiVersion: v1\nkind: Service\nmetadata: {name: __proto__, namespace: constructor}\nspec: {selector: {constructor: a}, ports: [{port: 80}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: toString, namespace: __proto__}\nspec: {ports: [{port: 80}]}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := trafficmap.New([]trafficmap.Set{set}, check.Options{})
			assert.NotEmpty(t, html(t, m, trafficmap.PageOptions{}))
			assert.NotEmpty(t, svg(t, m))
			assert.Contains(t, string(m.Mermaid()), "flowchart LR")
		})
	}
}

// TestPublicObjectsSuffice asks the objects of a page what the whole ones are asked.
func TestPublicObjectsSuffice(t *testing.T) {
	t.Parallel()
	sets := append(chapterSets(t), largeSet(t, 20, 3), read(t, secretive))
	for i, set := range data(t, html(t, trafficmap.New(sets, check.Options{}), trafficmap.PageOptions{Engine: &trafficmap.Engine{}})).Sets {
		var whole, public []engine.Object
		for _, object := range sets[i].Objects {
			whole = append(whole, engine.Object{Content: object.Content, Place: object.Place.String()})
		}
		for _, object := range set.Objects {
			public = append(public, engine.Object{Content: object.Content, Place: object.Place})
		}
		full, short := engine.New(whole, engine.Options{}), engine.New(public, engine.Options{})
		assert.Equal(t, full.Graph(), short.Graph(), sets[i].Name)
		for _, n := range full.Graph().Nodes {
			for _, host := range []string{n.Title, n.Field} {
				for _, request := range []engine.Request{{Host: host}, {Host: host, GRPC: "helloworld.Greeter/SayHello"}, {Host: host, Path: "/next", Headers: []engine.Header{{Name: "version", Value: "200"}}}} {
					want, wantErr := full.Explain(request)
					got, err := short.Explain(request)
					assert.Equal(t, wantErr, err)
					assert.Equal(t, want, got)
				}
			}
		}
	}
}

func TestWithoutEngine(t *testing.T) {
	t.Parallel()
	page := html(t, trafficmap.New(chapterSets(t), check.Options{}), trafficmap.PageOptions{Without: "There is none."})
	assert.Empty(t, data(t, page).Sets[5].Objects, "nobody would ask them")
	b := open(t, []byte(page))
	b.is(t, `document.getElementById("engine-state").textContent === "There is none."`)
	assert.Contains(t, evaluate[string](t, b, `document.getElementById("panel-request").textContent`), "made without the engine")
	b.clean(t)
}
