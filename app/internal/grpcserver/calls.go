package grpcserver

import (
	"container/list"
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const (
	// drainGrace is how long a call may take to send its message once the server drains.
	drainGrace = time.Second
	// streamGrace is how long a stream may go on then: one that its client ends by itself
	// loses nothing, and one that it does not ends while there is time left of the drain.
	streamGrace = 5 * time.Second
)

// Why a call is ended before its handler does.
var (
	errNoMessage = status.Error(codes.DeadlineExceeded, "no message in time")
	errTooLong   = status.Error(codes.DeadlineExceeded, "the call takes too long")
	errTooMany   = status.Error(codes.ResourceExhausted, "too many calls")
	errDraining  = status.Error(codes.Unavailable, "draining")
)

// callLimits bound what the calls of all clients take together.
type callLimits struct {
	// open is how many there may be.
	open int
	// message is how long one may take to send its first message, unary how long
	// after that a unary call may take.
	message, unary time.Duration
}

// calls are those that are open. Each holds memory and a goroutine for as long as
// its client likes, if nobody ends it: gRPC itself bounds the calls of a connection
// alone, and reads a message without a deadline.
//
// Where there are too many, one that has sent no message ends, the oldest of the
// connection that has most of those, or else the oldest of all. To refuse the newest
// instead would leave the service to whoever came first.
type calls struct {
	callLimits

	mu sync.Mutex
	// silent are those without a message, the oldest in front, talking the others.
	silent, talking *list.List
	// silentOf counts those without a message of a connection.
	silentOf map[*peer.Peer]int
	draining bool
}

func newCalls(limits callLimits) *calls {
	return &calls{callLimits: limits, silent: list.New(), talking: list.New(), silentOf: map[*peer.Peer]int{}}
}

// call is one of them.
type call struct {
	unary bool
	// from is one for all calls of a connection.
	from   *peer.Peer
	cancel context.CancelCauseFunc
	timer  *time.Timer
	// why is what timer ends the call for.
	why   error
	in    *list.List
	place *list.Element
}

// callContext has a call that took too long end as one whose deadline is over. Where
// a call is waiting for a message gRPC says by itself why it ends, and knows these two
// reasons.
type callContext struct{ context.Context }

func (c callContext) Err() error {
	err := c.Context.Err()
	if err != nil && status.Code(context.Cause(c.Context)) == codes.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// begin returns the context of a new call.
func (c *calls) begin(ctx context.Context, unary bool) (context.Context, *call) {
	ctx, cancel := context.WithCancelCause(ctx)
	one := &call{unary: unary, cancel: cancel}
	one.from, _ = peer.FromContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silentOf[one.from]++
	one.in, one.place = c.silent, c.silent.PushBack(one)
	one.why = errNoMessage
	one.timer = time.AfterFunc(c.message, func() { c.cut(one) })
	if c.draining {
		one.drain(drainGrace)
	}
	if c.silent.Len()+c.talking.Len() > c.open {
		c.endOldest()
	}
	return ctx, one
}

// endOldest is called with c.mu held.
func (c *calls) endOldest() {
	one := c.oldestSilent()
	if one == nil || c.silent.Len() == 1 && c.talking.Len() > 0 {
		// The only silent one is the one that begins.
		one = c.talking.Front().Value.(*call)
	}
	c.remove(one)
	one.cancel(errTooMany)
}

// oldestSilent returns the oldest silent call of the connection that has most of
// them.
func (c *calls) oldestSilent() (oldest *call) {
	for e := c.silent.Front(); e != nil; e = e.Next() {
		one := e.Value.(*call)
		if oldest == nil || c.silentOf[one.from] > c.silentOf[oldest.from] {
			oldest = one
		}
	}
	return oldest
}

// received notes the first message of a call.
func (c *calls) received(one *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one.in != c.silent {
		return
	}
	c.leave(one)
	one.in, one.place = c.talking, c.talking.PushBack(one)
	switch {
	case one.unary:
		one.why = errTooLong
		one.timer.Reset(c.unary)
	case c.draining:
		one.drain(streamGrace)
	default:
		one.timer.Stop()
	}
}

// cut ends a call before its handler does.
func (c *calls) cut(one *call) {
	c.mu.Lock()
	c.remove(one)
	why := one.why
	c.mu.Unlock()
	one.cancel(why)
}

// isSilent reports whether a call is one of those without a message.
func (c *calls) isSilent(one *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return one.in == c.silent
}

// end is called once the handler of a call has returned.
func (c *calls) end(one *call) {
	c.mu.Lock()
	c.remove(one)
	c.mu.Unlock()
	one.cancel(nil)
}

// remove is called with c.mu held.
func (c *calls) remove(one *call) {
	one.timer.Stop()
	if one.in != nil {
		c.leave(one)
		one.in = nil
	}
}

// leave takes a call off its list.
func (c *calls) leave(one *call) {
	one.in.Remove(one.place)
	if one.in != c.silent {
		return
	}
	if c.silentOf[one.from]--; c.silentOf[one.from] == 0 {
		delete(c.silentOf, one.from)
	}
}

// drain ends what would go on for as long as its client likes: calls without a message
// after drainGrace, streams after streamGrace.
func (c *calls) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	for e := c.silent.Front(); e != nil; e = e.Next() {
		e.Value.(*call).drain(drainGrace)
	}
	for e := c.talking.Front(); e != nil; e = e.Next() {
		if one := e.Value.(*call); !one.unary {
			one.drain(streamGrace)
		}
	}
}

// drain ends the call once its grace is over.
func (one *call) drain(grace time.Duration) {
	one.why = errDraining
	one.timer.Reset(grace)
}

// reason returns the status of a call that was ended before its time, or err.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		if _, ok := status.FromError(cause); ok {
			return cause
		}
	}
	return err
}
