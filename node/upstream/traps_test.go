package upstream_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// TestTraps: what an Asterisk writes that is not as it should be neither takes the connection out of step nor hangs: the asker gets all of it
// and nothing else, and the next action its own answer. "|" is the end of a line in what the Asterisk writes, and in what the asker gets.
//
//ami:differs 4.10 where raw text is due and there is none, a Response says so; of two empty lines one is passed on, since an empty message breaks eight clients
func TestTraps(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("i", 200)
	for _, k := range []struct {
		name   string
		action string // more headers behind "Action: Trap" or another
		wire   string // ID stands for the ActionID
		want   string // the same
	}{
		{"raw text (4.10)", "IAXnetstats", "IAX2/bravo-1 12 0 0\n||", "IAX2/bravo-1 12 0 0\n|"},
		{"raw text of two tables", "IAXnetstats", "IAX2/bravo-1 12 0 0\n||IAX2/bravo-2 13 0 0\n||", "IAX2/bravo-1 12 0 0\n|/IAX2/bravo-2 13 0 0\n|"},
		{"raw text that is none", "IAXnetstats", "", "Response: Success|ActionID: ID||"},
		{"raw text, two empty lines (4.10)", "Queues", "No queues.|||", "No queues.||"},
		{"raw text refused", "Queues", "Response: Error|ActionID: ID|Message: Permission denied||", "Response: Error|ActionID: ID|Message: Permission denied||"},
		{"a line feed at the end of a text (4.9)", "CoreShowChannelMap", "Response: Error|ActionID: ID|Message: Could not get channel snapshot\n||",
			"Response: Error|ActionID: ID|Message: Could not get channel snapshot\n||"},
		{"line feeds in a value (4.13)", "Getvar", "Response: Success|ActionID: ID|Variable: SHELL(x)|Value: one\ntwo\n||",
			"Response: Success|ActionID: ID|Variable: SHELL(x)|Value: one\ntwo\n||"},
		{"a line without a colon", "Command", "Response: Success|ActionID: ID|no colon here|Output: x||", "Response: Success|ActionID: ID|no colon here|Output: x||"},
		{"two empty lines (4.10)", "QueueRule", "Response: Success|ActionID: ID|Message: x|||", "Response: Success|ActionID: ID|Message: x||"},
		{"a list of 12 (4.5)", "QueueStatus", "Response: Success|ActionID: ID|Message: Queue status will follow||Event: QueueParams|Queue: a|ActionID: ID||" +
			"Event: QueueStatusComplete|ActionID: ID||", "Response: Success|ActionID: ID|Message: Queue status will follow||/Event: QueueParams|Queue: a|ActionID: ID||/" +
			"Event: QueueStatusComplete|ActionID: ID||"},
		{"two answers (16.15)", "ModuleLoad", "Response: Error|ActionID: ID|Message: Incomplete||Response: Error|ActionID: ID|Message: again||",
			"Response: Error|ActionID: ID|Message: Incomplete||"},
		{"events of others while it answers", "Getvar", "Event: UserEvent|Privilege: user,all|UserEvent: x|Response: Success|ActionID: other|Event: Second||" +
			"Response: Success|ActionID: ID|Value: 1||", "Response: Success|ActionID: ID|Value: 1||"},
		{"13 kB of output", "Command", "Response: Success|ActionID: ID|" + strings.Repeat("Output: "+strings.Repeat("x", 100)+"|", 130) + "|",
			"Response: Success|ActionID: ID|" + strings.Repeat("Output: "+strings.Repeat("x", 100)+"|", 130) + "|"},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			trap := func(p *peer, m *ami.Message) {
				p.mu.Lock()
				defer p.mu.Unlock()
				wire := strings.ReplaceAll(k.wire, "ActionID: ID", "ActionID: "+string(m.Get("ActionID")))
				p.Write([]byte(strings.ReplaceAll(wire, "|", "\r\n")))
			}
			a := newAsterisk(t, script{strings.ToLower(k.action): trap})
			r := start(t, a.addr()).waitUp(t)
			for _, id := range []string{"1", long, ""} {
				var got []string
				action := ami.New("Action", k.action)
				if id != "" {
					action.Add("ActionID", id)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err := r.Do(ctx, action, func(m *ami.Message) error {
					got = append(got, strings.ReplaceAll(string(m.Bytes()), "\r\n", "|"))
					return nil
				})
				want := strings.ReplaceAll(k.want, "ActionID: ID", "ActionID: "+id)
				if id == "" {
					want = strings.ReplaceAll(k.want, "ActionID: ID|", "")
				}
				if err != nil || strings.Join(got, "/") != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
				if answer, err := r.do(t.Context(), "Action", "Other", "ActionID", "next"); err != nil || !strings.Contains(answer, "next") {
					t.Errorf("the next action: %q, %v", answer, err)
				}
			}
			if s := r.Stats(); s.Desync > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestListThatStops: who waits for the rest of a list is told when his time is over, and nobody else waits.
func TestListThatStops(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, script{"status": func(p *peer, m *ami.Message) { p.answer(m, "Success", "EventList", "start") }})
	r := start(t, a.addr()).waitUp(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	n := 0
	if err := r.Do(ctx, ami.New("Action", "Status"), func(*ami.Message) error { n++; return nil }); err == nil || isNotExecuted(err) || n != 1 {
		t.Errorf("%v after %d messages", err, n)
	}
	if answer, err := r.do(t.Context(), "Action", "Other", "ActionID", "next"); err != nil || !strings.Contains(answer, "next") {
		t.Errorf("the next action: %q, %v", answer, err)
	}
}
