package trafficmap

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html"
	"strings"
)

//go:embed assets/page.html
var pageMarkup string

//go:embed assets/page.css
var pageStyle string

//go:embed assets/page.js
var pageScript string

//go:embed assets/scene.css
var sceneStyle string

//go:embed assets/scene.js
var sceneScript string

//go:embed assets/theme.light.css
var lightTheme string

//go:embed assets/theme.dark.css
var darkTheme string

// dagre of https://github.com/dagrejs/dagre, package @dagrejs/dagre of npm in version 3.1.3, the file dist/dagre.min.js
// without the name of its source map.
//
//go:embed assets/dagre.min.js
var dagreScript string

//go:embed assets/dagre.LICENSE
var dagreLicence string

// PageOptions of a page.
type PageOptions struct {
	// Title of the page. Defaults to "Traffic map".
	Title string
	// Engine answers requests in the page. Nil for a page without, and Without says why.
	Engine  *Engine
	Without string
	// Reload is the path of events upon which the page loads itself again. Defaults to none.
	Reload string
}

// pageData is what the script of the page reads.
type pageData struct {
	Sets    []drawnSet     `json:"sets"`
	Options map[string]any `json:"options"`
	Without string         `json:"without,omitempty"`
	Reload  string         `json:"reload,omitempty"`
}

// HTML writes the page: one file that needs no network.
func (m *Map) HTML(options PageOptions) ([]byte, error) {
	sets := m.sets
	if options.Engine == nil {
		// Nobody would ask them.
		sets = make([]drawnSet, len(m.sets))
		for i, set := range m.sets {
			set.Objects = []publicObject{}
			sets[i] = set
		}
	}
	// What JSON writes of "<", ">" and "&" is \u003c and so on: no name of an object can end the element.
	data, err := json.Marshal(pageData{Sets: sets, Without: options.Without, Reload: options.Reload,
		Options: map[string]any{"namespace": m.options.Namespace, "clusterDomain": m.options.ClusterDomain}})
	if err != nil {
		return nil, err
	}
	style := ":root { color-scheme: light dark; " + lightTheme + " }\n" +
		"@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { " + darkTheme + " } }\n" +
		":root[data-theme=dark] { color-scheme: dark; " + darkTheme + " }\n:root[data-theme=light] { color-scheme: light; }\n" + sceneStyle + pageStyle
	script := "/*\ndagre 3.1.3, https://github.com/dagrejs/dagre\n\n" + dagreLicence + "*/\n" + dagreScript + "\n" + sceneScript
	if options.Engine != nil {
		if options.Engine.licence != "" {
			script += "\n/*\nGo, in what follows and in the engine, https://go.dev\n\n" + options.Engine.licence + "*/\n"
		}
		script += options.Engine.support
	}
	script += "\n" + pageScript
	connect := "'none'"
	if options.Reload != "" {
		connect = "'self'"
	}
	policy := "default-src 'none'; script-src " + hash(script) + " 'wasm-unsafe-eval'; style-src " + hash(style) +
		"; img-src data:; connect-src " + connect + "; base-uri 'none'; form-action 'none'"

	title := options.Title
	if title == "" {
		title = "Traffic map"
	}
	var page bytes.Buffer
	write := func(parts ...string) {
		for _, part := range parts {
			_, _ = page.WriteString(part)
		}
	}
	write("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"", policy,
		"\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>", html.EscapeString(title),
		"</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>", style, "</style>\n</head>\n<body>\n", pageMarkup,
		"<script type=\"application/json\" id=\"data\">", string(data), "</script>\n")
	if options.Engine != nil {
		write("<script type=\"application/gzip+base64\" id=\"engine\">", base64.StdEncoding.EncodeToString(options.Engine.module), "</script>\n")
	}
	write("<script>", script, "</script>\n</body>\n</html>\n")
	return page.Bytes(), nil
}

// hash is how a policy names a script or style that may be used. A browser takes line ends as they are here.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + strings.TrimSpace(base64.StdEncoding.EncodeToString(sum[:])) + "'"
}
