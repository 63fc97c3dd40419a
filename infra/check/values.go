package check

import (
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the time zones that are known do not depend on the machine

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"
)

const cronExample = `apiVersion: batch/v1
kind: CronJob
metadata: {name: tidy}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: tidy, image: "example.com/tidy:1.0.0"}]
`

const alertExample = `apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web}
spec:
  groups:
    - name: web
      rules: [{alert: Down, expr: "up{job='web'} == 0"}]
`

var valueRules = []Rule{
	{
		Code: "KC501", Title: "a field that the kind does not have", Severity: Error, Kinds: []string{anyKind},
		Doc:   "kubectl refuses it; other clients drop it without a word, so that what it says is lost. Nearly always it is misspelt, or stands one level too high or too low.",
		Wrong: edited(webExample, "replicas: 2", "replica: 2"),
		Right: webExample,
		object: func(c *checker, o *object) {
			for _, m := range o.misfits {
				if m.unknown {
					c.report(o, m.field, "it is refused, or lost: a "+o.kind+" has no such field", "look for its right name and place")
				}
			}
			if isCustom(o.group) {
				c.unknownFields(o)
			}
		},
	},
	{
		Code: "KC502", Title: "a value of another type than the field has", Severity: Error, Kinds: []string{anyKind},
		Doc:   "The API server refuses the object. A value such as true, 1 or 1e3 that is to be text stands in quotes.",
		Wrong: edited(webExample, "          ports", "          env: [{name: DEBUG, value: true}]\n          ports"),
		Right: edited(webExample, "          ports", "          env: [{name: DEBUG, value: \"true\"}]\n          ports"),
		object: func(c *checker, o *object) {
			for _, m := range o.misfits {
				if !m.unknown {
					c.report(o, m.field, "it is refused: the value "+m.message, "write it as the field wants it")
				}
			}
			if o.typed != nil && !isCustom(o.group) || len(o.misfits) > 0 {
				return
			}
			metadata, _ := o.Content["metadata"].(map[string]any)
			for _, group := range []string{"labels", "annotations"} {
				entries, _ := metadata[group].(map[string]any)
				for _, name := range slices.Sorted(maps.Keys(entries)) {
					if _, ok := entries[name].(string); !ok {
						c.report(o, at("metadata.%s[%s]", group, name), "it is refused: the value is a "+typeName(entries[name])+", and a string is wanted", "put it in quotes")
					}
				}
			}
		},
	},
	{
		Code: "KC503", Title: "a name that is not allowed", Severity: Error, Kinds: []string{anyKind},
		Doc:    "Names are lower-case letters, digits, '-' and for most kinds '.', of at most 253 characters, those of Services and namespaces of at most 63. The API server refuses others.",
		Wrong:  edited(configExample, "name: settings", "name: Settings"),
		Right:  configExample,
		object: checkName,
	},
	{
		Code: "KC504", Title: "a label or annotation that is not allowed", Severity: Error, Kinds: []string{anyKind},
		Doc:   "The value of a label has at most 63 letters, digits, '-', '_' and '.'. The API server refuses others.",
		Wrong: edited(configExample, "{name: settings}", "{name: settings, labels: {team: \"shop & web\"}}"),
		Right: edited(configExample, "{name: settings}", "{name: settings, labels: {team: shop-web}}"),
		object: func(c *checker, o *object) {
			c.checkLabels(o, "metadata.labels", o.labels)
			for _, name := range slices.Sorted(maps.Keys(o.annotations)) {
				if len(validation.IsQualifiedName(strings.ToLower(name))) > 0 {
					c.report(o, at("metadata.annotations[%s]", name), "it is refused: that is no key of an annotation", "use a name of at most 63 letters, digits, '-', '_' and '.', after a DNS name and '/'")
				}
			}
			if o.pods != nil && o.pods.at != "" {
				c.checkLabels(o, o.pods.at+"metadata.labels", o.pods.labels)
			}
		},
	},
	{
		Code: "KC509", Title: "a schedule that cron does not know", Severity: Error, Kinds: []string{"CronJob"},
		Doc:   "A schedule has five fields, or is a word such as @daily, and a time zone is one of the tz database. The API server refuses others, by the parser that is asked here.",
		Wrong: edited(cronExample, "0 3 * * *", "every night"),
		Right: cronExample,
		object: func(c *checker, o *object) {
			job, ok := o.typed.(*batchv1.CronJob)
			if !ok || strings.ContainsAny(job.Spec.Schedule, "${}") {
				return
			}
			if _, err := cron.ParseStandard(job.Spec.Schedule); err != nil || strings.Contains(job.Spec.Schedule, "TZ=") {
				c.report(o, "spec.schedule", "it is refused: that is no schedule", `use for example "0 3 * * *", and timeZone for a time zone`)
			}
			if zone := job.Spec.TimeZone; zone != nil && !isTemplate(*zone) {
				if _, err := time.LoadLocation(*zone); err != nil || *zone == "" || strings.EqualFold(*zone, "Local") {
					c.report(o, "spec.timeZone", "it is refused: there is no time zone "+*zone, "use a name of the tz database, for example Europe/Berlin")
				}
			}
		},
	},
	{
		Code: "KC510", Title: "an expression that Prometheus cannot read", Severity: Error, Kinds: []string{"PrometheusRule"},
		Doc:   "Prometheus leaves out the whole file of a rule that it cannot read, with its other rules. The expression is asked of its own parser.",
		Wrong: edited(alertExample, "== 0", "== )"),
		Right: alertExample,
		object: func(c *checker, o *object) {
			rule, ok := o.typed.(*monitoringv1.PrometheusRule)
			if !ok {
				return
			}
			for i, group := range rule.Spec.Groups {
				for j, each := range group.Rules {
					if _, err := promParser.ParseExpr(each.Expr.String()); err != nil {
						c.report(o, at("spec.groups[%d].rules[%d].expr", i, j), "the rules are not loaded: "+err.Error(), "correct the expression")
					}
				}
			}
		},
	},
	{
		Code: "KC511", Title: "a path without its type", Severity: Error, Kinds: []string{"Ingress"},
		Doc:   "A path of an Ingress says pathType: Exact, Prefix or ImplementationSpecific. The API server refuses one that does not, and a path that does not begin with '/'.",
		Wrong: documents(webExample, serviceExample, edited(ingressExample, "pathType: Prefix, ", "")),
		Right: documents(webExample, serviceExample, ingressExample),
		object: func(c *checker, o *object) {
			ingress, ok := o.typed.(*networkingv1.Ingress)
			if !ok {
				return
			}
			for i, rule := range ingress.Spec.Rules {
				if rule.HTTP == nil {
					continue
				}
				for j, path := range rule.HTTP.Paths {
					field := at("spec.rules[%d].http.paths[%d]", i, j)
					known := []networkingv1.PathType{networkingv1.PathTypeExact, networkingv1.PathTypePrefix, networkingv1.PathTypeImplementationSpecific}
					switch {
					case path.PathType == nil:
						c.report(o, field+".pathType", "it is refused: a path says its pathType", "use Prefix or Exact")
					case !slices.Contains(known, *path.PathType):
						c.report(o, field+".pathType", "it is refused: there is no pathType "+string(*path.PathType), "use Prefix, Exact or ImplementationSpecific")
					case *path.PathType != networkingv1.PathTypeImplementationSpecific && !strings.HasPrefix(path.Path, "/"):
						c.report(o, field+".path", "it is refused: a path begins with '/'", "put a '/' before it")
					}
				}
			}
		},
	},
	{
		Code: "KC512", Title: "ports that a Service cannot have", Severity: Error, Kinds: []string{"Service"},
		Doc:    "The ports of a Service are 1 to 65535, each once for a protocol, and have names of their own where there are more than one.",
		Wrong:  documents(webExample, edited(serviceExample, "[{name: http, port: 80, targetPort: http}]", "[{port: 80, targetPort: http}, {port: 81, targetPort: http}]")),
		Right:  documents(webExample, edited(serviceExample, "[{name: http, port: 80, targetPort: http}]", "[{name: http, port: 80, targetPort: http}, {name: http-more, port: 81, targetPort: http}]")),
		object: checkServicePorts,
	},
	{
		Code: "KC513", Title: "a field that is missing", Severity: Error, Kinds: []string{anyKind},
		Doc:    "The API server refuses the object without it.",
		Wrong:  edited(webExample, "          image: example.com/web:1.4.0\n", ""),
		Right:  webExample,
		object: checkRequired,
	},
	{
		Code: "KC514", Title: "a value that is not one of those allowed", Severity: Error, Kinds: []string{anyKind},
		Doc:    "The API server refuses the object. Such values are written as the API writes them, upper and lower case included.",
		Wrong:  documents(webExample, edited(serviceExample, "spec:\n", "spec:\n  type: LoadBalanced\n")),
		Right:  documents(webExample, edited(serviceExample, "spec:\n", "spec:\n  type: LoadBalancer\n")),
		object: checkEnumerations,
	},
	{
		Code: "KC515", Title: "a key of data that is not allowed", Severity: Error, Kinds: []string{"ConfigMap", "Secret"},
		Doc:   "The keys of a ConfigMap or Secret are letters, digits, '-', '_' and '.'. The API server refuses others.",
		Wrong: edited(configExample, "data: {MODE: fast}", "data: {\"MODE OF WORK\": fast}"),
		Right: configExample,
		object: func(c *checker, o *object) {
			for _, field := range []string{"data", "binaryData", "stringData"} {
				entries, _ := o.Content[field].(map[string]any)
				for _, name := range slices.Sorted(maps.Keys(entries)) {
					if len(validation.IsConfigMapKey(name)) > 0 {
						c.report(o, at("%s[%s]", field, name), "it is refused: that is no key", "use at most 253 letters, digits, '-', '_' and '.'")
					}
				}
			}
		},
	},
}

