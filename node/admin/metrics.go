package admin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Namespace begins the name of every metric that is registered here.
const Namespace = "amibus_"

// Kind says how a metric's value moves.
type Kind int

// Kinds of metrics.
const (
	Counter Kind = iota // only grows, until the process starts anew; its name ends with _total
	Gauge               // goes up and down
)

func (k Kind) value() prometheus.ValueType {
	if k == Counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// CounterFunc shows a counter that fn reads at each scrape. Metrics of one name must have the same help and label names. fn is called
// from several goroutines.
func (s *Server) CounterFunc(name, help string, labels map[string]string, fn func() float64) {
	s.registerNamed(name, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, fn))
}

// GaugeFunc is CounterFunc for a gauge.
func (s *Server) GaugeFunc(name, help string, labels map[string]string, fn func() float64) {
	s.registerNamed(name, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, fn))
}

// Histogram counts what is observed by size. Buckets are upper bounds, ascending; nil means those for seconds, 5 ms to 10 s. observe is
// safe for concurrent use and does not allocate.
func (s *Server) Histogram(name, help string, labels map[string]string, buckets []float64) (observe func(float64)) {
	for i := 1; i < len(buckets); i++ {
		if buckets[i] <= buckets[i-1] { // the library would panic
			s.wrong(name, errors.New("its buckets do not ascend"))
			return func(float64) {}
		}
	}
	if _, ok := labels["le"]; ok {
		s.wrong(name, errors.New("le is the histogram's own label"))
		return func(float64) {}
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: labels, Buckets: buckets})
	s.registerNamed(name, h)
	return h.Observe
}

// CollectFunc shows a metric whose label values are known only when it is read: one per peer, user, reason. At each scrape fn emits
// all values there are, each combination of label values once. fn is called from several goroutines.
func (s *Server) CollectFunc(name, help string, kind Kind, labelNames []string, fn func(emit func(value float64, labelValues ...string))) {
	s.registerNamed(name, &collectFunc{desc: prometheus.NewDesc(name, help, labelNames, nil), kind: kind.value(), fn: fn})
}

type collectFunc struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	fn   func(emit func(value float64, labelValues ...string))
}

func (c *collectFunc) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

func (c *collectFunc) Collect(to chan<- prometheus.Metric) {
	c.fn(func(value float64, labelValues ...string) {
		valid := make([]string, len(labelValues))
		for i, text := range labelValues { // may come from a peer or an Asterisk
			valid[i] = strings.ToValidUTF8(text, "\uFFFD")
		}
		metric, err := prometheus.NewConstMetric(c.desc, c.kind, value, valid...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(c.desc, err)
		}
		to <- metric
	})
}

func (s *Server) registerNamed(name string, c prometheus.Collector) {
	if !strings.HasPrefix(name, Namespace) {
		s.wrong(name, fmt.Errorf("its name does not begin with %s", Namespace))
		return
	}
	s.register(name, c)
}

func (s *Server) register(name string, c prometheus.Collector) {
	if err := s.registry.Register(c); err != nil {
		s.wrong(name, err)
	}
}

// wrong keeps the error for Serve, so that those who register need not each handle what only a wrong program can cause.
func (s *Server) wrong(name string, err error) {
	s.err = errors.Join(s.err, fmt.Errorf("admin: metric %s: %w", name, err))
}

// Distribution is what a histogram counted elsewhere holds.
type Distribution struct {
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64 // by upper bound, what is below included
}

// CollectHistogram is CollectFunc for histograms.
func (s *Server) CollectHistogram(name, help string, labelNames []string, fn func(emit func(d Distribution, labelValues ...string))) {
	s.registerNamed(name, &collectHistogram{desc: prometheus.NewDesc(name, help, labelNames, nil), fn: fn})
}

type collectHistogram struct {
	desc *prometheus.Desc
	fn   func(emit func(d Distribution, labelValues ...string))
}

func (c *collectHistogram) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

func (c *collectHistogram) Collect(to chan<- prometheus.Metric) {
	c.fn(func(d Distribution, labelValues ...string) {
		metric, err := prometheus.NewConstHistogram(c.desc, d.Count, d.Sum, d.Buckets, labelValues...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(c.desc, err)
		}
		to <- metric
	})
}
