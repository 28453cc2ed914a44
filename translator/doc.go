// Package translator turns AMI text into what travels on the bus, and back.
//
// At the origin, once per event, an Origin makes the marshalled amibus.v1.Entry of the hot path: the text as every node will
// serve it, with SystemName at Asterisk's own place and qualified ids, and what the event is keyed by. Every other node copies
// those bytes. Where nothing has to be rewritten the text is copied in one piece, and nothing is ever allocated but room in dst.
//
// For the keyed plane AppendEvent makes the typed amibus.v1.Event of an entry. It is lossless: AppendText renders the AMI text
// from the marshalled Event alone, byte for byte, and no field holds that text. Groups of headers that describe a channel or a
// bridge travel as snapshots if, and only if, they can be rendered back exactly; everything else travels line by line.
//
// # Identity
//
// An Asterisk with a systemname S writes "SystemName: S" into its events and makes channel ids of the form S-digits.digits; one
// without writes no such header and bare ids, which repeat across boxes (ami/behaviour.md 7.1, 15.20). What is served:
//
//	qualify   source          SystemName   ids made by the source
//	auto      has S           S            as they are
//	auto      has none        node         node-digits.digits
//	always    has S or none   node         node-digits.digits, instead of S- if it has S
//	never     has S           S            as they are
//	never     has none        node         as they are
//
// An id is a value digits.digits, also with ";1" or ";2" behind it (the halves of a Local channel), behind the source's own
// prefix if it has a systemname, as the whole value of a header …Uniqueid or …Linkedid of any spelling, bridges' excepted.
// Everything else is left alone: free text (Value of VarSet, ChanVariable, Extra of CEL), chosen ids, "none", and the body of a
// UserEvent, which is all from the header UserEvent on. A chosen id that looks exactly like one the source made is taken for
// one; the way back gives the source what it knows.
package translator
