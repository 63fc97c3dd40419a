// Package listener closes listeners and connections without harming clients.
package listener

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quiet is how long nobody must have connected for the listener to close.
	quiet = 5 * time.Millisecond
	// lastLook is for what came at the end of that.
	lastLook = time.Millisecond
	// acceptGrace bounds the wait for that. It is several of the periods of 100 ms
	// by which a container is kept to its CPU limit: one that has used up its share
	// stands still for most of each.
	acceptGrace = 500 * time.Millisecond
	// stopGrace is how much longer the one who asks for it waits.
	stopGrace = 100 * time.Millisecond
)

// Listener knows its open connections, so that they can be closed whatever state
// they are in. Use New.
type Listener struct {
	net.Listener
	// max is how many connections may be open.
	max int

	mu   sync.Mutex
	open map[*conn]struct{}
	cut  bool
	// heard counts what was read of all peers. It costs less than the time.
	heard atomic.Uint64

	stopOnce sync.Once
	// stopAt is when to stop accepting at the latest, in Unix nanoseconds, 0 while
	// that was not asked for.
	stopAt atomic.Int64
	// stopped is closed once Accept has closed the listener.
	stopped chan struct{}
}

type conn struct {
	net.Conn
	listener *Listener
	// heard is the number of the read that last had something of the peer.
	heard         atomic.Uint64
	reads, writes deadline
}

// New wraps l, of which at most limit connections may be open: one more closes the
// one whose peer has been silent for longest. To refuse the newest instead would
// leave the service to whoever came first.
func New(l net.Listener, limit int) *Listener {
	return &Listener{Listener: l, max: limit, open: map[*conn]struct{}{}, stopped: make(chan struct{})}
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	if l.stopAt.Load() != 0 {
		l.extend(quiet)
	}
	accepted, err := l.Listener.Accept()
	if isTimeout(err) && l.extend(lastLook) {
		// A process that had to wait for the CPU finds the deadline passed and has
		// not looked who is there.
		accepted, err = l.Listener.Accept()
	}
	if isTimeout(err) {
		// Here and not in StopAccepting: a connection that comes in between is lost.
		_ = l.Close()
		close(l.stopped)
		return nil, net.ErrClosed
	}
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, listener: l}
	born := time.Now()
	c.reads.born, c.writes.born = born, born
	// Nobody ends writing by a deadline of long ago, so it need not say when it begins.
	c.writes.under = 1
	c.reads.set, c.writes.set = accepted.SetReadDeadline, accepted.SetWriteDeadline
	c.heard.Store(l.heard.Add(1))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = accepted.Close()
		return c, nil
	}
	if len(l.open) >= l.max {
		l.closeSilent()
	}
	l.open[c] = struct{}{}
	return c, nil
}

// closeSilent is called with l.mu held.
func (l *Listener) closeSilent() {
	var silent *conn
	for c := range l.open {
		if silent == nil || c.heard.Load() < silent.heard.Load() {
			silent = c
		}
	}
	if silent != nil {
		delete(l.open, silent)
		_ = silent.Conn.Close()
	}
}

// extend allows Accept some more time, unless it is up.
func (l *Listener) extend(by time.Duration) bool {
	now := time.Now()
	return now.UnixNano() < l.stopAt.Load() && setDeadline(l.Listener, now.Add(by))
}

func setDeadline(l net.Listener, at time.Time) bool {
	d, ok := l.(interface{ SetDeadline(time.Time) error })
	return ok && d.SetDeadline(at) == nil
}

// isTimeout is true after a deadline, which only StopAccepting sets.
func isTimeout(err error) bool {
	var timeout net.Error
	ok := errors.As(err, &timeout)
	return ok && timeout.Timeout()
}

// StopAccepting closes the listener, once the connections are accepted that the
// kernel has completed before: closing resets them, and their clients, some of
// which have sent a request, cannot tell that from a crash. It takes half a
// second at most; Accept, which has to be called meanwhile, returns net.ErrClosed
// then.
func (l *Listener) StopAccepting() {
	l.stopOnce.Do(func() {
		now := time.Now()
		l.stopAt.Store(now.Add(acceptGrace).UnixNano())
		if setDeadline(l.Listener, now.Add(quiet)) {
			select {
			case <-l.stopped:
			case <-time.After(acceptGrace + stopGrace):
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

// Read notes that the peer was heard of.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.reads.begin(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.reads.end()
	if n > 0 {
		c.heard.Store(c.listener.heard.Add(1))
	}
	return n, err
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(at time.Time) error {
	return errors.Join(c.reads.move(at), c.writes.move(at))
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(at time.Time) error { return c.reads.move(at) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(at time.Time) error { return c.writes.move(at) }

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
	c.reads.stop()
	c.writes.stop()
	return c.Conn.Close()
}
