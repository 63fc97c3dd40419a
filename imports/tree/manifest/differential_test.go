package manifest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	istioextensionsv1alpha1 "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istionetworkingv1beta1 "istio.io/client-go/pkg/apis/networking/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	istiotelemetryv1 "istio.io/client-go/pkg/apis/telemetry/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// Every kind of the API packages that have constructors in imports/, filled at random, is written as encoding/json
// writes it, less what prune takes away.
func TestEncodeLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	kinds := allKinds(t)
	assert.Greater(t, len(kinds), 70)
	for gvk, typ := range kinds {
		t.Run(gvk.String(), func(t *testing.T) {
			t.Parallel()
			for seed := range int64(40) {
				object := reflect.New(typ)
				fill(object.Interface(), seed)

				got, err := manifest.Encode(object.Interface())
				require.NoError(t, err)
				want := prune(object.Elem(), viaJSON(t, object.Interface())).(map[string]any)
				delete(want, "status")
				if diff := cmp.Diff(want, got.Map()); diff != "" {
					t.Fatalf("seed %d: encoding/json, pruned (-), and Encode (+) differ:\n%s", seed, diff)
				}
			}
		})
	}
}

// One object encoded at once by several goroutines: for the race detector.
func TestEncodeConcurrently(t *testing.T) {
	t.Parallel()
	// The state of these messages is not set yet: no method of theirs was called.
	objects := []any{virtualService(), &istionetworkingv1.Gateway{}}
	for _, typ := range allKinds(t) {
		object := reflect.New(typ).Interface()
		fill(object, 1)
		objects = append(objects, object)
	}
	for _, object := range objects {
		results := make(chan manifest.Object)
		for range 3 {
			go func() {
				content, err := manifest.Encode(object)
				assert.NoError(t, err)
				results <- content
			}()
		}
		first := <-results
		assert.Equal(t, first, <-results)
		assert.Equal(t, first, <-results)
	}
}

func allKinds(t *testing.T) map[schema.GroupVersionKind]reflect.Type {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
		autoscalingv2.AddToScheme, rbacv1.AddToScheme, storagev1.AddToScheme, schedulingv1.AddToScheme, discoveryv1.AddToScheme,
		istionetworkingv1.AddToScheme, istionetworkingv1beta1.AddToScheme, istionetworkingv1alpha3.AddToScheme,
		istiosecurityv1.AddToScheme, istiotelemetryv1.AddToScheme, istioextensionsv1alpha1.AddToScheme,
		gatewayv1.Install,
	} {
		require.NoError(t, add(scheme))
	}
	kinds := scheme.AllKnownTypes()
	for gvk, typ := range kinds {
		if _, isObject := typ.FieldByName("ObjectMeta"); !isObject {
			delete(kinds, gvk)
		}
	}
	return kinds
}

// fill fills an API object at random, the same for the same seed: nil, zero, empty and full alike.
func fill(object any, seed int64) {
	f := filler{rand.New(rand.NewSource(seed))}
	f.structure(reflect.ValueOf(object).Elem(), 0)
}

type filler struct{ *rand.Rand }

// maxFilled is how deep values are filled; what is below stays zero.
const maxFilled = 14

func (f filler) value(v reflect.Value, depth int) {
	if depth > maxFilled || f.Intn(5) < 2 {
		return
	}
	switch special := v.Addr().Interface().(type) {
	case *resource.Quantity:
		*special = *resource.NewMilliQuantity(f.Int63n(1e9), resource.DecimalSI)
		return
	case *intstr.IntOrString:
		*special = []intstr.IntOrString{intstr.FromInt32(f.Int31()), intstr.FromString(f.text())}[f.Intn(2)]
		return
	case *metav1.Time:
		*special = metav1.Unix(f.Int63n(1<<31), 0)
		return
	case *metav1.MicroTime:
		*special = metav1.NewMicroTime(metav1.Unix(f.Int63n(1<<31), f.Int63n(1e9)).Time)
		return
	case *metav1.FieldsV1:
		special.SetRawBytes(f.json())
		return
	case *runtime.RawExtension:
		special.Raw = f.json()
		return
	case proto.Message:
		f.message(special.ProtoReflect(), depth)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.Int63() >> (64 - v.Type().Bits()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.Uint64() >> (64 - v.Type().Bits()))
	case reflect.String:
		v.SetString(f.text())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.value(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.Intn(3), 3))
		for i := range v.Len() {
			f.value(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.Intn(3) {
			key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			key.SetString(f.text())
			f.value(element, depth+1)
			v.SetMapIndex(key, element)
		}
	case reflect.Struct:
		f.structure(v, depth)
	default:
		panic(fmt.Sprintf("no API type had a %s when this was written", v.Type()))
	}
}

func (f filler) structure(v reflect.Value, depth int) {
	for i := range v.NumField() {
		f.value(v.Field(i), depth+1)
	}
}

// message fills a protobuf message, whose state and interfaces are reached by its own reflection alone.
func (f filler) message(m protoreflect.Message, depth int) {
	switch name := m.Descriptor().FullName(); name {
	case "google.protobuf.Struct":
		content, err := structpb.NewStruct(map[string]any{f.text(): []any{nil, 1.5, "x", map[string]any{"n": nil, "t": true}}})
		if err != nil {
			panic(err)
		}
		proto.Merge(m.Interface(), content)
		return
	case "google.protobuf.Duration", "google.protobuf.Timestamp":
		m.Set(m.Descriptor().Fields().ByName("seconds"), protoreflect.ValueOfInt64(f.Int63n(1<<31)))
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		// Fields of a oneof replace one another, so the last one drawn stays.
		if depth > maxFilled || f.Intn(3) == 0 {
			continue
		}
		switch {
		case field.IsMap():
			entries := m.Mutable(field).Map()
			key := f.protoValue(field.MapKey(), protoreflect.Value{}, depth).MapKey()
			entries.Set(key, f.protoValue(field.MapValue(), entries.NewValue(), depth))
		case field.IsList():
			for range f.Intn(3) {
				elements := m.Mutable(field).List()
				elements.Append(f.protoValue(field, elements.NewElement(), depth))
			}
		default:
			m.Set(field, f.protoValue(field, m.NewField(field), depth))
		}
	}
}

// protoValue returns a value for a field, given an empty one.
func (f filler) protoValue(field protoreflect.FieldDescriptor, empty protoreflect.Value, depth int) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(f.Intn(2) == 0)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(f.Intn(values.Len())).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(f.text())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(f.text()))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(f.Int31())
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(f.Uint32())
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(f.Int63())
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(f.Uint64())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(f.NormFloat64())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(f.Float32())
	case protoreflect.MessageKind:
		f.message(empty.Message(), depth+1)
		return empty
	default:
		panic("no API type had a field like " + string(field.FullName()) + " when this was written")
	}
}