var promParser = parser.NewParser(parser.Options{})

// nameChecks are those of kinds whose names are not DNS subdomains.
var nameChecks = map[string]func(string) []string{
	"Service": validation.IsDNS1035Label, "Namespace": validation.IsDNS1123Label,
	"Role": pathName, "RoleBinding": pathName, "ClusterRole": pathName, "ClusterRoleBinding": pathName,
}

// pathName is what the API server asks of the names of roles (k8s.io/apimachinery/pkg/api/validate/content).
func pathName(name string) []string { return content.IsPathSegmentName(name) }

func checkName(c *checker, o *object) {
	if o.name == "" {
		if metadata, _ := o.Content["metadata"].(map[string]any); metadata["name"] == nil && isKnownKind(o) {
			c.report(o, "metadata.name", "it is refused: it has no name", "give it a name")
		}
		return
	}
	if strings.HasSuffix(o.name, "*") || strings.ContainsAny(o.name, "${}<>") || !isKnownKind(o) {
		return
	}
	check := nameChecks[o.kind]
	if check == nil || o.group != "" && o.kind == "Service" {
		check = validation.IsDNS1123Subdomain
	}
	if problems := check(o.name); len(problems) > 0 {
		c.report(o, "metadata.name", "it is refused: "+problems[0], "use lower-case letters, digits and '-'")
	}
	if o.written != "" && len(validation.IsDNS1123Label(o.written)) > 0 {
		c.report(o, "metadata.namespace", "it is refused: that is no name of a namespace", "use lower-case letters, digits and '-'")
	}
}

