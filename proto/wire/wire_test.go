package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// sameEntry compares the view with what proto.Unmarshal reads from the same bytes.
func sameEntry(t *testing.T, e *wire.Entry, p *amibuspb.Entry) {
	t.Helper()
	if e.HLC() != p.Hlc || e.Classes() != p.Classes || !bytes.Equal(e.Name(), p.Name) || !bytes.Equal(e.Uniqueid(), p.Uniqueid) ||
		!bytes.Equal(e.Linkedid(), p.Linkedid) || !bytes.Equal(e.AMI(), p.Ami) {
		t.Fatalf("%x: proto reads %v", e.Raw(), p)
	}
}

func sameFrame(t *testing.T, f *wire.Frame, p *amibuspb.Frame) {
	t.Helper()
	if f.Site != p.Site || f.Node != p.Node || f.Epoch != p.Epoch || f.First != p.First || f.Mark != p.Mark || f.Sent != p.Sent || f.Rest != time.Duration(p.RestMs)*time.Millisecond ||
		p.Schema != wire.Schema || len(f.Entries) != len(p.Entries) {
		t.Fatalf("read %+v, proto reads %v", f, p)
	}
	for i := range f.Entries {
		sameEntry(t, &f.Entries[i], p.Entries[i])
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entry makes the i-th of some different entries.
func entry(t testing.TB, i int) wire.Entry {
	t.Helper()
	ami := fmt.Sprintf("Event: Newstate\r\nPrivilege: call,all\r\nUniqueid: 1795398646.%d\r\n%s\r\n", i, strings.Repeat("X: y\r\n", 70))
	e, err := wire.ParseEntry(wire.AppendEntry(nil, 2, []byte("Newstate"), fmt.Appendf(nil, "1795398646.%d", i), []byte("1795398646.1"), []byte(ami)))
	if err != nil {
		t.Fatal(err)
	}
	e.Stamp(1795398646_000000000 + int64(i))
	return e
}

func frame(t testing.TB, n int) *wire.Frame {
	f := &wire.Frame{Site: "default", Node: "alpha", Epoch: 1795398646000, First: 42, Mark: 1795398646_000000099, Sent: 1795398646_000000100}
	for i := range n {
		f.Entries = append(f.Entries, entry(t, i))
	}
	return f
}

func TestEntry(t *testing.T) {
	t.Parallel()
	b := wire.AppendEntry([]byte("head"), 2, []byte("Newstate"), []byte("1.1"), []byte("1.0"), []byte("Event: Newstate\r\n\r\n"))
	e, err := wire.ParseEntry(b[4:])
	if err != nil {
		t.Fatal(err)
	}
	if e.HLC() != 0 {
		t.Errorf("hlc is %d before the stamp", e.HLC())
	}
	for _, hlc := range []int64{1, -1, math.MaxInt64, 1795398646_000000000} {
		e.Stamp(hlc)
		p := &amibuspb.Entry{}
		if err := proto.Unmarshal(b[4:], p); err != nil {
			t.Fatal(err)
		}
		sameEntry(t, &e, p)
		if e.HLC() != hlc || !bytes.Equal(marshal(t, p), e.Raw()) {
			t.Errorf("hlc %d: proto writes %x, we %x", hlc, marshal(t, p), e.Raw())
		}
	}
	before := bytes.Clone(e.Raw())
	for _, v := range [][]byte{e.Name(), e.Uniqueid(), e.Linkedid(), e.AMI()} {
		_ = append(v, 'x')
	}
	if !bytes.Equal(e.Raw(), before) {
		t.Error("a field can be appended to over the next one")
	}
}

func TestNoEntry(t *testing.T) {
	t.Parallel()
	var e wire.Entry
	e.Stamp(1)
	if e.HLC() != 0 || e.Classes() != 0 || len(e.Raw())+len(e.Name())+len(e.Uniqueid())+len(e.Linkedid())+len(e.AMI()) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestEntryRefused(t *testing.T) {
	t.Parallel()
	e := entry(t, 1)
	good := e.Raw()
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"nothing", nil},
		{"hlc cut off", good[:8]},
		{"hlc left out, as proto.Marshal does with 0", marshal(t, &amibuspb.Entry{Name: []byte("Newstate"), Ami: []byte("Event: x")})},
		{"hlc as varint", append([]byte{1 << 3}, good[1:]...)},
		{"hlc twice", append(bytes.Clone(good), good[:9]...)},
		{"text cut off", good[:len(good)-1]},
		{"tag cut off", append(bytes.Clone(good), 0x80)},
		{"classes cut off", append(bytes.Clone(good), 2<<3, 0x80)},
		{"name as varint", append(bytes.Clone(good), 3<<3, 1)},
		{"field 0", append(bytes.Clone(good), 0, 0)},
		{"a number beyond the last one", append(bytes.Clone(good), append(protowire.AppendVarint(nil, uint64(protowire.MaxValidNumber+1)<<3), 0)...)},
		{"a tag of two bytes for the name", append(bytes.Clone(good), 0x80|3<<3|2, 0, 0)},
		{"end of a group", append(bytes.Clone(good), 20<<3&0x7f|0x80|4, 1)},
	} {
		if _, err := wire.ParseEntry(c.b); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestUnknownFieldsAreSkipped(t *testing.T) {
	t.Parallel()
	newer := func(b []byte) []byte { // what a later version might write
		b = protowire.AppendVarint(protowire.AppendTag(b, 20, protowire.VarintType), 300)
		b = protowire.AppendString(protowire.AppendTag(b, 100, protowire.BytesType), "new")
		b = protowire.AppendFixed32(protowire.AppendTag(b, 21, protowire.Fixed32Type), 1)
		return protowire.AppendFixed64(protowire.AppendTag(b, 22, protowire.Fixed64Type), 1)
	}
	want := frame(t, 2)
	e, err := wire.ParseEntry(newer(bytes.Clone(want.Entries[1].Raw())))
	if err != nil || string(e.AMI()) != string(want.Entries[1].AMI()) {
		t.Fatalf("entry: %v", err)
	}
	want.Entries[0] = e
	var got wire.Frame
	if err := wire.ParseFrame(newer(wire.AppendFrame(nil, want)), &got); err != nil || len(got.Entries) != 2 || got.Sent != want.Sent {
		t.Fatalf("frame: %+v, %v", got, err)
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	var got wire.Frame
	for _, f := range []*wire.Frame{frame(t, 16), frame(t, 0), {}, {Node: "b", Mark: math.MaxInt64, Sent: -1, Rest: math.MaxUint32 * time.Millisecond, Epoch: math.MaxUint64, First: 1}} {
		b := wire.AppendFrame([]byte("head"), f)[4:]
		p := &amibuspb.Frame{}
		if err := proto.Unmarshal(b, p); err != nil {
			t.Fatal(err)
		}
		sameFrame(t, f, p)
		if !bytes.Equal(marshal(t, p), b) {
			t.Errorf("proto writes %x, we %x", marshal(t, p), b)
		}
		if err := wire.ParseFrame(b, &got); err != nil {
			t.Fatal(err)
		}
		sameFrame(t, &got, p)
	}
}

func TestFrameRefused(t *testing.T) {
	t.Parallel()
	good := wire.AppendFrame(nil, frame(t, 1))
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, wire.ErrMalformed},
		{"next version", marshal(t, &amibuspb.Frame{Schema: wire.Schema + 1}), wire.ErrSchema},
		{"next version, other entries", marshal(t, &amibuspb.Frame{Schema: wire.Schema + 1, Entries: []*amibuspb.Entry{{Classes: 1}}}), wire.ErrSchema},
		{"cut off", good[:len(good)-1], wire.ErrMalformed},
		{"bad entry", marshal(t, &amibuspb.Frame{Schema: 1, Entries: []*amibuspb.Entry{{Classes: 1}}}), wire.ErrMalformed},
		{"site is no UTF-8", append(bytes.Clone(good), 1<<3|2, 1, 0xff), wire.ErrMalformed},
		{"site as varint", append(bytes.Clone(good), 1<<3, 1), wire.ErrMalformed},
		{"mark cut off", append(bytes.Clone(good), 5<<3|1, 1), wire.ErrMalformed},
	} {
		var f wire.Frame
		err := wire.ParseFrame(c.b, &f)
		if !errors.Is(err, c.want) || !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := wire.ParseFrame(good, &f); err != nil || len(f.Entries) != 1 {
			t.Errorf("after %s: %v", c.name, err)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	f := frame(t, 16)
	b := wire.AppendFrame(nil, f)
	e, dst := f.Entries[0], make([]byte, 0, 2*len(b))
	name := []byte("Newstate")
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"ParseFrame", func() {
			if err := wire.ParseFrame(b, f); err != nil {
				t.Fatal(err)
			}
		}},
		{"AppendFrame", func() { wire.AppendFrame(dst, f) }},
		{"AppendEntry", func() { wire.AppendEntry(dst, 2, name, name, name, e.AMI()) }},
		{"ParseEntry", func() {
			if _, err := wire.ParseEntry(e.Raw()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		if n := testing.AllocsPerRun(20, c.run); n != 0 {
			t.Errorf("%s: %g allocations", c.name, n)
		}
	}
}
