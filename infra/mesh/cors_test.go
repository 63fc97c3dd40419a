package mesh_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func TestCORSGoodInput(t *testing.T) {
	t.Parallel()
	for name, cors := range map[string]mesh.CORS{
		"everybody": {
			AllowOrigins: []mesh.StringMatch{mesh.Exact("*")}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, ExposeHeaders: []string{"*"},
		},
		"cookies": {
			AllowOrigins: []mesh.StringMatch{mesh.Exact("*")}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, AllowCredentials: true,
		},
		"origins": {AllowOrigins: []mesh.StringMatch{
			mesh.Exact("null"), mesh.Exact("http://localhost:3000"), mesh.Prefix("https://"), mesh.Regex(`https://[a-z]+\.example\.com`),
		}},
		"case": {AllowOrigins: []mesh.StringMatch{mesh.Exact("*")}, AllowHeaders: []string{"X-User", "content_type"}, MaxAge: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, canaryRule(func(_ meshParts, r *mesh.Rule) { r.CORS = cors }))
			assert.Empty(t, messages)
		})
	}
}

func TestCORSBadInput(t *testing.T) {
	t.Parallel()
	const notAnOrigin = `is not the origin of any page; use scheme, host and port without a path, for example "https://www.example.com", or "*" for any`
	synthtest.BadInput{
		"origins": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.CORS.AllowOrigins = []mesh.StringMatch{
				{}, mesh.Present(), mesh.Exact(""), mesh.Exact("www.example.com"), mesh.Exact("https://www.example.com/"), mesh.Regex("[a-z]{2,1}"),
				mesh.Regex(strings.Repeat("a", 1025)),
			}
		}), []string{
			`[chart/canary] Rules[0].CORS.AllowOrigins[0]: is not set; make the condition with Exact, Prefix or Regex`,
			`[chart/canary] Rules[0].CORS.AllowOrigins[1]: "Present()" is for headers and parameters of the query alone; use Exact, Prefix or Regex`,
			`[chart/canary] Rules[0].CORS.AllowOrigins[2]: "" matches nothing or everything; give a text, or leave the condition out`,
			`[chart/canary] Rules[0].CORS.AllowOrigins[3]: "www.example.com" ` + notAnOrigin,
			`[chart/canary] Rules[0].CORS.AllowOrigins[4]: "https://www.example.com/" ` + notAnOrigin,
			`[chart/canary] Rules[0].CORS.AllowOrigins[5]: "[a-z]{2,1}" is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax`,
			`[chart/canary] Rules[0].CORS.AllowOrigins[6]: "` + strings.Repeat("a", 80) + `"... (1025 bytes) is longer than the 1024 bytes that Istio takes; shorten it`,
		}},
		"methods, headers and age": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.CORS = mesh.CORS{
				AllowOrigins: []mesh.StringMatch{mesh.Exact("*")}, AllowMethods: []string{"GET", "PURGE", ""},
				AllowHeaders: []string{"a b", ""}, ExposeHeaders: []string{"x:y", "*"}, AllowCredentials: true, MaxAge: 1500 * time.Millisecond,
			}
		}), []string{
			`[chart/canary] Rules[0].CORS.MaxAge: 1.5s is not in whole seconds, which is what Istio takes; use for example 1s`,
			`[chart/canary] Rules[0].CORS.AllowMethods[1]: "PURGE" is not an HTTP method that Istio takes; use *, GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS or TRACE`,
			`[chart/canary] Rules[0].CORS.AllowMethods[2]: "" is not an HTTP method that Istio takes; use *, GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS or TRACE`,
			`[chart/canary] Rules[0].CORS.AllowHeaders[0]: "a b" is not the name of a header; use letters, digits and '-', or "*" for any`,
			`[chart/canary] Rules[0].CORS.AllowHeaders[1]: "" is not the name of a header; use letters, digits and '-', or "*" for any`,
			`[chart/canary] Rules[0].CORS.ExposeHeaders[0]: "x:y" is not the name of a header; use letters, digits and '-', or "*" for any`,
			`[chart/canary] Rules[0].CORS.ExposeHeaders[1]: "*" stands for no header where browsers send cookies (AllowCredentials); name the headers`,
		}},
		"negative age": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.CORS = mesh.CORS{AllowOrigins: []mesh.StringMatch{mesh.Exact("*")}, MaxAge: -time.Second}
		}), []string{
			`[chart/canary] Rules[0].CORS.MaxAge: -1s is negative; use 0s or more`,
		}},
	}.Run(t)
}
