// Package logging writes the service's log: JSON, one line an event, on standard
// output and, if asked, in a file. Request lines, of which there is one a request,
// have an encoder of their own and wait a moment for each other; everything else is
// log/slog.
package logging

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// flushInterval is how long a line may wait for others before it is written.
	flushInterval = 100 * time.Millisecond
	// flushBytes is how much may wait: one write of this size costs little more
	// than one of a line, and has room in a pipe, which has 64 KiB on Linux.
	flushBytes = 32 << 10
	// maxPending bounds the memory for lines that wait.
	maxPending = 256 << 10
	// maxBlock is how long a line that finds no room waits for some.
	maxBlock = time.Second
)

// Sink is a writer of whole lines that never makes a caller wait for the output
// as long as there is room: one goroutine writes, while others fill the next
// buffer. An output that takes nothing, as a full disk or a stopped reader of a
// pipe, costs log lines and not requests: without room for a second, lines are
// dropped and counted until the output moves again.
//
// Use NewSink, and Close for the last lines. It is safe for concurrent use.
type Sink struct {
	out io.Writer

	mu      sync.Mutex
	pending []byte
	// room is closed once pending has been taken.
	room chan struct{}
	// stuck is set when a line found no room in time.
	stuck   bool
	closing bool

	// rest is what is left of a line of which a part is written.
	rest []byte

	wake    chan struct{}
	done    chan struct{}
	dropped atomic.Uint64
}

// NewSink returns a Sink that writes to out.
func NewSink(out io.Writer) *Sink {
	s := &Sink{out: out, room: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

// Write takes whole lines and has them written at once. It never fails.
func (s *Sink) Write(lines []byte) (int, error) {
	s.add(lines)
	s.wakeUp()
	return len(lines), nil
}

// WriteLater takes whole lines that may wait for others.
func (s *Sink) WriteLater(lines []byte) {
	if s.add(lines) >= flushBytes {
		s.wakeUp()
	}
}

// Dropped returns the number of lines that were dropped, or whose output failed.
func (s *Sink) Dropped() uint64 { return s.dropped.Load() }

// Close has what is left written, and waits for that until timeout. It reports
// whether all is written. Lines that come later are dropped.
func (s *Sink) Close(timeout time.Duration) bool {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.wakeUp()
	select {
	case <-s.done:
		return true
	case <-time.After(timeout):
		return false
	}
}

// add returns how much is pending.
func (s *Sink) add(lines []byte) int {
	s.mu.Lock()
	if len(s.pending)+len(lines) > maxPending && !s.waitForRoom(len(lines)) || s.closing {
		s.mu.Unlock()
		s.dropped.Add(1)
		return 0
	}
	if len(s.pending)+len(lines) > cap(s.pending) {
		// append would grow by a quarter each time, and leave more garbage behind than
		// the rest of the service.
		s.pending = slices.Grow(s.pending, max(flushBytes, len(s.pending), len(lines)))
	}
	s.pending = append(s.pending, lines...)
	n := len(s.pending)
	s.mu.Unlock()
	return n
}

// waitForRoom waits until n bytes fit. s.mu is held before and after, not
// meanwhile.
func (s *Sink) waitForRoom(n int) bool {
	if s.stuck || n > maxPending {
		return false
	}
	timeout := time.NewTimer(maxBlock)
	defer timeout.Stop()
	for len(s.pending)+n > maxPending && !s.closing {
		room := s.room
		s.mu.Unlock()
		s.wakeUp()
		select {
		case <-room:
			s.mu.Lock()
		case <-timeout.C:
			s.mu.Lock()
			s.stuck = len(s.pending)+n > maxPending
			return !s.stuck
		}
	}
	return true
}

func (s *Sink) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Sink) run() {
	defer close(s.done)
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	var lines []byte
	for {
		select {
		case <-s.wake:
		case <-ticker.C:
		}
		s.mu.Lock()
		lines, s.pending = s.pending, lines[:0]
		closing := s.closing
		if len(lines) > 0 {
			s.stuck = false
			close(s.room)
			s.room = make(chan struct{})
		}
		s.mu.Unlock()
		if len(lines) > 0 {
			s.write(lines)
		}
		if closing {
			return
		}
	}
}

// write writes whole lines. Of a line of which the output takes a part only, as a
// disk that becomes full does, it writes the rest before the next one, or a reader
// would take the two for one.
func (s *Sink) write(lines []byte) {
	if len(s.rest) > 0 {
		n, err := s.out.Write(s.rest)
		s.rest = s.rest[min(n, len(s.rest)):]
		if err != nil {
			s.drop(lines)
			return
		}
	}
	n, err := s.out.Write(lines)
	if err == nil {
		return
	}
	n = min(n, len(lines))
	if n > 0 && lines[n-1] != '\n' {
		end := n + bytes.IndexByte(lines[n:], '\n') + 1
		s.rest = append(s.rest, lines[n:end]...)
		n = end
	}
	s.drop(lines[n:])
}

// drop counts lines. There is nowhere to tell of the error.
func (s *Sink) drop(lines []byte) { s.dropped.Add(uint64(bytes.Count(lines, []byte{'\n'}))) }

// Sinks are the outputs of one log. Each has a buffer and a goroutine of its own: one
// that takes nothing costs the others nothing.
type Sinks []*Sink

// Write implements io.Writer, as Sink.Write does.
func (s Sinks) Write(lines []byte) (int, error) {
	for _, sink := range s {
		_, _ = sink.Write(lines)
	}
	return len(lines), nil
}

// WriteLater is Sink.WriteLater.
func (s Sinks) WriteLater(lines []byte) {
	for _, sink := range s {
		sink.WriteLater(lines)
	}
}

// Close is Sink.Close, of all at once.
func (s Sinks) Close(timeout time.Duration) bool {
	var wait sync.WaitGroup
	var left atomic.Int32
	for _, sink := range s {
		wait.Go(func() {
			if !sink.Close(timeout) {
				left.Add(1)
			}
		})
	}
	wait.Wait()
	return left.Load() == 0
}
