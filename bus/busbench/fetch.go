package busbench

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/wire"
)

var discard = slog.New(slog.DiscardHandler)

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
