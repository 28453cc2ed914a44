package stream

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// sendAll carries the outbox to the bus until done is closed and nothing is left.
func (s *Stream) sendAll(done <-chan struct{}) {
	var buf []byte
	for {
		select {
		case msg := <-s.outbox:
			buf = s.sendOne(buf[:0], msg)
			continue
		default:
		}
		select {
		case msg := <-s.outbox:
			buf = s.sendOne(buf[:0], msg)
		case <-done:
			for len(s.outbox) > 0 { // the farewell
				buf = s.sendOne(buf[:0], <-s.outbox)
			}
			return
		}
	}
}

func (s *Stream) sendOne(buf []byte, msg any) []byte {
	self := s.cfg.Merge.Self
	switch msg := msg.(type) {
	case merge.Send:
		buf = wire.AppendFrame(buf, msg.Frame)
		s.publish(bus.SubjectFrame(self.Site, self.Name), buf)
		s.framesOut.Add(1)
		buf = s.sendKeyed(buf[:0], msg.Frame)
	case merge.SendJoin:
		s.announceKeyed(msg.Join)
		s.publishMsg(bus.SubjectJoin(self.Site, self.Name), msg.Join)
	case merge.SendJoinAnswer:
		s.publishMsg(bus.SubjectJoined(msg.To.Site, msg.To.Name), msg.Answer)
	case merge.SendSeen:
		s.publishMsg(bus.SubjectSeen(self.Site, self.Name), msg.Seen)
	}
	return buf
}

func (s *Stream) publishMsg(subject string, m proto.Message) {
	b, err := proto.Marshal(m)
	if err != nil {
		s.cfg.Log.Error("cannot marshal", "subject", subject, "err", err)
		return
	}
	s.publish(subject, b)
}

func (s *Stream) publish(subject string, data []byte) {
	if err := s.cfg.Bus.Publish(subject, data); err != nil && s.dropped.Add(1)%1000 == 1 {
		s.cfg.Log.Warn("bus refused a message; peers will fetch what they miss", "subject", subject, "err", err)
	}
}

// ask fetches missed events from one node and feeds them in as they come. It gives up when nothing came for a quarter of Hold.
func (s *Stream) ask(a merge.Ask) {
	err := s.fetch(a)
	if err != nil {
		s.cfg.Log.Debug("replay failed", "origin", a.Origin, "epoch", a.Epoch, "from", a.From, "to", a.To, "asked", a.Target, "err", err)
	}
	s.step(merge.ReplayEnd{Ask: a, Failed: err != nil})
}

func (s *Stream) fetch(a merge.Ask) error {
	if a.Target == s.cfg.Merge.Self {
		return s.replay(a.Origin, a.Epoch, a.From, a.To, func(f *wire.Frame) error {
			s.step(merge.FrameIn{Frame: f, Replay: true})
			return nil
		})
	}
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	patience := max(s.cfg.Merge.Hold/4, 50*time.Millisecond) // there must be time to ask somebody else within Hold
	return s.request(ctx, a, patience, func(f *wire.Frame) error {
		if s.cfg.Pace != nil {
			s.cfg.Pace(ctx)
		}
		s.step(merge.FrameIn{Frame: f, Replay: true})
		return nil
	})
}

// request asks another node for events and hands them over as they come. It gives up when nothing came for so long.
func (s *Stream) request(ctx context.Context, a merge.Ask, patience time.Duration, each func(*wire.Frame) error) error {
	req, err := proto.Marshal(&amibuspb.Replay{Site: a.Origin.Site, Node: a.Origin.Name, Epoch: a.Epoch, From: a.From, To: a.To})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(patience, cancel)
	defer idle.Stop()
	return s.cfg.Bus.Request(ctx, bus.SubjectReplay(a.Target.Site, a.Target.Name), req, func(chunk []byte) error {
		idle.Stop()
		var f wire.Frame
		err := wire.ParseFrame(append([]byte(nil), chunk...), &f)
		if err == nil && (f.Site != a.Origin.Site || f.Node != a.Origin.Name || f.Epoch != a.Epoch) {
			err = fmt.Errorf("replay of %s, epoch %d, answered with a frame of %s/%s, epoch %d: %w", a.Origin, a.Epoch, f.Site, f.Node, f.Epoch, errForeign)
		}
		if err = cmp.Or(err, checkFrame(&f)); err != nil {
			s.refuse(bus.SubjectReplay(a.Target.Site, a.Target.Name), err)
			return err
		}
		err = each(&f)
		idle.Reset(patience) // the time it took does not count
		return err
	})
}
