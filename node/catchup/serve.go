package catchup

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/amibuspb"
)

const (
	maxServed = 4
	chunkRoom = bus.MaxChunk - 4096 // for the position and what frames the records
)

// serve gives an asker what this node knows of the nodes that it names.
func (c *catchup) serve(ctx context.Context, req []byte, send func([]byte) error) error {
	var ask amibuspb.StateAsk
	if err := proto.Unmarshal(req, &ask); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	select {
	case c.serving <- struct{}{}:
		defer func() { <-c.serving }()
	default:
		return bus.Busy
	}
	for _, want := range ask.GetNodes() {
		var part state.Part
		ok := false
		c.cfg.Store.View(func(v state.View) {
			n := merge.Node{Site: want.GetSite(), Name: want.GetNode()}
			if at, known := v.Position(n); known && at.Compare(state.Position{Epoch: want.GetEpoch(), Seq: want.GetSeq()}) >= 0 {
				part, ok = v.Part(n)
			}
		})
		if !ok {
			continue
		}
		part.Sort()
		if err := sendPart(&part, send); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// sendPart sends the state of one node in chunks. A record that is larger than a chunk makes one of its own.
func sendPart(p *state.Part, send func([]byte) error) error {
	chunk := &amibuspb.StateChunk{Position: &amibuspb.Position{Site: p.Node.Site, Node: p.Node.Name, Epoch: p.At.Epoch, Seq: p.At.Seq, Hlc: p.At.HLC}}
	size := 0
	flush := func() error {
		b, err := proto.Marshal(chunk)
		if err != nil {
			return fmt.Errorf("state of %s: %w", p.Node, err)
		}
		chunk.Channels, chunk.Bridges, chunk.Ended, size = nil, nil, nil, 0
		return send(b)
	}
	room := func(n int) error {
		n += 48 // tags, lengths, since
		if size > 0 && size+n > chunkRoom {
			if err := flush(); err != nil {
				return err
			}
		}
		size += n
		return nil
	}
	for i := range p.Channels {
		ch := &p.Channels[i]
		if err := room(len(ch.Uniqueid) + len(ch.Text) + len(ch.App) + len(ch.Data) + len(ch.Bridge)); err != nil {
			return err
		}
		chunk.Channels = append(chunk.Channels, &amibuspb.StateChannel{Uniqueid: []byte(ch.Uniqueid), Text: []byte(ch.Text), App: []byte(ch.App),
			Data: []byte(ch.Data), Bridge: []byte(ch.Bridge), Since: ch.Since})
	}
	for i := range p.Bridges {
		b := &p.Bridges[i]
		if err := room(len(b.ID) + len(b.Text)); err != nil {
			return err
		}
		chunk.Bridges = append(chunk.Bridges, &amibuspb.StateBridge{Id: []byte(b.ID), Text: []byte(b.Text), Since: b.Since})
	}
	for _, id := range p.Ended {
		if err := room(len(id)); err != nil {
			return err
		}
		chunk.Ended = append(chunk.Ended, []byte(id))
	}
	chunk.Last = true
	return flush()
}
