package grpcserver

import (
	"net"
	"sync"
)

// trackedListener knows its open connections, so that they can be closed
// whatever state they are in.
type trackedListener struct {
	net.Listener

	mu   sync.Mutex
	open map[*trackedConn]struct{}
	cut  bool
}

type trackedConn struct {
	net.Conn
	listener *trackedListener
}

func track(l net.Listener) *trackedListener {
	return &trackedListener{Listener: l, open: map[*trackedConn]struct{}{}}
}

func (l *trackedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &trackedConn{conn, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = conn.Close()
	} else {
		l.open[c] = struct{}{}
	}
	return c, nil
}

// closeConnections closes all connections, and those still to be accepted.
func (l *trackedListener) closeConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.open {
		_ = c.Conn.Close()
	}
	clear(l.open)
}

func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
