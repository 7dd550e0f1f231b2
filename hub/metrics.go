package hub

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what GET /metrics shows. Nothing is registered anywhere but here.
type metrics struct {
	handler http.Handler

	requests     *prometheus.HistogramVec
	connections  *prometheus.GaugeVec
	messages     *prometheus.CounterVec
	messageBytes *prometheus.CounterVec
	loads        prometheus.Histogram
	roomFailures prometheus.Counter
	compactions  prometheus.Counter
	logRecords   prometheus.Counter
	logBytes     prometheus.Counter
	logCommits   prometheus.Histogram
	logFailures  prometheus.Counter
}

func newMetrics(h *Hub) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	times := func(name, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10)}
	}
	m := &metrics{
		requests:     prometheus.NewHistogramVec(times("rowloom_http_request_seconds", "Time to answer a request, by kind of address."), []string{"address", "method", "code"}),
		connections:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rowloom_connections", Help: "Open WebSockets by family, and event streams."}, []string{"family"}),
		messages:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rowloom_messages_total", Help: "WebSocket messages."}, []string{"family", "direction"}),
		messageBytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rowloom_message_bytes_total", Help: "Bytes in WebSocket messages."}, []string{"family", "direction"}),
		loads:        prometheus.NewHistogram(times("rowloom_room_load_seconds", "Time to load a room.")),
		roomFailures: counter("rowloom_room_failures_total", "Rooms that were given up or could not be loaded."),
		compactions:  counter("rowloom_log_compactions_total", "Logs replaced by a snapshot."),
		logRecords:   counter("rowloom_log_records_total", "Records written to the log."),
		logBytes:     counter("rowloom_log_bytes_total", "Bytes written to the log."),
		logCommits:   prometheus.NewHistogram(times("rowloom_log_commit_seconds", "Time to make a batch of records durable.")),
		logFailures:  counter("rowloom_log_failures_total", "Batches of records that could not be written."),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.connections, m.messages, m.messageBytes, m.loads, m.roomFailures, m.compactions, m.logRecords, m.logBytes, m.logCommits, m.logFailures,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rowloom_rooms", Help: "Rooms in memory."}, func() float64 {
			h.mu.Lock()
			defer h.mu.Unlock()
			return float64(len(h.rooms))
		}),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) served(address, method string, code int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other" // the number of series must not be in the hands of others
	}
	m.requests.WithLabelValues(address, method, strconv.Itoa(code)).Observe(took.Seconds())
}

func (m *metrics) committed(records, bytes int, took time.Duration) {
	m.logRecords.Add(float64(records))
	m.logBytes.Add(float64(bytes))
	m.logCommits.Observe(took.Seconds())
}

// metrics answers with the numbers.
func (a *answer) metrics() error {
	if err := a.need(""); err != nil {
		return err
	}
	a.hub.metrics.handler.ServeHTTP(a.w, a.r)
	return nil
}
