// Package ami is the text codec of the Asterisk Manager Interface, shared by the server (node/amiserver) and the
// client (node/upstream) end, and what AMI itself defines: the classes and the table of actions.
//
// A Message is a list of lines that end with an empty one. Nothing is folded, trimmed, reordered or re-spelled: what was
// decoded can be written again byte for byte, keys may repeat, and header look-up ignores case but never spelling. Nothing that
// is put into a message with New, Add, AddLine or Replace can make a line of its own.
//
// A Decoder works in one of two modes. The server mode reads actions with Asterisk's own limits and leniency (1,024 bytes a
// line, 128 lines an action, a lone LF ends a line; ami/behaviour.md 2.1–2.7). The client mode reads what an Asterisk sends:
// only CR LF ends a line, since values may hold a lone LF, and a message may be up to MaxMessage bytes. Parse reads one message
// by the rules of client mode. How the input is cut into reads never matters, memory is bounded by the limits, and a buffer
// that grew for a large message is given back.
//
// A decoded Message is valid until the next call of Decode; nothing is allocated for it once the buffers have grown.
package ami
