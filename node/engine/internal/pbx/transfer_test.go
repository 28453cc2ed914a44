package pbx

import (
	"slices"
	"strings"
	"testing"
)

// story is what happened to the calls and bridges, in order, without what one seldom asks for.
func story(events []event) []string {
	n := newNames(events)
	var out []string
	for i := range events {
		e := &events[i]
		c := n.channel(e.get("Channel"))
		switch e.name {
		case "BridgeEnter", "BridgeLeave":
			out = append(out, e.name+" "+c)
		case "AttendedTransfer":
			out = append(out, "AttendedTransfer "+e.get("Result")+" "+n.channel(e.get("TransfereeChannel"))+" to "+n.channel(e.get("TransferTargetChannel")))
		case "BridgeMerge":
			out = append(out, e.name)
		case "Hangup", "MusicOnHoldStart", "MusicOnHoldStop":
			out = append(out, e.name+" "+c)
		case "DialEnd":
			out = append(out, "DialEnd "+n.channel(e.get("DestChannel"))+" "+e.get("DialStatus"))
		}
	}
	return out
}

// talks starts a call of Sim/a, which talks to Sim/b, and forgets what that said.
func talks(t *testing.T) *world {
	w := newWorld(t, Config{Endpoints: map[string]Endpoint{}, Dialplan: parsePlan(`
[test]
call: Dial(Sim/b); Hangup()
ring: Ringing(); Wait(2); Answer(); Wait(30); Hangup()
busy: Busy(1)
never: Wait(60)
meet: BridgeWait(); Hangup()
park: Park(); Hangup()
lot: Dial(Local/park@test)
`)})
	w.do(Incoming{Endpoint: "a", Context: "test", Exten: "call"})
	w.run(sec)
	w.events = w.events[len(w.events):]
	return w
}

func expect(t *testing.T, w *world, want string) {
	t.Helper()
	got := story(w.events)
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if !slices.Equal(got, lines) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

const a, b = "Sim/a-00000000", "Sim/b-00000001"

func TestAttendedTransferHandsTheCallOver(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{ID: 1, Channel: b, Context: "test", Exten: "ring"})
	w.run(5 * sec)
	w.do(Hangup{Channel: b})
	w.run(100 * sec)
	expect(t, w, `
		MusicOnHoldStart Sim/a
		BridgeEnter Local/ring@test-1;1
		BridgeLeave Sim/b
		BridgeEnter Sim/b
		DialEnd Local/ring@test-1;1 ANSWER
		BridgeLeave Sim/b
		MusicOnHoldStop Sim/a
		BridgeMerge
		BridgeLeave Local/ring@test-1;1
		BridgeEnter Local/ring@test-1;1
		AttendedTransfer Success Sim/a to Local/ring@test-1;1
		Hangup Sim/b
		Hangup Local/ring@test-1;2
		BridgeLeave Local/ring@test-1;1
		BridgeLeave Sim/a
		Hangup Local/ring@test-1;1
		Hangup Sim/a`)
}

func TestAttendedTransferBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{ID: 1, Channel: b, Context: "test", Exten: "ring"})
	w.run(sec)
	w.do(Hangup{Channel: b})
	w.run(10 * sec)
	expect(t, w, `
		MusicOnHoldStart Sim/a
		BridgeEnter Local/ring@test-1;1
		BridgeLeave Sim/b
		BridgeEnter Sim/b
		BridgeLeave Sim/b
		MusicOnHoldStop Sim/a
		BridgeMerge
		BridgeLeave Local/ring@test-1;1
		BridgeEnter Local/ring@test-1;1
		AttendedTransfer Success Sim/a to Local/ring@test-1;1
		Hangup Sim/b
		DialEnd Local/ring@test-1;1 ANSWER`)
}

func TestAttendedTransferToSomebodyBusyGoesBack(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{ID: 1, Channel: b, Context: "test", Exten: "busy"})
	w.run(10 * sec)
	expect(t, w, `
		MusicOnHoldStart Sim/a
		BridgeEnter Local/busy@test-1;1
		BridgeLeave Sim/b
		BridgeEnter Sim/b
		DialEnd Local/busy@test-1;1 BUSY
		Hangup Local/busy@test-1;2
		BridgeLeave Local/busy@test-1;1
		BridgeLeave Sim/b
		BridgeEnter Sim/b
		MusicOnHoldStop Sim/a
		Hangup Local/busy@test-1;1`)
}

func TestAttendedTransferIsCancelled(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{ID: 1, Channel: b, Context: "test", Exten: "ring"})
	w.run(4 * sec)
	w.do(CancelAtxfer{ID: 2, Channel: b})
	w.run(10 * sec)
	if r := w.replies[2]; r == nil || r.Error != "" {
		t.Errorf("answer: %+v", r)
	}
	expect(t, w, `
		MusicOnHoldStart Sim/a
		BridgeEnter Local/ring@test-1;1
		BridgeLeave Sim/b
		BridgeEnter Sim/b
		DialEnd Local/ring@test-1;1 ANSWER
		BridgeLeave Sim/b
		BridgeEnter Sim/b
		MusicOnHoldStop Sim/a
		BridgeLeave Local/ring@test-1;1
		Hangup Local/ring@test-1;1
		Hangup Local/ring@test-1;2`)
}

func TestAParkedCallThatNobodyComesForGoesBackToTheParker(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Park{ID: 1, Channel: a, Return: b, Timeout: 5 * sec})
	w.run(20 * sec)
	expect(t, w, `
		BridgeLeave Sim/a
		BridgeEnter Sim/a
		MusicOnHoldStart Sim/a
		BridgeLeave Sim/b
		Hangup Sim/b
		MusicOnHoldStop Sim/a
		BridgeLeave Sim/a
		DialEnd Sim/b ANSWER
		BridgeEnter Sim/b
		BridgeEnter Sim/a`)
}
