package contract

import "time"

// Series that PathMetrics has, and their labels.
const (
	// MetricHTTPRequests counts the HTTP requests that were answered, by LabelCode,
	// LabelMethod and LabelRoute.
	MetricHTTPRequests = "http_server_requests_total"
	// MetricHTTPDuration is the histogram of the seconds they took, by the same
	// labels, with DurationBuckets.
	MetricHTTPDuration = "http_server_request_duration_seconds"
	// LabelCode is the status code of an answer, such as "200".
	LabelCode = "code"
	// LabelMethod is the method of a request, or "other" for what HTTP does not
	// know.
	LabelMethod = "method"
	// LabelRoute is the path that the service matched the request with, such as
	// "/ping", or "unmatched". It is never the request's own path.
	LabelRoute = "route"

	// MetricGRPCRequests counts the gRPC calls that ended, by LabelGRPCCode,
	// LabelGRPCMethod, LabelGRPCService and LabelGRPCType. The names are those of
	// the gRPC middleware that dashboards know.
	MetricGRPCRequests = "grpc_server_handled_total"
	// MetricGRPCDuration is the histogram of the seconds they took, by the same
	// labels, with DurationBuckets.
	MetricGRPCDuration = "grpc_server_handling_seconds"
	// LabelGRPCCode is the status of a call, such as "OK".
	LabelGRPCCode = "grpc_code"
	// LabelGRPCMethod is the method's own name, such as "SayHello".
	LabelGRPCMethod = "grpc_method"
	// LabelGRPCService is the service's name, such as GreeterService.
	LabelGRPCService = "grpc_service"
	// LabelOther stands for the methods that callers make up, as OpenTelemetry's
	// conventions have it.
	LabelOther = "_OTHER"
	// LabelGRPCType is "unary" or "stream".
	LabelGRPCType = "grpc_type"

	// MetricConfigReloads counts the times that the mounted file was read again,
	// by LabelResult.
	MetricConfigReloads = "config_reloads_total"
	// LabelResult is "success", or "failure" where the file before stays in force.
	LabelResult = "result"

	// MetricPanics counts the handlers that panicked.
	MetricPanics = "panics_total"
	// MetricLogDropped counts the log lines that could not be written, by
	// LabelOutput.
	MetricLogDropped = "log_lines_dropped_total"
	// LabelOutput is "stdout", or "file" where there is one.
	LabelOutput = "output"
	// MetricReady is 1 while the service is ready, else 0.
	MetricReady = "service_ready"
	// MetricBuildInfo is 1, with what was built as labels.
	MetricBuildInfo = "k8s_combat_build_info"
)

// DurationBuckets returns the upper bounds of the buckets of MetricHTTPDuration
// and MetricGRPCDuration, without the infinite one. They are those that
// Prometheus' client libraries share.
func DurationBuckets() []time.Duration {
	return []time.Duration{
		5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
		250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
	}
}
