package flags_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/flags"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

func Example() {
	// flagd serves this on port 8016.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"key": %q, "value": "Hi", "reason": "STATIC", "variant": "short"}`, r.URL.Path)
	}))
	defer server.Close()
	endpoint, _ := url.Parse(server.URL)
	f, err := flags.New(endpoint)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Println(f.String(context.Background(), "greeting", "Greeting"))
	// Output: Hi
}

func newFlags(t *testing.T, handler http.HandlerFunc) *flags.Flags {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL + "/base")
	require.NoError(t, err)
	f, err := flags.New(endpoint)
	require.NoError(t, err)
	t.Cleanup(f.Close)
	return f
}

func TestString(t *testing.T) {
	tests := map[string]struct {
		status int
		reply  string
		want   string
	}{
		"value":         {200, `{"value": "red", "reason": "TARGETING_MATCH"}`, "red"},
		"empty":         {200, `{"value": ""}`, ""},
		"another type":  {200, `{"value": 1}`, "fallback"},
		"no value":      {200, `{}`, "fallback"},
		"unknown":       {404, `{"errorCode": "FLAG_NOT_FOUND"}`, "fallback"},
		"refused":       {400, `{"errorCode": "INVALID_CONTEXT"}`, "fallback"},
		"broken":        {500, "oops", "fallback"},
		"no JSON":       {200, "oops", "fallback"},
		"too long":      {200, `{"value": "` + strings.Repeat("x", 1<<20) + `"}`, "fallback"},
		"elsewhere":     {302, "", "fallback"},
		"unauthorized":  {401, "", "fallback"},
		"too many asks": {429, "", "fallback"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFlags(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.JSONEq(t, `{"context": {}}`, string(body))
				assert.Equal(t, "POST", r.Method)
				assert.Equal(t, "/base/ofrep/v1/evaluate/flags/a%2F..b", r.URL.EscapedPath())
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.reply)
			})
			assert.Equal(t, tt.want, f.String(t.Context(), "a/..b", "fallback"))
		})
	}
}

func TestStringCarriesTheRequestOn(t *testing.T) {
	var header http.Header
	f := newFlags(t, func(_ http.ResponseWriter, r *http.Request) { header = r.Header })
	incoming := http.Header{"Version": {"100"}, "B3": {"0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"}}
	f.String(propagate.FromHTTP(t.Context(), incoming), "a", "fallback")
	assert.Equal(t, "100", header.Get("version"))
	assert.Equal(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", header.Get("traceparent"))
}

func TestWithoutAServer(t *testing.T) {
	f, err := flags.New(nil)
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, "fallback", f.String(t.Context(), "a", "fallback"))
}

func TestServerThatIsGone(t *testing.T) {
	f, err := flags.New(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	require.NoError(t, err, "it may come later")
	defer f.Close()
	assert.Equal(t, "fallback", f.String(t.Context(), "a", "fallback"))
}

func TestServerThatIsSlow(t *testing.T) {
	hold := make(chan struct{})
	f := newFlags(t, func(http.ResponseWriter, *http.Request) { <-hold })
	t.Cleanup(func() { close(hold) })
	start := time.Now()
	assert.Equal(t, "fallback", f.String(t.Context(), "a", "fallback"))
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestNamesDoNotChangeThePath(t *testing.T) {
	f := newFlags(t, func(_ http.ResponseWriter, r *http.Request) { t.Error("asked for", r.URL.Path) })
	for _, name := range []string{"", ".", "..", "../x", "a/..", "a/../../b", "a//b", "/a", "a/", `a\..\b`, "a/. ./b", "a\n", strings.Repeat("a", 129)} {
		assert.False(t, flags.Valid(name), name)
		assert.Equal(t, "fallback", f.String(t.Context(), name, "fallback"))
	}
	for _, name := range []string{"greeting", "a.b-c_d", "team/flag", "..a", "%2e%2e"} {
		assert.True(t, flags.Valid(name), name)
	}
}
