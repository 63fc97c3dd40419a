package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
)

// servers serves both ports, and returns where.
func servers(t *testing.T) (echoURL, controlURL string) {
	t.Helper()
	counts := newCounts()
	e, c := httptest.NewServer(echo("web-1", counts)), httptest.NewServer(control(counts))
	t.Cleanup(e.Close)
	t.Cleanup(c.Close)
	return e.URL, c.URL
}

func calls(t *testing.T, controlURL string, call wire.Call) (status int, body []byte) {
	t.Helper()
	content, err := json.Marshal(call)
	require.NoError(t, err)
	response, err := http.Post(controlURL+wire.PathCall, "application/json", bytes.NewReader(content))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, body
}

func TestEchoAndCalls(t *testing.T) {
	t.Parallel()
	echoURL, controlURL := servers(t)
	status, body := calls(t, controlURL, wire.Call{
		URL: echoURL + "/a/b?c=d", Method: "PUT", Count: 3,
		Header: map[string]string{"Host": "www.example.com", "x-user": "ann", wire.ID: "three", wire.Status: "418", wire.Delay: "20ms"},
	})
	require.Equal(t, http.StatusOK, status, "%s", body)
	var results []wire.Result
	require.NoError(t, json.Unmarshal(body, &results))
	require.Len(t, results, 3)
	for _, result := range results {
		assert.Empty(t, result.Error)
		assert.Equal(t, http.StatusTeapot, result.Status)
		assert.Equal(t, wire.ServerValue, result.Header.Get(wire.Server))
		assert.GreaterOrEqual(t, result.Elapsed, 20*time.Millisecond)
		var got wire.Answer
		require.NoError(t, json.Unmarshal([]byte(result.Body), &got))
		assert.Equal(t, "ann", got.Header.Get("x-user"))
		got.Header = nil
		assert.Equal(t, wire.Answer{Pod: "web-1", Method: "PUT", URI: "/a/b?c=d", Host: "www.example.com"}, got)
	}
	for id, want := range map[string]string{"three": "3\n", "none": "0\n", "": "0\n"} {
		response, err := http.Get(controlURL + wire.PathCount + "?" + wire.ID + "=" + id)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, want, string(body), id)
	}
}

func TestCallsThatFail(t *testing.T) {
	t.Parallel()
	_, controlURL := servers(t)
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	for _, url := range []string{nobody.URL, "grpc" + nobody.URL[len("http"):]} {
		status, body := calls(t, controlURL, wire.Call{URL: url, Count: 1})
		require.Equal(t, http.StatusOK, status)
		assert.Contains(t, string(body), "connection refused")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	echoURL, controlURL := servers(t)
	for want, call := range map[string]wire.Call{
		"count: 0 is out of range; use 1 to 2000\n":             {URL: echoURL},
		"count: 2001 is out of range; use 1 to 2000\n":          {URL: echoURL, Count: 2001},
		"url: \"ftp://example.com\" is neither http nor grpc\n": {URL: "ftp://example.com", Count: 1},
		"url: parse \"http://[\": missing ']' in host\n":        {URL: "http://[", Count: 1},
	} {
		status, body := calls(t, controlURL, call)
		assert.Equal(t, http.StatusBadRequest, status)
		assert.Equal(t, want, string(body))
	}
	for header, value := range map[string]string{wire.Status: "0", wire.Delay: "1h"} {
		request, err := http.NewRequest(http.MethodGet, echoURL, nil)
		require.NoError(t, err)
		request.Header.Set(header, value)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, header)
	}
}

func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	counts := newCounts()
	for i := range 2 * maxNames {
		counts.add(string(rune('a' + i)))
	}
	counts.add("a")
	assert.Len(t, counts.byName, maxNames)
	assert.Equal(t, 2, counts.of("a"))
}

func TestSay(t *testing.T) {
	t.Parallel()
	_, controlURL := servers(t)
	for content, want := range map[string]string{`{"keys":[]}`: "{\"keys\":[]}\n", "{": wire.Content + " is not JSON\n"} {
		response, err := http.Get(controlURL + wire.PathSay + "?" + wire.Content + "=" + url.QueryEscape(content))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, want, string(body))
	}
}
