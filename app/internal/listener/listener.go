// Package listener closes listeners and connections without harming clients.
package listener

import (
	"net"
	"sync"
	"time"
)

// acceptGrace is how long StopAccepting takes in connections that are there
// already.
const acceptGrace = 50 * time.Millisecond

// Listener knows its open connections, so that they can be closed whatever state
// they are in. Use New.
type Listener struct {
	net.Listener

	mu   sync.Mutex
	open map[*conn]struct{}
	cut  bool

	stopOnce sync.Once
	// drained is closed once Accept has failed.
	drained     chan struct{}
	drainedOnce sync.Once
}

type conn struct {
	net.Conn
	listener *Listener
}

// New wraps l.
func New(l net.Listener) *Listener {
	return &Listener{Listener: l, open: map[*conn]struct{}{}, drained: make(chan struct{})}
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		// A deadline passes in StopAccepting alone.
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			err = net.ErrClosed
		}
		if !isTemporary(err) {
			l.drainedOnce.Do(func() { close(l.drained) })
		}
		return nil, err
	}
	c := &conn{accepted, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = accepted.Close()
	} else {
		l.open[c] = struct{}{}
	}
	return c, nil
}

// isTemporary asks as net/http and gRPC do: after such an error they go on, as
// after too many open files.
func isTemporary(err error) bool {
	t, ok := err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}

// StopAccepting closes the listener, once the connections are accepted that the
// kernel has completed before: closing resets them, and their clients, some of
// which have sent a request, cannot tell that from a crash. It takes 50 ms; Accept
// returns net.ErrClosed then. It must be accepted from meanwhile.
func (l *Listener) StopAccepting() {
	l.stopOnce.Do(func() {
		if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok && d.SetDeadline(time.Now().Add(acceptGrace)) == nil {
			select {
			case <-l.drained:
			case <-time.After(2 * acceptGrace):
			}
		}
		_ = l.Close()
	})
}

// Open returns the number of open connections.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// CloseConnections closes all connections, and those still to be accepted.
func (l *Listener) CloseConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.open {
		_ = c.Conn.Close()
	}
	clear(l.open)
}

// CloseWrite is for net/http, which ends a connection in two steps, so that its
// last answer arrives.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
