package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// Reason says why a message on the bus was refused.
type Reason uint8

// The reasons.
const (
	Malformed Reason = iota // cannot be read, or says what cannot be
	Schema                  // a frame of another schema version
	Foreign                 // speaks for another node than its subject names
	reasons
)

var reasonNames = [reasons]string{"malformed", "schema", "foreign"}

// String returns the reason in lower case, "malformed".
func (r Reason) String() string { return reasonNames[r] }

// badLogEvery is the least time between two log lines about one reason.
const badLogEvery = 10 * time.Second

// No clock and no counter gets beyond these. Whoever believed more would come to the end of the numbers: an epoch has to grow with
// each start, a clock with each event.
const (
	maxEpoch = 1 << 48 // milliseconds: the year 10889
	maxSeq   = 1 << 56
	maxHLC   = 1 << 62 // nanoseconds: the year 2116
)

var (
	errForeign  = errors.New("speaks for another node than its subject names; only the node itself may: check who may publish on the bus")
	errNonsense = errors.New("says what cannot be")
)

// refuse counts a bad message and logs it, but not each.
func (s *Stream) refuse(subject string, err error) {
	reason := Malformed
	switch {
	case errors.Is(err, wire.ErrSchema):
		reason = Schema
		err = fmt.Errorf("%w; run the same amibus version everywhere", err)
	case errors.Is(err, errForeign):
		reason = Foreign
	}
	n := s.bad[reason].Add(1)
	now, last := int64(time.Since(s.start))+1, s.badLogged[reason].Load()
	if last == 0 || now-last >= int64(badLogEvery) {
		if s.badLogged[reason].CompareAndSwap(last, now) {
			s.cfg.Log.Warn("bad message on the bus refused", "reason", reason.String(), "subject", subject, "err", err, "so_far", n)
		}
	}
}

// speaker checks that a message speaks for the node its subject names: the subject is what permissions on the bus can guard.
func speaker(subject, site, node string) error {
	if _, s, n, ok := bus.ParseSubject(subject); !ok || s != site || n != node {
		return fmt.Errorf("message of %q/%q: %w", site, node, errForeign)
	}
	return nil
}

func checkFrame(f *wire.Frame) error {
	if f.Epoch == 0 || f.Epoch > maxEpoch || f.First == 0 || f.First > maxSeq {
		return fmt.Errorf("frame of %s/%s, epoch %d, first seq %d: %w", f.Site, f.Node, f.Epoch, f.First, errNonsense)
	}
	return nil
}

func checkJoin(j *amibuspb.Join) error {
	if e := j.GetEpoch(); e == 0 || e > maxEpoch || j.GetPreviousEpoch() >= e || j.GetPreviousSeq() > maxSeq {
		return fmt.Errorf("join of %s/%s, epoch %d after %d, %d: %w", j.GetSite(), j.GetNode(), e, j.GetPreviousEpoch(), j.GetPreviousSeq(), errNonsense)
	}
	return nil
}

func checkAnswer(a *amibuspb.JoinAnswer) error {
	if a.GetHighestEpoch() >= maxEpoch || a.GetFloor() > maxHLC {
		return fmt.Errorf("join answer of %q/%q, highest epoch %d, floor %d: %w", a.GetSite(), a.GetNode(), a.GetHighestEpoch(), a.GetFloor(), errNonsense)
	}
	return checkPositions(a.GetEmitted())
}

func checkPositions(all []*amibuspb.Position) error {
	for _, p := range all {
		if p.GetEpoch() > maxEpoch || p.GetSeq() > maxSeq || p.GetHlc() > maxHLC {
			return fmt.Errorf("position of %q/%q, epoch %d, seq %d, clock %d: %w", p.GetSite(), p.GetNode(), p.GetEpoch(), p.GetSeq(), p.GetHlc(), errNonsense)
		}
	}
	return nil
}
