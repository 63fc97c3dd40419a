package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/certificate"
)

// write makes a certificate of its own, valid for a name.
func write(t *testing.T, folder, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	chain, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return certFile, keyFile
}

func name(t *testing.T, f *certificate.Files) string {
	t.Helper()
	c, err := f.Config().GetCertificate(nil)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(c.Certificate[0])
	require.NoError(t, err)
	return parsed.Subject.CommonName
}

func TestFilesAreReadAnew(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := write(t, folder, "one")
	f, err := certificate.Open(certFile, keyFile)
	require.NoError(t, err)
	assert.Equal(t, "one", name(t, f))

	write(t, folder, "two")
	assert.Eventually(t, func() bool { return name(t, f) == "two" }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, os.WriteFile(certFile, []byte("broken"), 0o600))
	time.Sleep(1100 * time.Millisecond)
	assert.Equal(t, "two", name(t, f), "a broken one leaves it in force")
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := write(t, folder, "one")
	_, err := certificate.Open(filepath.Join(folder, "none"), keyFile)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = certificate.Open(keyFile, certFile)
	assert.ErrorContains(t, err, "certificate: ")
}
