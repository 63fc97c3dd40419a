package engine

import (
	"strings"
)

// Header is a header of a request.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Request is what is asked of the manifests: where would this go?
type Request struct {
	// Method defaults to GET, and to POST for a call by gRPC.
	Method string
	// Scheme is http or https, as the caller's client speaks it. Defaults to http.
	Scheme string
	// Host is the name that is called, with a port or without. In a pod it is the name of a Service, short or long.
	Host string
	// Port is where it is called. Defaults to that in Host; else at a gateway to 80, or 443 for https, and in the cluster to
	// the first port of the Service that speaks HTTP, or gRPC for a call by gRPC.
	Port int
	// Path begins with a slash and may have a query. Defaults to "/".
	Path string
	// Headers are those of the request, without Host.
	Headers []Header
	// GRPC is SERVICE/METHOD for a call by gRPC, which sets Method and Path. Defaults to none.
	GRPC string
	// From is the pod that calls, NAMESPACE/WORKLOAD. The name alone is one in the namespace of objects that name none.
	// Defaults to a pod of the mesh of which nothing is known.
	From string
	// Gateway is where a request from outside comes in: the name of a Gateway, of Istio or of the Gateway API, or of an
	// Ingress, as NAME or NAMESPACE/NAME. Defaults to the one that takes Host, where no Service is called so.
	Gateway string
}

// message is a request on its way, as a proxy sees it.
type message struct {
	method, scheme, authority, host, path, query string
	port                                         int
	headers                                      []Header
	grpc                                         bool
}

func newMessage(r Request) *message {
	m := &message{method: r.Method, scheme: strings.ToLower(r.Scheme), authority: r.Host, port: r.Port, grpc: r.GRPC != ""}
	path := r.Path
	m.headers = append(m.headers, r.Headers...)
	if m.grpc {
		path = "/" + strings.TrimPrefix(r.GRPC, "/")
		if m.method == "" {
			m.method = "POST"
		}
		if _, there := m.header("content-type"); !there {
			m.headers = append(m.headers, Header{"content-type", "application/grpc"})
		}
	}
	if m.method == "" {
		m.method = "GET"
	}
	if m.scheme == "" {
		m.scheme = "http"
	}
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	path, _, _ = strings.Cut(path, "#")
	path, m.query, _ = strings.Cut(path, "?")
	m.path = normalized(path)
	host, port := splitHost(r.Host)
	m.host = strings.TrimSuffix(strings.ToLower(host), ".")
	if m.port == 0 {
		m.port = port
	}
	return m
}

// normalized is a path as Istio's proxies see it: without dot segments, with backslashes turned, and with letters, digits
// and -._~ unescaped (meshConfig.pathNormalization BASE, Istio's default).
func normalized(path string) string {
	if !strings.ContainsAny(path, `\%.`) {
		return path
	}
	path = unescaped(strings.ReplaceAll(path, `\`, "/"))
	var kept []string
	elements := strings.Split(path, "/")[1:]
	for i, element := range elements {
		last := i == len(elements)-1
		switch element {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, element)
		}
	}
	return "/" + strings.Join(kept, "/")
}

func unescaped(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var text strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			high, low := hex(path[i+1]), hex(path[i+2])
			if c := byte(high<<4 | low); high >= 0 && low >= 0 && isUnreserved(c) {
				_ = text.WriteByte(c)
				i += 2
				continue
			}
		}
		_ = text.WriteByte(path[i])
	}
	return text.String()
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func isUnreserved(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '.' || c == '_' || c == '~'
}

// header is the value of a header. Of one that is there several times Envoy compares the values with commas between.
func (m *message) header(name string) (value string, there bool) {
	switch strings.ToLower(name) {
	case ":authority", "host":
		return m.authority, m.authority != ""
	case ":method":
		return m.method, true
	case ":path":
		return m.target(), true
	case ":scheme":
		return m.scheme, true
	}
	for _, header := range m.headers {
		if strings.EqualFold(header.Name, name) {
			if there {
				value += ","
			}
			value, there = value+header.Value, true
		}
	}
	return value, there
}

// parameter is the first value of a parameter of the query, as it is written: Envoy decodes none.
func (m *message) parameter(name string) (value string, there bool) {
	for part := range strings.SplitSeq(m.query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if key == name && part != "" {
			return value, true
		}
	}
	return "", false
}

// target is the path with its query.
func (m *message) target() string {
	if m.query == "" {
		return m.path
	}
	return m.path + "?" + m.query
}

// edit changes headers as Envoy does with those of a route: it removes all before it sets and adds
// (HeaderParser::evaluateHeaders).
func (m *message) edit(all ...headerEdits) {
	for _, e := range all {
		for _, name := range e.remove {
			m.drop(name)
		}
	}
	for _, e := range all {
		for _, header := range e.set {
			m.drop(header.Name)
			m.headers = append(m.headers, header)
		}
		m.headers = append(m.headers, e.add...)
	}
}

func (m *message) drop(name string) {
	var kept []Header
	for _, header := range m.headers {
		if !strings.EqualFold(header.Name, name) {
			kept = append(kept, header)
		}
	}
	m.headers = kept
}

func (m *message) clone() *message {
	copied := *m
	copied.headers = append([]Header(nil), m.headers...)
	return &copied
}
