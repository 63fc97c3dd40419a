package trafficmap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// card is what else is to be known of a node. It names Secrets and ConfigMaps, and has no values of theirs.
type card struct {
	Chips    []chip    `json:"chips,omitempty"`
	Sections []section `json:"sections,omitempty"`
	// Findings are the places of findings of the set.
	Findings []int          `json:"findings,omitempty"`
	Worst    check.Severity `json:"worst,omitempty"`
}

type chip struct {
	Text string `json:"text"`
}

type section struct {
	Title string   `json:"title"`
	Items []string `json:"items"`
}

// cardMaker makes cards, and remembers which objects stand on which.
type cardMaker struct {
	index *objects.Index
	nodes map[objects.Key][]string
}

func newCardMaker(index *objects.Index) *cardMaker {
	return &cardMaker{index, map[objects.Key][]string{}}
}

// nodesOf are the nodes of an object, its own before those where it is one of others.
func (m *cardMaker) nodesOf(key objects.Key) []string { return m.nodes[key] }

// on remembers that an object stands on a card.
func (m *cardMaker) on(kind, namespace, name, node string, own bool) {
	key := objects.Key{Kind: kind, Namespace: namespace, Name: name}
	switch {
	case slices.Contains(m.nodes[key], node):
	case own:
		m.nodes[key] = slices.Insert(m.nodes[key], 0, node)
	default:
		m.nodes[key] = append(m.nodes[key], node)
	}
}

func (m *cardMaker) card(n *engine.Node) *card {
	if n.ObjectKind == "" {
		return nil
	}
	m.on(n.ObjectKind, n.Namespace, n.Name, n.Key, true)
	for _, with := range n.With {
		if parts := strings.SplitN(with, "/", 3); len(parts) == 3 {
			m.on(parts[0], parts[1], parts[2], n.Key, false)
		}
	}
	o := m.index.Find(n.ObjectKind, n.Namespace, n.Name)
	if o == nil {
		return nil
	}
	switch n.Kind {
	case engine.WorkloadNode:
		return m.workload(n, o)
	case engine.ServiceNode:
		return m.service(n, o)
	case engine.GatewayNode:
		return m.gateway(n, o)
	}
	return nil
}

func field(value any, names ...string) any {
	for _, name := range names {
		fields, _ := value.(map[string]any)
		value = fields[name]
	}
	return value
}

func list(value any) []any {
	values, _ := value.([]any)
	return values
}

func text(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case bool, int64, float64:
		return fmt.Sprint(value)
	}
	return ""
}

func (c *card) section(title string, items []string) {
	if len(items) > 0 {
		c.Sections = append(c.Sections, section{title, items})
	}
}

func (c *card) chip(format string, values ...any) {
	c.Chips = append(c.Chips, chip{fmt.Sprintf(format, values...)})
}

// count writes a number with its noun.
func count(number int, noun string) string {
	if number == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", number, noun)
}

// references are names of ConfigMaps or Secrets, each with what it is used for.
type references map[string][]string

func (r references) add(name, use string) {
	if name == "" {
		return
	}
	if r[name] == nil {
		r[name] = []string{}
	}
	if use != "" && !slices.Contains(r[name], use) {
		r[name] = append(r[name], use)
	}
}

func (r references) items() []string {
	var items []string
	for _, name := range slices.Sorted(maps.Keys(r)) {
		item := name
		if len(r[name]) > 0 {
			item += ": " + strings.Join(r[name], ", ")
		}
		items = append(items, item)
	}
	return items
}

