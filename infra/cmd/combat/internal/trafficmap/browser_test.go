package trafficmap_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/cmd/combat/internal/trafficmap"
)

// theEngine is compiled once.
var theEngine = sync.OnceValues(func() (*trafficmap.Engine, error) { return trafficmap.BuildEngine(context.Background(), "") })

// browser is a tab of a headless Chromium, and what went wrong in it.
type browser struct {
	context.Context
	mu       sync.Mutex
	requests []string
	problems []string
}

// open opens a page of a file. Where there is no Chromium the test is skipped.
func open(t *testing.T, page []byte) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("SKIPPED what opens the map in a browser: no program chromium is on the PATH")
	}
	file := filepath.Join(t.TempDir(), "map.html")
	require.NoError(t, os.WriteFile(file, page, 0o600))
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1600, 1000))
	allocated, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	tab, cancelTab := chromedp.NewContext(allocated)
	t.Cleanup(cancelTab)
	ctx, cancelTime := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(cancelTime)
	b := &browser{Context: ctx}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			if url := event.Request.URL; !strings.HasPrefix(url, "file://") && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") {
				b.requests = append(b.requests, url)
			}
		case *runtime.EventExceptionThrown:
			text := event.ExceptionDetails.Text
			if thrown := event.ExceptionDetails.Exception; thrown != nil {
				text += " " + thrown.Description
			}
			b.problems = append(b.problems, text)
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
				b.problems = append(b.problems, "console: "+string(event.Args[0].Value))
			}
		case *log.EventEntryAdded:
			b.problems = append(b.problems, event.Entry.Text)
		}
	}))
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, log.Enable, cdp.Empty{})
	b.do(t, chromedp.Navigate("file://"+file))
	b.is(t, `document.querySelector("svg .set") !== null`)
	return b
}

func call[P, R any](t *testing.T, b *browser, command cdp.Command[P, R], params P) {
	t.Helper()
	_, err := chromedp.Call(b, command, params)
	require.NoError(t, err)
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(b, actions...))
}

func evaluate[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	value, err := chromedp.Run(b, chromedp.Evaluate[T](script))
	require.NoError(t, err)
	return value
}

// is waits until a script is true.
func (b *browser) is(t *testing.T, script string) {
	t.Helper()
	require.Eventually(t, func() bool { return evaluate[bool](t, b, script) }, 30*time.Second, 50*time.Millisecond, script)
}

// choose shows a set, -1 for all.
func (b *browser) choose(t *testing.T, set string) {
	t.Helper()
	evaluate[bool](t, b, `(() => { const set = document.getElementById("set"); set.value = "`+set+`"; return set.dispatchEvent(new Event("change")); })()`)
}

// ask types a request.
func (b *browser) ask(t *testing.T, host, path, headers string) {
	t.Helper()
	evaluate[bool](t, b, `document.getElementById("clear").click() === undefined`)
	for id, value := range map[chromedp.CSS]string{"#host": host, "#path": path, "#headers": headers} {
		b.do(t, chromedp.SendKeys(id, value))
	}
	time.Sleep(300 * time.Millisecond)
}

// clean expects that nothing went wrong and nothing was asked of a network.
func (b *browser) clean(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(t, b.problems)
	assert.Empty(t, b.requests)
}

// shoot keeps a picture where SCREENSHOTS names a folder.
func (b *browser) shoot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	// The system is light before and after.
	for _, theme := range []string{"light", "dark", "light"} {
		call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		time.Sleep(300 * time.Millisecond)
		picture, err := chromedp.Run(b, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+theme+".png"), picture, 0o600))
	}
}

// chapterSets are the sets of dist/.
func chapterSets(t *testing.T) []trafficmap.Set {
	t.Helper()
	files, err := check.Files("../../../../../dist")
	require.NoError(t, err)
	var sets []trafficmap.Set
	for _, file := range files {
		objects, err := check.Read(nil, file)
		require.NoError(t, err)
		for i := range objects {
			objects[i].Place.File = "dist/" + filepath.Base(file)
		}
		sets = append(sets, trafficmap.Set{Name: strings.TrimSuffix(filepath.Base(file), ".k8s.yaml"), Objects: objects})
	}
	return sets
}

func page(t *testing.T, sets []trafficmap.Set) []byte {
	t.Helper()
	engine, err := theEngine()
	require.NoError(t, err)
	content, err := trafficmap.New(sets, check.Options{}).HTML(trafficmap.PageOptions{Engine: engine})
	require.NoError(t, err)
	return content
}

