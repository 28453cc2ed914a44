package bus

import (
	"context"
	"fmt"
	"runtime/debug"
)

// PanicError is what Call makes of a panic.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("bus: handler panicked: %v", e.Value) }

// Call runs the handler and turns a panic into a PanicError: one bad request must not end the process.
func (h Handler) Call(ctx context.Context, req []byte, send func(chunk []byte) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return h(ctx, req, send)
}
