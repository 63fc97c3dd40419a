package logging

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Identity is who writes the log. Its name may change while the service runs.
type Identity struct {
	hostname string
	current  atomic.Pointer[identity]
}

type identity struct {
	attrs []slog.Attr
	// encoded are attrs as JSON fields, with a comma before each.
	encoded []byte
}

// NewIdentity returns the identity of the pod called hostname.
func NewIdentity(hostname, name string) *Identity {
	i := &Identity{hostname: hostname}
	i.SetName(name)
	return i
}

// SetName changes what the service calls itself.
func (i *Identity) SetName(name string) {
	encoded := appendString(append([]byte{}, `,"app":`...), name)
	encoded = appendString(append(encoded, `,"hostname":`...), i.hostname)
	i.current.Store(&identity{
		attrs:   []slog.Attr{slog.String("app", name), slog.String("hostname", i.hostname)},
		encoded: encoded,
	})
}

// Forwarder is given all that is logged, to send it elsewhere.
type Forwarder interface {
	Record(ctx context.Context, r slog.Record)
	Request(r *Request)
}

// Log is the log of a service. Use New. It is safe for concurrent use.
type Log struct {
	*slog.Logger
	out   Output
	level slog.Level
	who   *Identity

	forwarder atomic.Pointer[Forwarder]
	lines     sync.Pool
}

// Output is a Sink, or several.
type Output interface {
	io.Writer
	WriteLater(lines []byte)
}

// New returns a log of what has at least the given level, as lines on out, each
// of which says who writes it.
func New(out Output, level slog.Level, who *Identity) *Log {
	l := &Log{out: out, level: level, who: who}
	l.Logger = slog.New(&handler{slog.NewJSONHandler(escaper{out}, &slog.HandlerOptions{Level: level}), l})
	return l
}

// Forward has f given all that is logged from now on.
func (l *Log) Forward(f Forwarder) { l.forwarder.Store(&f) }

// Logs reports whether requests of a level are logged. A nil *Log logs none.
func (l *Log) Logs(level slog.Level) bool { return l != nil && level >= l.level }

// Request logs r, if its level is logged. Its line may wait a moment for others.
func (l *Log) Request(r *Request) {
	if !l.Logs(r.Level) {
		return
	}
	line, ok := l.lines.Get().(*[]byte)
	if !ok {
		line = new(make([]byte, 0, 512))
	}
	*line = l.who.Append((*line)[:0], r)
	l.out.WriteLater(*line)
	l.lines.Put(line)
	if f := l.forwarder.Load(); f != nil {
		(*f).Request(r)
	}
}

// handler puts the identity of the moment before the other fields.
type handler struct {
	slog.Handler
	log *Log
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	if f := h.log.forwarder.Load(); f != nil {
		(*f).Record(ctx, record)
	}
	with := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	with.AddAttrs(h.log.who.current.Load().attrs...)
	record.Attrs(func(a slog.Attr) bool {
		with.AddAttrs(bound(a))
		return true
	})
	return h.Handler.Handle(ctx, with)
}

// maxFieldBytes is that of a text in the log: most of a stack.
const maxFieldBytes = 4 << 10

// bound cuts a text that is too long: errors repeat what others say, and a line that
// does not fit into the buffer of an output is lost.
func bound(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch {
	case a.Value.Kind() == slog.KindString && len(a.Value.String()) > maxFieldBytes:
		a.Value = slog.StringValue(Cut(a.Value.String(), maxFieldBytes))
	case a.Value.Kind() == slog.KindGroup:
		var members []slog.Attr
		for _, member := range a.Value.Group() {
			members = append(members, bound(member))
		}
		a.Value = slog.GroupValue(members...)
	}
	return a
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.log}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.log}
}
