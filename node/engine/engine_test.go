package engine

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// lines is a dialplan of one extension for whatever is dialled.
type lines []pbx.Step

func (l lines) Find(q pbx.Query) (pbx.Step, bool) {
	if q.Priority < 1 || q.Priority > len(l) {
		return pbx.Step{}, false
	}
	return l[q.Priority-1], true
}
func (lines) More(pbx.Query) bool                   { return false }
func (lines) Expand(text string, _ pbx.Vars) string { return text }

func (lines) Get(string, pbx.Vars) (string, bool) { return "", false }
func (lines) Set(string, string, pbx.Vars) bool   { return false }

func start(t *testing.T) (*Engine, context.CancelFunc) {
	plan := lines{{App: "Answer"}, {App: "Wait", Args: "5"}, {App: "Hangup"}}
	e := newEngine(pbx.Config{Dialplan: plan, SystemName: "alpha", Seed: 1}, translator.Writer{SystemName: "alpha"})
	ctx, cancel := context.WithCancel(t.Context())
	go e.Run(ctx)
	return e, cancel
}

func TestTheEngineRunsByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, cancel := start(t)
		defer cancel()
		sub := e.Events().Subscribe(1000)
		r, err := (driver{e}).Ask(t.Context(), func(id uint64) pbx.Input {
			return pbx.Originate{ID: id, Channel: "Sim/one", Context: "any", Exten: "1", Async: true}
		})
		if err != nil || r.Error != "" {
			t.Fatalf("Originate: %+v, %v", r, err)
		}
		began := time.Now()
		var last Event
		for last.Name != "Hangup" {
			got, err := sub.Next(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range got {
				if last.Name != "Hangup" {
					last = ev
				}
			}
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("the call took %v, want 5s", took)
		}
		if !strings.HasPrefix(string(last.Text), "Event: Hangup\r\nPrivilege: call,all\r\nSystemName: alpha\r\nChannel: Sim/one-00000000\r\n") || !last.New.Gone {
			t.Errorf("last event: %q", last.Text)
		}
	})
}

func TestALookSeesWhatWasAskedForBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, cancel := start(t)
		defer cancel()
		synctest.Wait()
		for range 3 {
			if _, err := (driver{e}).Ask(t.Context(), func(id uint64) pbx.Input {
				return pbx.Originate{ID: id, Channel: "Sim/one", Context: "any", Exten: "1", Async: true}
			}); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		if err := (driver{e}).Look(t.Context(), func(p *pbx.PBX) { n = len(p.CoreShowChannels()) }); err != nil || n != 3 {
			t.Errorf("%d channels, %v", n, err)
		}
	})
}

// Who waits for a late answer waits no longer than it wants to, nor than there is an engine.
func TestNobodyWaitsForAStoppedEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, cancel := start(t)
		never := func(id uint64) pbx.Input {
			return pbx.Originate{ID: id, Channel: "Local/1@any", Context: "any", Exten: "1", Timeout: time.Hour}
		}
		ctx, giveUp := context.WithTimeout(t.Context(), time.Millisecond)
		defer giveUp()
		if r, err := (driver{e}).Ask(ctx, never); err != nil || r.Error != "" { // answered at once: the dialplan answers
			t.Errorf("%+v, %v", r, err)
		}
		cancel()
		synctest.Wait()
		if _, err := (driver{e}).Ask(t.Context(), never); !errors.Is(err, errStopped{}) {
			t.Errorf("ask: %v", err)
		}
		if err := (driver{e}).Look(t.Context(), func(*pbx.PBX) {}); !errors.Is(err, errStopped{}) {
			t.Errorf("look: %v", err)
		}
	})
}

// TestConfigurationFiles: an engine with a directory has the example in it, and answers about it; without one there are no files.
func TestConfigurationFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dir, want string }{
		{t.TempDir(), "Response: Success\r\nCategory-000000: general\r\nCategory-000001: derived\r\n\r\n"},
		{"", "Response: Error\r\nMessage: Config file not found\r\n\r\n"},
	} {
		e, err := New(Config{Settings: config.Engine{ConfigDir: c.dir}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Run(ctx) }()
		for !e.Up() {
			time.Sleep(time.Millisecond)
		}
		var got []byte
		if err := e.Do(ctx, ami.New("Action", "ListCategories", "Filename", "amitest.conf"), func(m *ami.Message) error {
			got = append(got, m.Bytes()...)
			return nil
		}); err != nil || string(got) != c.want {
			t.Errorf("in %q: %q, %v", c.dir, got, err)
		}
		cancel()
		<-done
	}
}

// A crowd that looks all the time keeps the engine neither from its work nor from stopping.
func TestLooksDoNotHoldUpTheEngine(t *testing.T) {
	t.Parallel()
	e := newEngine(pbx.Config{Dialplan: lines{{App: "Answer"}}, SystemName: "alpha", Seed: 1}, translator.Writer{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for range 16 {
		go func() {
			for (driver{e}).Look(context.Background(), func(*pbx.PBX) {}) == nil {
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	cancel()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
	if err := e.Reload(); err == nil {
		t.Error("a dialplan is read for an engine that does not run")
	}
}
