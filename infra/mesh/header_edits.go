package mesh

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// HeaderEdits are changes of headers. What is removed goes first.
// See https://istio.io/latest/docs/reference/config/networking/virtual-service/#Headers.
type HeaderEdits struct {
	// Set replaces headers. A value may hold Envoy's formats, such as %REQ(x-user)% or %PROTOCOL%;
	// %% is a percent sign. In requests, host replaces the host as Rewrite.Authority does, whose
	// value holds no formats.
	Set map[string]string
	// Add adds values to headers, in the same form.
	Add map[string]string
	// Remove takes headers away.
	Remove []string
}

func (e HeaderEdits) isZero() bool { return len(e.Set)+len(e.Add)+len(e.Remove) == 0 }

const headerEditRule = "is not the name of a header; use letters, digits and '-'"

func (e HeaderEdits) validate(p *problem.List, field *problem.Path, ofRequest bool) {
	for _, f := range []struct {
		field  *problem.Path
		values map[string]string
	}{{field.Child("Set"), e.Set}, {field.Child("Add"), e.Add}} {
		seen := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(f.values)) {
			at, value := problem.Key(f.field, name), f.values[name]
			if other, twice := seen[strings.ToLower(name)]; twice {
				p.Add(f.field, name, "is the same header as "+problem.Show(other)+"; leave out one of them")
			}
			seen[strings.ToLower(name)] = name
			switch {
			case isHost(name) && ofRequest && value == "":
				p.Add(at, value, "is empty, which Istio ignores; name a host")
			case isHost(name) && ofRequest:
				validateAuthority(p, at, value)
			case validEdit(p, f.field, name):
				validateHeaderValue(p, at, value)
			}
		}
	}
	for _, name := range e.Remove {
		validEdit(p, field.Child("Remove"), name)
	}
}

// isHost reports whether the header is the host of a request.
func isHost(name string) bool {
	return strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
}

// validEdit reports whether a header may be changed, and records where it may not.
func validEdit(p *problem.List, field *problem.Path, name string) bool {
	switch {
	case isHost(name):
		p.Add(field, name,
			"is the host of a request, which cannot be removed and is in no response; change it with Rewrite.Authority")
	case strings.HasPrefix(name, ":"):
		p.Add(field, name, "is a pseudo-header, which Istio lets nobody change; use Rewrite for path and host")
	case !isToken(name):
		p.Add(field, name, headerEditRule)
	default:
		return true
	}
	return false
}

var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// isToken reports whether the text is a token of HTTP (RFC 9110, section 5.6.2), as names of
// headers are.
func isToken(text string) bool { return token.MatchString(text) }

// validateAuthority finds a host that is replaced more than once.
func (r Rule) validateAuthority(p *problem.List, field *problem.Path) {
	first := ""
	if r.Rewrite.Authority != "" {
		first = field.Child("Rewrite", "Authority").String()
	}
	for _, f := range []struct {
		field  *problem.Path
		values map[string]string
	}{{field.Child("RequestHeaders", "Set"), r.RequestHeaders.Set}, {field.Child("RequestHeaders", "Add"), r.RequestHeaders.Add}} {
		for _, name := range slices.Sorted(maps.Keys(f.values)) {
			at := problem.Key(f.field, name)
			switch {
			case !isHost(name):
			case first == "":
				first = at.String()
			default:
				p.Add(at, f.values[name], "replaces the host, as "+first+" does already; leave out one of them")
			}
		}
	}
}

// validateAuthority checks a host, with a port or without. Nothing stands for the default.
func validateAuthority(p *problem.List, field *problem.Path, value string) {
	address, err := url.Parse("//" + value)
	if value != "" && (err != nil || address.Hostname() == "" || address.Host != value) {
		p.Add(field, value, "is not a host, with a port or without; use for example \"www.example.com\"")
	}
}

// validatePath checks a path that replaces another. Nothing stands for the default.
func validatePath(p *problem.List, field *problem.Path, value string) {
	switch {
	case value == "":
	case !strings.HasPrefix(value, "/"):
		p.Add(field, value, "does not begin with '/'; a path does")
	case hasControlCharacter(value):
		p.Add(field, value, controlCharacterRule)
	}
}

// validatePlainPath checks what takes the place of a prefix, so that more of the path follows.
func validatePlainPath(p *problem.List, field *problem.Path, value string) {
	validatePath(p, field, value)
	if strings.ContainsAny(value, "?#") || strings.Contains(value, "//") {
		p.Add(field, value, "has a query, a fragment or an empty element, and the rest of the path follows it; use a plain path, for example \"/v2\"")
	}
}

