//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"time"
)

const (
	// answerBytes is the most that a server may have sent at a time.
	answerBytes = 16 << 10
	// lastAnswers is how long a load waits at its end for the answers that are owed.
	lastAnswers = 2 * time.Second
)

// load is what connections have in common.
type load struct {
	epoll int
	conns []*connection
	// owed is the number of connections that wait for an answer.
	owed int
	stop time.Time

	took  histogram
	fails []error
}

type connection struct {
	fd int
	conversation
	asked   time.Time
	waiting bool
	// in[:n] has come and is not used up.
	in  [answerBytes]byte
	n   int
	out []byte
}

// outcome is what a load has seen.
type outcome struct {
	took  *histogram
	wall  time.Duration
	fails []error
}

// run sends requests on a number of connections, each the next one as soon as it has its answer, for a time, and then waits
// for the last answers. A connection that fails is not opened again.
func run(address string, connections int, lasting time.Duration, talk func() conversation) (outcome, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return outcome{}, err
	}
	l := &load{epoll: epoll}
	defer l.close()
	for range connections {
		if err := l.open(address, talk()); err != nil {
			return outcome{}, fmt.Errorf("connect to %s: %w", address, err)
		}
	}
	start := time.Now()
	l.stop = start.Add(lasting)
	for i := range l.conns {
		l.ask(i, start)
	}
	if err := l.wait(); err != nil {
		return outcome{}, err
	}
	return outcome{&l.took, time.Since(start), l.fails}, nil
}

func (l *load) open(address string, talk conversation) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	l.conns = append(l.conns, &connection{fd: fd, conversation: talk})
	return errors.Join(
		syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}),
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.SetNonblock(fd, true),
		syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(len(l.conns) - 1)}),
	)
}

func (l *load) close() {
	for _, c := range l.conns {
		_ = syscall.Close(c.fd)
	}
	_ = syscall.Close(l.epoll)
}

// wait takes answers until no more is owed.
func (l *load) wait() error {
	events := make([]syscall.EpollEvent, 64)
	end := l.stop.Add(lastAnswers)
	for l.owed > 0 {
		left := time.Until(end)
		if left <= 0 {
			l.fails = append(l.fails, fmt.Errorf("%d requests without an answer", l.owed))
			return nil
		}
		n, err := syscall.EpollWait(l.epoll, events, int(left/time.Millisecond)+1)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for _, event := range events[:max(n, 0)] {
			l.receive(int(event.Fd))
		}
	}
	return nil
}

func (l *load) ask(i int, now time.Time) {
	c := l.conns[i]
	c.out = c.ask(c.out)
	c.asked, c.waiting = now, true
	l.owed++
	l.send(i)
}

// send sends what a connection has to say, which always has room on its way.
func (l *load) send(i int) {
	c := l.conns[i]
	n, err := syscall.Write(c.fd, c.out)
	if err == nil && n < len(c.out) {
		err = io.ErrShortWrite
	}
	c.out = c.out[:0]
	if err != nil {
		l.fail(i, err)
	}
}

func (l *load) receive(i int) {
	c := l.conns[i]
	n, err := syscall.Read(c.fd, c.in[c.n:])
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return
	case err == nil && n == 0:
		err = io.EOF
	}
	if err != nil {
		l.fail(i, err)
		return
	}
	c.n += n
	var used int
	var answered bool
	c.out, used, answered, err = c.receive(c.in[:c.n], c.out)
	if err != nil {
		l.fail(i, err)
		return
	}
	c.n = copy(c.in[:], c.in[used:c.n])
	if answered {
		now := time.Now()
		l.took.add(now.Sub(c.asked))
		l.settle(c)
		if now.Before(l.stop) {
			l.ask(i, now)
			return
		}
	}
	if len(c.out) > 0 {
		l.send(i)
	}
}

// fail gives a connection up.
func (l *load) fail(i int, err error) {
	l.fails = append(l.fails, err)
	l.settle(l.conns[i])
	_ = syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_DEL, l.conns[i].fd, nil)
}

// settle has a connection wait no more.
func (l *load) settle(c *connection) {
	if c.waiting {
		c.waiting = false
		l.owed--
	}
}
