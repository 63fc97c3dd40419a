package manifest_test

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	istionetworkingv1alpha3 "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

type (
	object = map[string]any
	list   = []any
)

type pair struct {
	A string `json:"a,omitempty"`
	B int    `json:"b,omitempty"`
}

// Fields of every shape, none of them with omitempty.
type always struct {
	Pointer   *int           `json:"pointer"`
	Map       map[string]int `json:"map"`
	Slice     []int          `json:"slice"`
	Interface any            `json:"interface"`
	Struct    pair           `json:"struct"`
	Bytes     []byte         `json:"bytes"`
	Raw       json.RawMessage
	Text      string `json:"text"`
	Number    int    `json:"number"`
	Flag      bool   `json:"flag"`
}

type omitting struct {
	Pointer *pair          `json:"pointer,omitempty"`
	Map     map[string]int `json:"map,omitempty"`
	Slice   []int          `json:"slice,omitempty"`
	Array   [0]int         `json:"array,omitempty"`
	Text    string         `json:"text,omitempty"`
	Number  float64        `json:"number,omitempty"`
	Flag    bool           `json:"flag,omitempty"`
}

// Types that say themselves what omitzero takes for zero.
type evenIsZero int

func (e evenIsZero) IsZero() bool { return e%2 == 0 }

type oddIsZero struct{ N int }

func (o *oddIsZero) IsZero() bool { return o.N%2 == 1 }

type zeroing struct {
	Plain   int         `json:"plain,omitzero"`
	Slice   []int       `json:"slice,omitzero"`
	Even    evenIsZero  `json:"even,omitzero"`
	Odd     oddIsZero   `json:"odd,omitzero"`
	Pointer *evenIsZero `json:"pointer,omitzero"`
}

type inner struct {
	Name   string `json:"name,omitempty"`
	Shared string `json:"shared,omitempty"`
}

type Outer struct {
	Shared string `json:"shared,omitempty"`
	Other  string `json:"other,omitempty"`
}

type embedding struct {
	inner  `json:",inline"`
	*Outer `json:""`
	Named  `json:"named"`
	Own    string `json:"own"`
}

type Named struct {
	X int `json:"x,omitempty"`
}

type embeddingTwo struct {
	inner
	Other pair `json:"Name"`
}

type left struct {
	Text string
	Own  string `json:"own"`
	One  string
}

type right struct {
	Text string
	Own  string
	Two  string `json:"One"`
}

// ambiguous has two fields named Text, so it shows neither, and two named One, of which it shows the tagged one.
type ambiguous struct {
	left
	right
}

type quoting struct {
	Number  int     `json:"number,string"`
	Float   float64 `json:"float,string"`
	Flag    bool    `json:"flag,string"`
	Text    string  `json:"text,string"`
	Pointer *int    `json:"pointer,string"`
	//lint:ignore SA5008 the option does nothing here
	Slice []string `json:"slice,string"`
}

// pointerMarshaler has its method on the pointer, as Istio's types have.
type pointerMarshaler struct{ content string }

func (p *pointerMarshaler) MarshalJSON() ([]byte, error) { return []byte(p.content), nil }

type textKey struct{ A, B string }

func (k textKey) MarshalText() ([]byte, error) {
	if k.A == "" {
		return nil, errors.New("A is empty")
	}
	return []byte(k.A + "/" + k.B), nil
}

