//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGetReceives(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nDate: today\r\n\r\npong"
	for _, c := range []struct {
		data     string
		answered bool
		err      string
	}{
		{"", false, ""},
		{"HTTP/1.1 200 OK\r\nContent-", false, ""},
		{whole[:len(whole)-1], false, ""},
		{whole, true, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, ""},
		{whole + "H", false, "more than one answer"},
		{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false, `answer "HTTP/1.1 503 Service Unavailable"`},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, "without Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false, `Content-Length "-1"`},
	} {
		out, used, answered, err := newGet("/").receive([]byte(c.data), nil)
		assert.Empty(t, out)
		assert.Equal(t, c.answered, answered, c.data)
		if c.err != "" {
			assert.ErrorContains(t, err, c.err)
			continue
		}
		assert.NoError(t, err)
		if answered {
			assert.Equal(t, len(c.data), used)
		} else {
			assert.Zero(t, used)
		}
	}
}

func TestGetAsks(t *testing.T) {
	assert.Equal(t, "GET /ping HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n\r\n", string(newGet("/ping").ask(nil)))
}
