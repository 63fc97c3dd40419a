// Package certificate keeps a server's certificate up to date with its files, which
// cert-manager and kubelet replace while the server runs.
package certificate

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// lookInterval is how often handshakes may look at the files.
const lookInterval = time.Second

// Files are a certificate chain and its key, in PEM. Use Open. It is safe for
// concurrent use.
type Files struct {
	certFile, keyFile string

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	// changed are when the files in force were written.
	changed [2]time.Time
}

// Open reads the files.
func Open(certFile, keyFile string) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, looked: time.Now()}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return f, nil
}

// Config returns the configuration of a server with the certificate, for TLS 1.2 or
// later.
func (f *Files) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get}
}

// get returns the certificate, read anew if it has changed. A broken one leaves the
// one before in force.
func (f *Files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) >= lookInterval {
		f.looked = time.Now()
		if f.times() != f.changed {
			_ = f.read()
		}
	}
	return f.current, nil
}

func (f *Files) read() error {
	changed := f.times()
	certificate, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return err
	}
	f.current, f.changed = &certificate, changed
	return nil
}

func (f *Files) times() (times [2]time.Time) {
	for i, path := range []string{f.certFile, f.keyFile} {
		if info, err := os.Stat(path); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}