func (m *cardMaker) workload(n *engine.Node, o *objects.Object) *card {
	c := &card{}
	pod, labels := field(o.Content, "spec", "template", "spec"), objects.Texts(field(o.Content, "spec", "template", "metadata", "labels"))
	if o.Kind == "Pod" {
		pod, labels = o.Content["spec"], o.Labels
	}
	config, secrets, claims := references{}, references{}, references{}
	var images, probes, resources []string
	probed := 0
	containers := list(field(pod, "containers"))
	for _, one := range slices.Concat(containers, list(field(pod, "initContainers"))) {
		name := text(field(one, "name"))
		image := text(field(one, "image"))
		if name != "" {
			image = name + ": " + image
		}
		images = append(images, image)
		var kinds []string
		for _, kind := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
			if probe := field(one, kind); probe != nil {
				kinds = append(kinds, strings.TrimSuffix(kind, "Probe"))
				probes = append(probes, name+" "+strings.TrimSuffix(kind, "Probe")+": "+probeText(probe))
			}
		}
		if len(kinds) > 0 {
			probed += len(kinds)
		}
		for _, kind := range []string{"requests", "limits"} {
			values, _ := field(one, "resources", kind).(map[string]any)
			var parts []string
			for _, resource := range slices.Sorted(maps.Keys(values)) {
				parts = append(parts, resource+" "+text(values[resource]))
			}
			if len(parts) > 0 {
				resources = append(resources, name+" "+kind+": "+strings.Join(parts, ", "))
			}
		}
		for _, from := range list(field(one, "envFrom")) {
			config.add(text(field(from, "configMapRef", "name")), "all keys as variables")
			secrets.add(text(field(from, "secretRef", "name")), "all keys as variables")
		}
		for _, variable := range list(field(one, "env")) {
			use := text(field(variable, "name"))
			config.add(text(field(variable, "valueFrom", "configMapKeyRef", "name")), use)
			secrets.add(text(field(variable, "valueFrom", "secretKeyRef", "name")), use)
		}
	}
	volumes(pod, config, secrets, claims)
	for _, one := range list(field(pod, "imagePullSecrets")) {
		secrets.add(text(field(one, "name")), "to pull images")
	}
	c.section("Images", images)
	c.section("Config", config.items())
	c.section("Secrets, by name", secrets.items())
	c.section("Claims", claims.items())
	c.section("Probes", probes)
	c.section("Resources", resources)
	for kind, names := range map[string]references{"ConfigMap": config, "Secret": secrets, "PersistentVolumeClaim": claims} {
		for name := range names {
			m.on(kind, o.Namespace, name, n.Key, false)
		}
	}
	if account := text(field(pod, "serviceAccountName")); account != "" {
		m.on("ServiceAccount", o.Namespace, account, n.Key, false)
		c.section("Account", []string{account})
	}
	if len(config) > 0 {
		c.chip("%d config", len(config))
	}
	if len(secrets) > 0 {
		c.chip("%s", count(len(secrets), "secret"))
	}
	if probed > 0 {
		c.chip("%s", count(probed, "probe"))
	}
	m.scaling(c, n, o)
	m.budgets(c, n, o, labels)
	m.policies(c, n, o, labels)
	return c
}

func volumes(pod any, config, secrets, claims references) {
	for _, one := range list(field(pod, "volumes")) {
		use := "volume " + text(field(one, "name"))
		config.add(text(field(one, "configMap", "name")), use)
		secrets.add(text(field(one, "secret", "secretName")), use)
		claims.add(text(field(one, "persistentVolumeClaim", "claimName")), use)
		for _, source := range list(field(one, "projected", "sources")) {
			config.add(text(field(source, "configMap", "name")), use)
			secrets.add(text(field(source, "secret", "name")), use)
		}
	}
}

func probeText(probe any) string {
	how := ""
	switch {
	case field(probe, "httpGet") != nil:
		how = "GET " + text(field(probe, "httpGet", "path")) + " on port " + text(field(probe, "httpGet", "port"))
	case field(probe, "grpc") != nil:
		how = "gRPC health on port " + text(field(probe, "grpc", "port"))
	case field(probe, "tcpSocket") != nil:
		how = "a connection to port " + text(field(probe, "tcpSocket", "port"))
	case field(probe, "exec") != nil:
		how = "a command"
	}
	if every := text(field(probe, "periodSeconds")); every != "" {
		how += ", every " + every + " s"
	}
	if failures := text(field(probe, "failureThreshold")); failures != "" {
		how += ", " + failures + " failures"
	}
	return how
}

func (m *cardMaker) scaling(c *card, n *engine.Node, o *objects.Object) {
	for _, scaler := range m.index.Kind("HorizontalPodAutoscaler") {
		target := field(scaler.Content, "spec", "scaleTargetRef")
		if scaler.Namespace != o.Namespace || text(field(target, "kind")) != o.Kind || text(field(target, "name")) != o.Name {
			continue
		}
		least := text(field(scaler.Content, "spec", "minReplicas"))
		if least == "" {
			least = "1"
		}
		span := least + "–" + text(field(scaler.Content, "spec", "maxReplicas")) + " pods"
		var metrics []string
		for _, metric := range list(field(scaler.Content, "spec", "metrics")) {
			kind := text(field(metric, "type"))
			name := text(field(metric, "resource", "name")) + text(field(metric, "pods", "metric", "name")) +
				text(field(metric, "external", "metric", "name")) + text(field(metric, "object", "metric", "name")) + text(field(metric, "containerResource", "name"))
			metrics = append(metrics, strings.TrimSpace(kind+" "+name))
		}
		c.chip("scales %s", span)
		c.section("Autoscaler "+scaler.Name, append([]string{span}, metrics...))
		m.on(scaler.Kind, scaler.Namespace, scaler.Name, n.Key, false)
	}
}