const controlCharacterRule = "has a control character, such as a new line, which Envoy refuses; leave it out"

func hasControlCharacter(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// validateHeaderValue checks a value that Envoy reads as a format
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers).
func validateHeaderValue(p *problem.List, field *problem.Path, value string) {
	switch {
	case value == "":
		p.Add(field, value, "is empty, and Envoy leaves the header as it is then; use Remove, or give a value")
	case hasControlCharacter(value):
		p.Add(field, value, controlCharacterRule)
	}
	for rest := value; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return
		}
		if literal, ok := strings.CutPrefix(after, "%"); ok {
			rest = literal
			continue
		}
		format := envoyFormat.FindStringSubmatch("%" + after)
		if format == nil {
			p.Add(field, value, "has a '%' that begins no format of Envoy; write %% for a percent sign, or for example %REQ(x-user)%")
			return
		}
		if !isEnvoyCommand(format[1], format[2] != "") {
			p.Add(field, value, fmt.Sprintf("has the format %s, which Envoy does not know; use for example %%REQ(x-user)%%, or write %%%% for a percent sign", format[0]))
		}
		rest = after[len(format[0])-1:]
	}
}

// envoyFormat is a command, and what it is about or how long the text may get. Istio takes no more
// than one of the two. Inside the brackets is what both Istio and Envoy take.
var envoyFormat = regexp.MustCompile(`^%([A-Z][A-Z0-9_]*)(\( *(?:\[(?: *"[^"\\)]*" *,?)+\]|[^\["\\) ][^"\\)]*) *\)|:[0-9]+)?%`)

// envoyCommands are Envoy's commands, and those with which the names of others begin
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/substitution_formatter).
var (
	envoyCommands = []string{
		"ACCESS_LOG_TYPE", "BYTES_RECEIVED", "BYTES_RETRANSMITTED", "BYTES_SENT", "CEL", "CLUSTER_METADATA", "COALESCE",
		"COMMON_DURATION", "CONNECTION_ID", "CONNECTION_TERMINATION_DETAILS", "CUSTOM_FLAGS", "DURATION", "DYNAMIC_METADATA",
		"EMIT_TIME", "EMIT_TIME_LOCAL", "ENVIRONMENT", "FILTER_CHAIN_NAME", "FILTER_STATE", "GRPC_STATUS", "GRPC_STATUS_NUMBER",
		"HOSTNAME", "LOCAL_REPLY_BODY", "METADATA", "PACKETS_RETRANSMITTED", "PATH", "PROTOCOL", "QUERY_PARAM", "QUERY_PARAMS",
		"REQ", "REQ_WITHOUT_QUERY", "REQUESTED_SERVER_NAME", "RESP", "ROUNDTRIP_DURATION", "ROUTE_NAME", "SPAN_ID",
		"START_TIME", "START_TIME_LOCAL", "STREAM_ID", "TRACE_ID", "TRAILER", "TYPED_CEL", "UNIQUE_ID", "VIRTUAL_CLUSTER_NAME",
	}
	envoyFamilies = []string{"DOWNSTREAM_", "REQUEST_", "RESPONSE_", "TLS_JA", "UPSTREAM_"}
	// envoyCommandsAbout are those that are nothing without brackets.
	envoyCommandsAbout = []string{
		"CEL", "CLUSTER_METADATA", "COALESCE", "COMMON_DURATION", "DYNAMIC_METADATA", "ENVIRONMENT", "FILTER_STATE", "METADATA",
		"QUERY_PARAM", "REQ", "REQ_WITHOUT_QUERY", "REQUEST_HEADER", "RESP", "RESPONSE_HEADER", "RESPONSE_TRAILER", "TRAILER",
		"TYPED_CEL", "UPSTREAM_FILTER_STATE", "UPSTREAM_METADATA",
	}
)

func isEnvoyCommand(name string, about bool) bool {
	if !about && slices.Contains(envoyCommandsAbout, name) {
		return false
	}
	return slices.Contains(envoyCommands, name) ||
		slices.ContainsFunc(envoyFamilies, func(family string) bool { return strings.HasPrefix(name, family) })
}

func (e HeaderEdits) render() *networking.Headers_HeaderOperations {
	if e.isZero() {
		return nil
	}
	return &networking.Headers_HeaderOperations{Set: maps.Clone(e.Set), Add: maps.Clone(e.Add), Remove: slices.Clone(e.Remove)}
}
