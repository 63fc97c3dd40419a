package listener_test

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/listener"
)

func listen(t *testing.T) *listener.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return listener.New(l, 100)
}

// accept accepts until it fails, and counts.
func accept(l *listener.Listener, slowly time.Duration) (accepted *atomic.Int32, end chan error) {
	accepted, end = &atomic.Int32{}, make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				end <- err
				return
			}
			accepted.Add(1)
			_, _ = io.WriteString(c, "x")
			time.Sleep(slowly)
		}
	}()
	return accepted, end
}

// Connections that the kernel has completed are as good as accepted.
func TestStopAcceptingTakesInWhatWaits(t *testing.T) {
	l := listen(t)
	const waiting = 20
	var conns []net.Conn
	for range waiting {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		conns = append(conns, c)
	}
	accepted, end := accept(l, time.Millisecond)
	start := time.Now()
	l.StopAccepting()
	assert.Less(t, time.Since(start), 10*time.Second)
	assert.ErrorIs(t, <-end, net.ErrClosed)
	assert.EqualValues(t, waiting, accepted.Load())
	for _, c := range conns {
		_, err := io.ReadFull(c, make([]byte, 1))
		assert.NoError(t, err)
	}
	assert.Equal(t, waiting, l.Open())
	_, err := net.Dial("tcp", l.Addr().String())
	assert.ErrorContains(t, err, "refused")
	l.StopAccepting()
}

func TestStopAcceptingIsBounded(t *testing.T) {
	l := listen(t)
	start := time.Now()
	l.StopAccepting()
	assert.Less(t, time.Since(start), 2*time.Second, "nobody accepts")
}

func TestCloseConnections(t *testing.T) {
	l := listen(t)
	accepted, _ := accept(l, 0)
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.Eventually(t, func() bool { return accepted.Load() == 1 }, 10*time.Second, time.Millisecond)
	l.CloseConnections()
	assert.Zero(t, l.Open())
	_, err = io.ReadAll(c)
	assert.NoError(t, err)

	late, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer late.Close()
	_, err = io.ReadAll(late)
	assert.True(t, err == nil || errors.Is(err, io.EOF) || isReset(err), "closed as it is accepted: %v", err)
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

func TestConnectionsAreForgotten(t *testing.T) {
	l := listen(t)
	conns := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		assert.NoError(t, err)
		conns <- c
	}()
	peer, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer peer.Close()
	c := <-conns
	assert.Equal(t, 1, l.Open())
	half, ok := c.(interface{ CloseWrite() error })
	require.True(t, ok)
	assert.NoError(t, half.CloseWrite())
	assert.NoError(t, c.Close())
	assert.Zero(t, l.Open())
}

func TestTooManyConnectionsCloseTheSilent(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := listener.New(inner, 2)
	defer l.Close()
	dial := func() (client, server net.Conn) {
		client, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = client.Close() })
		server, err = l.Accept()
		require.NoError(t, err)
		return client, server
	}
	first, firstServer := dial()
	silent, _ := dial()
	_, err = io.WriteString(first, "x")
	require.NoError(t, err)
	_, err = io.ReadFull(firstServer, make([]byte, 1))
	require.NoError(t, err)

	_, newest := dial()
	assert.Equal(t, 2, l.Open())
	_, err = io.ReadAll(silent)
	assert.NoError(t, err, "closed")
	for _, server := range []net.Conn{firstServer, newest} {
		_, err = io.WriteString(server, "x")
		assert.NoError(t, err)
	}
}