type recursive struct {
	Name  string               `json:"name,omitempty"`
	Next  *recursive           `json:"next,omitempty"`
	Kids  []recursive          `json:"kids,omitempty"`
	ByKey map[string]recursive `json:"byKey,omitempty"`
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		object any
		want   object
	}{
		"fields that are nil": {&always{}, object{"struct": object{}, "text": "", "number": int64(0), "flag": false}},
		"fields with marshalers that are nil": {
			struct {
				Raw     json.RawMessage
				Address net.IP
				Labels  map[string]string
				Message *istionetworkingv1alpha3.Port
			}{},
			object{},
		},
		"fields that are empty": {
			&always{Map: map[string]int{}, Slice: []int{}, Bytes: []byte{}, Interface: pair{}},
			object{"map": object{}, "slice": list{}, "bytes": "", "interface": object{}, "struct": object{}, "text": "", "number": int64(0), "flag": false},
		},
		"typed nil in an interface": {struct{ X any }{(*int)(nil)}, object{}},
		"omitempty":                 {&omitting{Map: map[string]int{}, Slice: []int{}}, object{}},
		"omitempty, pointer to an empty struct": {
			&omitting{Pointer: &pair{}}, object{"pointer": object{}},
		},
		"omitzero": {
			&zeroing{Slice: []int{}, Even: 4, Odd: oddIsZero{3}}, object{"slice": list{}},
		},
		"omitzero, not zero": {
			&zeroing{Plain: 1, Even: 3, Odd: oddIsZero{2}, Pointer: new(evenIsZero(3))},
			object{"plain": int64(1), "even": int64(3), "odd": object{"N": int64(2)}, "pointer": int64(3)},
		},
		"struct that encodes to {} although it is not zero": {
			struct{ X omitting }{omitting{Slice: []int{}}}, object{},
		},
		"struct that encodes to null although it is not zero": {
			struct{ X pointerMarshaler }{pointerMarshaler{"null"}}, object{},
		},
		"empty structs in lists and maps": {
			object{"list": []pair{{}}, "map": map[string]pair{"a": {}}, "any": []any{pair{}}},
			object{"list": list{object{}}, "map": object{"a": object{}}, "any": list{object{}}},
		},
		"nil in a list": {
			object{"list": []*pair{nil, {A: "a"}}, "lists": [][]string{nil, {}}},
			object{"list": list{nil, object{"a": "a"}}, "lists": list{nil, list{}}},
		},
		"nil in a map": {
			object{"a": nil, "b": (*pair)(nil), "c": map[string][]int{"x": nil, "y": {}}},
			object{"c": object{"y": list{}}},
		},
		"embedding": {
			&embedding{inner: inner{Name: "n", Shared: "hidden"}, Outer: &Outer{Shared: "hidden", Other: "o"}, Named: Named{X: 1}},
			object{"name": "n", "other": "o", "named": object{"x": int64(1)}, "own": ""},
		},
		"embedding nil": {&embedding{Own: "o"}, object{"named": object{}, "own": "o"}},
		"embedding, names differ in case alone": {
			embeddingTwo{inner: inner{Name: "n"}, Other: pair{B: 1}}, object{"name": "n", "Name": object{"b": int64(1)}},
		},
		"tags": {
			struct {
				Untagged string
				Dash     string `json:"-"`
				//lint:ignore SA5008 this one is named "-"
				Minus string `json:"-,"`
				//lint:ignore SA5008 a name that encoding/json does not accept
				Bad    string `json:"a\"b"`
				hidden string
			}{"u", "d", "m", "b", "h"},
			object{"Untagged": "u", "-": "m", "Bad": "b"},
		},
		"embedding, two fields of one name": {
			ambiguous{left{"a", "b", "c"}, right{"d", "e", "f"}}, object{"own": "b", "Own": "e", "One": "f"},
		},
		"string option": {
			&quoting{Number: 5, Float: 1.5, Flag: true, Text: "t", Pointer: new(7), Slice: []string{"s"}},
			object{"number": "5", "float": "1.5", "flag": "true", "text": `"t"`, "pointer": "7", "slice": list{"s"}},
		},
		"string option, nil": {
			&quoting{}, object{"number": "0", "float": "0", "flag": "false", "text": `""`},
		},
		"numbers": {
			object{
				"int8": int8(-1), "uint8": uint8(1), "uint64": uint64(math.MaxUint64), "uint": uint(3), "min": int64(math.MinInt64),
				"float32": float32(0.1), "float64": 0.25, "whole": 3.0, "number": json.Number("7"), "fraction": json.Number("7.5"),
				"nothing": json.Number(""),
			},
			object{
				"int8": int64(-1), "uint8": int64(1), "uint64": uint64(math.MaxUint64), "uint": int64(3), "min": int64(math.MinInt64),
				"float32": 0.1, "float64": 0.25, "whole": 3.0, "number": int64(7), "fraction": 7.5,
				"nothing": int64(0),
			},
		},
		"bytes": {
			object{"slice": []byte{0xff, 0}, "array": [2]byte{1, 2}, "nested": map[string][]byte{"k": []byte("v")}},
			object{"slice": "/wA=", "array": list{int64(1), int64(2)}, "nested": object{"k": "dg=="}},
		},
		"marshalers": {
			object{
				"quantity": resource.MustParse("1500m"), "zero": resource.Quantity{}, "time": metav1.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
				"duration": metav1.Duration{Duration: time.Minute}, "int": intstr.FromInt32(80), "text": intstr.FromString("http"),
				"raw": runtime.RawExtension{Raw: []byte(`{"a":[1,2.5,null,{"b":null}],"c":null}`)}, "address": net.IPv4(10, 0, 0, 1),
				"escaped": json.RawMessage(`"a\u003cb"`),
			},
			object{
				"quantity": "1500m", "zero": "0", "time": "2026-03-01T00:00:00Z", "duration": "1m0s", "int": int64(80), "text": "http",
				"raw": object{"a": list{int64(1), 2.5, nil, object{}}}, "address": "10.0.0.1", "escaped": "a<b",
			},
		},
		"marshalers on the pointer": {
			object{
				"value": pointerMarshaler{"1"}, "pointer": &pointerMarshaler{"2"}, "list": []pointerMarshaler{{"3"}},
				"map": map[string]pointerMarshaler{"k": {"18446744073709551615"}}, "array": [1]pointerMarshaler{{"1e2"}},
			},
			object{
				"value": int64(1), "pointer": int64(2), "list": list{int64(3)},
				"map": object{"k": uint64(math.MaxUint64)}, "array": list{100.0},
			},
		},
		"marshaler on the pointer, in a struct without an address": {
			struct{ X pointerMarshaler }{pointerMarshaler{`"x"`}}, object{"X": "x"},
		},
		"marshaler as the object":            {&pointerMarshaler{`{"status":1}`}, object{"status": int64(1)}},
		"marshaler as an object, no address": {pointerMarshaler{`{}`}, object{}},
		"keys": {
			object{
				"int": map[int]int{-1: 1}, "uint": map[uint8]int{2: 2}, "text": map[textKey]int{{"a", "b"}: 3},
				"interface": map[interface{ MarshalText() ([]byte, error) }]int{textKey{"c", "d"}: 4}, "name": map[corev1.ResourceName]string{"cpu": "1"},
				"nil": map[*textKey]int{nil: 5},
			},
			object{
				"int": object{"-1": int64(1)}, "uint": object{"2": int64(2)}, "text": object{"a/b": int64(3)},
				"interface": object{"c/d": int64(4)}, "name": object{"cpu": "1"},
				"nil": object{"": int64(5)},
			},
		},
		"types that contain themselves": {
			&recursive{Name: "a", Next: &recursive{Name: "b"}, Kids: []recursive{{Name: "c"}}, ByKey: map[string]recursive{"k": {}}},
			object{"name": "a", "next": object{"name": "b"}, "kids": list{object{"name": "c"}}, "byKey": object{"k": object{}}},
		},
		"a map keeps its status":        {object{"status": object{"a": 1}}, object{"status": object{"a": int64(1)}}},
		"unstructured keeps its status": {&unstructured.Unstructured{Object: object{"kind": "X", "status": "s"}}, object{"kind": "X", "status": "s"}},
		"status below the object": {
			struct {
				Spec   struct{ Status string } `json:"spec"`
				Status string                  `json:"status"`
			}{struct{ Status string }{"kept"}, "dropped"},
			object{"spec": object{"Status": "kept"}},
		},
		"zero Deployment": {&appsv1.Deployment{}, object{"spec": object{"template": object{}}}},
		"required by the tag": {
			&networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{}}}},
			object{"http": object{"paths": list{object{"backend": object{}}}}},
		},
		"required by the tag, and no object": {corev1.HTTPGetAction{Path: "/"}, object{"path": "/"}},
		"required by a marker":               {&appsv1.StatefulSet{}, object{"spec": object{"template": object{}, "serviceName": ""}}},
		"required by a marker, with omitzero": {
			gatewayv1.ListenerSet{}, object{"spec": object{"parentRef": object{"name": ""}}},
		},
		"required by the definition":     {&istionetworkingv1.WorkloadGroup{}, object{"spec": object{}}},
		"not required by the definition": {&istionetworkingv1.VirtualService{}, object{}},
		"required in what is left out":   {&batchv1.CronJobList{}, object{}},
		"ServiceMonitor": {
			&monitoringv1.ServiceMonitor{Spec: monitoringv1.ServiceMonitorSpec{Endpoints: []monitoringv1.Endpoint{{Port: "http"}}}},
			object{"spec": object{"selector": object{}, "endpoints": list{object{"port": "http"}}}},
		},
		"Deployment": {
			appsv1.Deployment{
				Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
					SecurityContext: &corev1.PodSecurityContext{},
					Containers:      []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{}}, {}},
					Volumes:         []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				}}},
				Status: appsv1.DeploymentStatus{Replicas: 1},
			},
			object{"spec": object{"template": object{"spec": object{
				"securityContext": object{},
				"containers":      list{object{"name": "app"}, object{"name": ""}},
				"volumes":         list{object{"name": "tmp", "emptyDir": object{}}},
			}}}},
		},
		"NetworkPolicy that allows all": {
			&networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}},
			object{"spec": object{"podSelector": object{}, "ingress": list{object{}}}},
		},
		"Istio": {
			&istionetworkingv1.Gateway{Spec: istionetworkingv1alpha3.Gateway{Servers: []*istionetworkingv1alpha3.Server{{
				Port: &istionetworkingv1alpha3.Port{Number: 443, Name: "https"},
				Tls:  &istionetworkingv1alpha3.ServerTLSSettings{Mode: istionetworkingv1alpha3.ServerTLSSettings_SIMPLE},
			}}}},
			object{"spec": object{"servers": list{object{
				"port": object{"number": int64(443), "name": "https"},
				"tls":  object{"mode": "SIMPLE"},
			}}}},
		},
		"zero Istio": {&istionetworkingv1.Gateway{}, object{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Encode(test.object)
			require.NoError(t, err)
			assert.Equal(t, test.want, got.Map())
		})
	}
}

