package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
)

// door is where requests from outside arrive, whatever host they are for.
type door struct {
	address string
	tls     *tls.Config
}

// answer is what a client sees.
type answer struct {
	status int
	header http.Header
	body   string
	// echo is the body where an echo has answered, the zero value where another has.
	echo wire.Answer
}

// headers are sent with a request.
type headers map[string]string

// try sends a request, which is never tried again and whose redirects are not followed.
func (d door) try(t *testing.T, method, url string, headers headers) (answer, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	client := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   d.tls,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(d.address, port))
			},
		},
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	got := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	// What is no echo stays the zero value.
	_ = json.Unmarshal(body, &got.echo)
	return got, nil
}

// greeting is what the server has against the client, which says nothing after the handshake: to write is to risk not to
// hear why the server has closed the connection.
func (d door) greeting(t *testing.T, host string) error {
	t.Helper()
	config := d.tls.Clone()
	config.ServerName = host
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(d.address, "443"))
	if err != nil {
		return err
	}
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	return err
}

// get is try with GET, where a failure is the test's.
func (d door) get(t *testing.T, url string, headers headers) answer {
	t.Helper()
	got, err := d.try(t, http.MethodGet, url, headers)
	require.NoError(t, err)
	return got
}

// await asks until the answer is 200: proxies hear of what was applied a moment later.
func (d door) await(t *testing.T, url string) {
	t.Helper()
	took := eventually(t, time.Minute, func() error {
		got, err := d.try(t, http.MethodGet, url, nil)
		if err == nil && got.status != http.StatusOK {
			err = fmt.Errorf("%s: status %d: %.200s", url, got.status, got.body)
		}
		return err
	})
	t.Logf("%s is answered after %s", url, took)
}
