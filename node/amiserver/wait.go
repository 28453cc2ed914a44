package amiserver

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// waitEvent answers when there is an event for this session, when the client puts an end to it, or after Timeout seconds; then come the
// events that wait, and WaitEventComplete (ami/behaviour.md 10.2). Events that the session does not see do not end it.
func (s *session) waitEvent(ctx context.Context, action *ami.Message) error {
	var until <-chan time.Time
	if seconds := s.out.waits(waitTimeout(string(action.Get("Timeout")))); seconds >= 0 {
		timer := time.NewTimer(time.Duration(seconds) * time.Second)
		defer timer.Stop()
		until = timer.C
	}
	for again := true; again; {
		there, err := s.eventThere()
		if err != nil {
			return err
		}
		if there {
			break
		}
		if again, err = s.out.pause(ctx, s.wake(), until); err != nil {
			return err
		}
	}
	if err := s.succeed(action, "Waiting for Event completed."); err != nil {
		return err
	}
	if err := s.deliverAll(); err != nil {
		return err
	}
	return s.send(listItem("WaitEventComplete", string(action.Get("ActionID")), func(*ami.Message) {}))
}

// eventThere skips what the session does not see and tells whether an event is left.
func (s *session) eventThere() (bool, error) {
	for {
		if s.snap != nil {
			return len(s.snap.taken) > 0, nil
		}
		for ; s.at < len(s.pending); s.at++ {
			if s.text(&s.pending[s.at]) != nil {
				return true, nil
			}
		}
		if err := s.refill(); err != nil || len(s.pending) == 0 {
			return false, err
		}
	}
}

// maxWait is a day more than anybody waits: a time.Duration has room for it.
const maxWait = 1 << 31

// waitTimeout reads a C integer as far as it is one (ami/behaviour.md 10.1); -1 is for ever.
func waitTimeout(text string) int64 {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	sign, digits := int64(1), text
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		if digits[0] == '-' {
			sign = -1
		}
		digits = digits[1:]
	}
	base, alphabet := 10, "0123456789"
	switch {
	case len(digits) > 1 && (digits[:2] == "0x" || digits[:2] == "0X"):
		base, alphabet, digits = 16, "0123456789abcdefABCDEF", digits[2:]
	case digits != "" && digits[0] == '0':
		base, alphabet = 8, "01234567"
	}
	end := 0
	for end < len(digits) && strings.IndexByte(alphabet, digits[end]) >= 0 {
		end++
	}
	if end == 0 {
		if base == 16 {
			return 0 // the 0 before the x
		}
		return -1
	}
	n, err := strconv.ParseInt(digits[:end], base, 64)
	if err != nil {
		n = maxWait
	}
	return max(min(sign*n, maxWait), -1)
}
