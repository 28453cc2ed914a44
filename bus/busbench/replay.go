package busbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/stream"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

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

func serveChunks(chunks [][]byte) bus.Handler {
	return func(_ context.Context, _ []byte, send func([]byte) error) error {
		for _, c := range chunks {
			if err := send(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// fetch asks for events, parses what comes and tells how many a second there were; it collects the chunks if asked to.
func (r *run) fetch(asker *node, subject string, req []byte, keep *[][]byte) (rate float64, err error) {
	var f wire.Frame
	got, start := 0, time.Now()
	err = asker.bus.Request(r.ctx, subject, req, func(chunk []byte) error {
		if keep != nil {
			*keep = append(*keep, bytes.Clone(chunk))
		}
		if err := wire.ParseFrame(append([]byte(nil), chunk...), &f); err != nil { // copied, as a stream does
			return err
		}
		got += len(f.Entries)
		return nil
	})
	if err == nil && got == 0 {
		err = errors.New("the journal is empty")
	}
	return float64(got) / time.Since(start).Seconds(), err
}
