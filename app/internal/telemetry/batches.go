package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// maxExportBytes is what one export may hold, about: a quarter of what a collector
	// takes, by gRPC's own limit. It refuses the whole of what is larger.
	maxExportBytes = 1 << 20
	// entryBytes is what a span or a line has besides its texts.
	entryBytes = 256
)

// spanLimits are those of OpenTelemetry's variables, or these where those are higher.
func spanLimits() sdktrace.SpanLimits {
	l := sdktrace.NewSpanLimits()
	for limit, most := range map[*int]int{
		&l.AttributeValueLengthLimit: 1 << 10, &l.AttributeCountLimit: 64, &l.EventCountLimit: 16, &l.LinkCountLimit: 16,
		&l.AttributePerEventCountLimit: 16, &l.AttributePerLinkCountLimit: 16,
	} {
		if *limit < 0 || *limit > most {
			*limit = most
		}
	}
	return l
}

// spanExporter splits what it exports.
type spanExporter struct{ sdktrace.SpanExporter }

// ExportSpans implements sdktrace.SpanExporter.
func (e spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return bySize(spans, spanBytes, func(part []sdktrace.ReadOnlySpan) error { return e.SpanExporter.ExportSpans(ctx, part) })
}

func spanBytes(s sdktrace.ReadOnlySpan) int {
	n := entryBytes + len(s.Name()) + len(s.Status().Description) + len(s.SpanContext().TraceState().String()) + attributeBytes(s.Attributes())
	for _, event := range s.Events() {
		n += entryBytes + len(event.Name) + attributeBytes(event.Attributes)
	}
	for _, link := range s.Links() {
		n += entryBytes + len(link.SpanContext.TraceState().String()) + attributeBytes(link.Attributes)
	}
	return n
}

func attributeBytes(attributes []attribute.KeyValue) (n int) {
	for _, a := range attributes {
		n += 16 + len(a.Key) + len(a.Value.String())
	}
	return n
}

// logExporter splits what it exports.
type logExporter struct{ sdklog.Exporter }

// Export implements sdklog.Exporter.
func (e logExporter) Export(ctx context.Context, records []sdklog.Record) error {
	return bySize(records, recordBytes, func(part []sdklog.Record) error { return e.Exporter.Export(ctx, part) })
}

func recordBytes(r sdklog.Record) int {
	n := entryBytes + len(r.Body().String())
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		n += attributeBytes([]attribute.KeyValue{a})
		return true
	})
	return n
}

// bySize hands over parts of at most maxExportBytes, or of one entry. One part that
// fails does not keep back the others.
func bySize[T any](entries []T, size func(T) int, export func(part []T) error) error {
	var errs []error
	start, total := 0, 0
	for i, entry := range entries {
		n := size(entry)
		if i > start && total+n > maxExportBytes {
			errs = append(errs, export(entries[start:i]))
			start, total = i, 0
		}
		total += n
	}
	return errors.Join(append(errs, export(entries[start:]))...)
}
