package member

import (
	"bytes"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

// delegate is what memberlist calls, with its own lock held: copy, wake, return.
type delegate struct{ l *List }

var (
	_ memberlist.Delegate         = (*delegate)(nil)
	_ memberlist.EventDelegate    = (*delegate)(nil)
	_ memberlist.ConflictDelegate = (*delegate)(nil)
	_ memberlist.AliveDelegate    = (*delegate)(nil)
)

// NodeMeta implements memberlist.Delegate. The limit was checked when the bytes were made.
func (d *delegate) NodeMeta(int) []byte {
	d.l.mu.Lock()
	defer d.l.mu.Unlock()
	return d.l.meta
}

// NotifyMsg implements memberlist.Delegate. The only message is the name of a node that leaves: memberlist knows, but does not
// tell its callers, whether a node left or died.
func (d *delegate) NotifyMsg(name []byte) {
	d.change(func(l *List) {
		if p := l.table[string(name)]; p != nil {
			p.leaving = true
			l.drop(string(name), p)
		}
	})
}

// drop forgets a node that has left: it need not be looked for.
func (l *List) drop(name string, p *peer) {
	if p.leaving && !p.died.IsZero() {
		delete(l.table, name)
	}
}

// Nothing else is gossiped but the metadata.

func (d *delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (d *delegate) LocalState(bool) []byte          { return nil }
func (d *delegate) MergeRemoteState([]byte, bool)   {}

// NotifyJoin implements memberlist.EventDelegate.
func (d *delegate) NotifyJoin(n *memberlist.Node) { d.seen(n) }

// NotifyUpdate implements memberlist.EventDelegate.
func (d *delegate) NotifyUpdate(n *memberlist.Node) { d.seen(n) }

func (d *delegate) seen(n *memberlist.Node) {
	if n.Name == d.l.name {
		return
	}
	d.change(func(l *List) {
		l.table[n.Name] = &peer{addr: at(n), meta: bytes.Clone(n.Meta), fresh: true}
		l.joined = true
	})
}

// NotifyLeave implements memberlist.EventDelegate.
func (d *delegate) NotifyLeave(n *memberlist.Node) {
	d.change(func(l *List) {
		if p := l.table[n.Name]; p != nil {
			p.died = time.Now()
			l.drop(n.Name, p)
		}
	})
}

// NotifyConflict implements memberlist.ConflictDelegate.
func (d *delegate) NotifyConflict(existing, other *memberlist.Node) {
	d.l.conflicts.Add(1)
	d.change(func(l *List) { l.clash(existing.Name, at(existing), at(other)) })
}

// NotifyAlive implements memberlist.AliveDelegate: somebody says who is alive at which address. What is said about our own name tells
// whose it is. Nobody is kept out here.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	if n.Name == d.l.name {
		d.l.mu.Lock()
		defer d.l.mu.Unlock()
		if addr := at(n); addr == d.l.own {
			d.l.granted = true
		} else {
			d.l.rival = addr
		}
	}
	return nil
}

func (d *delegate) change(fn func(*List)) {
	d.l.mu.Lock()
	fn(d.l)
	d.l.mu.Unlock()
	d.l.look()
}

// look has run see what has changed.
func (l *List) look() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// logWriter hands memberlist's log to slog, for debugging: what an operator must know is logged by List.
type logWriter struct{ l *List }

func (w logWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	w.l.cfg.Log.Debug(text, "component", "memberlist")
	if keysDiffer(text) {
		w.l.noteKeys(text)
	}
	return len(line), nil
}
