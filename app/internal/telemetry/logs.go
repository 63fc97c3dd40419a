package telemetry

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// maxValueBytes is that of a field of the log: most of a stack.
const maxValueBytes = 4 << 10

// Logs sends log lines.
type Logs struct{ logger log.Logger }

// Record sends what log/slog was told.
func (l *Logs) Record(ctx context.Context, r slog.Record) {
	attributes := make([]attribute.KeyValue, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attributes = appendAttr(attributes, "", a)
		return true
	})
	l.emit(ctx, r.Time, r.Level, r.Message, attributes)
}

// Request sends a request line.
func (l *Logs) Request(r *logging.Request) {
	attributes := make([]attribute.KeyValue, 0, 13)
	text := func(key, value string) {
		if value != "" {
			attributes = append(attributes, attribute.String(key, logging.Text(value)))
		}
	}
	text("method", r.Method)
	text("path", r.Path)
	if r.Status != 0 {
		attributes = append(attributes, attribute.Int("status", r.Status), attribute.Int64("bytes", r.Bytes))
	}
	text("code", r.Code)
	attributes = append(attributes, attribute.Float64("duration_ms", float64(r.Duration.Microseconds())/1000))
	text("request_id", r.RequestID)
	text("version", r.Version)
	text("client_address", r.Client)
	text("user_agent", r.UserAgent)

	ctx := context.Background()
	if id, err := trace.TraceIDFromHex(r.TraceID); err == nil {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id}))
	}
	l.emit(ctx, r.Start.Add(r.Duration), r.Level, r.Message, attributes)
}

func (l *Logs) emit(ctx context.Context, at time.Time, level slog.Level, message string, attributes []attribute.KeyValue) {
	var record log.Record
	record.SetTimestamp(at)
	record.SetBody(attribute.StringValue(message))
	// Both count in steps of four.
	record.SetSeverity(log.Severity(level) + log.SeverityInfo)
	record.SetSeverityText(level.String())
	record.AddAttributes(attributes...)
	l.logger.Emit(ctx, record)
}

// appendAttr appends an attribute, those of a group with its name before theirs.
func appendAttr(attributes []attribute.KeyValue, prefix string, a slog.Attr) []attribute.KeyValue {
	key, value := prefix+a.Key, a.Value.Resolve()
	switch value.Kind() {
	case slog.KindGroup:
		for _, member := range value.Group() {
			attributes = appendAttr(attributes, key+".", member)
		}
		return attributes
	case slog.KindInt64:
		return append(attributes, attribute.Int64(key, value.Int64()))
	case slog.KindFloat64:
		return append(attributes, attribute.Float64(key, value.Float64()))
	case slog.KindBool:
		return append(attributes, attribute.Bool(key, value.Bool()))
	default:
		// Errors repeat what others say.
		return append(attributes, attribute.String(key, logging.Cut(value.String(), maxValueBytes)))
	}
}
