package amiserver

import (
	"context"
	"fmt"
	"maps"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/proto/ami"
)

// smallShare of a session's queue may be left to replay when it is subscribed to the live stream.
const smallShare = 16

// resumption is the replay of a session, read by a goroutine of its own, one batch ahead of the writer.
type resumption struct {
	batches chan cursor.Batch // capacity 1
	wake    chan struct{}     // capacity 1: batches was filled
	cancel  context.CancelFunc
	done    chan struct{}
}

// topic is the stream in the order that the user has.
func (s *session) topic() *stasis.Topic[merge.Event] {
	if s.user.Arrival {
		return s.srv.conf.Arrived
	}
	return s.srv.conf.Events
}

func (s *session) subscribe() *stasis.Subscription[merge.Event] {
	return s.topic().Subscribe(s.queueLen)
}

// resumeFrom reads the ResumeFrom lines of an action; nil without any.
func resumeFrom(action *ami.Message) (cursor.Vector, error) {
	if !action.Has("ResumeFrom") {
		return nil, nil
	}
	v, err := cursor.Parse(action.Values("ResumeFrom"))
	if err != nil {
		return nil, fmt.Errorf("ResumeFrom: %w; send the lines of EventCursor as they are", err)
	}
	return v, nil
}

// resume leaves the stream and enters it again at v. Of nodes beyond the user's reach nothing is replayed.
func (s *session) resume(v cursor.Vector) {
	s.leaveStream()
	s.withinReach(v)
	ctx, cancel := context.WithCancel(s.ctx)
	r := &resumption{batches: make(chan cursor.Batch, 1), wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	s.replay, s.base = r, v
	conf := &s.srv.conf
	replay := cursor.NewReplay(cursor.Config{Source: conf.Source, Subscribe: s.subscribe, Arrival: s.user.Arrival,
		Small: s.queueLen / smallShare, Within: s.reach()}, v)
	go r.run(ctx, replay)
}

// run reads the replay until it ends in the live stream, or the session does not want it any more.
func (r *resumption) run(ctx context.Context, replay *cursor.Replay) {
	defer close(r.done)
	defer replay.Close()
	for {
		b, err := replay.Next(ctx)
		if err != nil {
			return
		}
		select {
		case r.batches <- b:
		case <-ctx.Done():
			closeLive(b)
			return
		}
		select {
		case r.wake <- struct{}{}:
		default:
		}
		if b.Live != nil {
			return
		}
	}
}

func closeLive(b cursor.Batch) {
	if b.Live != nil {
		b.Live.Close()
	}
}

// leaveStream ends subscription and replay.
func (s *session) leaveStream() {
	if s.snap != nil {
		s.dropSnapshot()
	}
	if r := s.replay; r != nil {
		r.cancel()
		<-r.done
		select {
		case b := <-r.batches:
			closeLive(b)
		default:
		}
	}
	if s.sub != nil {
		s.sub.Close()
	}
	s.sub, s.replay, s.base, s.ahead, s.pending, s.at = nil, nil, nil, nil, nil, 0
}

// takeBatch makes the next part of the replay pending, if it is there.
func (s *session) takeBatch() {
	select {
	case b := <-s.replay.batches:
		s.pending, s.base = b.Events, b.At
		if b.Live != nil {
			s.replay.cancel()
			s.replay, s.base, s.sub, s.ahead = nil, nil, b.Live, b.Ahead
		}
		for i := range b.Events {
			if b.Events[i].Missing > 0 {
				s.srv.count.resumeGaps.Add(1)
			} else {
				s.srv.count.replayed.Add(1)
			}
		}
	default:
	}
}

const underWay = "the snapshot of the Login has not come yet; SnapshotComplete tells where it stands"

// cursor is where the session stands: all before it was written or is not for this session, nothing behind it.
func (s *session) cursor() (v cursor.Vector, err error) {
	if s.replay != nil {
		v = maps.Clone(s.base)
		v.Back(s.pending[s.at:], nil)
		return v, nil
	}
	var queued []merge.Event
	past := map[merge.Node][]merge.Past{}
	s.srv.conf.Source.ViewPast(func(now []merge.Position, of func(merge.Node) []merge.Past) {
		v = cursor.Now(now, s.user.Arrival)
		for n := range v {
			past[n] = of(n)
		}
		queued, err = s.sub.Peek()
	})
	if err != nil {
		return nil, err
	}
	v.Back(queued, past)
	v.Back(s.pending[s.at:], past)
	maps.Copy(v, s.ahead)
	return v, nil
}

// withinReach leaves in v what the user may know of.
func (s *session) withinReach(v cursor.Vector) {
	maps.DeleteFunc(v, func(n merge.Node, _ cursor.Pos) bool { return !s.within(n) })
}

// eventCursor answers with the lines that a later Login or Events takes as they are. Before the join they would lack nodes.
func (s *session) eventCursor(_ context.Context, action *ami.Message) error {
	select {
	case <-s.srv.conf.Source.Settled():
	default:
		return s.fail(action, "the node has not joined the cluster yet")
	}
	if s.snap != nil {
		return s.fail(action, underWay)
	}
	v, err := s.cursor()
	if err != nil {
		return err
	}
	s.withinReach(v)
	m := answer(action, "Success")
	for _, line := range v.Lines(cursor.MaxLine - len("ResumeFrom: \r\n")) {
		m.Add("ResumeFrom", line)
	}
	return s.send(m.Bytes())
}