// lit are the titles of nodes that light up.
const lit = `[...document.querySelectorAll(".node.on")].map((node) => node.classList[1] + " " + (JSON.parse(document.getElementById("data").textContent).sets[node.closest(".set").dataset.set].graph.nodes.find((one) => one.key === node.dataset.key) || { title: node.querySelector(".title").textContent }).title + (node.querySelector(".share text") ? " " + node.querySelector(".share text").textContent : "")).join(", ")`

func TestPageOfTheChapters(t *testing.T) {
	t.Parallel()
	sets := chapterSets(t)
	b := open(t, page(t, sets))
	b.is(t, `document.documentElement.dataset.engine === "ready"`)
	assert.Equal(t, 12, evaluate[int](t, b, `document.querySelectorAll("svg .set").length`))
	b.shoot(t, "dist")

	b.choose(t, "6")
	b.shoot(t, "weights")
	b.ask(t, "k8s-combat-service-istio-mesh", "/helloworld.Greeter/SayHello", "")
	b.is(t, `document.querySelectorAll(".node.on").length > 0`)
	assert.Equal(t, "host k8s-combat-service-istio-mesh, rule 1. weights, service k8s-combat-service-istio-mesh, workload k8s-combat-service-v1 10 %, workload k8s-combat-service-v2 90 %", evaluate[string](t, b, lit))
	assert.Equal(t, 5, evaluate[int](t, b, `document.querySelectorAll(".edge.on").length`))
	assert.Contains(t, evaluate[string](t, b, `document.getElementById("panel-request").innerText`), "a caller waits at most")
	b.shoot(t, "weights-asked")

	// The same by header, and which rules were passed.
	b.choose(t, "5")
	b.ask(t, "k8s-combat-service-istio-mesh", "/ping", "version: 200")
	assert.Equal(t, "host k8s-combat-service-istio-mesh, rule 2. v2, service k8s-combat-service-istio-mesh, workload k8s-combat-service-v2", evaluate[string](t, b, lit))
	assert.Equal(t, "1. v1", evaluate[string](t, b, `[...document.querySelectorAll(".node.refused .title")].map((title) => title.textContent).join(", ")`))
	b.shoot(t, "canary-asked")

	// The address says it again.
	b.do(t, chromedp.Reload())
	b.is(t, `document.documentElement.dataset.engine === "ready" && document.querySelectorAll(".node.on").length > 0`)
	assert.Equal(t, "host k8s-combat-service-istio-mesh, rule 2. v2, service k8s-combat-service-istio-mesh, workload k8s-combat-service-v2", evaluate[string](t, b, lit))

	// All sets at once: two of them know the host.
	b.choose(t, "-1")
	b.ask(t, "www.service1.io", "/", "")
	assert.Equal(t, "gateway k8s-combat-ingress, host www.service1.io, rule rule 1, service k8s-combat-service, workload k8s-combat-service, "+
		"gateway istio-ingress-gateway, host www.service1.io, rule 1. default, service k8s-combat-service-istio-mesh, workload k8s-combat-service-v1", evaluate[string](t, b, lit))
	assert.Contains(t, evaluate[string](t, b, `document.getElementById("panel-request").innerText`), "10 other sets do not know the host.")
	b.shoot(t, "dist-asked")

	// Findings lead to their objects.
	evaluate[bool](t, b, `document.getElementById("tab-findings").click() === undefined`)
	evaluate[bool](t, b, `document.querySelector("#panel-findings button").click() === undefined`)
	assert.Equal(t, 1, evaluate[int](t, b, `document.querySelectorAll(".node.selected").length`))
	assert.Contains(t, evaluate[string](t, b, `document.getElementById("panel-card").innerText`), "Findings")
	b.shoot(t, "finding")

	// A host that nobody has.
	b.ask(t, "www.service9.io", "/", "")
	assert.Empty(t, evaluate[string](t, b, lit))

	// What is drawn here is what the command draws.
	drawn, err := trafficmap.New(sets[6:7], check.Options{}).SVG()
	require.NoError(t, err)
	b.choose(t, "6")
	var places []string
	for _, found := range regexp.MustCompile(`<g class="node [a-z]+" transform="(translate[^"]+)"`).FindAllStringSubmatch(string(drawn), -1) {
		places = append(places, found[1])
	}
	assert.Equal(t, strings.Join(places, " "), evaluate[string](t, b, `[...document.querySelectorAll(".node")].map((node) => node.getAttribute("transform")).join(" ")`))
	b.clean(t)
}

