package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits. The first two are Asterisk's own (ami/behaviour.md 2.4, 2.7); MaxMessage is ours.
const (
	MaxLine    = 1024    // bytes of one line of an action, CR LF included
	MaxHeaders = 128     // lines of an action
	MaxMessage = 1 << 20 // bytes of a message from an Asterisk
)

// Mode selects whose rules a Decoder applies.
type Mode uint8

const (
	Server Mode = iota // reads actions from clients
	Client             // reads answers and events from an Asterisk
)

// Errors a Decoder returns together with the message they are about: reading can go on. The texts are Asterisk's.
var (
	// ErrLineTooLong: the action held a line of more than MaxLine bytes (ami/behaviour.md 2.5). Line returns it, too.
	ErrLineTooLong = errors.New("Failed to parse message: line too long")
	// ErrTooManyLines: the action held more than MaxHeaders lines (ami/behaviour.md 2.7).
	ErrTooManyLines = errors.New("Too many lines in message or allocation failure")
)

// ErrMessageTooLong ends a client connection: MaxMessage bytes held no end of a message. The other end is no Asterisk, or
// somebody asked it for more than we hold in memory.
var ErrMessageTooLong = fmt.Errorf("ami: no end of a message within %d bytes", MaxMessage)

// Sizes of buffers. What grew for one large message is given back before the next one.
const (
	serverBuffer = 4 << 10  // read buffer of a server: there are many sessions, and it never grows
	clientBuffer = 16 << 10 // read buffer of a client, to start with
	keepBuffer   = 64 << 10 // a larger buffer is not kept
	keepLines    = 4 << 10  // nor is a list of more lines
)

// Decoder reads messages from a stream. It is not safe for concurrent use.
type Decoder struct {
	r    io.Reader
	mode Mode
	buf  []byte // buf[at:end] is read and not yet given out
	at   int
	end  int
	msg  Message
	text []byte // server mode: the action so far, line ends normalised
	bad  error  // server mode: what is wrong with the action so far
	err  error  // final error, once there is one
}

// NewDecoder returns a decoder that reads from r.
func NewDecoder(r io.Reader, mode Mode) *Decoder {
	size := serverBuffer
	if mode == Client {
		size = clientBuffer
	}
	return &Decoder{r: r, mode: mode, buf: make([]byte, size)}
}

// Line reads one line without its end, for the banner. The slice is valid until the next call. ErrLineTooLong, for a line of
// more than MaxLine bytes, is final here: whoever sends that is no Asterisk.
func (d *Decoder) Line() ([]byte, error) {
	for n := 0; ; {
		ahead := d.buf[d.at:min(d.end, d.at+MaxLine)]
		if i := bytes.IndexByte(ahead[n:], '\n'); i >= 0 {
			d.at += n + i + 1
			return bytes.TrimSuffix(ahead[:n+i], []byte("\r")), nil
		}
		if n = len(ahead); n == MaxLine {
			d.err = ErrLineTooLong
		}
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
}

// Buffered returns the number of bytes read from the stream and not yet decoded.
func (d *Decoder) Buffered() int { return d.end - d.at }

// Decode returns the next message. With ErrLineTooLong or ErrTooManyLines the message is returned as far as it was
// understood, and the next call goes on behind it; any other error is final. A message cut off by the end of the stream is
// dropped (ami/behaviour.md 1.8).
func (d *Decoder) Decode() (*Message, error) {
	d.shrink()
	d.msg.Reset()
	if d.mode == Client {
		return d.decodeClient()
	}
	return d.decodeServer()
}

// decodeClient gives out slices of the read buffer.
func (d *Decoder) decodeClient() (*Message, error) {
	for s := (lineScan{}); ; {
		n := d.msg.scan(d.buf[d.at:d.end], &s)
		if n > 0 {
			d.msg.borrow(d.buf[d.at : d.at+n])
			d.at += n
			return &d.msg, nil
		}
		if d.Buffered() == MaxMessage { // which is all that the buffer may hold
			d.err = ErrMessageTooLong
		}
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
}

// decodeServer copies the lines, since limits and NULs may cut them.
func (d *Decoder) decodeServer() (*Message, error) {
	for d.text = d.text[:0]; ; {
		line, err := d.actionLine()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			d.text = append(d.text, crlf...)
			d.msg.borrow(d.text)
			bad := d.bad
			d.bad = nil
			return &d.msg, bad
		}
		if len(d.msg.lines) == MaxHeaders {
			d.bad = ErrTooManyLines // it weighs more than a long line (ami/behaviour.md 2.7: tested first)
			continue
		}
		from := len(d.text)
		d.text = append(d.text, line...)
		d.msg.lines = append(d.msg.lines, span{uint32(from), uint32(len(d.text))})
		d.text = append(d.text, crlf...)
	}
}

// actionLine returns the next line of an action, cut at a NUL (ami/behaviour.md 2.3). Asterisk throws a full buffer without a
// line end away but for its last byte, and goes on (2.4): of a long line only the remainder is returned. That remainder is
// never taken for the end of the action, as Asterisk does with a line of 1,023 bytes (2.6): a client could hide an action in
// another one. For the same reason a lone LF does not make room for a 1,023rd byte: with CR LF behind it, where the action is
// passed on, it would be such a line.
func (d *Decoder) actionLine() ([]byte, error) {
	cut := false
	for n := 0; ; {
		ahead := d.buf[d.at:min(d.end, d.at+MaxLine)]
		if i := bytes.IndexByte(ahead[n:], '\n'); i >= 0 {
			d.at += n + i + 1
			line := bytes.TrimSuffix(ahead[:n+i], []byte("\r"))
			if len(line) > MaxLine-len(crlf) {
				d.bad = ErrLineTooLong
			}
			if nul := bytes.IndexByte(line, 0); nul >= 0 {
				line = line[:nul]
			}
			if cut && len(line) == 0 {
				line = []byte(" ")
			}
			return line, nil
		}
		if n = len(ahead); n == MaxLine {
			d.at += MaxLine - 1
			d.bad = ErrLineTooLong
			cut, n = true, 0
			continue
		}
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more behind what is there, growing the buffer if there is no room. A message or line that is being looked for
// stays where it is relative to d.at.
func (d *Decoder) fill() error {
	if d.err != nil {
		return d.err
	}
	if d.at > 0 {
		d.at, d.end = 0, copy(d.buf, d.buf[d.at:d.end])
	}
	if d.end == len(d.buf) {
		d.buf = append(d.buf, make([]byte, min(len(d.buf), MaxMessage-len(d.buf)))...)
	}
	for range 100 { // a reader may return nothing now and then, but not for ever
		n, err := d.r.Read(d.buf[d.end:])
		d.end += n
		d.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	d.err = io.ErrNoProgress
	return d.err
}

// shrink gives back what grew for one large message.
func (d *Decoder) shrink() {
	if len(d.buf) > keepBuffer && d.Buffered() <= clientBuffer {
		small := make([]byte, clientBuffer)
		d.at, d.end, d.buf = 0, copy(small, d.buf[d.at:d.end]), small
	}
	if cap(d.text) > keepBuffer {
		d.text = nil
	}
	if cap(d.msg.lines) > keepLines {
		d.msg.lines = nil
	}
}
