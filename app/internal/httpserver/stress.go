package httpserver

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxStressBytes and maxStressCPUs are far more than a pod of a lesson may have.
	maxStressBytes = 1 << 30
	maxStressCPUs  = 16
	pageBytes      = 4 << 10
)

// stress takes memory or CPU time, for lessons about limits and autoscaling. Each ends
// by itself, with the service, or when it is asked for anew.
type stress struct {
	stopping <-chan struct{}

	mu sync.Mutex
	// endMemory and endCPU, if not nil, end what goes on.
	endMemory, endCPU chan struct{}
}

// memory holds so many bytes, all of which are in use, for a time. 0 gives them back.
func (s *stress) memory(bytes int, period time.Duration) string {
	end := s.renew(&s.endMemory)
	if bytes == 0 {
		return "no more memory"
	}
	go func() {
		// The limit is for what the service takes by itself: beyond it the garbage
		// collector would take the CPU as well.
		before := debug.SetMemoryLimit(-1)
		debug.SetMemoryLimit(before + int64(bytes))
		held := make([]byte, bytes)
		for i := 0; i < len(held); i += pageBytes {
			held[i] = 1
		}
		s.await(end, period)
		held[0] = 0
		debug.SetMemoryLimit(debug.SetMemoryLimit(-1) - int64(bytes))
		debug.FreeOSMemory()
	}()
	return fmt.Sprintf("%d bytes of memory for %v", bytes, period)
}

// cpu keeps so many processors busy for a time. 0 ends it.
func (s *stress) cpu(processors int, period time.Duration) string {
	end := s.renew(&s.endCPU)
	if processors == 0 {
		return "no more CPU"
	}
	over := make(chan struct{})
	go func() {
		s.await(end, period)
		close(over)
	}()
	for range processors {
		go func() {
			for {
				select {
				case <-over:
					return
				default:
					burn()
				}
			}
		}()
	}
	return fmt.Sprintf("%d busy processors for %v", processors, period)
}

// sink keeps the compiler from leaving the work out.
var sink atomic.Uint64

// burn takes about a millisecond.
func burn() {
	x := uint64(1)
	for range 1 << 20 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	sink.Store(x)
}

func (s *stress) renew(end *chan struct{}) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *end != nil {
		close(*end)
	}
	*end = make(chan struct{})
	return *end
}

func (s *stress) await(end chan struct{}, period time.Duration) {
	timer := time.NewTimer(period)
	defer timer.Stop()
	select {
	case <-end:
	case <-timer.C:
	case <-s.stopping:
	}
}