func TestPageByKeyboard(t *testing.T) {
	t.Parallel()
	b := open(t, page(t, chapterSets(t)[6:7]))
	b.is(t, `document.documentElement.dataset.engine === "ready"`)
	active := `(document.activeElement.closest(".node") || { getAttribute: () => document.activeElement.tagName }).getAttribute("aria-label")`
	assert.Equal(t, 1, evaluate[int](t, b, `document.querySelectorAll('.node[tabindex="0"]').length`), "one stop of the tab key")
	evaluate[bool](t, b, `document.querySelector('.node[tabindex="0"]').focus() === undefined`)
	for _, step := range []struct{ key, want string }{
		{kb.ArrowRight, "Rule 1. weights, k8s-combat-service-vs, timeout 5s, 2 retries of 1.5s"},
		{kb.ArrowDown, "Rule 2. fault-delay, k8s-combat-service-vs, delays 100 % by 3s"},
		{kb.ArrowRight, "Service k8s-combat-service-istio-mesh, ClusterIP, 8081 HTTP, 50051 gRPC, subset v1, subset v2"},
		{kb.ArrowRight, "Deployment k8s-combat-service-v1, Deployment, 1 pod"},
		{kb.ArrowLeft, "Service k8s-combat-service-istio-mesh, ClusterIP, 8081 HTTP, 50051 gRPC, subset v1, subset v2"},
	} {
		b.do(t, chromedp.KeyEvent(step.key))
		assert.Equal(t, step.want, evaluate[string](t, b, active))
	}
	b.do(t, chromedp.KeyEvent(kb.Enter))
	assert.Contains(t, evaluate[string](t, b, `document.getElementById("panel-card").innerText`), "Leads to")
	b.shoot(t, "card")
	b.do(t, chromedp.KeyEvent("/"))
	assert.Equal(t, "search", evaluate[string](t, b, `document.activeElement.id`))

	// Whatever is used has a name.
	assert.Empty(t, evaluate[string](t, b, `[...document.querySelectorAll("input, select, textarea, button, [role=tabpanel], [role=listbox], svg")].filter((element) =>
		!(element.labels && element.labels.length) && !element.getAttribute("aria-label") && !element.getAttribute("aria-labelledby") && !element.textContent.trim()).map((element) => element.outerHTML).join()`))

	// Themes: as the system, light, dark.
	background := `getComputedStyle(document.body).backgroundColor`
	light := evaluate[string](t, b, background)
	evaluate[bool](t, b, `(document.getElementById("theme").click(), document.getElementById("theme").click()) === undefined`)
	assert.NotEqual(t, light, evaluate[string](t, b, background))
	assert.Equal(t, "Theme: dark", evaluate[string](t, b, `document.getElementById("theme").textContent`))
	b.clean(t)
}

func TestPageOf300Services(t *testing.T) {
	t.Parallel()
	content := page(t, []trafficmap.Set{largeSet(t, 300, 12)})
	b := open(t, content)
	b.is(t, `document.documentElement.dataset.engine === "ready"`)
	t.Logf("page of 300 services: %d bytes", len(content))
	assert.Equal(t, 13, evaluate[int](t, b, `document.querySelectorAll(".node").length`), "the gateway, and a node for each namespace")
	b.shoot(t, "large")
	b.ask(t, "service-123.example.com", "/next", "")
	assert.Equal(t, "gateway public, namespace team-03", evaluate[string](t, b, lit))
	b.shoot(t, "large-asked")
	for _, what := range []string{"expand", "collapse"} {
		took := evaluate[float64](t, b, `(() => { const start = performance.now(); document.getElementById("collapse").click(); return performance.now() - start; })()`)
		t.Logf("to %s all namespaces takes %.0f ms", what, took)
	}
	evaluate[bool](t, b, `(document.getElementById("clear").click(), document.querySelector('[data-key="namespace team-03"]').dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })))`)
	b.ask(t, "service-123.example.com", "/next", "")
	assert.Equal(t, "gateway public, host service-123.example.com, rule 1. next, service service-135, workload service-135-v1 50 %, workload service-135-v2 50 %", evaluate[string](t, b, lit))
	b.shoot(t, "large-namespace")
	evaluate[bool](t, b, `[...document.querySelectorAll("#panel-request button")].find((button) => button.textContent === "Show only this way").click() === undefined`)
	assert.Equal(t, 6, evaluate[int](t, b, `document.querySelectorAll(".node").length`))
	b.shoot(t, "large-way")
	evaluate[bool](t, b, `document.getElementById("unfocus").click() === undefined`)
	b.ask(t, "service-042.example.com", "/", "")
	b.do(t, chromedp.SendKeys(chromedp.CSS("#search"), "service-042"))
	b.shoot(t, "large-search")
	b.do(t, chromedp.SendKeys(chromedp.CSS("#search"), "\r"))
	assert.Less(t, evaluate[int](t, b, `document.querySelectorAll(".node").length`), 15, "what leads to the service, and from it")
	b.shoot(t, "large-focus")
	b.clean(t)
}
