package admin

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func get(t *testing.T, s *Server, method, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String(), w.Header()
}

func TestPages(t *testing.T) {
	t.Parallel()
	ready := New(Config{Log: quiet(), Ready: func() Readiness { return Readiness{Details: map[string]any{"site": "default"}} }})
	not := New(Config{Log: quiet(), Ready: func() Readiness { return Readiness{Reasons: []string{"source: not connected"}} }})
	broken := New(Config{Log: quiet(), Ready: func() Readiness { return Readiness{Details: map[string]any{"x": func() {}}} }})
	always := New(Config{Log: quiet()})
	idle := New(Config{Log: quiet(), Ready: func() Readiness { return Readiness{Reasons: []string{"stopping"}, Idle: true} }})
	for name, tt := range map[string]struct {
		server       *Server
		method, path string
		code         int
		body         string
	}{
		"health":              {always, "GET", "/healthz", 200, "ok\n"},
		"health, not ready":   {not, "GET", "/healthz", 200, "ok\n"},
		"serving, not ready":  {not, "GET", "/servez", 200, "ok\n"},
		"idle":                {idle, "GET", "/servez", 503, "no clients are served; /readyz says why\n"},
		"ready":               {ready, "GET", "/readyz", 200, `{"ready":true,"reasons":[],"details":{"site":"default"}}` + "\n"},
		"ready without":       {always, "GET", "/readyz", 200, `{"ready":true,"reasons":[]}` + "\n"},
		"not ready":           {not, "GET", "/readyz", 503, `{"ready":false,"reasons":["source: not connected"]}` + "\n"},
		"details not in JSON": {broken, "GET", "/readyz", 500, "readiness cannot be shown; the log says why\n"},
		"post":                {not, "POST", "/readyz", 405, "Method Not Allowed\n"},
		"delete":              {not, "DELETE", "/healthz", 405, "Method Not Allowed\n"},
		"options":             {not, "OPTIONS", "/metrics", 405, "Method Not Allowed\n"},
		"elsewhere":           {not, "GET", "/healthz/x", 404, "404 page not found\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, body, header := get(t, tt.server, tt.method, tt.path)
			if code != tt.code || body != tt.body {
				t.Errorf("%d %q, want %d %q", code, body, tt.code, tt.body)
			}
			if header.Get("Access-Control-Allow-Origin") != "" || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", header)
			}
		})
	}
	if code, _, _ := get(t, not, "HEAD", "/readyz"); code != 503 {
		t.Errorf("HEAD /readyz: %d", code)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := New(Config{Log: quiet()})
	s.CounterFunc("amibus_events_total", "Events by where they came from.", map[string]string{"from": "own"}, func() float64 { return 3 })
	s.CounterFunc("amibus_events_total", "Events by where they came from.", map[string]string{"from": "peer"}, func() float64 { return 4 })
	s.GaugeFunc("amibus_sessions", "AMI sessions that are open.", nil, func() float64 { return 2 })
	observe := s.Histogram("amibus_wait_seconds", "How long events waited.", nil, []float64{0.1, 0.3})
	observe(0.2)
	s.CollectFunc("amibus_peer_lag_seconds", "Age of a peer's last mark.", Gauge, []string{"site", "node"}, func(emit func(float64, ...string)) {
		emit(0.5, "default", "bravo")
		emit(0.7, "default", "bad\xff")
	})
	s.CollectFunc("amibus_dropped_total", "Messages dropped, by reason.", Counter, []string{"reason"}, func(emit func(float64, ...string)) {
		emit(1, "too", "many")
		emit(9, "full")
	})
	s.CollectHistogram("amibus_turn_seconds", "How long events waited for their turn.", []string{"origin"}, func(emit func(Distribution, ...string)) {
		emit(Distribution{Count: 5, Sum: 2.5, Buckets: map[float64]uint64{0.1: 3, 1: 4}}, "own")
		emit(Distribution{}, "too", "many")
	})
	code, body, _ := get(t, s, "GET", "/metrics")
	if code != 200 {
		t.Errorf("code %d: %s", code, body)
	}
	for _, want := range []string{
		`amibus_events_total{from="own"} 3`,
		`amibus_events_total{from="peer"} 4`,
		`amibus_sessions 2`,
		`amibus_wait_seconds_bucket{le="0.1"} 0`,
		`amibus_wait_seconds_bucket{le="0.3"} 1`,
		`amibus_wait_seconds_count 1`,
		`amibus_turn_seconds_bucket{origin="own",le="1"} 4`,
		`amibus_turn_seconds_bucket{origin="own",le="+Inf"} 5`,
		`amibus_turn_seconds_sum{origin="own"} 2.5`,
		`amibus_peer_lag_seconds{node="bravo",site="default"} 0.5`,
		"amibus_peer_lag_seconds{node=\"bad\uFFFD\",site=\"default\"} 0.7",
		`amibus_dropped_total{reason="full"} 9`, // the wrong emission beside it does not hide it
		`# TYPE amibus_dropped_total counter`,
		`go_goroutines `,
	} {
		if !strings.Contains(body, want+"\n") && !strings.Contains(body, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) { // not parallel: AllocsPerRun counts what others allocate, too
	observe := New(Config{Log: quiet()}).Histogram("amibus_wait_seconds", "How long events waited.", nil, nil)
	if n := testing.AllocsPerRun(100, func() { observe(0.2) }); n != 0 {
		t.Errorf("observing allocates %v times", n)
	}
}

func TestWrongMetrics(t *testing.T) {
	t.Parallel()
	zero := func() float64 { return 0 }
	for name, tt := range map[string]struct {
		register func(*Server)
		want     string
	}{
		"namespace": {func(s *Server) { s.GaugeFunc("sessions", "x", nil, zero) }, "admin: metric sessions: its name does not begin with amibus_"},
		"twice": {func(s *Server) {
			s.GaugeFunc("amibus_x", "x", nil, zero)
			s.GaugeFunc("amibus_x", "x", nil, zero)
		}, "admin: metric amibus_x: "},
		"name":    {func(s *Server) { s.GaugeFunc("amibus_\xff", "x", nil, zero) }, "admin: metric amibus_"},
		"buckets": {func(s *Server) { s.Histogram("amibus_x", "x", nil, []float64{2, 1})(1) }, "admin: metric amibus_x: its buckets do not ascend"},
		"le":      {func(s *Server) { s.Histogram("amibus_x", "x", map[string]string{"le": "1"}, nil)(1) }, "admin: metric amibus_x: le is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(Config{Log: quiet()})
			tt.register(s)
			ln := listen(t)
			if err := s.Serve(t.Context(), ln); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Serve returned %v, want %s…", err, tt.want)
			}
			if _, err := ln.Accept(); err == nil {
				t.Error("the listener is still open")
			}
		})
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func TestServe(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	s := New(Config{Log: quiet(), Ready: func() Readiness { close(asked); <-answer; return Readiness{} }})
	ln := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()

	body := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + ln.Addr().String() + "/readyz")
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		body <- string(text)
	}()
	<-asked // a request is running when the end comes, and is still answered
	cancel()
	close(answer)
	if got := <-body; !strings.HasPrefix(got, `{"ready":true`) {
		t.Errorf("body %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if conn, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		conn.Close()
		t.Error("still listening")
	}
}

func TestServeListenerFails(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	ln.Close()
	if err := New(Config{Log: quiet()}).Serve(t.Context(), ln); err == nil {
		t.Error("no error")
	}
}

// TestHugeHeader: a request whose header does not end is refused, not collected.
func TestHugeHeader(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- New(Config{Log: quiet()}).Serve(ctx, ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		_, _ = conn.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\nX: "))
		_, _ = conn.Write(bytes.Repeat([]byte("x"), 1<<20)) // fails when the server cuts
	}()
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.Contains(status, " 431 ") {
		t.Errorf("answer %q", status)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
