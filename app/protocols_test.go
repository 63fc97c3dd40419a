package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// client speaks one version of HTTP, and trusts roots.
func client(t *testing.T, roots *x509.CertPool, choose func(*http.Protocols)) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: &http.Protocols{}, TLSClientConfig: &tls.Config{RootCAs: roots}}
	choose(transport.Protocols)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: patience, Transport: transport}
}

// ask returns the version of HTTP that an answer to /ping has.
func ask(t *testing.T, c *http.Client, base string) (proto string) {
	t.Helper()
	response, err := c.Get(base + "/ping")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "pong", string(body))
	return response.Proto
}

func TestRunServesH2C(t *testing.T) {
	h2c, h1 := func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, func(p *http.Protocols) { p.SetHTTP1(true) }
	p := inProcess(t, nil, "--http-h2c")
	for want, choose := range map[string]func(*http.Protocols){"HTTP/2.0": h2c, "HTTP/1.1": h1} {
		proto := ask(t, client(t, nil, choose), "http://"+p.httpAddress)
		assert.Equal(t, want, proto)
	}
	// Nobody asked this one for it.
	response, err := client(t, nil, h2c).Get("http://" + inProcess(t, nil).httpAddress + "/ping")
	if err == nil {
		response.Body.Close()
	}
	assert.Error(t, err)
}

func TestH2CDropsNoRequest(t *testing.T) {
	p := inProcess(t, nil, "--http-h2c")
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		c := client(t, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var used bool
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GotConn: func(info httptrace.GotConnInfo) { used = info.Reused },
				})
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.httpAddress+"/ping", nil)
				if !assert.NoError(t, err) {
					return
				}
				response, err := c.Do(request)
				if err != nil {
					// Once nobody listens any more a new connection is refused, and one that the
					// kernel completed in the moment of closing is reset, at whatever it does first.
					assert.False(t, used, "a connection that was served before: %v", err)
					assert.Regexp(t, "connection (refused|reset)|broken pipe|client conn could not be established", err.Error())
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				assert.NoError(t, err)
				_ = response.Body.Close()
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	close(stop)
	wait.Wait()
}

// selfSigned writes a certificate for 127.0.0.1, and returns who trusts it.
func selfSigned(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}

func TestRunServesTLS(t *testing.T) {
	certFile, keyFile, roots := selfSigned(t)
	p := inProcess(t, map[string]string{"TLS_CERT_FILE": certFile, "TLS_KEY_FILE": keyFile})
	for want, choose := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) }, "HTTP/2.0": func(p *http.Protocols) { p.SetHTTP2(true) },
	} {
		proto := ask(t, client(t, roots, choose), "https://"+p.httpAddress)
		assert.Equal(t, want, proto)
	}
	conn, err := grpc.NewClient("passthrough:///"+p.grpcAddress, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")), grpc.WithNoProxy())
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = helloworld.NewGreeterClient(conn).SayHello(ctx, &helloworld.HelloRequest{Name: "world"})
	assert.NoError(t, err)
	assert.Equal(t, 200, p.get("/readyz").status, "probes go without")
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
}

func TestRunRefusesABrokenCertificate(t *testing.T) {
	certFile, _, _ := selfSigned(t)
	var log strings.Builder
	status := run(withFreePorts([]string{"--tls-cert-file=" + certFile, "--tls-key-file=" + certFile}), func(string) (string, bool) { return "", false }, &log, io.Discard, nil)
	assert.Equal(t, exitFailure, status)
	assert.Contains(t, log.String(), `"err":"certificate: `)
}
