// Package otelx stands in for the package of the same name in github.com/ory/x; see errorsx.
package otelx

import "go.opentelemetry.io/otel/trace"

// End ends span and marks it when *err is set.
func End(span trace.Span, err *error) {
	if err != nil && *err != nil {
		span.RecordError(*err)
	}
	span.End()
}
