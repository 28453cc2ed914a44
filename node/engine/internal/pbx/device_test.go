package pbx

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// checkDevices holds the counts of the devices against the channels there are.
func checkDevices(t *testing.T, p *PBX) {
	t.Helper()
	channels, calls := map[string]map[state]int{}, map[string]bool{}
	for _, c := range p.channels {
		name := base(c.name)
		if channels[name] == nil {
			channels[name] = map[state]int{}
		}
		channels[name][c.using()]++
		calls[name] = calls[name] || c.state == stateRing // which it says when it has got somewhere
	}
	for name, d := range p.devices {
		n := 0
		for s, have := range d.channels {
			n += have
			if want := channels[name][state(s)]; have != want {
				t.Errorf("%s: %d channels %s, want %d", name, have, state(s), want)
			}
		}
		if d.live != n {
			t.Errorf("%s: %d live, want %d", name, d.live, n)
		}
		if d.kept > 0 && len(p.changes) == 0 && !calls[name] && !strings.HasPrefix(name, "Custom:") && d.state != p.compute(name, d) {
			t.Errorf("%s: said to be %s, is %s", name, d.state, p.compute(name, d))
		}
	}
	for name := range channels {
		if p.devices[name] == nil {
			t.Errorf("%s: not known", name)
		}
	}
	for at, h := range p.hints {
		if want := p.extenState(h.Devices); len(p.changes) == 0 && h.status != want {
			t.Errorf("hint %v: said to be %d, is %d", at, h.status, want)
		}
	}
}

func TestStatesAreBounded(t *testing.T) {
	t.Parallel()
	warnings := 0
	w := newWorld(t, Config{Warn: func(string) { warnings++ }})
	w.p.kept = maxCached
	w.p.soon(func() { w.p.setCustom("a", "BUSY"); w.p.setCustom("a", "BUSY") })
	w.do()
	if len(w.p.devices) != 0 || w.p.deviceState("Custom:a") != isBusy {
		t.Errorf("%d devices", len(w.p.devices))
	}
	for i := range maxKeys {
		w.p.db[fmt.Sprint("f/", i)] = ""
	}
	if w.p.dbPut("f", "new", "") || !w.p.dbPut("f", "1", "x") || w.p.dbPut("f", "1", strings.Repeat("x", maxDBValue)) {
		t.Error("the database does not keep to its bounds")
	}
	if s := w.p.Stats(); s.Unkept != 4 || warnings != 1 {
		t.Errorf("%d counted, %d warnings", s.Unkept, warnings)
	}
	if got := stateEvents(w.events); !slices.Equal(got, []string{"Custom:a BUSY", "Custom:a BUSY"}) {
		t.Errorf("got %q", got)
	}
}

// A device that was forgotten and made again while a change of it was to be looked at is not forgotten with the old one.
func TestAForgottenDeviceComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.p.soon(func() {
		d := w.p.device("Local/x@y")
		w.p.changed(d)
		w.p.drop(d)
		w.p.addHint(Hint{"c", "1", "Local/x@y"})
	})
	w.do()
	if d := w.p.devices["Local/x@y"]; d == nil || len(d.hints) != 1 {
		t.Errorf("the hint's device is gone: %v", d)
	}
}
