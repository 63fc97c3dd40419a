package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// maxYAML is how many bytes of YAML are read at most.
const maxYAML = 64 << 20

// Load reads the documents of a YAML or JSON stream, as cdk8s.Yaml_Load does: all of them, without those that are empty.
// They are read as Kubernetes reads YAML. A List of objects (kind List, or one like ConfigMapList, with items) counts as
// its items. Numbers are int, int64, uint64 or float64, and maps are map[string]any.
//
// Errors are: what is not YAML, a key that stands twice in a map, a key that is no text, number or boolean, more than
// 64 MiB, and what the reader returns.
func Load(reader io.Reader) ([]any, error) {
	if isNil(reader) {
		return nil, errors.New("the reader is nil: pass what the YAML is to be read from")
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxYAML+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxYAML {
		return nil, fmt.Errorf("more than %d MiB of YAML; split it", maxYAML>>20)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.SetStrict(true)
	documents := []any{}
	for number := 1; ; number++ {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return documents, nil
		} else if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		document, err := fromYAML(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		documents = append(documents, withoutLists(document)...)
	}
}

func isNil(reader io.Reader) bool {
	v := reflect.ValueOf(reader)
	return reader == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

// fromYAML returns a value as encoding/json would have decoded it, with integers as they are.
func fromYAML(value any) (any, error) {
	var err error
	switch value := value.(type) {
	case map[any]any:
		object := make(map[string]any, len(value))
		for key, item := range value {
			name, err := keyFromYAML(key)
			if err != nil {
				return nil, err
			}
			if _, taken := object[name]; taken {
				return nil, fmt.Errorf("key %q stands twice in a map", name)
			}
			if object[name], err = fromYAML(item); err != nil {
				return nil, err
			}
		}
		return object, nil
	case []any:
		for i := range value {
			if value[i], err = fromYAML(value[i]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func keyFromYAML(key any) (string, error) {
	switch key := key.(type) {
	case string:
		return key, nil
	case int, int64, uint64, bool:
		return fmt.Sprint(key), nil
	case float64:
		return strconv.FormatFloat(key, 'g', -1, 64), nil
	}
	return "", fmt.Errorf("the key %v is no text; write it in quotes", key)
}

// withoutLists returns a document, or what it holds: nothing if it is empty, the items of a List.
func withoutLists(document any) []any {
	switch document := document.(type) {
	case nil:
		return nil
	case []any:
		if len(document) == 0 {
			return nil
		}
	case map[string]any:
		if len(document) == 0 {
			return nil
		}
		kind, _ := document["kind"].(string)
		of, isList := strings.CutSuffix(kind, "List")
		items, hasItems := document["items"].([]any)
		if !isList || !hasItems {
			break
		}
		var objects []any
		for _, item := range items {
			if object, ok := item.(map[string]any); ok && of != "" {
				// The items of such a list may leave out what it says.
				for key, value := range map[string]any{"apiVersion": document["apiVersion"], "kind": of} {
					if _, ok := object[key]; !ok {
						object[key] = value
					}
				}
			}
			objects = append(objects, withoutLists(item)...)
		}
		return objects
	}
	return []any{document}
}

// Included is a construct that holds the objects of a YAML stream.
type Included struct {
	constructs.Construct
	objects []cdk8s.ApiObject
}

// Include makes objects out of all documents of a YAML stream, which Load reads, as cdk8s.NewInclude does, in either
// tree. Their names stay as they are; the id of each is its name, its kind in lower case, and its namespace, where it has
// one. What Kubernetes keeps in no namespace, such as a Namespace or a ClusterRole, does not get the chart's, which cdk8s
// writes into everything.
//
// What cannot be read, a document that is no object, and an object that is there twice are reported at synth.
//
//	file, err := os.Open("guestbook.yaml")
//	...
//	defer file.Close()
//	tree.Include(chart, "guestbook", file)
func Include(scope constructs.Construct, id string, reader io.Reader) *Included {
	included := &Included{}
	New(included, scope, id)
	if isNil(reader) {
		Invalid(included, Problem{Field: "reader", Detail: "is nil", Fix: "pass what the YAML is to be read from"})
		return included
	}
	documents, err := Load(reader)
	if err != nil {
		Invalid(included, Problem{Field: "YAML", Detail: fmt.Sprintf("cannot be read: %v", err), Cause: err})
		return included
	}
	included.objects = include(included, documents)
	return included
}

// Objects returns the objects, in the order of the stream.
func (i *Included) Objects() []cdk8s.ApiObject {
	if i == nil {
		return nil
	}
	return i.objects
}

// include makes objects out of documents.
func include(scope constructs.Construct, documents []any) []cdk8s.ApiObject {
	var objects []cdk8s.ApiObject
	unnamed := 0
	for number, document := range documents {
		object, _ := document.(map[string]any)
		apiVersion, _ := object["apiVersion"].(string)
		kind, _ := object["kind"].(string)
		groupVersion, err := schema.ParseGroupVersion(apiVersion)
		if apiVersion == "" || kind == "" || err != nil {
			Invalid(scope, Problem{Field: fmt.Sprintf("object %d", number+1), Detail: "is no Kubernetes object: it needs an apiVersion and a kind",
				Fix: "take it out, or read it with Load", Cause: err})
			continue
		}
		metadata, _ := object["metadata"].(map[string]any)
		name, _ := metadata["name"].(string)
		if name == "" {
			name = fmt.Sprintf("object%d", unnamed)
			unnamed++
		}
		id := name + "-" + strings.ToLower(kind)
		if namespace, _ := metadata["namespace"].(string); namespace != "" {
			id += "-" + namespace
		}
		gvk := groupVersion.WithKind(kind)
		objects = append(objects, newObject(scope, id, gvk, object, isClusterScoped(gvk.GroupKind())))
	}
	return objects
}

// isClusterScoped reports whether a kind of Kubernetes itself belongs to no namespace.
func isClusterScoped(kind schema.GroupKind) bool {
	switch kind.Group {
	case "":
		return kind.Kind == "Namespace" || kind.Kind == "Node" || kind.Kind == "PersistentVolume"
	case "rbac.authorization.k8s.io":
		return kind.Kind == "ClusterRole" || kind.Kind == "ClusterRoleBinding"
	case "storage.k8s.io":
		return kind.Kind != "CSIStorageCapacity"
	case "networking.k8s.io":
		return kind.Kind == "IngressClass" || kind.Kind == "IPAddress" || kind.Kind == "ServiceCIDR"
	case "certificates.k8s.io":
		return kind.Kind != "PodCertificateRequest"
	case "apiextensions.k8s.io", "admissionregistration.k8s.io", "apiregistration.k8s.io", "scheduling.k8s.io", "node.k8s.io",
		"flowcontrol.apiserver.k8s.io":
		return true
	}
	return false
}
