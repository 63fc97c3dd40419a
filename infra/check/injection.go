package check

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"istio.io/api/annotation"
)

const ambientExample = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}
`

const gatewayWorkload = `apiVersion: v1
kind: Namespace
metadata: {name: edge, labels: {istio-injection: disabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge, namespace: edge}
spec:
  selector: {matchLabels: {app: edge}}
  template:
    metadata:
      labels: {app: edge, sidecar.istio.io/inject: "true"}
      annotations: {inject.istio.io/templates: gateway}
    spec: {containers: [{name: istio-proxy, image: auto}]}
`

var injectionRules = []Rule{
	{
		Code: "KC240", Title: "a Sidecar where there are no sidecars", Severity: Warning, Kinds: []string{"Sidecar"},
		Doc:   "The pods of an ambient namespace have no sidecars, and what a Sidecar says of them takes no effect.",
		Wrong: documents(ambientExample, edited(sidecarExample, "{name: default}", "{name: default, namespace: shop}")),
		Right: documents(namespaceExample, edited(sidecarExample, "{name: default}", "{name: default, namespace: shop}")),
		object: func(c *checker, o *object) {
			namespace, _ := c.find("Namespace", "", o.namespace)
			if o.group != istioNetworking || namespace == nil || namespace.labels["istio.io/dataplane-mode"] != "ambient" || injects(namespace.labels) ||
				slices.ContainsFunc(c.workloads[o.namespace], func(w *workload) bool { return asksForSidecar(w) }) {
				return
			}
			c.report(o, "spec", "it takes no effect: the pods of namespace "+o.namespace+" are ambient, and have no sidecars", "use policies for a waypoint, or injection")
		},
	},
	{
		Code: "KC340", Title: "an image that the mesh does not fill in", Severity: Error, Kinds: podKinds,
		Doc: "The image auto stands for that of Istio's proxy, which injection puts in. Where the pods are not injected the cluster pulls an " +
			"image of that name, and finds none.",
		Wrong: edited(gatewayWorkload, `, sidecar.istio.io/inject: "true"`, ""),
		Right: gatewayWorkload,
		object: podRule(func(c *checker, w *workload) {
			if asksForSidecar(w) {
				return
			}
			state := external
			if namespace, _ := c.find("Namespace", "", w.namespace); namespace != nil {
				if injects(namespace.labels) {
					return
				}
				state = missing
			}
			for _, container := range w.containers() {
				if container.Image == "auto" && container.Name == "istio-proxy" {
					c.missing(w.object, container.at+".image", state, "the pods do not start: nobody injects the image of the proxy", `give the pods the label sidecar.istio.io/inject: "true"`)
				}
			}
		}),
	},
	{
		Code: "KC540", Title: "an annotation that Istio does not know", Severity: Warning, Kinds: []string{anyKind},
		Doc:    "Istio leaves an annotation in its own name that it does not know out of account, and what it was to say is not done.",
		Wrong:  edited(injectedExample, "excludeOutboundPorts", "excludeOutboundPort"),
		Right:  injectedExample,
		object: checkAnnotations(false),
	},
	{
		Code: "KC541", Title: "an annotation of Istio in the wrong place", Severity: Warning, Kinds: []string{anyKind},
		Doc: "What Istio reads of pods stands on the template, not on the Deployment: there nobody reads it. The same holds for what it reads " +
			"of Services and namespaces.",
		Wrong:  edited(webExample, "metadata: {name: web}", `metadata: {name: web, annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: "3306"}}`),
		Right:  injectedExample,
		object: checkAnnotations(true),
	},
}

var injectedExample = edited(webExample, "metadata: {labels: {app: web}}", `metadata: {labels: {app: web}, annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: "3306"}}`)

// injects reports whether the labels of a namespace ask for sidecars.
func injects(labels map[string]string) bool {
	return labels["istio-injection"] == "enabled" || labels["istio-injection"] == "" && labels["istio.io/rev"] != ""
}

// asksForSidecar reports whether pods ask for a sidecar themselves.
func asksForSidecar(w *workload) bool {
	const inject = "sidecar.istio.io/inject"
	return w.labels[inject] == "true" || w.annotations[inject] == "true" || w.labels["istio.io/rev"] != ""
}

// annotations are those of Istio, by their names.
var annotations = sync.OnceValue(func() map[string]*annotation.Instance {
	known := map[string]*annotation.Instance{}
	for _, each := range annotation.AllResourceAnnotations() {
		known[each.Name] = each
	}
	return known
})

// checkAnnotations looks for annotations in the name of Istio that it does not know, or that it does not read of the kind.
func checkAnnotations(misplaced bool) func(c *checker, o *object) {
	ask := func(c *checker, o *object, field string, kinds []string, has map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(has)) {
			domain, _, ok := strings.Cut(name, "/")
			if !ok || domain != "istio.io" && !strings.HasSuffix(domain, ".istio.io") {
				continue
			}
			known := annotations()[name]
			switch {
			case known == nil && !misplaced:
				c.report(o, at("%s[%s]", field, name), "it takes no effect: Istio has no such annotation", "look for its right name")
			case known != nil && misplaced:
				var reads []string
				for _, kind := range known.Resources {
					reads = append(reads, kind.String())
				}
				if !slices.Contains(reads, annotation.Any.String()) && !slices.ContainsFunc(kinds, func(kind string) bool { return slices.Contains(reads, kind) }) {
					c.report(o, at("%s[%s]", field, name), "it takes no effect: Istio reads it of a "+strings.Join(reads, " or "), "put it there")
				}
			}
		}
	}
	return func(c *checker, o *object) {
		if slices.Contains([]string{"Namespace", "Service", "Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}, o.kind) && o.typed != nil {
			ask(c, o, "metadata.annotations", []string{o.kind}, o.annotations)
		}
		if o.pods != nil && o.pods.at != "" && o.typed != nil {
			ask(c, o, o.pods.at+"metadata.annotations", []string{"Pod"}, o.pods.annotations)
		}
	}
}