func (c *checker) checkLabels(o *object, field string, entries map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if len(validation.IsQualifiedName(name)) > 0 {
			c.report(o, at("%s[%s]", field, name), "it is refused: that is no key of a label", "use a name of at most 63 letters, digits, '-', '_' and '.', after a DNS name and '/'")
		}
		if len(validation.IsValidLabelValue(entries[name])) > 0 {
			c.report(o, at("%s[%s]", field, name), "it is refused: that is no value of a label", "use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends")
		}
	}
}

func checkServicePorts(c *checker, o *object) {
	service := o.service()
	if service == nil {
		return
	}
	names, numbers := map[string]bool{}, map[string]bool{}
	for i, port := range service.Spec.Ports {
		field := at("spec.ports[%d]", i)
		if port.Port < 1 || port.Port > 65535 {
			c.report(o, field+".port", at("it is refused: %d is no port", port.Port), "use 1 to 65535")
		}
		id := portKey(port.Protocol, port.Port)
		switch {
		case numbers[id]:
			c.report(o, field+".port", "it is refused: port "+id+" is there twice", "take one of them away")
		case port.Name == "" && len(service.Spec.Ports) > 1:
			c.report(o, field+".name", "it is refused: where there are more ports than one, each has a name", "give it a name")
		case names[port.Name]:
			c.report(o, field+".name", "it is refused: the name "+port.Name+" is there twice", "give each its own name")
		case port.Name != "" && len(validation.IsDNS1123Label(port.Name)) > 0:
			c.report(o, field+".name", "it is refused: that is no name of a port", "use lower-case letters, digits and '-'")
		}
		names[port.Name], numbers[id] = true, true
	}
	if len(service.Spec.Ports) == 0 && service.Spec.Type != corev1.ServiceTypeExternalName && service.Spec.ClusterIP != corev1.ClusterIPNone {
		c.report(o, "spec.ports", "it is refused: a Service has a port", "add one")
	}
}

func checkRequired(c *checker, o *object) {
	if o.typed == nil && isBuiltIn(o.group) {
		return
	}
	absent := func(field string) {
		c.report(o, field, "it is refused: this field is missing", "add it")
	}
	if w := o.pods; w != nil && !w.partial && w.typed != nil {
		for _, container := range w.containers() {
			if container.Name == "" {
				absent(container.at + ".name")
			}
			if container.Image == "" {
				absent(container.at + ".image")
			}
			for i, port := range container.Ports {
				if port.ContainerPort == 0 {
					absent(at("%s.ports[%d].containerPort", container.at, i))
				}
			}
			for i, mount := range container.VolumeMounts {
				if mount.MountPath == "" {
					absent(at("%s.volumeMounts[%d].mountPath", container.at, i))
				}
			}
			for i, env := range container.Env {
				if env.Name == "" {
					absent(at("%s.env[%d].name", container.at, i))
				}
			}
		}
		if len(w.spec.Containers) == 0 {
			absent(w.at + "spec.containers")
		}
	}
	switch o.kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		if o.typed != nil && o.ownSelector() == nil {
			absent("spec.selector")
		}
	case "Ingress":
		if ingress, ok := o.typed.(*networkingv1.Ingress); ok && ingress.Spec.DefaultBackend == nil && len(ingress.Spec.Rules) == 0 {
			absent("spec.rules")
		}
	case "PersistentVolumeClaim":
		if claim, ok := o.typed.(*corev1.PersistentVolumeClaim); ok {
			if len(claim.Spec.AccessModes) == 0 {
				absent("spec.accessModes")
			}
			if claim.Spec.Resources.Requests.Storage().IsZero() {
				absent("spec.resources.requests.storage")
			}
		}
	}
}
