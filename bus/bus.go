package bus

import (
	"context"
	"errors"
)

// MaxChunk is the most bytes one chunk of an answer should hold.
const MaxChunk = 64 << 10

// MaxHandlers is how many requests one Serve answers at a time. The ones beyond are answered at once with the RemoteError Busy.
const MaxHandlers = 1024

// Busy is the answer of a node that already has MaxHandlers requests under way.
const Busy RemoteError = "bus: busy"

// Errors of a Bus.
var (
	// ErrNoResponder: nobody serves the subject; the request was not delivered to anyone.
	ErrNoResponder = errors.New("bus: nobody answers on this subject")
	// ErrClosed: the bus is closed, or was before the call ended.
	ErrClosed = errors.New("bus: closed")
	// ErrLost: an answer broke off (chunk missing, or the peer disappeared). What was asked for may have happened.
	ErrLost = errors.New("bus: answer broke off")
)

// RemoteError is the error a Handler at another node returned, as text.
type RemoteError string

func (e RemoteError) Error() string { return string(e) }

// Msg is one message received.
type Msg struct {
	Subject string
	Data    []byte
}

// Handler answers one request. send may be called any number of times, from the handler's goroutine only, with at most MaxChunk
// bytes each; it blocks while the asker is slow (back-pressure) and fails when the asker has gone. The error, if any, ends the
// answer and reaches the asker as a RemoteError, as does a panic. ctx ends when the asker's time is up, when it does not want
// the answer any more or has disappeared, and when the Serve is stopped or the bus closed; the asker gets ErrLost in the end.
type Handler func(ctx context.Context, req []byte, send func(chunk []byte) error) error

// Bus carries messages. All methods are safe for concurrent use.
type Bus interface {
	// Publish sends data to every subscription of the subject at the other nodes. It does not wait for them; data may be reused
	// once it returns.
	Publish(subject string, data []byte) error
	// Subscribe calls fn for each message on a subject that matches the pattern (NATS wildcards: * one token, > all further ones).
	// fn must be quick. stop ends the subscription; fn is not called after stop has returned, so fn itself must not call it.
	Subscribe(pattern string, fn func(Msg)) (stop func(), err error)
	// Serve answers requests on the subject, each in a goroutine of its own. stop takes no more, ends the contexts of the handlers
	// under way and waits for them, so a handler must not call it. A request that crosses it may end with ErrLost.
	Serve(subject string, h Handler) (stop func(), err error)
	// Request sends req to the one who serves the subject and calls each for every chunk of the answer, in order. It returns nil when
	// the answer is complete, ErrNoResponder, ErrLost, ErrClosed, a RemoteError, an error of each, or ctx's error. A deadline of ctx
	// travels with the request.
	Request(ctx context.Context, subject string, req []byte, each func(chunk []byte) error) error
	// Wanted tells whether anybody, here or elsewhere, subscribes to the subject or serves it; true if that cannot be known. It is
	// cheap: ask before building a message.
	Wanted(subject string) bool
	// Close sends what was published before, ends all subscriptions, handlers and requests, and waits for them.
	Close() error
}
