package stream

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// subscribe listens to the other nodes and serves replays. stop undoes all of it.
func (s *Stream) subscribe() (stop func(), err error) {
	self := s.cfg.Merge.Self
	var stops []func()
	stop = func() {
		for _, f := range stops {
			f()
		}
	}
	var f wire.Frame // one subscription, one goroutine: reused
	subs := []struct {
		pattern string
		take    func(m bus.Msg) error
	}{
		{bus.FramePattern, func(m bus.Msg) error { return s.takeFrame(m, &f) }},
		{bus.JoinPattern, func(m bus.Msg) error {
			j := &amibuspb.Join{}
			err := cmp.Or(proto.Unmarshal(m.Data, j), speaker(m.Subject, j.GetSite(), j.GetNode()), checkJoin(j))
			return s.stepIf(err, merge.JoinIn{Join: j})
		}},
		{bus.SubjectJoined(self.Site, self.Name), func(m bus.Msg) error {
			a := &amibuspb.JoinAnswer{}
			err := cmp.Or(proto.Unmarshal(m.Data, a), checkAnswer(a))
			return s.stepIf(err, merge.JoinAnswerIn{Answer: a})
		}},
		{bus.SeenPattern, func(m bus.Msg) error {
			seen := &amibuspb.Seen{}
			err := cmp.Or(proto.Unmarshal(m.Data, seen), speaker(m.Subject, seen.GetSite(), seen.GetNode()), checkPositions(seen.GetPositions()))
			if err == nil {
				defer s.ends.note(seen)
			}
			return s.stepIf(err, merge.SeenIn{Seen: seen})
		}},
	}
	for _, sub := range subs {
		end, err := s.cfg.Bus.Subscribe(sub.pattern, func(m bus.Msg) {
			if err := sub.take(m); err != nil {
				s.refuse(m.Subject, err)
			}
		})
		if err != nil {
			stop()
			return nil, fmt.Errorf("subscribe to %s: %w", sub.pattern, err)
		}
		stops = append(stops, end)
	}
	end, err := s.cfg.Bus.Serve(bus.SubjectReplay(self.Site, self.Name), s.serveReplay)
	if err != nil {
		stop()
		return nil, fmt.Errorf("serve replays: %w", err)
	}
	stops = append(stops, end)
	return stop, nil
}

func (s *Stream) takeFrame(m bus.Msg, f *wire.Frame) error {
	if err := wire.ParseFrame(m.Data, f); err != nil {
		return err
	}
	if err := cmp.Or(speaker(m.Subject, f.Site, f.Node), checkFrame(f)); err != nil {
		return err
	}
	s.framesIn.Add(1)
	s.step(merge.FrameIn{Frame: f})
	return nil
}

// stepIf takes a message unless something is wrong with it.
func (s *Stream) stepIf(err error, in merge.Input) error {
	if err == nil {
		s.step(in)
	}
	return err
}

// serveReplay gives events from the journal, in frames of at most a chunk.
func (s *Stream) serveReplay(_ context.Context, req []byte, send func([]byte) error) error {
	var r amibuspb.Replay
	if err := proto.Unmarshal(req, &r); err != nil {
		err = fmt.Errorf("replay: %w", err)
		s.refuse(bus.SubjectReplay(s.cfg.Merge.Self.Site, s.cfg.Merge.Self.Name), err)
		return err
	}
	var buf []byte
	return s.replay(merge.Node{Site: r.GetSite(), Name: r.GetNode()}, r.GetEpoch(), r.GetFrom(), r.GetTo(), func(f *wire.Frame) error {
		buf = wire.AppendFrame(buf[:0], f)
		return send(buf)
	})
}

// replay gives what the journal holds, in frames of at most a chunk, until give fails. A frame is valid during the call.
func (s *Stream) replay(origin merge.Node, epoch, from, to uint64, give func(*wire.Frame) error) error {
	f := wire.Frame{Site: origin.Site, Node: origin.Name, Epoch: epoch}
	var failed error
	size := 0
	flush := func() bool {
		if len(f.Entries) > 0 {
			failed = give(&f)
			f.Entries, size = f.Entries[:0], 0
		}
		return failed == nil
	}
	s.cfg.Journal.Range(journal.Stream{Site: f.Site, Node: f.Node, Epoch: epoch}, from, to, func(seq uint64, e wire.Entry) bool {
		if size > 0 && size+len(e.Raw()) > bus.MaxChunk-1024 && !flush() {
			return false
		}
		if len(f.Entries) == 0 {
			f.First = seq
		}
		f.Entries = append(f.Entries, e)
		size += len(e.Raw()) + 8
		return true
	})
	if failed == nil {
		flush()
	}
	return failed
}
