package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// The tests of this file see what a MeshSecurity lets in and shuts out, from callers in the mesh and beside it.

// guarded is an echo behind a MeshSecurity of its own.
type guarded struct {
	name     string
	security mesh.MeshSecurityProps
	tries    []try
}

// try is a call and whether it may come through.
type try struct {
	// from is one of the callers.
	from     string
	path     string
	method   string
	headers  headers
	expected outcome
}

type outcome string

const (
	passes outcome = "passes"
	// refused is an answer of the sidecar, which knows who calls and what they want.
	refused outcome = "is refused with 403"
	// invalid is an answer to a token that is not believed.
	invalid outcome = "is refused for its token"
	// cut is a connection that ends without an answer: the caller shows no certificate.
	cut outcome = "is cut"
)

// The callers: one that is a friend and one that is not, both in the namespace, one of another namespace of the mesh, and
// one without a sidecar.
const (
	friend   = "friend"
	stranger = "stranger"
	foreign  = "foreign"
	outsider = "outsider"
)

// guards are made for the namespace of the friend, and for an issuer whose keys are there.
func guards(namespace string, issuer, forger issuer, keys string) []guarded {
	tokens := []mesh.TokenIssuer{{Issuer: tokenIssuer, JWKSURI: keys, Audiences: []string{tokenAudience}}}
	ann, bob := issuer.token("ann", tokenAudience, time.Hour), issuer.token("bob", tokenAudience, time.Hour)
	friendly := mesh.Caller{Principals: []string{"cluster.local/ns/" + namespace + "/sa/" + friend}}
	access := func(action mesh.AccessAction, rules ...mesh.AccessRule) mesh.MeshSecurityProps {
		return mesh.MeshSecurityProps{Access: mesh.Access{Action: action, Rules: rules}}
	}
	return []guarded{
		{name: "strict", security: mesh.MeshSecurityProps{MutualTLS: mesh.StrictMTLS}, tries: []try{
			{from: friend, expected: passes}, {from: foreign, expected: passes}, {from: outsider, expected: cut},
		}},
		{name: "permissive", security: mesh.MeshSecurityProps{MutualTLS: mesh.PermissiveMTLS}, tries: []try{
			{from: friend, expected: passes}, {from: outsider, expected: passes},
		}},
		{name: "disabled", security: mesh.MeshSecurityProps{MutualTLS: mesh.DisabledMTLS}, tries: []try{
			{from: friend, expected: passes}, {from: outsider, expected: passes},
		}},
		{name: "port", security: mesh.MeshSecurityProps{MutualTLS: mesh.StrictMTLS, PortMutualTLS: map[int32]mesh.MutualTLS{wire.Port: mesh.PermissiveMTLS}}, tries: []try{
			{from: friend, expected: passes}, {from: outsider, expected: passes},
		}},
		{name: "nobody", security: mesh.MeshSecurityProps{Access: mesh.Access{Nobody: true}}, tries: []try{
			{from: friend, expected: refused}, {from: outsider, expected: refused},
		}},
		{name: "principals", security: access(mesh.Allow, mesh.AccessRule{From: []mesh.Caller{friendly}}), tries: []try{
			{from: friend, expected: passes}, {from: stranger, expected: refused}, {from: foreign, expected: refused}, {from: outsider, expected: refused},
		}},
		{name: "namespaces", security: access(mesh.Allow, mesh.AccessRule{From: []mesh.Caller{{Namespaces: []string{namespace}}}}), tries: []try{
			{from: friend, expected: passes}, {from: stranger, expected: passes}, {from: foreign, expected: refused}, {from: outsider, expected: refused},
		}},
		{name: "operations", security: access(mesh.Allow, mesh.AccessRule{
			From: []mesh.Caller{friendly},
			To:   []mesh.Operation{{Methods: []string{"GET"}, Paths: []string{"/public", "/open/*", "/orders/{*}/lines", "/tree/{**}"}}},
		}), tries: []try{
			{from: friend, path: "/public", expected: passes}, {from: friend, path: "/public", method: "POST", expected: refused},
			{from: friend, path: "/public/x", expected: refused}, {from: friend, path: "/publicity", expected: refused},
			{from: friend, path: "/open/x/y", expected: passes}, {from: friend, path: "/opening", expected: refused},
			{from: friend, path: "/orders/7/lines", expected: passes}, {from: friend, path: "/orders/7/8/lines", expected: refused},
			{from: friend, path: "/tree/a/b/c", expected: passes}, {from: friend, path: "/", expected: refused},
			{from: stranger, path: "/public", expected: refused},
		}},
		{name: "hosts-and-ports", security: access(mesh.Allow, mesh.AccessRule{
			To: []mesh.Operation{{Hosts: []string{"hosts-and-ports*"}, Ports: []int32{wire.Port}}},
		}), tries: []try{
			{from: friend, expected: passes}, {from: friend, headers: headers{"Host": "other.example.com"}, expected: refused},
		}},
		{name: "other-port", security: access(mesh.Allow, mesh.AccessRule{To: []mesh.Operation{{Ports: []int32{wire.Port + 1}}}}), tries: []try{
			{from: friend, expected: refused},
		}},
		{name: "deny", security: access(mesh.Deny, mesh.AccessRule{
			When: []mesh.Condition{{Key: "request.headers[x-banned]", Values: []string{"yes", "very*"}}},
		}), tries: []try{
			{from: friend, expected: passes}, {from: outsider, expected: passes}, {from: friend, headers: headers{"x-banned": "no"}, expected: passes},
			{from: friend, headers: headers{"x-banned": "yes"}, expected: refused}, {from: outsider, headers: headers{"x-banned": "very much"}, expected: refused},
		}},
		{name: "deny-all-but", security: access(mesh.Deny, mesh.AccessRule{
			When: []mesh.Condition{{Key: "source.namespace", NotValues: []string{namespace}}},
		}), tries: []try{
			{from: friend, expected: passes}, {from: foreign, expected: refused}, {from: outsider, expected: refused},
		}},
		{name: "audit", security: access(mesh.Audit, mesh.AccessRule{}), tries: []try{{from: friend, expected: passes}, {from: outsider, expected: passes}}},
		{name: "networks", security: access(mesh.Deny, mesh.AccessRule{From: []mesh.Caller{{IPBlocks: []string{"0.0.0.0/0", "::/0"}}}}), tries: []try{
			{from: friend, expected: refused}, {from: outsider, expected: refused},
		}},
		{name: "tokens", security: mesh.MeshSecurityProps{Tokens: tokens}, tries: []try{
			{from: friend, expected: passes}, {from: outsider, headers: ann, expected: passes},
			{from: friend, headers: forger.token("ann", tokenAudience, time.Hour), expected: invalid},
			{from: friend, headers: issuer.token("ann", "others", time.Hour), expected: invalid},
			{from: friend, headers: issuer.token("ann", tokenAudience, -time.Hour), expected: invalid},
		}},
		{name: "request-principals", security: mesh.MeshSecurityProps{Tokens: tokens, Access: mesh.Access{
			Action: mesh.Allow, Rules: []mesh.AccessRule{{From: []mesh.Caller{{RequestPrincipals: []string{tokenIssuer + "/ann"}}}}},
		}}, tries: []try{
			{from: friend, headers: ann, expected: passes}, {from: friend, headers: bob, expected: refused}, {from: friend, expected: refused},
		}},
		{name: "claims", security: mesh.MeshSecurityProps{Tokens: tokens, Access: mesh.Access{
			Action: mesh.Allow, Rules: []mesh.AccessRule{{When: []mesh.Condition{{Key: "request.auth.claims[group]", Values: []string{"bobs"}}}}},
		}}, tries: []try{
			{from: friend, headers: bob, expected: passes}, {from: friend, headers: ann, expected: refused}, {from: friend, expected: refused},
		}},
		{name: "other-networks", security: access(mesh.Deny, mesh.AccessRule{From: []mesh.Caller{{IPBlocks: []string{"192.0.2.0/24"}}}}), tries: []try{
			{from: friend, expected: passes},
		}},
	}
}

