package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// DashboardProps are the options of a Dashboard.
type DashboardProps struct {
	// Name of the ConfigMap, and of its key, with the suffix .json. Required; an RFC 1123 subdomain.
	Name string
	// Title that Grafana shows. Required.
	Title string
	// UID is how Grafana knows the dashboard and links to it, at most 40 letters, digits, '-' or
	// '_'. Defaults to Name, which is cut, and its '.' replaced, where Grafana would not take it.
	UID string
	// Folder is the folder in Grafana, which the sidecar reads from the annotation grafana_folder
	// where it is told to.
	// Defaults to none.
	Folder string
	// Tags that Grafana finds the dashboard by. Default to none.
	Tags []string
	// Panels from left to right, as many in a row as fit. At least one is required.
	Panels []Panel
	// Range is the time that is shown, up to now, at least 1 min, in whole seconds. Defaults to 6
	// h.
	Range time.Duration
	// Refresh is the time between two reads, at least 5 s, in whole seconds. Defaults to 30 s.
	Refresh time.Duration
	// Labels and Annotations of the ConfigMap. Default to none beside the label grafana_dashboard:
	// "1", by which the sidecar of Grafana's Helm chart finds it.
	Labels, Annotations map[string]string
	// Patch has the last word on the ConfigMap.
	Patch func(*corev1.ConfigMap)
}

// The label and the annotation that the sidecar of Grafana's Helm chart looks for.
const (
	dashboardLabel  = "grafana_dashboard"
	dashboardFolder = "grafana_folder"
)

func (props DashboardProps) withDefaults() DashboardProps {
	if props.UID == "" {
		props.UID = uidOf(props.Name)
	}
	if props.Range == 0 {
		props.Range = 6 * time.Hour
	}
	if props.Refresh == 0 {
		props.Refresh = 30 * time.Second
	}
	props.Panels = slices.Clone(props.Panels)
	for i := range props.Panels {
		props.Panels[i] = props.Panels[i].withDefaults()
	}
	return props
}

// longestUID is what Grafana takes.
const longestUID = 40

// uidOf makes a UID of a name that may be longer, or have a '.'.
func uidOf(name string) string {
	if len(name) <= longestUID && !strings.Contains(name, ".") {
		return name
	}
	digest := object.Digest(name)
	readable := strings.ReplaceAll(name, ".", "-")
	return strings.TrimRight(readable[:min(len(readable), longestUID-len(digest))], "-") + digest
}

// dataKey is the key of the ConfigMap that holds the dashboard.
func (props DashboardProps) dataKey() string {
	return object.Cut(props.Name, validation.DNS1123SubdomainMaxLength-len(dashboardSuffix)) + dashboardSuffix
}

var dashboardUID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// dashboardSuffix is put after the Name to make the key of the ConfigMap.
const dashboardSuffix = ".json"

func (props DashboardProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	if strings.TrimSpace(props.Title) == "" {
		p.Missing(problem.At("Title"), "say what the dashboard shows, for example \"Web\"")
	}
	if (props.UID != "" || props.Name != "") && !dashboardUID.MatchString(props.UID) {
		p.Add(problem.At("UID"), props.UID,
			"is not an id that Grafana takes; use 1 to 40 letters, digits, '-' or '_'")
	}
	if props.Range < time.Minute || props.Range%time.Second != 0 {
		p.Add(problem.At("Range"), props.Range, "is not a time to show; use whole seconds, 1m or more")
	}
	if props.Refresh < 5*time.Second || props.Refresh%time.Second != 0 {
		p.Add(problem.At("Refresh"), props.Refresh,
			"is not a time between reads that Grafana allows; use whole seconds, 5s or more")
	}
	p.Labels(problem.At("Labels"), props.Labels)
	if value, ok := props.Labels[dashboardLabel]; ok {
		p.Add(problem.Key(problem.At("Labels"), dashboardLabel), value,
			"is set by Dashboard; leave it out, or use Patch")
	}
	p.Annotations(problem.At("Annotations"), props.Annotations)
	if value, ok := props.Annotations[dashboardFolder]; ok && props.Folder != "" {
		p.Add(problem.Key(problem.At("Annotations"), dashboardFolder), value,
			"is set by Folder; leave out one of them")
	}
	if len(props.Panels) == 0 {
		p.Missing(problem.At("Panels"), "give at least one panel")
	}
	var titles problem.Unique
	for i, panel := range props.Panels {
		at := problem.At("Panels").Index(i)
		panel.validate(&p, at)
		if panel.Title != "" {
			titles.Check(&p, at.Child("Title"), at, panel.Title)
		}
	}
	return p
}

// Dashboard is a dashboard of Grafana, as a ConfigMap that Grafana's sidecar loads. Its data source
// is a variable, so that it works with whatever Prometheus a Grafana has.
// See https://github.com/grafana/helm-charts/tree/main/charts/grafana#sidecar-for-dashboards.
type Dashboard struct {
	constructs.Construct
	props DashboardProps
}

