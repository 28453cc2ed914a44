package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/translator"
)

// consumer takes messages of the keyed plane and shows the events. Not safe for concurrent use.
type consumer struct {
	gaps   *gaps   // nil if only a part of the events is subscribed: then seq has holes anyway
	merger *merger // nil: shown as they come
	show   func(e *amibuspb.Event, text []byte, late bool)
	note   func(text string)
	shown  int
}

func newConsumer(out io.Writer, all, merged bool, hold time.Duration) *consumer {
	c := &consumer{
		show: func(e *amibuspb.Event, text []byte, late bool) { print(out, e, text, late) },
		note: func(text string) { fmt.Fprintf(out, "! %s\n", text) },
	}
	grace := time.Second
	if merged {
		grace = hold / 2
		c.merger = newMerger(hold, c.emit, func(text string) { c.note(text) })
	}
	if all {
		c.gaps = newGaps(grace)
	}
	return c
}

// take takes one message: an Event or a Mark.
func (c *consumer) take(m *nats.Msg) error {
	if strings.HasPrefix(m.Subject, "ami.v1.mark.") {
		var mark amibuspb.Mark
		if err := proto.Unmarshal(m.Data, &mark); err != nil {
			return err
		}
		if c.gaps != nil {
			c.noteGap(c.gaps.mark(&mark))
		}
		if c.merger != nil {
			c.merger.mark(&mark)
		}
		return nil
	}
	var e amibuspb.Event
	if err := proto.Unmarshal(m.Data, &e); err != nil {
		return err
	}
	if c.gaps != nil {
		lost, duplicate := c.gaps.event(&e)
		if duplicate {
			return nil
		}
		c.noteGap(lost)
	}
	if c.merger != nil {
		c.merger.event(&e, m.Data)
		return nil
	}
	return c.emit(m.Data, false)
}

func (c *consumer) tick() {
	if c.merger != nil {
		c.merger.tick()
	}
}

func (c *consumer) emit(data []byte, late bool) error {
	var e amibuspb.Event
	if err := proto.Unmarshal(data, &e); err != nil {
		return err
	}
	text, err := translator.AppendText(nil, data)
	if err != nil {
		return err
	}
	c.shown++
	c.show(&e, text, late)
	return nil
}

func (c *consumer) noteGap(g *gap) {
	if g != nil {
		c.note(g.String())
	}
}

// print writes one line of what every event has, one for each channel and bridge in it, and the AMI text as it is.
func print(out io.Writer, e *amibuspb.Event, text []byte, late bool) {
	fmt.Fprintf(out, "# %s/%s/%d/%d %s %s uniqueid=%s linkedid=%s", e.GetSite(), e.GetNode(), e.GetEpoch(), e.GetSeq(),
		time.Unix(0, e.GetHlc()).UTC().Format(time.RFC3339Nano), e.GetName(), e.GetUniqueid(), e.GetLinkedid())
	if late {
		fmt.Fprint(out, " late")
	}
	fmt.Fprintln(out)
	for _, s := range e.GetSegments() {
		if ch := s.GetChannel(); ch != nil {
			fmt.Fprintf(out, "# %schannel %s %s uniqueid=%s\n", ch.GetRole(), ch.GetChannel(), ch.GetChannelStateDesc(), ch.GetUniqueid())
		}
		if br := s.GetBridge(); br != nil {
			fmt.Fprintf(out, "# %sbridge %s with %d channels\n", br.GetRole(), br.GetUniqueid(), br.GetNumChannels())
		}
	}
	_, _ = out.Write(text) // a broken pipe ends the program by itself
}
