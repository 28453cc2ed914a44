// Package wire holds the hand-written codecs of the two messages on the hot path, amibus.v1.Entry and amibus.v1.Frame.
//
// They write what proto.Marshal writes, and what they read proto.Unmarshal reads with the same fields (both fuzzed), without
// allocating: a decoded Entry points into the bytes it was read from, and an Entry is marshalled once, at its origin, with an
// empty hlc that is stamped in place.
//
// That is the one difference: an Entry starts with its hlc, also if that is 0, where proto.Marshal leaves it out. An Entry
// without it is refused, as it has no place in the order and none to be stamped in; an entry with an hlc other than 0 is the
// same bytes from both.
//
// Every reader is bounded by its input and returns an error for anything malformed. Fields with unknown numbers are skipped, so
// that a newer writer of the same schema number can be read; a known number with another type is refused.
package wire