func TestEncodeNil(t *testing.T) {
	t.Parallel()
	var inInterface any = (*pair)(nil)
	for name, value := range map[string]any{
		"nil":                     nil,
		"pointer":                 (*appsv1.Deployment)(nil),
		"map":                     object(nil),
		"pointer to a pointer":    new(*pair),
		"pointer to an interface": &inInterface,
		"pointer to a map":        new(object),
	} {
		got, err := manifest.Encode(value)
		assert.NoError(t, err, name)
		assert.Nil(t, got, name)
	}
}

// failing does in its methods what a test asks for.
type failing struct {
	content string
	err     error
	panics  any
}

func (f failing) do() ([]byte, error) {
	if f.panics != nil {
		panic(f.panics)
	}
	return []byte(f.content), f.err
}

func (f failing) MarshalJSON() ([]byte, error) { return f.do() }

type failingText failing

func (f failingText) MarshalText() ([]byte, error) { return failing(f).do() }

type failingZero struct{ N int }

func (failingZero) IsZero() bool { panic("zero") }

type (
	loop     *loop
	loopList []loopList
	loopMap  map[string]loopMap
)

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	cycle := &recursive{}
	cycle.Next = cycle
	inMap := object{}
	inMap["a"] = inMap
	inList := list{nil}
	inList[0] = inList
	var pointer loop
	pointer = &pointer
	var inInterface any
	inInterface = &inInterface
	ofLists := loopList{nil}
	ofLists[0] = ofLists
	ofMaps := loopMap{}
	ofMaps["k"] = ofMaps

	container := func(x any) any {
		return struct {
			Spec struct {
				Containers []any `json:"containers"`
			} `json:"spec"`
		}{struct {
			Containers []any `json:"containers"`
		}{[]any{1, struct {
			X any `json:"x"`
		}{x}}}}
	}
	for name, test := range map[string]struct {
		object any
		want   string
	}{
		"func":                  {container(func() {}), `spec.containers[1].x: func() cannot be written to a manifest; allowed are structs, maps with keys that are text, lists, strings, numbers and booleans`},
		"nil func":              {struct{ F func() }{}, `F: func() cannot be written`},
		"chan":                  {container(make(chan int)), `spec.containers[1].x: chan int cannot`},
		"complex":               {container(1i), `spec.containers[1].x: complex128 cannot`},
		"NaN":                   {container(math.NaN()), `spec.containers[1].x: NaN is not allowed; a number must be finite`},
		"infinity":              {container(float32(math.Inf(-1))), `spec.containers[1].x: -Inf is not allowed`},
		"not UTF-8":             {container("a\xff"), `spec.containers[1].x: is not UTF-8 text; bytes belong in a []byte`},
		"json.Number":           {container(json.Number("x")), `spec.containers[1].x: "x" is not a number`},
		"json.Number, a string": {container(json.Number(`"x"`)), `"\"x\"" is not a number`},
		"large number":          {container(json.RawMessage(`{"y":[1e999]}`)), `spec.containers[1].x: MarshalJSON of json.RawMessage does not return JSON: y[0]: 1e999 is too large`},

		"key that is a struct":         {container(map[pair]int{}), `spec.containers[1].x: map[manifest_test.pair]int cannot be written`},
		"key not UTF-8":                {container(map[string]int{"a\xff": 1}), `spec.containers[1].x: the key "a\xff" is not UTF-8 text`},
		"key not UTF-8, text":          {container(map[string]string{"a\xff": ""}), `spec.containers[1].x: the key "a\xff" is not UTF-8 text`},
		"key fails":                    {container(map[textKey]int{{}: 1}), `spec.containers[1].x: A is empty`},
		"two keys of one text":         {container(map[textKey]int{{"a", "b/c"}: 1, {"a/b", "c"}: 2}), `spec.containers[1].x[a/b/c]: two keys of the map have this text`},
		"value in a map of text":       {container(map[string]string{"b": "\xff", "a": "\xfe"}), `spec.containers[1].x[a]: is not UTF-8 text`},
		"value in a typed map":         {container(map[string]float64{"b": math.NaN(), "a": math.Inf(1)}), `spec.containers[1].x[a]: +Inf is not allowed`},
		"value in an object":           {container(object{"a": object{"b": 1i}}), `spec.containers[1].x.a.b: complex128 cannot`},
		"MarshalJSON fails":            {container(failing{err: errors.New("oops")}), `spec.containers[1].x: oops`},
		"MarshalJSON panics":           {container(&failing{panics: "oops"}), `spec.containers[1].x: MarshalJSON of manifest_test.failing panicked: oops`},
		"MarshalJSON returns no JSON":  {container(failing{content: `{"a":`}), `spec.containers[1].x: MarshalJSON of manifest_test.failing does not return JSON: unexpected EOF`},
		"MarshalJSON returns nothing":  {container(failing{}), `spec.containers[1].x: MarshalJSON of manifest_test.failing does not return JSON: EOF`},
		"MarshalJSON returns two":      {container(failing{content: `{} 1`}), `does not return JSON: something follows the value`},
		"MarshalJSON returns a string": {container(failing{content: `"a" "b"`}), `does not return JSON: something follows the value`},
		"MarshalText fails":            {container(failingText{err: errors.New("oops")}), `spec.containers[1].x: oops`},
		"MarshalText panics":           {container(failingText{panics: errors.New("oops")}), `spec.containers[1].x: MarshalText of manifest_test.failingText panicked: oops`},
		"MarshalText returns no text":  {container(failingText{content: "\xff"}), `spec.containers[1].x: is not UTF-8 text`},
		"MarshalText of a key panics":  {container(map[failingText]int{{panics: "oops"}: 1}), `spec.containers[1].x: MarshalText of manifest_test.failingText panicked: oops`},
		"IsZero panics": {struct {
			Z failingZero `json:"z,omitzero"`
		}{failingZero{1}}, `z: IsZero of manifest_test.failingZero panicked: zero`},

		"pointer to itself":   {cycle, `next.next.next.next.next.next.next.next.next.next.next.next.next.next.next.next.next.next.next.next...: values are nested more than 1000 deep, or contain themselves`},
		"map in itself":       {inMap, `a.a.a.a`},
		"list in itself":      {object{"x": inList}, `x[0][0][0]`},
		"list of its type":    {object{"x": ofLists}, `x[0][0][0]`},
		"map of its type":     {ofMaps, `[k][k][k]`},
		"pointer, no object":  {pointer, `nested more than 1000 deep`},
		"interface in itself": {inInterface, `nested more than 1000 deep`},
		"pointer in a field":  {object{"x": pointer}, `x: values are nested more than 1000 deep`},

		"string":                     {"text", `string is not an object; allowed are structs of API types, pointers to them, and maps`},
		"pointer to a number":        {new(1), `int is not an object`},
		"list":                       {list{}, `[]interface {} is not an object`},
		"marshaler of a string":      {new(metav1.Now()), `v1.Time is not an object`},
		"marshaler of null":          {&metav1.Time{}, `v1.Time is not an object`},
		"pointer to nil, unknown":    {new([]int), `[]int is not an object`},
		"func as the object":         {func() {}, `func() cannot be written`},
		"object not named by fields": {failing{err: errors.New("oops")}, `oops`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Encode(test.object)
			assert.ErrorContains(t, err, test.want)
			assert.Nil(t, got)
		})
	}
}

// What a marshaler reports can be found in the error.
func TestEncodeErrorUnwraps(t *testing.T) {
	t.Parallel()
	reason := errors.New("oops")
	_, err := manifest.Encode(object{"a": failing{err: reason}})
	assert.ErrorIs(t, err, reason)
}

func TestEncodeSharesNothing(t *testing.T) {
	t.Parallel()
	input := object{"map": map[string]string{"a": "1"}, "list": list{"x", object{"y": "z"}}, "strings": []string{"s"}}
	got, err := manifest.Encode(input)
	require.NoError(t, err)

	input["map"].(map[string]string)["a"] = "changed"
	input["list"].(list)[0] = "changed"
	input["list"].(list)[1].(object)["y"] = "changed"
	input["strings"].([]string)[0] = "changed"
	assert.Equal(t, object{"map": object{"a": "1"}, "list": list{"x", object{"y": "z"}}, "strings": list{"s"}}, got.Map())

	got.Get("map").(manifest.Object).Set("a", "changed back")
	assert.Equal(t, "changed", input["map"].(map[string]string)["a"])
}
