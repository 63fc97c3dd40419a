package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/cmd/combat/internal/trafficmap"
)

const aService = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"

func TestServeMap(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(file, []byte(aService), 0o600))
	server := httptest.NewUnstartedServer(nil)
	address := server.Listener.Addr().String()
	server.Config.Handler = mapHandler(t.Context(), address, mapFlags{}, []string{file}, trafficmap.PageOptions{Reload: "/changes"})
	server.Start()
	t.Cleanup(server.Close)

	get := func(host string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		request.Host = host
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		content := make([]byte, 1<<20)
		n, _ := response.Body.Read(content)
		return response.StatusCode, string(content[:n])
	}
	status, page := get(address)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "connect-src 'self'")
	status, _ = get("shop.example.com")
	assert.Equal(t, http.StatusMisdirectedRequest, status, "another name for this machine is refused")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/changes", nil)
	require.NoError(t, err)
	changes, err := server.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { changes.Body.Close() })
	lines := bufio.NewScanner(changes.Body)
	require.True(t, lines.Scan())
	require.NoError(t, os.WriteFile(file, []byte("no manifest"), 0o600))
	require.NoError(t, os.Chtimes(file, time.Time{}, time.Now().Add(time.Minute)))
	for lines.Scan() && lines.Text() != "data: changed" {
		assert.Empty(t, lines.Text())
	}
	assert.Equal(t, "data: changed", lines.Text())
	status, _ = get(address)
	assert.Equal(t, http.StatusOK, status, "what cannot be read is said in the page")
}
