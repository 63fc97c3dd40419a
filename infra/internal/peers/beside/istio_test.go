package beside_test

import (
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// istioCase is a case of Istio's own test of its analyzers.
type istioCase struct {
	name     string
	files    []string
	expected []istioMessage
}

// istioMessage is a type of message, and the object that it is about, as KIND NAMESPACE/NAME.
type istioMessage struct{ code, object string }

func istioAnalyzers(t *testing.T) string {
	t.Helper()
	return filepath.Join(folderOf(t, "istio.io/istio"), "pkg/config/analysis")
}

// istioCodes are the codes of the types of messages by their names.
func istioCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	ast.Inspect(parseFile(t, filepath.Join(istioAnalyzers(t), "msg/messages.gen.go")), func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if call, ok := spec.Values[0].(*ast.CallExpr); ok && len(call.Args) == 3 {
			codes[spec.Names[0].Name] = text(t, call.Args[1])
		}
		return true
	})
	return codes
}

// istioCases reads the cases out of the source of the test, which no other package can import.
func istioCases(t *testing.T) (cases []istioCase) {
	t.Helper()
	codes := istioCodes(t)
	var grid *ast.CompositeLit
	ast.Inspect(parseFile(t, filepath.Join(istioAnalyzers(t), "analyzers/analyzers_test.go")), func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && spec.Names[0].Name == "testGrid" {
			grid = spec.Values[0].(*ast.CompositeLit)
		}
		return grid == nil
	})
	for _, element := range grid.Elts {
		var c istioCase
		for _, field := range element.(*ast.CompositeLit).Elts {
			pair := field.(*ast.KeyValueExpr)
			switch pair.Key.(*ast.Ident).Name {
			case "name":
				c.name = text(t, pair.Value)
			case "inputFiles":
				for _, name := range pair.Value.(*ast.CompositeLit).Elts {
					c.files = append(c.files, text(t, name))
				}
			case "expected":
				for _, message := range pair.Value.(*ast.CompositeLit).Elts {
					parts := message.(*ast.CompositeLit).Elts
					c.expected = append(c.expected, istioMessage{codes[parts[0].(*ast.SelectorExpr).Sel.Name], text(t, parts[1])})
				}
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// istioReasons are why nothing is found where Istio's test expects a message.
var istioReasons = reasons{
	"misannoted: IST0107 Namespace staging":                                                           "the annotation is not in Istio's name",
	"misannoted: IST0107 Pod grafana-test":                                                            "the annotation is not in Istio's name, or Istio writes it itself",
	"gatewayBadPort: IST0162 Gateway httpbin-gateway":                                                 "the Service of the gateway is not in the set",
	"gatewaySecret: IST0101 Gateway defaultgateway-bogusCredentialName":                               "Secrets of istio-system are made elsewhere",
	"gatewaySecret: IST0101 Gateway customgateway-wrongnamespace":                                     "the pods of the gateway are not in the set",
	"gatewaySecret: IST0101 Gateway bogusgateway":                                                     "the pods of the gateway are not in the set",
	"portNameNotFollowConvention: IST0118 Service my-namespace1/my-service1":                          "nothing in the set says that it is for a mesh",
	"portNameNotFollowConvention: IST0118 Service my-namespace2/my-service2":                          "nothing in the set says that it is for a mesh",
	"virtualServiceConflictingMeshGatewayHostsWithExportTo: IST0109 VirtualService foo/productpage-c": "routes for a namespace alone go before those for all",
	"virtualServiceConflictingMeshGatewayHostsWithExportTo: IST0109 VirtualService bar/productpage-c": "routes for a namespace alone go before those for all",
	"virtualServiceConflictingMeshGatewayHostsWithExportTo: IST0109 VirtualService foo/productpage-d": "the longer name goes before the shorter one",
	"virtualServiceConflictingMeshGatewayHostsWithExportTo: IST0109 VirtualService bar/productpage-d": "the longer name goes before the shorter one",
	"virtualServiceDestinationHosts: IST0112 VirtualService default/reviews-2port-missing":            "it has no hosts, so that nothing arrives",
	"authorizationpolicies: IST0127 AuthorizationPolicy istio-system/meshwide-httpbin-v1":             "it is for pods of all namespaces, and not all are in the set",
	"authorizationpolicies: IST0127 AuthorizationPolicy httpbin-empty/httpbin-empty-namespace-wide":   "the pods of its namespace are not in the set",
	"authorizationpolicies: IST0101 AuthorizationPolicy httpbin/httpbin-bogus-ns":                     "namespaces that are not in the set may be elsewhere",
	"authorizationpolicies: IST0101 AuthorizationPolicy httpbin/httpbin-bogus-not-ns":                 "namespaces that are not in the set may be elsewhere",
	"virtualServiceJWTClaimRoute: IST0149 VirtualService foo":                                         "the pods of the gateway are not in the set",
	"EnvoyFilterUsesAddOperation: IST0153 EnvoyFilter bookinfo/test-auth-3":                           "Istio adds a route at the end of the others",
	"DestinationRuleSubsetsNotSelectPods: IST0173 DestinationRule default/subsets-not-select-pods":    "no pod is in the set",
	"DestinationRuleEmptyTopologyLabels: IST0173 DestinationRule default/empty-topology-labels":       "pods get the labels of their nodes when they run",
}

// TestIstioAnalyzers expects the check to find what Istio's analyzers are expected to find in their own testdata.
func TestIstioAnalyzers(t *testing.T) {
	rules := rulesOf(t, "Istio")
	known := 0
	for name, code := range istioCodes(t) {
		assert.Equal(t, code+" "+name, rules[code].Name)
		known++
	}
	assert.Len(t, rules, known)

	folder := filepath.Join(istioAnalyzers(t), "analyzers")
	j := judge{reasons: istioReasons, used: map[string]bool{}}
	messages := 0
	for _, c := range istioCases(t) {
		if len(c.expected) == 0 {
			continue
		}
		var paths []string
		for _, file := range c.files {
			paths = append(paths, filepath.Join(folder, file))
		}
		findings := findingsIn(t, true, paths...)
		for _, m := range c.expected {
			messages++
			_, bare, _ := strings.Cut(m.object, "/")
			kind, _, _ := strings.Cut(m.object, " ")
			if bare == "" {
				bare = strings.TrimPrefix(m.object, kind+" ")
			}
			j.expect(t, c.name+": "+m.code+" "+m.object, rules[m.code], findings, func(f check.Finding) bool {
				// Of two objects that contradict each other the later one has the finding, which names the other one. Of a
				// Gateway and its Secret, and of a Deployment and its Services, it is the one that is wrong.
				return f.Object() == m.object || strings.Contains(f.Message, kind+" "+bare+" ") || f.Kind == "Secret" || f.Kind == "Service" && kind == "Deployment"
			})
		}
	}
	j.close(t)
	t.Logf("peers: Istio's testdata expect %d messages; %d are found, %d are left out with a reason of their own, and the rest with that of their rule",
		messages, j.found, len(j.reasons))
	sameFindings(t, "testdata/istio.txt", filepath.Join(folder, "testdata"),
		slices.DeleteFunc(manifests(t, filepath.Join(folder, "testdata")), func(file string) bool {
			// Parts of a mesh's configuration, which are no manifests, are left out.
			return strings.Contains(file, "mesh-with") || strings.HasSuffix(file, "meshconfig.yaml") || strings.HasSuffix(file, "mesh-cfg.yaml") || strings.HasSuffix(file, "meshnetworks.yaml")
		}))
}
