package busbench

import (
	"errors"
	"fmt"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/stream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

// window is how many events may be under way: enough to be busy, too few for any queue to overflow.
const window = 4096

// path: the whole way of an event from Publish to the merged stream of three nodes, in frames of 16, beside the same frames on NATS alone.
func (r *run) path() error {
	perNode := short(r, 24_000, 8_000)
	var ours, raws []float64
	said := allSay(perNode)
	for range short(r, 5, 2) {
		raw, err := r.rawFrames(said)
		if err != nil {
			return err
		}
		// The tick is over before the next call, so that each Publish of 16 events is one frame.
		our, err := r.streams(said, time.Nanosecond)
		if err != nil {
			return err
		}
		ours, raws = append(ours, our.each(3*perNode)), append(raws, raw.each(3*perNode))
	}
	r.put("CPU of an event, 3 nodes, frames of 16", "µs", median(ours), median(raws), Goal{Limit: 3, Ratio: true},
		"floor: the same frames between the same servers, not read")
	return nil
}

// merged: how many events of the merged stream a core carries, with frames as the default tick makes them.
func (r *run) merged() error {
	perNode := short(r, 32_000, 16_000)
	var rates, raws []float64
	said := allSay(perNode)
	for range short(r, 3, 2) {
		raw, err := r.rawFrames(said)
		if err != nil {
			return err
		}
		our, err := r.streams(said, 0)
		if err != nil {
			return err
		}
		perListener := float64(3 * 3 * perNode) // each of three listeners merges what three nodes say
		rates, raws = append(rates, perListener/our.cpu.Seconds()), append(raws, perListener/raw.cpu.Seconds())
	}
	r.put("events merged, for each core and listener", "/s", median(rates), median(raws), Goal{Limit: 300_000, AtLeast: true},
		"stamping, journal, servers and routes included; floor: frames of 16 on NATS alone")
	return nil
}

// allSay is what each of three nodes is going to say; one measurement after the other may stamp it anew.
func allSay(perNode int) (said [][]wire.Entry) {
	for _, name := range names {
		said = append(said, entries(name, perNode))
	}
	return said
}

// rawFrames sends prepared frames between bare servers.
func (r *run) rawFrames(said [][]wire.Entry) (u used, err error) {
	c, err := r.cluster(settings{nodes: 3, bare: true})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.bare(bus.FramePattern, batch); err != nil {
		return u, err
	}
	if err := r.heard(c, bus.SubjectFrame(site, "x")); err != nil {
		return u, err
	}
	var packed [][][]byte
	for i, n := range c.nodes {
		packed = append(packed, frames(n.self.Name, said[i]))
	}
	arrived := func() int64 { return c.least() * 3 / 2 } // nobody hears itself
	return c.flood(3, len(packed[0]), batch, window, arrived, func(speaker, part int) error {
		n := c.nodes[speaker]
		return n.bus.Publish(bus.SubjectFrame(site, n.self.Name), packed[speaker][part])
	})
}

// heard waits until every node knows that the others listen.
func (r *run) heard(c *cluster, subject string) error {
	return r.await("interest in "+subject, func() bool {
		for _, n := range c.nodes {
			if !n.bus.Wanted(subject) {
				return false
			}
		}
		return true
	})
}

// streams lets three nodes say it, 16 events a call, and merges it everywhere.
func (r *run) streams(said [][]wire.Entry, tick time.Duration) (u used, err error) {
	c, err := r.cluster(settings{nodes: 3, hold: patience, tick: tick, keyed: stream.KeyedWanted})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	most := window
	if tick == 0 {
		most = 8 * window // a tick's worth must fit
	}
	u, err = c.flood(3, len(said[0])/batch, batch, most, c.least, func(speaker, part int) error {
		c.nodes[speaker].stream.Publish(said[speaker][part*batch : (part+1)*batch]...)
		return nil
	})
	for _, n := range c.nodes {
		if st := n.stream.Stats(); err == nil && (st.Merge.Lost > 0 || st.OutboxDropped > 0 || st.Merge.Dropped > 0) {
			err = fmt.Errorf("%s lost or dropped something on the way: %+v", n.self, st)
		}
	}
	return u, err
}

// keyed: what the keyed plane adds where a node elsewhere wants every event, beside the same bytes on the same subjects on NATS alone.
func (r *run) keyed() error {
	n := short(r, 24_000, 8_000)
	var adds, raws []float64
	said := entries("alpha", n)
	for range short(r, 5, 2) {
		raw, err := r.rawKeyed(said)
		if err != nil {
			return err
		}
		with, err := r.keyedStream(said, stream.KeyedWanted)
		if err != nil {
			return err
		}
		without, err := r.keyedStream(said, stream.KeyedNever)
		if err != nil {
			return err
		}
		adds, raws = append(adds, with.each(n)-without.each(n)), append(raws, raw.each(n))
	}
	r.put("CPU of an event on the keyed plane, one reader", "µs", median(adds), median(raws), Goal{Limit: 1.5, Ratio: true},
		"the node with the plane less the node without; floor: the same messages, published")
	return nil
}

// listenKeyed counts at the second node what it hears of the keyed plane, and tells how to ask for the count.
func (r *run) listenKeyed(c *cluster) (func() int64, error) {
	reader := c.nodes[len(c.nodes)-1]
	_, err := reader.bus.Subscribe(bus.EventPattern, func(bus.Msg) {
		reader.emitted.Add(1)
		c.wake()
	})
	if err == nil {
		err = r.await("interest in events", func() bool { return c.nodes[0].bus.Wanted(bus.EventPattern[:len(bus.EventPattern)-1] + "x") })
	}
	return reader.emitted.Load, err
}

func (r *run) rawKeyed(said []wire.Entry) (u used, err error) {
	c, err := r.cluster(settings{nodes: 2, bare: true})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	arrived, err := r.listenKeyed(c)
	if err != nil {
		return u, err
	}
	var subjects []string
	var events [][]byte
	for i, e := range said {
		subjects = append(subjects, string(bus.AppendSubjectEvent(nil, ami.Class(e.Classes()).First(), site, "alpha", e.Uniqueid())))
		b, err := translator.AppendEvent(nil, translator.Ident{Site: site, Node: "alpha", Epoch: 1, Seq: uint64(i + 1), HLC: 1}, &e)
		if err != nil {
			return u, err
		}
		events = append(events, b)
	}
	return c.flood(1, len(said)/batch, batch, window, arrived, func(_, part int) error {
		for i := part * batch; i < (part+1)*batch; i++ {
			if err := c.nodes[0].bus.Publish(subjects[i], events[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// keyedStream is one node that speaks, and a bare one that reads its keyed plane, if there is one.
func (r *run) keyedStream(said []wire.Entry, k stream.Keyed) (u used, err error) {
	bare, err := r.cluster(settings{nodes: 2, bare: true})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	speaker := bare.nodes[0]
	s := settings{hold: patience, keyed: k, tick: time.Nanosecond}
	speaker.stream = stream.New(speaker.config(s))
	if err := r.join(&cluster{nodes: bare.nodes[:1], woken: bare.woken}, speaker, 0); err != nil {
		return u, err
	}
	arrived := speaker.emitted.Load
	if k != stream.KeyedNever {
		if arrived, err = r.listenKeyed(bare); err != nil {
			return u, err
		}
	}
	return bare.flood(1, len(said)/batch, batch, window, arrived, func(_, part int) error {
		speaker.stream.Publish(said[part*batch : (part+1)*batch]...)
		return nil
	})
}
