package amiserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/ami"
)

const (
	maxSnapshots  = 16                    // are in memory at a time; the next ones wait
	snapshotTime  = time.Minute           // for a client to take its snapshot
	snapshotPause = 10 * time.Millisecond // while the node does not know the whole state
)

// snapshot is the state of the cluster that a session has asked for, and, from exactly there on, the live stream.
type snapshot struct {
	id     string        // ActionID of the Login
	taken  chan *cut     // capacity 1
	wake   chan struct{} // capacity 1: taken was filled
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine that waits for the cut has ended
}

// cut is the state at one moment.
type cut struct {
	parts []state.Part
	at    cursor.Vector
	live  *stasis.Subscription[merge.Event] // nil in the order of arrival, and for a session that wants no events
}

// wantsSnapshot reads the Snapshot header of a Login. Channels and bridges are for those who see their events, or may list them.
func (s *session) wantsSnapshot(action *ami.Message, user *config.User) (bool, error) {
	switch strings.ToLower(string(action.Get("Snapshot"))) {
	case "", "no", "false", "n", "f", "0", "off":
		return false, nil
	case "yes", "true", "y", "t", "1", "on":
	default:
		return false, errors.New("Snapshot: yes or no")
	}
	switch {
	case s.srv.conf.State == nil || !s.pushes:
		return false, errors.New("Snapshot: not available over HTTP; use CoreShowChannels and BridgeList with Cached: yes")
	case action.Has("ResumeFrom"):
		return false, errors.New("Snapshot and ResumeFrom exclude each other")
	case user.Read&ami.ClassCall == 0 && user.Write&(ami.ClassSystem|ami.ClassReporting) == 0:
		return false, errors.New("Snapshot: permission denied, it takes read = call or write = reporting")
	}
	return true, nil
}

// beginSnapshot has the state written as soon as it can be had, and then the stream.
func (s *session) beginSnapshot(id string) {
	ctx, cancel := context.WithCancel(s.ctx)
	snap := &snapshot{id: id, taken: make(chan *cut, 1), wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	s.snap = snap
	s.srv.count.snapshots.Add(1)
	go func() {
		defer close(snap.done)
		select {
		case s.srv.snapshots <- struct{}{}: // given back by endSnapshot
		case <-ctx.Done():
			return
		}
		c := s.takeCut(ctx)
		if c == nil {
			<-s.srv.snapshots
			return
		}
		snap.taken <- c
		snap.wake <- struct{}{}
	}()
}

// takeCut copies the state and subscribes to what comes behind it, at one moment. It is nil if ctx ends before the node knows all of it.
func (s *session) takeCut(ctx context.Context) *cut {
	conf := &s.srv.conf
	select {
	case <-conf.Source.Settled():
	case <-ctx.Done():
		return nil
	}
	for {
		var c *cut
		conf.Source.ViewPast(func(now []merge.Position, _ func(merge.Node) []merge.Past) {
			conf.State.Expect(now) // a node may have come into view just now
			conf.State.View(func(v state.View) {
				if !v.Whole() {
					return
				}
				c = &cut{parts: v.Cut(s.reach()), at: cursor.Now(now, false)}
				if !s.user.Arrival {
					c.live = s.subscribe()
				}
			})
		})
		if c != nil {
			return c
		}
		select {
		case <-time.After(snapshotPause):
		case <-ctx.Done():
			return nil
		}
	}
}

// deliverSnapshot writes the snapshot, if it has been taken: as one contiguous run, with the back-pressure of the client. Behind it the
// session is in the stream.
func (s *session) deliverSnapshot() (more bool, err error) {
	select {
	case c := <-s.snap.taken:
		s.sub = c.live
		err := s.writeCut(c)
		s.endSnapshot()
		<-s.srv.snapshots
		if err != nil {
			return false, err
		}
		if s.sub == nil {
			s.resume(c.at)
		}
		return s.sub != nil, nil
	default:
		return false, nil
	}
}

func (s *session) writeCut(c *cut) error {
	began, count := time.Now(), 0
	items := state.NewItems(s.snap.id, s.srv.conf.Now())
	buf := make([]byte, 0, chunkBytes+4096)
	full := func() error {
		if count++; len(buf) < chunkBytes {
			return nil
		}
		if time.Since(began) > snapshotTime {
			return fmt.Errorf("%w: not the snapshot in %v", errSlow, snapshotTime)
		}
		err := s.send(buf)
		buf = buf[:0]
		return err
	}
	for i := range c.parts {
		p := &c.parts[i]
		p.Sort()
		items.Of(s.srv.nameOf(p.Node))
		for j := range p.Channels {
			buf = items.Channel(buf, &p.Channels[j])
			if err := full(); err != nil {
				return err
			}
		}
		for j := range p.Bridges {
			buf = items.Bridge(buf, &p.Bridges[j])
			if err := full(); err != nil {
				return err
			}
		}
		*p = state.Part{} // written
	}
	s.withinReach(c.at)
	return s.send(append(buf, listItem("SnapshotComplete", s.snap.id, func(m *ami.Message) {
		m.Add("EventList", "Complete").Add("ListItems", strconv.Itoa(count))
		for _, line := range c.at.Lines(cursor.MaxLine - len("ResumeFrom: \r\n")) {
			m.Add("ResumeFrom", line)
		}
	})...))
}

// nameOf is what items have in SystemName.
func (s *Server) nameOf(n merge.Node) string {
	if name := s.conf.Backend.SystemName(n); name != "" {
		return name
	}
	return n.Name
}

// endSnapshot waits for the goroutine; what it has taken must be taken from it.
func (s *session) endSnapshot() {
	s.snap.cancel()
	<-s.snap.done
	s.snap = nil
}

// dropSnapshot ends one that is not written.
func (s *session) dropSnapshot() {
	snap := s.snap
	s.endSnapshot()
	select {
	case c := <-snap.taken:
		if c.live != nil {
			c.live.Close()
		}
		<-s.srv.snapshots
	default:
	}
}
