package httpserver

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// refusals is a listener whose connections tell of the requests that net/http
// answers by itself: of headers that are too long or malformed no handler hears.
type refusals struct {
	net.Listener
	tell func(status int, from net.Addr)
}

func (l refusals) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &refusal{conn, l.tell}, nil
}

type refusal struct {
	net.Conn
	tell func(status int, from net.Addr)
}

// Write looks at what is written. An answer of a handler has a Date.
func (c *refusal) Write(p []byte) (int, error) {
	if status := errorStatus(p); status != 0 {
		head, _, _ := bytes.Cut(p, []byte("\r\n\r\n"))
		if !bytes.Contains(head, []byte("\r\nDate: ")) || status == http.StatusExpectationFailed {
			c.tell(status, c.RemoteAddr())
		}
	}
	return c.Conn.Write(p)
}

// errorStatus returns the status of an answer that begins in p, or 0 if that is no
// error.
func errorStatus(p []byte) int {
	const start, length = "HTTP/1.1 ", len("HTTP/1.1 400 ")
	if len(p) < length || p[len(start)] != '4' && p[len(start)] != '5' || string(p[:len(start)]) != start {
		return 0
	}
	status, err := strconv.Atoi(string(p[len(start) : length-1]))
	if err != nil {
		return 0
	}
	return status
}

// CloseWrite is for net/http, which ends a connection in two steps.
func (c *refusal) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// hostOf returns an address without its port.
func hostOf(address net.Addr) string {
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}

// Refused counts and logs a request that never came to the handler.
func (s *service) Refused(status int, from net.Addr) {
	s.unmatched.Count("", status, 0)
	if s.RequestLog.Logs(slog.LevelInfo) {
		s.RequestLog.Request(&logging.Request{Message: "request", Start: time.Now(), Status: status, Client: hostOf(from)})
	}
}
