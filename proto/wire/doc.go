// Package wire holds the hand-written codecs of the two messages on the hot path, amibus.v1.Entry and amibus.v1.Frame.
//
// They read and write exactly what proto.Unmarshal and proto.Marshal do (fuzzed against them), without allocating: a decoded
// Entry points into the bytes it was read from, and an Entry is marshalled once, at its origin, with an empty hlc that is
// stamped in place. Every reader is bounded by its input and returns an error for anything malformed; unknown fields are
// skipped, so that a newer writer of the same schema number can be read.
package wire
