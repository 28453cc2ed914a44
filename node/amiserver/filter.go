package amiserver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/filter"
)

// addFilter adds a filter until the session ends (ami/behaviour.md 8.6, 8.14, 8.15).
func (s *session) addFilter(_ context.Context, action *ami.Message) error {
	if !strings.EqualFold(string(action.Get("Operation")), "Add") {
		return s.fail(action, "Unknown operation")
	}
	if s.filter.Full() {
		return s.fail(action, fmt.Sprintf("The session has %d filters, there is no room for more", s.filter.Len()))
	}
	f, err := newFilter(string(action.Get("MatchCriteria")), string(action.Get("Filter")))
	switch {
	case errors.Is(err, filter.ErrCompile):
		s.log.Info("filter of a client does not compile", "error", err)
		return s.fail(action, "Filter did not compile.  Check the syntax of the filter given.")
	case err != nil:
		s.log.Info("filter of a client is wrong", "error", err)
		return s.fail(action, "Filter was formatted incorrectly.  Check the syntax of the filter given.")
	}
	s.filter = s.filter.With(f)
	return s.succeed(action, "Success")
}

func newFilter(criteria, pattern string) (*filter.Filter, error) {
	if criteria == "" {
		return filter.Legacy(pattern)
	}
	return filter.Advanced(criteria, pattern)
}