// NewDashboard makes a Dashboard.
func NewDashboard(scope constructs.Construct, id string, props DashboardProps) *Dashboard {
	props = props.withDefaults()
	d := &Dashboard{props: props}
	tree.New(d, scope, id)
	tree.Invalid(d, props.validate()...)
	text := props.json()
	var p problem.List
	p.DataSize(problem.At("Panels"), "ConfigMap", len(text))
	tree.Invalid(d, p...)
	annotations := maps.Clone(props.Annotations)
	if props.Folder != "" {
		annotations = object.Merged(annotations, map[string]string{dashboardFolder: props.Folder})
	}
	k8s.NewConfigMap(d, "Resource", object.Patched(d, "Patch", &corev1.ConfigMap{
		ObjectMeta: object.Meta(props.Name,
			object.Merged(props.Labels, map[string]string{dashboardLabel: "1"}), annotations),
		Data: map[string]string{props.dataKey(): text},
	}, props.Patch))
	return d
}

// Name returns the name of the ConfigMap.
func (d *Dashboard) Name() string {
	if d == nil {
		return ""
	}
	return d.props.Name
}

// What of Grafana's dashboard schema is written
// (https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/).
// The order of fields is that of Grafana's own export.
type (
	grafanaDashboard struct {
		Panels        []grafanaPanel    `json:"panels"`
		Refresh       string            `json:"refresh"`
		SchemaVersion int               `json:"schemaVersion"`
		Tags          []string          `json:"tags"`
		Templating    grafanaTemplating `json:"templating"`
		Time          grafanaTime       `json:"time"`
		Title         string            `json:"title"`
		UID           string            `json:"uid"`
	}
	grafanaTime struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	grafanaTemplating struct {
		List []grafanaVariable `json:"list"`
	}
	grafanaVariable struct {
		Label string `json:"label"`
		Name  string `json:"name"`
		Query string `json:"query"`
		Type  string `json:"type"`
	}
	grafanaPanel struct {
		Datasource  grafanaDatasource  `json:"datasource"`
		Description string             `json:"description,omitempty"`
		FieldConfig grafanaFieldConfig `json:"fieldConfig"`
		GridPos     grafanaPosition    `json:"gridPos"`
		ID          int                `json:"id"`
		Targets     []grafanaTarget    `json:"targets"`
		Title       string             `json:"title"`
		Type        string             `json:"type"`
	}
	grafanaDatasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	grafanaFieldConfig struct {
		Defaults  grafanaDefaults `json:"defaults"`
		Overrides []struct{}      `json:"overrides"`
	}
	grafanaCustom struct {
		ThresholdsStyle grafanaMode `json:"thresholdsStyle"`
	}
	grafanaMode struct {
		Mode string `json:"mode"`
	}
	grafanaDefaults struct {
		Custom     *grafanaCustom    `json:"custom,omitempty"`
		Max        *float64          `json:"max,omitempty"`
		Min        *float64          `json:"min,omitempty"`
		Thresholds grafanaThresholds `json:"thresholds"`
		Unit       string            `json:"unit"`
	}
	grafanaThresholds struct {
		Mode  string        `json:"mode"`
		Steps []grafanaStep `json:"steps"`
	}
	grafanaStep struct {
		Color string   `json:"color"`
		Value *float64 `json:"value"`
	}
	grafanaPosition struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	grafanaTarget struct {
		Datasource   grafanaDatasource `json:"datasource"`
		Expr         string            `json:"expr"`
		LegendFormat string            `json:"legendFormat,omitempty"`
		RefID        string            `json:"refId"`
	}
)

// prometheusVariable stands for the Prometheus that the reader chose at the top of the dashboard.
var prometheusVariable = grafanaDatasource{Type: "prometheus", UID: "${datasource}"}

// dashboardColumns is the width of a dashboard.
const dashboardColumns = 24

func (props DashboardProps) json() string {
	dashboard := grafanaDashboard{
		Panels:  []grafanaPanel{},
		Refresh: promDuration(props.Refresh),
		// Of Grafana 11 and later; older ones migrate what they read.
		SchemaVersion: 39,
		Tags:          append([]string{}, props.Tags...),
		Templating: grafanaTemplating{List: []grafanaVariable{
			{Label: "Data source", Name: "datasource", Query: prometheusVariable.Type, Type: "datasource"},
		}},
		Time:  grafanaTime{From: "now-" + grafanaAge(props.Range), To: "now"},
		Title: props.Title,
		UID:   props.UID,
	}
	x, y, rowHeight := 0, 0, 0
	for i, panel := range props.Panels {
		if x+panel.Width > dashboardColumns {
			x, y, rowHeight = 0, y+rowHeight, 0
		}
		dashboard.Panels = append(dashboard.Panels,
			panel.render(i+1, grafanaPosition{H: panel.Height, W: panel.Width, X: x, Y: y}))
		x, rowHeight = x+panel.Width, max(rowHeight, panel.Height)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	// Queries are full of '<', '>' and '&', and a ConfigMap is no web page.
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(dashboard); err != nil {
		// JSON holds everything but infinite numbers, and those are messages of validate.
		return ""
	}
	return text.String()
}

// grafanaAge writes a time before now, which in Grafana has one unit.
func grafanaAge(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}} {
		if d%unit.size == 0 {
			return fmt.Sprintf("%d%s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
