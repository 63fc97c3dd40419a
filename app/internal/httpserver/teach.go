package httpserver

import (
	"encoding/json"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/build"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

const (
	// MaxDelay is the longest that a caller may have contract.PathDelay wait.
	MaxDelay = 10 * time.Second
	// maxEchoBytes is how much of a body is sent back.
	maxEchoBytes = 4 << 10
)

// credentials are headers whose values are for others than whoever reads a page over
// a caller's shoulder. A proxy may have added them.
var credentials = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "X-Api-Key": true}

// request is what the service has of a request: through which proxy it came, and who
// sent it.
type request struct {
	Method  string      `json:"method,omitempty"`
	Host    string      `json:"host"`
	Path    string      `json:"path,omitempty"`
	Query   string      `json:"query,omitempty"`
	Proto   string      `json:"proto"`
	Client  string      `json:"client_address"`
	Pod     string      `json:"hostname"`
	TLS     bool        `json:"tls"`
	Headers http.Header `json:"headers"`
	// Bytes is the length of the body, Body its beginning.
	Bytes int64  `json:"bytes,omitempty"`
	Body  string `json:"body,omitempty"`
}

func (h *handler) describe(r *http.Request) request {
	headers := r.Header.Clone()
	for name := range headers {
		if credentials[name] {
			headers[name] = []string{"***"}
		}
	}
	return request{Host: r.Host, Proto: r.Proto, Client: clientAddress(r), Pod: h.Hostname, TLS: r.TLS != nil, Headers: headers}
}

// clientAddress is the address of the peer: the caller, or its proxy.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func (h *handler) serveHeaders(w http.ResponseWriter, r *http.Request) { writeJSON(w, h.describe(r)) }

func (h *handler) serveEcho(w http.ResponseWriter, r *http.Request) {
	echo := h.describe(r)
	echo.Method, echo.Path, echo.Query = r.Method, r.URL.Path, r.URL.RawQuery
	if rec, ok := w.(*recorder); ok {
		echo.Bytes, echo.Body = rec.bodyBytes, logging.Cut(string(rec.body), maxEchoBytes)
	}
	writeJSON(w, echo)
}

func (h *handler) serveVersion(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]string{"version": build.Version, "revision": build.Revision, "go": runtime.Version()})
}

// serveStatus answers a status that HTTP knows: of others callers could make up a
// series each.
func (h *handler) serveStatus(w http.ResponseWriter, r *http.Request) {
	text := r.PathValue("code")
	code, err := strconv.Atoi(text)
	if err != nil || code < http.StatusOK || http.StatusText(code) == "" {
		http.Error(w, "status "+strconv.Quote(logging.Text(text))+": allowed is a status of HTTP from 200 to 599, such as 503", http.StatusBadRequest)
		return
	}
	w.Header()["Content-Type"] = plainText
	w.WriteHeader(code)
	if code != http.StatusNoContent && code != http.StatusNotModified {
		_, _ = w.Write([]byte(http.StatusText(code)))
	}
}

func (h *handler) serveDelay(w http.ResponseWriter, r *http.Request) {
	text := r.PathValue("seconds")
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= MaxDelay.Seconds()) {
		http.Error(w, "delay "+strconv.Quote(logging.Text(text))+": allowed are 0 to 10 seconds, such as 1.5", http.StatusBadRequest)
		return
	}
	delay := time.Duration(seconds * float64(time.Second))
	wait(r.Context(), delay, nil)
	write(w, "delayed "+delay.String())
}

// writeJSON answers 200. What is written marshals.
func writeJSON(w http.ResponseWriter, value any) {
	page, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header()["X-Content-Type-Options"] = noSniff
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(page, '\n'))
}