// clientCertificate is the header by which the sidecar tells its pod who calls.
const clientCertificate = "X-Forwarded-Client-Cert"

// TestMeshSecurity goes through them.
func TestMeshSecurity(t *testing.T) {
	needSidecars(t)
	namespace, abroad, beside := newNamespaceWith(t, "security", meshLabels), newNamespaceWith(t, "security-foreign", meshLabels), newNamespace(t, "security-beside")
	homes := map[string]string{friend: namespace, stranger: namespace, foreign: abroad, outsider: beside}
	applyApp(t, func(app cdk8s.App) {
		for caller, home := range homes {
			there := tree.NewChart(app, "caller-"+caller, tree.ChartProps{Namespace: home})
			account := infra.NewServiceAccount(there, "account", infra.ServiceAccountProps{Name: caller})
			newEcho(there, caller, func(props *infra.ProbedDeploymentProps) { props.ServiceAccount = account })
		}
	})
	awaitDeployments(t, beside)
	issuer := newIssuer(t)
	shows, err := get[corev1.Pod](t.Context(), "pod", podOf(t, beside, "app="+outsider), "--namespace", beside)
	require.NoError(t, err)
	guards := guards(namespace, issuer, newIssuer(t), issuer.keys(shows))
	applyApp(t, func(app cdk8s.App) {
		chart := tree.NewChart(app, "guarded", tree.ChartProps{Namespace: namespace})
		for _, guard := range guards {
			echo := newEcho(chart, guard.name)
			infra.NewService(chart, guard.name+"-service", infra.ServiceProps{Name: guard.name, Selector: echo.Selector(), Ports: echoPorts})
			guard.security.Name, guard.security.Workload = guard.name, echo
			mesh.NewMeshSecurity(chart, guard.name+"-security", guard.security)
		}
	})
	for _, home := range homes {
		awaitDeployments(t, home)
	}
	assertInjected(t, namespace)
	assertInjected(t, abroad)

	tried := 0
	for _, guard := range guards {
		t.Run(guard.name, func(t *testing.T) {
			url := fmt.Sprintf("http://%s.%s", guard.name, namespace)
			took := eventually(t, time.Minute, func() error {
				for _, try := range guard.tries {
					if err := try.check(t, homes[try.from], url); err != nil {
						return err
					}
				}
				return nil
			})
			for _, try := range guard.tries {
				require.NoError(t, try.check(t, homes[try.from], url))
				tried++
			}
			t.Logf("as written after %s", took)
		})
	}
	t.Logf("%d policies, %d kinds of calls, each let in or shut out as written", len(guards), tried)

	t.Run("who calls", func(t *testing.T) {
		for guard, want := range map[string]string{"strict": "URI=spiffe://cluster.local/ns/" + namespace + "/sa/" + friend, "disabled": ""} {
			result := callFrom(t, namespace, friend, wire.Call{URL: fmt.Sprintf("http://%s.%s/", guard, namespace)})[0]
			var got wire.Answer
			require.NoError(t, json.Unmarshal([]byte(result.Body), &got), result.Body)
			shown := got.Header.Get(clientCertificate)
			assert.Contains(t, shown, want)
			assert.Equal(t, want == "", shown == "", shown)
		}
	})
}

// check makes the call, and tells what is not as expected of it.
func (c try) check(t *testing.T, home, url string) error {
	t.Helper()
	call := wire.Call{URL: url + cmp.Or(c.path, "/"), Method: c.method, Header: c.headers}
	result := callFrom(t, home, c.from, call)[0]
	got := outcome(fmt.Sprintf("ends with status %d, %.100q", result.Status, result.Body))
	switch {
	case strings.Contains(result.Error, "connection reset by peer") || strings.HasSuffix(result.Error, "EOF"):
		got = cut
	case result.Status == http.StatusOK:
		got = passes
	case result.Status == http.StatusForbidden && strings.Contains(result.Body, "RBAC"):
		got = refused
	case strings.Contains(result.Body, "Jwt"):
		got = invalid
	}
	if got != c.expected {
		return fmt.Errorf("a call of %s from %s, method %q, headers %v, %s, where it is meant to be one that %s; %s", call.URL, c.from, c.method, c.headers, got, c.expected, result.Error)
	}
	return nil
}
