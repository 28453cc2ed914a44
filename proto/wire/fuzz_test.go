package wire_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// FuzzEntry: what we write proto reads and writes alike; what we read proto reads alike; what proto writes we read, but for an
// entry without hlc. Nothing panics.
func FuzzEntry(f *testing.F) {
	e := entry(f, 1)
	f.Add(e.Raw(), int64(1), uint64(2), []byte("Newstate"), []byte("1.1"), []byte("1.0"))
	f.Add(append(bytes.Clone(e.Raw()), 0xa3, 1, 0xa4, 1), int64(-1), uint64(0), []byte(nil), []byte("\xff"), []byte("\x00"))
	f.Add([]byte{}, int64(0), uint64(1<<63), []byte{}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, b []byte, hlc int64, classes uint64, name, uniqueid, linkedid []byte) {
		if e, err := wire.ParseEntry(b); err == nil {
			p := &amibuspb.Entry{}
			if err := proto.Unmarshal(b, p); err != nil {
				t.Fatalf("proto refuses %x: %v", b, err)
			}
			sameEntry(t, &e, p)
		} else if !errors.Is(err, wire.ErrMalformed) {
			t.Fatal(err)
		}

		e, err := wire.ParseEntry(wire.AppendEntry(nil, classes, name, uniqueid, linkedid, b))
		if err != nil {
			t.Fatal(err)
		}
		e.Stamp(hlc)
		p := &amibuspb.Entry{Hlc: hlc, Classes: classes, Name: name, Uniqueid: uniqueid, Linkedid: linkedid, Ami: b}
		sameEntry(t, &e, p)
		theirs := marshal(t, p)
		if hlc != 0 && !bytes.Equal(theirs, e.Raw()) {
			t.Fatalf("proto writes %x, we %x", theirs, e.Raw())
		}
		if q := (&amibuspb.Entry{}); proto.Unmarshal(e.Raw(), q) != nil || !proto.Equal(p, q) {
			t.Fatalf("proto reads %v of %v", q, p)
		}
		if _, err := wire.ParseEntry(theirs); (err == nil) != (hlc != 0) {
			t.Fatalf("hlc %d: %v", hlc, err)
		}
	})
}

// FuzzFrame: the same for frames.
func FuzzFrame(f *testing.F) {
	f.Add(wire.AppendFrame(nil, frame(f, 3)), "default", "alpha", uint64(1), uint64(1), int64(1), int64(1), uint8(2))
	f.Add(wire.AppendFrame(nil, frame(f, 0)), "", "", uint64(0), uint64(0), int64(-1), int64(0), uint8(0))
	f.Add(append(wire.AppendFrame(nil, frame(f, 1)), 1<<3|2, 1, 'x'), "ä", "b", uint64(1<<63), uint64(1<<63), int64(0), int64(1), uint8(3))
	f.Add([]byte{6 << 3, 1, 10, 1, 0xff}, "\xff", "\xff", uint64(1), uint64(1), int64(1), int64(1), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, site, node string, epoch, first uint64, mark, sent int64, n uint8) {
		got := wire.Frame{Site: "old", Node: "old", Mark: 7, Entries: make([]wire.Entry, 3)}
		p := &amibuspb.Frame{}
		if err := wire.ParseFrame(b, &got); err == nil {
			if err := proto.Unmarshal(b, p); err != nil {
				t.Fatalf("proto refuses %x: %v", b, err)
			}
			sameFrame(t, &got, p)
		} else if !errors.Is(err, wire.ErrMalformed) {
			t.Fatal(err)
		}

		ours := &wire.Frame{Site: site, Node: node, Epoch: epoch, First: first, Mark: mark, Sent: sent, Rest: time.Duration(uint32(sent)) * time.Millisecond}
		p = &amibuspb.Frame{Site: site, Node: node, Epoch: epoch, First: first, Mark: mark, Sent: sent, RestMs: uint32(sent), Schema: wire.Schema}
		for i := range int(n % 8) {
			e, err := wire.ParseEntry(wire.AppendEntry(nil, uint64(i), b, nil, []byte(site), b))
			if err != nil {
				t.Fatal(err)
			}
			e.Stamp(int64(i) + 1)
			ours.Entries = append(ours.Entries, e)
			p.Entries = append(p.Entries, &amibuspb.Entry{Hlc: int64(i) + 1, Classes: uint64(i), Name: b, Linkedid: []byte(site), Ami: b})
		}
		theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
		written := wire.AppendFrame(nil, ours)
		if err != nil { // a name that is no UTF-8: neither reads it
			if wire.ParseFrame(written, &got) == nil || proto.Unmarshal(written, p) == nil {
				t.Fatalf("read %x, though proto does not write it: %v", written, err)
			}
			return
		}
		if !bytes.Equal(theirs, written) {
			t.Fatalf("proto writes %x, we %x", theirs, written)
		}
		if err := wire.ParseFrame(theirs, &got); err != nil {
			t.Fatal(err)
		}
		sameFrame(t, &got, p)
	})
}
