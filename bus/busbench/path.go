package busbench

import (
	"errors"
	"fmt"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/stream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
	"google.golang.org/protobuf/proto"
)

// window is how many events may be under way: enough to be busy, too few for any queue to overflow.
const window = 4096

// path: the whole way of an event from Publish to the merged stream of three nodes, in frames of 16, beside the same frames on NATS alone.
func (r *run) path() error {
	perNode := short(r, 32_000, 8_000)
	var ours, raws []float64
	for range short(r, 5, 2) {
		raw, err := r.rawFrames(perNode)
		if err != nil {
			return err
		}
		// The tick is over before the next call, so that each Publish of 16 events is one frame.
		our, _, err := r.streams(perNode, batch, time.Nanosecond)
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
	perNode := short(r, 80_000, 16_000)
	var rates, raws []float64
	for range short(r, 5, 2) {
		raw, err := r.rawFrames(perNode)
		if err != nil {
			return err
		}
		our, _, err := r.streams(perNode, batch, 0)
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

// rawFrames sends prepared frames between bare servers.
func (r *run) rawFrames(perNode int) (u used, err error) {
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
	for _, n := range c.nodes {
		packed = append(packed, frames(n.self.Name, entries(n.self.Name, perNode)))
	}
	arrived := func() int64 { return c.least() * 3 / 2 } // nobody hears itself
	return c.flood(3, perNode/batch, batch, window, arrived, func(speaker, part int) error {
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

// streams lets three nodes say perNode events each and merges them everywhere.
func (r *run) streams(perNode, perCall int, tick time.Duration) (u used, st stream.Stats, err error) {
	c, err := r.cluster(settings{nodes: 3, hold: patience, tick: tick, keyed: stream.KeyedWanted})
	if err != nil {
		return u, st, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var said [][]wire.Entry
	for _, n := range c.nodes {
		said = append(said, entries(n.self.Name, perNode))
	}
	most := window
	if tick == 0 {
		most = 8 * window // a tick's worth must fit
	}
	u, err = c.flood(3, perNode/perCall, perCall, most, c.least, func(speaker, part int) error {
		c.nodes[speaker].stream.Publish(said[speaker][part*perCall : (part+1)*perCall]...)
		return nil
	})
	for _, n := range c.nodes {
		st = n.stream.Stats()
		if err == nil && (st.Merge.Lost > 0 || st.OutboxDropped > 0 || st.Merge.Dropped > 0) {
			err = fmt.Errorf("%s lost or dropped something on the way: %+v", n.self, st)
		}
	}
	return u, st, err
}

// keyed: what the keyed plane adds where a node elsewhere wants every event, beside the same bytes on the same subjects on NATS alone.
func (r *run) keyed() error {
	n := short(r, 32_000, 8_000)
	var adds, raws []float64
	for range short(r, 5, 2) {
		raw, err := r.rawKeyed(n)
		if err != nil {
			return err
		}
		with, err := r.keyedStream(n, stream.KeyedWanted)
		if err != nil {
			return err
		}
		without, err := r.keyedStream(n, stream.KeyedNever)
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

func (r *run) rawKeyed(count int) (u used, err error) {
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
	for i, e := range entries("alpha", count) {
		subjects = append(subjects, string(bus.AppendSubjectEvent(nil, ami.Class(e.Classes()).First(), site, "alpha", e.Uniqueid())))
		b, err := translator.AppendEvent(nil, translator.Ident{Site: site, Node: "alpha", Epoch: 1, Seq: uint64(i + 1), HLC: 1}, &e)
		if err != nil {
			return u, err
		}
		events = append(events, b)
	}
	return c.flood(1, count/batch, batch, window, arrived, func(_, part int) error {
		for i := part * batch; i < (part+1)*batch; i++ {
			if err := c.nodes[0].bus.Publish(subjects[i], events[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// keyedStream is one node that speaks, and a bare one that reads its keyed plane, if there is one.
func (r *run) keyedStream(count int, k stream.Keyed) (u used, err error) {
	bare, err := r.cluster(settings{nodes: 2, bare: true})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	speaker := bare.nodes[0]
	s := settings{hold: patience, keyed: k, tick: time.Nanosecond}
	speaker.stream = stream.New(speaker.config(s, discard))
	if err := r.join(&cluster{nodes: bare.nodes[:1], woken: bare.woken}, speaker, 0); err != nil {
		return u, err
	}
	arrived := speaker.emitted.Load
	if k != stream.KeyedNever {
		if arrived, err = r.listenKeyed(bare); err != nil {
			return u, err
		}
	}
	said := entries("alpha", count)
	return bare.flood(1, count/batch, batch, window, arrived, func(_, part int) error {
		speaker.stream.Publish(said[part*batch : (part+1)*batch]...)
		return nil
	})
}

// replay: how fast one node fetches another's journal, beside the same chunks served by somebody who has them ready.
func (r *run) replay() (err error) {
	count := short(r, 30_000, 8_000)
	c, err := r.cluster(settings{nodes: 2, hold: patience, keyed: stream.KeyedNever})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	owner, asker := c.nodes[0], c.nodes[1]
	said := entries("alpha", count)
	_, err = c.flood(1, count/batch, batch, window, c.least, func(_, part int) error {
		owner.stream.Publish(said[part*batch : (part+1)*batch]...)
		return nil
	})
	if err != nil {
		return err
	}
	req, err := proto.Marshal(&amibuspb.Replay{Site: site, Node: "alpha", Epoch: owner.stream.Stats().Epoch, From: 1, To: uint64(count)})
	if err != nil {
		return err
	}
	stop, chunks, err := r.ready(owner, asker, req)
	if err != nil {
		return err
	}
	defer stop()
	var rates, floors []float64
	for range short(r, 7, 3) {
		rate, err := r.fetch(asker, bus.SubjectReplay(site, "alpha"), req, nil)
		if err != nil {
			return err
		}
		floor, err := r.fetch(asker, readySubject, nil, nil)
		if err != nil {
			return err
		}
		rates, floors = append(rates, rate), append(floors, floor)
	}
	r.put("events replayed from another node", "/s", median(rates), median(floors), Goal{Limit: 300_000, AtLeast: true},
		fmt.Sprintf("%d events in %d chunks, parsed; floor: the same chunks, prepared", count, chunks))
	return nil
}

const readySubject = "ami.v1.bench.ready"

// ready serves, at the owner, the very chunks of the journal's answer, prepared.
func (r *run) ready(owner, asker *node, req []byte) (stop func(), n int, err error) {
	var chunks [][]byte
	if _, err = r.fetch(asker, bus.SubjectReplay(site, "alpha"), req, &chunks); err != nil {
		return nil, 0, err
	}
	stop, err = owner.bus.Serve(readySubject, serveChunks(chunks))
	if err == nil {
		err = r.await("ready service", func() bool { return asker.bus.Wanted(readySubject) })
	}
	return stop, len(chunks), err
}
