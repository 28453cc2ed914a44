package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds for clients that are slow, by intent or not, and for scrapes that pile up.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	scrapeTimeout  = 10 * time.Second
	writeTimeout   = 20 * time.Second // more than scrapeTimeout, so that its 503 gets out
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10
	maxScrapes     = 4
	shutdownGrace  = 500 * time.Millisecond
)

// Config is what a Server needs.
type Config struct {
	Log   *slog.Logger
	Ready func() Readiness // asked at each /readyz, by several goroutines; nil: always ready
}

// Readiness is the answer of /readyz. A node is ready when nothing speaks against it.
type Readiness struct {
	Reasons []string       // why it is not ready, one line each
	Idle    bool           // it serves no clients: it has not joined yet, or stops
	Details map[string]any // what an operator wants to see beside that; must marshal to JSON
}

// Server serves the admin pages. Register metrics first, then Serve.
type Server struct {
	log      *slog.Logger
	ready    func() Readiness
	registry *prometheus.Registry
	err      error // what was registered wrongly; Serve tells
}

// New returns a Server whose metrics are those of the Go runtime and the process.
func New(cfg Config) *Server {
	s := &Server{log: cfg.Log, ready: cfg.Ready, registry: prometheus.NewRegistry()}
	if s.ready == nil {
		s.ready = func() Readiness { return Readiness{} }
	}
	s.register("go", collectors.NewGoCollector())
	s.register("process", collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Serve answers on ln until ctx ends, then lets running requests end, and closes ln in any case. It returns nil after ctx ended, and at
// once an error when a metric was registered wrongly.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if s.err != nil {
		return errors.Join(s.err, ln.Close())
	}
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return errors.Join(err, srv.Close())
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		_ = srv.Close() // cuts those that did not end in time; there is nothing to lose
	}
	<-served // http.ErrServerClosed
	return nil
}

// Handler answers the admin pages.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux() // a GET pattern answers HEAD too, and 405 to the rest
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET /servez", func(w http.ResponseWriter, _ *http.Request) {
		if s.ready().Idle {
			http.Error(w, "no clients are served; /readyz says why", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError, // one wrong metric does not hide the others
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	ready := s.ready()
	body, err := json.Marshal(struct {
		Ready   bool           `json:"ready"`
		Reasons []string       `json:"reasons"`
		Details map[string]any `json:"details,omitempty"`
	}{len(ready.Reasons) == 0, append([]string{}, ready.Reasons...), ready.Details})
	if err != nil {
		s.log.Error("readiness cannot be shown", "error", err)
		http.Error(w, "readiness cannot be shown; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if len(ready.Reasons) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n'))
}
