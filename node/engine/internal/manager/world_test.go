package manager

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// world is a PBX in fake time, and a Manager on it. An action that has to wait (a synchronous Originate) lets the time pass.
type world struct {
	t      testing.TB
	p      *pbx.PBX
	now    time.Time
	ids    uint64
	m      *Manager
	events []string // what the PBX raised, as text
	w      translator.Writer
}

func newWorld(t testing.TB, cfg pbx.Config, of Config) *world {
	w := &world{t: t, p: pbx.New(cfg), now: time.Unix(1_700_000_000, 0), w: translator.Writer{SystemName: cfg.SystemName}}
	of.Driver = w
	w.m = New(of)
	return w
}

// step lets the time pass until there is an answer to id (0: none is waited for), or the limit.
func (w *world) step(d time.Duration, id uint64, inputs ...pbx.Input) (reply *pbx.Reply) {
	limit := w.now.Add(d)
	for {
		out, next := w.p.Step(w.now, inputs...)
		inputs = nil
		for i := range out {
			if r := out[i].Reply; r == nil {
				w.events = append(w.events, string(w.w.Append(nil, out[i].At, &out[i].Event)))
			} else if r.ID == id {
				copied := *r
				reply = &copied
			}
		}
		if reply != nil || next.IsZero() || next.After(limit) {
			if reply == nil {
				w.now = limit
			}
			return reply
		}
		w.now = next
	}
}

// run lets the time pass.
func (w *world) run(d time.Duration) { w.step(d, 0) }

func (w *world) Ask(_ context.Context, build func(uint64) pbx.Input) (pbx.Reply, error) {
	w.ids++
	r := w.step(time.Hour, w.ids, build(w.ids))
	if r == nil {
		w.t.Fatalf("no answer to %#v", build(w.ids))
	}
	return *r, nil
}

func (w *world) Look(_ context.Context, fn func(*pbx.PBX)) error { fn(w.p); return nil }

// do sends an action and returns the text of the answer.
func (w *world) do(pairs ...string) string {
	w.t.Helper()
	var out strings.Builder
	err := w.m.Do(w.t.Context(), ami.New(pairs...), func(m *ami.Message) error { out.Write(m.Bytes()); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

func TestUnknownAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pbx.Config{}, Config{})
	want := "Response: Error\r\nActionID: 1\r\nMessage: Invalid/unknown command: QueueStatus. Use Action: ListCommands to show available commands.\r\n\r\n"
	if got := w.do("Action", "QueueStatus", "ActionID", "1"); got != want {
		t.Errorf("got %q", got)
	}
}
