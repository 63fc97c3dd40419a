package native

import (
	"fmt"
	"runtime"

	"github.com/aws/constructs-go/constructs/v10"
)

func (n *node) Metadata() *[]*constructs.MetadataEntry {
	entries := make([]*constructs.MetadataEntry, len(n.metadata))
	for i, entry := range n.metadata {
		entries[i] = &constructs.MetadataEntry{Type: new(*entry.Type), Data: plain(entry.Data), Trace: entry.Trace}
	}
	return &entries
}

func (n *node) AddMetadata(kind *string, data any, options *constructs.MetadataOptions) {
	required("type_", kind != nil)
	required("data", data != nil)
	if data = passedValue(data); data == nil {
		return
	}
	entry := &constructs.MetadataEntry{Type: kind, Data: data}
	switch {
	case options == nil:
	case options.StackTraceOverride != nil && len(*options.StackTraceOverride) > 0:
		entry.Trace = options.StackTraceOverride
	case options.StackTrace != nil && *options.StackTrace:
		if options.TraceFromFunction != nil {
			fail("traceFromFunction names a JavaScript function, of which the native tree has none; use StackTraceOverride")
		}
		entry.Trace = stackTrace()
	}
	n.metadata = append(n.metadata, entry)
}

// stackTrace returns the calls that led to AddMetadata, innermost first.
func stackTrace() *[]*string {
	const above = 4 // runtime.Callers, stackTrace, AddMetadata of the node and of its handle
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(above, callers)])
	trace := []*string{}
	for {
		frame, more := frames.Next()
		trace = append(trace, new(fmt.Sprintf("%s (%s:%d)", frame.Function, frame.File, frame.Line)))
		if !more {
			return &trace
		}
	}
}
