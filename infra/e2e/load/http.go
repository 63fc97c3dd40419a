package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// httpCaller sends HTTP/1.1 requests over a connection of its own. It is not Go's client, which sends a request again
// where a connection that was kept has been closed meanwhile: whether that happens is the question.
type httpCaller struct {
	address string
	// authority is the host that requests are for, address if empty.
	authority string
	path      string
	keep      bool

	conn   net.Conn
	reader *bufio.Reader
}

func (c *httpCaller) call(ctx context.Context) (pod string, err error) {
	if c.conn == nil {
		var dialer net.Dialer
		if c.conn, err = dialer.DialContext(ctx, "tcp", c.address); err != nil {
			return "", err
		}
		c.reader = bufio.NewReader(c.conn)
	}
	pod, stays, err := c.exchange(ctx)
	if err != nil || !stays {
		c.close()
	}
	return pod, err
}

// exchange sends a request and reads its response, and tells which pod answered, if the response does, and whether the
// connection may be used again.
func (c *httpCaller) exchange(ctx context.Context) (pod string, stays bool, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.conn.SetDeadline(deadline); err != nil {
			return "", false, err
		}
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+c.address+c.path, nil)
	if err != nil {
		return "", false, err
	}
	request.Host = c.authority
	request.Close = !c.keep
	if err := request.Write(c.conn); err != nil {
		return "", false, err
	}
	response, err := http.ReadResponse(c.reader, request)
	if err != nil {
		return "", false, fmt.Errorf("no response: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", false, err
	}
	pod, expected := podIn(c.path, string(body))
	if response.StatusCode != http.StatusOK || !expected {
		return "", false, fmt.Errorf("status %s, body %.100q", response.Status, body)
	}
	return pod, c.keep && !response.Close, nil
}

// podIn reads the answer of a path of the service: which pod gave it, if it tells, and whether it is one.
func podIn(path, body string) (pod string, expected bool) {
	switch path {
	case contract.PathPing:
		return "", body == "pong"
	case contract.PathRoot:
		return body, body != ""
	default:
		return greeter(body)
	}
}

func (c *httpCaller) close() {
	if c.conn != nil {
		// A connection that fails to close is one that is closed.
		_ = c.conn.Close()
		c.conn = nil
	}
}
