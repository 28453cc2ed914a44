package stream

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

// sendKeyed publishes the frame's events one by one, and behind them its mark, for those who listen to the keyed plane.
func (s *Stream) sendKeyed(buf []byte, f *wire.Frame) []byte {
	if s.cfg.Keyed == KeyedNever {
		return buf
	}
	id := translator.Ident{Site: f.Site, Node: f.Node, Epoch: f.Epoch}
	subject, wanted := "", false // of the last event: the next one is often of the same channel
	var spare [256]byte
	for i := range f.Entries {
		e := &f.Entries[i]
		id.Seq, id.HLC = f.First+uint64(i), e.HLC()
		class := ami.Class(e.Classes()).First()
		b := bus.AppendSubjectEvent(spare[:0], class, f.Site, f.Node, e.Uniqueid())
		if len(b) > bus.MaxSubject { // a hostile id: the event is not to be lost for it
			b = bus.AppendSubjectEvent(spare[:0], class, f.Site, f.Node, nil)
		}
		if string(b) != subject {
			subject = string(b)
			wanted = s.cfg.Keyed == KeyedAlways || s.cfg.Bus.Wanted(subject)
		}
		if !wanted {
			continue
		}
		event, err := translator.AppendEvent(buf[:0], id, e)
		if err == nil {
			buf = event
			err = s.cfg.Bus.Publish(subject, event)
		}
		if err != nil {
			s.loseKeyed(subject, fmt.Errorf("event %d of epoch %d: %w", id.Seq, f.Epoch, err))
			continue
		}
		s.keyed.Add(1)
	}
	s.sendMark(&amibuspb.Mark{Site: f.Site, Node: f.Node, Epoch: f.Epoch, Seq: f.First + uint64(len(f.Entries)) - 1, Hlc: f.Mark})
	return buf
}

// announceKeyed lets those who merge the keyed plane know of a new incarnation before the nodes do: what the nodes send after they
// have answered its Join comes behind this, so nobody gets ahead of its first events.
func (s *Stream) announceKeyed(j *amibuspb.Join) {
	if s.cfg.Keyed != KeyedNever {
		s.sendMark(&amibuspb.Mark{Site: j.GetSite(), Node: j.GetNode(), Epoch: j.GetEpoch()})
	}
}

func (s *Stream) sendMark(m *amibuspb.Mark) {
	subject := bus.SubjectMark(m.GetSite(), m.GetNode())
	if s.cfg.Keyed == KeyedWanted && !s.cfg.Bus.Wanted(subject) {
		return
	}
	b, err := proto.Marshal(m)
	if err == nil {
		err = s.cfg.Bus.Publish(subject, b)
	}
	if err != nil {
		s.cfg.Log.Debug("mark not published; the next one says more", "subject", subject, "err", err)
	}
}

func (s *Stream) loseKeyed(subject string, err error) {
	if n := s.keyedLost.Add(1); n%1000 == 1 {
		s.cfg.Log.Warn("event not published on the keyed plane; who listens there sees a gap in seq", "subject", subject, "err", err, "so_far", n)
	}
}
