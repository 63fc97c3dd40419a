package mesh_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func TestHeaderEditsGoodInput(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string]mesh.HeaderEdits{
		"text":          {Set: map[string]string{"x-a": "b\tc, d=\"e\" ü"}},
		"case":          {Set: map[string]string{"X-Request-Start": "1"}, Remove: []string{"X-A"}},
		"all of a name": {Set: map[string]string{"x-a": "1"}, Add: map[string]string{"x-a": "2"}, Remove: []string{"x-a"}},
		"host":          {Set: map[string]string{"Host": "www.example.com:80"}},
		"authority":     {Add: map[string]string{":authority": "www.example.com"}},
		"percent sign":  {Set: map[string]string{"x-a": "100%%", "x-b": "%%REQ%%", "x-c": "%%%PROTOCOL%%%"}},
		"formats": {Set: map[string]string{
			"x-a": "%REQ(x-user?:authority)% at %START_TIME(%Y/%m/%dT%H:%M:%S.%3f)%", "x-b": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
			"x-c": "%UPSTREAM_METADATA([\"a\", \"b\"])%", "x-d": "%PATH:10%", "x-e": "%RESPONSE_CODE%", "x-f": "%ENVIRONMENT(POD_NAME)%",
			"x-g": "%CEL(request.headers['x-a'])%", "x-h": "%DYNAMIC_METADATA(envoy.filters:a)%",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, canaryRule(func(_ meshParts, r *mesh.Rule) { r.RequestHeaders = edits }))
			assert.Empty(t, messages)
		})
	}
}

func TestHeaderEditsBadInput(t *testing.T) {
	t.Parallel()
	const (
		lone  = `has a '%' that begins no format of Envoy; write %% for a percent sign, or for example %REQ(x-user)%`
		other = `, which Envoy does not know; use for example %REQ(x-user)%, or write %% for a percent sign`
	)
	synthtest.BadInput{
		"values": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.ResponseHeaders = mesh.HeaderEdits{Set: map[string]string{"x-a": "", "x-b": "1\n2"}, Add: map[string]string{"x-d": "\r"}}
		}), []string{
			`[chart/canary] Rules[0].ResponseHeaders.Set["x-a"]: "" is empty, and Envoy leaves the header as it is then; use Remove, or give a value`,
			`[chart/canary] Rules[0].ResponseHeaders.Set["x-b"]: "1\n2" has a control character, such as a new line, which Envoy refuses; leave it out`,
			`[chart/canary] Rules[0].ResponseHeaders.Add["x-d"]: "\r" has a control character, such as a new line, which Envoy refuses; leave it out`,
		}},
		"formats": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.RequestHeaders.Set = map[string]string{
				"x-a": "100%", "x-b": "50% off, 20% more", "x-c": "%PROTOCOL", "x-d": "%REQ(x):10%", "x-e": "%REQ()%", "x-f": "%req(x)%",
				"x-g": "%REQUEST(x)%", "x-h": "%REQ%", "x-i": "%REQ(x)% and %USER%", "x-j": "%%%", "x-k": `%REQ(a"b)%`,
			}
		}), []string{
			`[chart/canary] Rules[0].RequestHeaders.Set["x-a"]: "100%" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-b"]: "50% off, 20% more" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-c"]: "%PROTOCOL" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-d"]: "%REQ(x):10%" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-e"]: "%REQ()%" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-f"]: "%req(x)%" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-g"]: "%REQUEST(x)%" has the format %REQUEST(x)%` + other,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-h"]: "%REQ%" has the format %REQ%` + other,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-i"]: "%REQ(x)% and %USER%" has the format %USER%` + other,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-j"]: "%%%" ` + lone,
			`[chart/canary] Rules[0].RequestHeaders.Set["x-k"]: "%REQ(a\"b)%" ` + lone,
		}},
		"names": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.RequestHeaders = mesh.HeaderEdits{
				Set: map[string]string{":path": "/", "X-A": "1", "x-a": "2"}, Add: map[string]string{"": "1"}, Remove: []string{"Host", ":method", "a:b"},
			}
			r.ResponseHeaders = mesh.HeaderEdits{Set: map[string]string{"host": "a", ":status": "200"}, Remove: []string{":authority"}}
		}), []string{
			`[chart/canary] Rules[0].RequestHeaders.Set: ":path" is a pseudo-header, which Istio lets nobody change; use Rewrite for path and host`,
			`[chart/canary] Rules[0].RequestHeaders.Set: "x-a" is the same header as "X-A"; leave out one of them`,
			`[chart/canary] Rules[0].RequestHeaders.Add: "" is not the name of a header; use letters, digits and '-'`,
			`[chart/canary] Rules[0].RequestHeaders.Remove: "Host" is the host of a request, which cannot be removed and is in no response; change it with Rewrite.Authority`,
			`[chart/canary] Rules[0].RequestHeaders.Remove: ":method" is a pseudo-header, which Istio lets nobody change; use Rewrite for path and host`,
			`[chart/canary] Rules[0].RequestHeaders.Remove: "a:b" is not the name of a header; use letters, digits and '-'`,
			`[chart/canary] Rules[0].ResponseHeaders.Set: ":status" is a pseudo-header, which Istio lets nobody change; use Rewrite for path and host`,
			`[chart/canary] Rules[0].ResponseHeaders.Set: "host" is the host of a request, which cannot be removed and is in no response; change it with Rewrite.Authority`,
			`[chart/canary] Rules[0].ResponseHeaders.Remove: ":authority" is the host of a request, which cannot be removed and is in no response; change it with Rewrite.Authority`,
		}},
		"host": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Rewrite.Authority = "www.example.com"
			r.RequestHeaders = mesh.HeaderEdits{Set: map[string]string{"Host": "%REQ(x-host)%"}, Add: map[string]string{":authority": ""}}
		}), []string{
			`[chart/canary] Rules[0].RequestHeaders.Set["Host"]: "%REQ(x-host)%" is not a host, with a port or without; use for example "www.example.com"`,
			`[chart/canary] Rules[0].RequestHeaders.Add[":authority"]: "" is empty, which Istio ignores; name a host`,
			`[chart/canary] Rules[0].RequestHeaders.Set["Host"]: "%REQ(x-host)%" replaces the host, as Rules[0].Rewrite.Authority does already; leave out one of them`,
			`[chart/canary] Rules[0].RequestHeaders.Add[":authority"]: "" replaces the host, as Rules[0].Rewrite.Authority does already; leave out one of them`,
		}},
		"host twice": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.RequestHeaders.Set = map[string]string{":authority": "a.example.com", "host": "b.example.com"}
		}), []string{
			`[chart/canary] Rules[0].RequestHeaders.Set["host"]: "b.example.com" replaces the host, as Rules[0].RequestHeaders.Set[":authority"] does already; leave out one of them`,
		}},
	}.Run(t)
}