func (f filler) text() string {
	return []string{"", "text", "\u00e9\u2028<&>", `"quoted\"`, "line\n", "\U0001F600"}[f.Intn(6)] + strconv.Itoa(f.Intn(100))
}

func (f filler) json() []byte {
	return []byte([]string{`{}`, `null`, `{"a":[1,null,1.5,{"b":null}],"c":{}}`, `{"big":9007199254740993,"u":18446744073709551615}`}[f.Intn(4)])
}

// viaJSON returns what encoding/json makes of a value.
func viaJSON(t *testing.T, value any) any {
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return decode(text)
}

func decode(text []byte) (content any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&content); err != nil {
		panic(err)
	}
	return content
}

// prune applies the rules that Encode states to what encoding/json wrote of a value, in the slow and simple way.
func prune(v reflect.Value, content any) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if _, marshals := reflect.New(v.Type()).Interface().(json.Marshaler); marshals {
		return pruneJSON(content)
	}
	switch content := content.(type) {
	case map[string]any:
		if v.Kind() == reflect.Struct {
			pruneFields(v, content)
			return content
		}
		for _, key := range v.MapKeys() {
			if element := prune(v.MapIndex(key), content[key.String()]); element != nil {
				content[key.String()] = element
			} else {
				delete(content, key.String())
			}
		}
		return content
	case []any:
		for i := range content {
			content[i] = prune(v.Index(i), content[i])
		}
		return content
	default:
		return pruneJSON(content)
	}
}

// pruneFields prunes the fields of a struct, those of embedded structs among them.
func pruneFields(v reflect.Value, content map[string]any) {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "" && value.Kind() == reflect.Pointer:
			if !value.IsNil() {
				pruneFields(value.Elem(), content)
			}
		case field.Anonymous && name == "":
			pruneFields(value, content)
		case isRequired(v.Type(), field):
			text, err := json.Marshal(value.Addr().Interface())
			if err != nil {
				panic(err)
			}
			content[name] = prune(value, decode(text))
		case content[name] == nil:
			delete(content, name)
		default:
			content[name] = prune(value, content[name])
			empty, isObject := content[name].(map[string]any)
			isStruct := value.Kind() == reflect.Struct
			if content[name] == nil || isStruct && (value.IsZero() || isObject && len(empty) == 0) {
				delete(content, name)
			}
		}
	}
}

// requiredSpecs are the kinds of which the spec is required although its tag says otherwise.
var requiredSpecs = []string{
	"v1.DaemonSet", "v1.Deployment", "v1.ReplicaSet", "v1.StatefulSet", "v2.HorizontalPodAutoscaler", "v1.CronJob", "v1.IPAddress",
	"v1.BackendTLSPolicy", "v1.GRPCRoute", "v1.ListenerSet", "v1alpha1.TrafficExtension", "v1alpha1.WasmPlugin",
	"v1.ServiceEntry", "v1.WorkloadEntry", "v1.WorkloadGroup", "v1beta1.ServiceEntry", "v1beta1.WorkloadEntry", "v1beta1.WorkloadGroup",
	"v1alpha3.ServiceEntry", "v1alpha3.WorkloadEntry", "v1alpha3.WorkloadGroup",
}

// isRequired reports whether a field is a struct that is written even if it is empty.
func isRequired(structure reflect.Type, field reflect.StructField) bool {
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	if field.Type.Kind() != reflect.Struct || name == "" {
		return false
	}
	_, message := reflect.New(field.Type).Interface().(proto.Message)
	if _, marshals := reflect.New(field.Type).Interface().(json.Marshaler); marshals && !message {
		return false
	}
	place := structure.String() + "." + name
	return !strings.Contains(options, "omit") || name == "spec" && slices.Contains(requiredSpecs, structure.String()) ||
		slices.Contains([]string{"v1.ListenerSetSpec.parentRef", "v1.HTTPExternalAuthFilter.backendRef"}, place)
}

// pruneJSON does to JSON that a marshaler wrote what prune does to values.
func pruneJSON(content any) any {
	switch content := content.(type) {
	case json.Number:
		if whole, err := strconv.ParseInt(string(content), 10, 64); err == nil {
			return whole
		}
		if whole, err := strconv.ParseUint(string(content), 10, 64); err == nil {
			return whole
		}
		fraction, err := content.Float64()
		if err != nil {
			panic(err)
		}
		return fraction
	case []any:
		for i := range content {
			content[i] = pruneJSON(content[i])
		}
	case map[string]any:
		maps.DeleteFunc(content, func(_ string, value any) bool { return value == nil })
		for key := range content {
			content[key] = pruneJSON(content[key])
		}
	}
	return content
}
