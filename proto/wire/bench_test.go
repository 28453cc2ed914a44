package wire_test

import (
	"testing"

	"github.com/amibus/amibus/proto/wire"
)

// The frames of the benchmarks hold 16 entries of about 500 bytes.

func BenchmarkAppendFrame(b *testing.B) {
	f := frame(b, 16)
	dst := wire.AppendFrame(nil, f)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendFrame(dst[:0], f)
	}
}

func BenchmarkParseFrame(b *testing.B) {
	f := frame(b, 16)
	src := wire.AppendFrame(nil, f)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if err := wire.ParseFrame(src, f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendEntry(b *testing.B) {
	e := entry(b, 1)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendEntry(dst[:0], e.Classes(), e.Name(), e.Uniqueid(), e.Linkedid(), e.AMI())
	}
}
