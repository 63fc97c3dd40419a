package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra"
)

// authority signs certificates that live as long as a test.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         []byte
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	template := certificate(t, name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey(t)
	signed, encoded := sign(t, template, template, key, key)
	return authority{signed, key, encoded}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func certificate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
}

func sign(t *testing.T, template, parent *x509.Certificate, key, signer crypto.Signer) (*x509.Certificate, []byte) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	signed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return signed, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// keyPair is a certificate and its key, as a Secret of the type kubernetes.io/tls holds them.
type keyPair struct{ certificate, key []byte }

// issue signs a certificate for hosts, or for a client where there are none.
func (a authority) issue(t *testing.T, name string, hosts ...string) keyPair {
	t.Helper()
	template := certificate(t, name)
	template.DNSNames, template.KeyUsage = hosts, x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if len(hosts) == 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	key := newKey(t)
	_, encoded := sign(t, template, a.certificate, key, a.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return keyPair{encoded, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
}

// client is the configuration of a client that believes the authority.
func (a authority) client() *tls.Config {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(a.certificate)
	return config
}

// clientWith is client for one that shows a certificate, whether or not the server says that it would believe it.
func (a authority) clientWith(t *testing.T, pair keyPair) *tls.Config {
	t.Helper()
	certificate, err := tls.X509KeyPair(pair.certificate, pair.key)
	require.NoError(t, err)
	config := a.client()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	return config
}

// secret are the values of a Secret of the type kubernetes.io/tls.
func (p keyPair) secret() map[string]infra.Sensitive {
	return map[string]infra.Sensitive{"tls.crt": infra.Sensitive(p.certificate), "tls.key": infra.Sensitive(p.key)}
}
