package web

import (
	"net/http/httptest"
	"testing"
	"time"
)

// BenchmarkLimits is what counting adds to a request.
func BenchmarkLimits(b *testing.B) {
	limits := NewLimits(RateLimits{Service: Rate{Requests: 1 << 30, Per: time.Minute}}, time.Now)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		if err := limits.Service(w, "0b9f9c3e-2b6f-4c0e-8a3a-8f5f0a1f6f11"); err != nil {
			b.Fatal(err)
		}
	}
}