func (m *cardMaker) budgets(c *card, n *engine.Node, o *objects.Object, labels map[string]string) {
	for _, budget := range m.index.Kind("PodDisruptionBudget") {
		selector := field(budget.Content, "spec", "selector")
		if budget.Namespace != o.Namespace || !objects.Selects(selector, labels) {
			continue
		}
		var items []string
		for _, name := range []string{"minAvailable", "maxUnavailable"} {
			if value := text(field(budget.Content, "spec", name)); value != "" {
				items = append(items, name+" "+value)
			}
		}
		c.chip("budget")
		c.section("Budget "+budget.Name, items)
		m.on(budget.Kind, budget.Namespace, budget.Name, n.Key, false)
	}
}

// policies are those that say who may connect.
func (m *cardMaker) policies(c *card, n *engine.Node, o *objects.Object, labels map[string]string) {
	var items []string
	for _, kind := range []string{"NetworkPolicy", "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"} {
		for _, policy := range m.index.Kind(kind) {
			if policy.Namespace != o.Namespace {
				continue
			}
			selector := field(policy.Content, "spec", "podSelector")
			if kind != "NetworkPolicy" {
				selector = field(policy.Content, "spec", "selector")
				if field(policy.Content, "spec", "targetRefs") != nil || field(policy.Content, "spec", "targetRef") != nil {
					continue
				}
			}
			if objects.Selects(selector, labels) {
				items = append(items, kind+" "+policy.Name)
				m.on(policy.Kind, policy.Namespace, policy.Name, n.Key, false)
			}
		}
	}
	switch len(items) {
	case 0:
	case 1:
		c.chip("1 policy")
	default:
		c.chip("%d policies", len(items))
	}
	c.section("Policies", items)
}

func (m *cardMaker) service(n *engine.Node, o *objects.Object) *card {
	c := &card{}
	var ports []string
	for _, port := range list(field(o.Content, "spec", "ports")) {
		item := strings.TrimSpace(text(field(port, "name")) + " " + text(field(port, "port")) + text(field(port, "number")))
		if target := text(field(port, "targetPort")); target != "" {
			item += " → " + target
		}
		if protocol := text(field(port, "appProtocol")); protocol != "" {
			item += ", " + protocol
		}
		ports = append(ports, item)
	}
	c.section("Ports", ports)
	var selector []string
	labels := objects.Texts(field(o.Content, "spec", "selector"))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		selector = append(selector, name+"="+labels[name])
	}
	c.section("Selector", selector)
	var rules []string
	for _, with := range n.With {
		rules = append(rules, strings.Replace(with, "/", " ", 1))
	}
	c.section("Rules of destinations", rules)
	for _, monitor := range m.index.Kind("ServiceMonitor") {
		if monitor.Namespace == o.Namespace && len(objects.Texts(field(monitor.Content, "spec", "selector", "matchLabels"))) > 0 &&
			objects.Selects(field(monitor.Content, "spec", "selector"), o.Labels) {
			c.section("Scraped by", []string{"ServiceMonitor " + monitor.Name})
			m.on(monitor.Kind, monitor.Namespace, monitor.Name, n.Key, false)
		}
	}
	return c
}

func (m *cardMaker) gateway(n *engine.Node, o *objects.Object) *card {
	c := &card{}
	secrets := references{}
	for _, server := range list(field(o.Content, "spec", "servers")) {
		secrets.add(text(field(server, "tls", "credentialName")), "of port "+text(field(server, "port", "number")))
	}
	for _, listener := range list(field(o.Content, "spec", "listeners")) {
		for _, certificate := range list(field(listener, "tls", "certificateRefs")) {
			secrets.add(text(field(certificate, "name")), "of listener "+text(field(listener, "name")))
		}
	}
	for _, tls := range list(field(o.Content, "spec", "tls")) {
		secrets.add(text(field(tls, "secretName")), "")
	}
	for name := range secrets {
		m.on("Secret", o.Namespace, name, n.Key, false)
	}
	if len(secrets) > 0 {
		c.chip("%s", count(len(secrets), "certificate"))
	}
	c.section("Secrets, by name", secrets.items())
	return c
}
