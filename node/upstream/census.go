package upstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// fenceVariable is the global variable whose VarSet shows how far the events have been read.
const fenceVariable = "AMIBUS_FENCE"

// Bounds of a census: an Asterisk has no more, or is none that events could be had from.
const (
	censusTime  = 5 * time.Second
	censusItems = 200_000
)

// Census is what an Asterisk lists: the items of CoreShowChannels and of BridgeList. Whatever it said before that has been handed to
// Config.Event when a census returns, since a fence comes behind the lists: a variable is set, and the events read up to its VarSet.
type Census struct{ Channels, Bridges []*ami.Message }

// census asks, on a connection of its own, for all channels and bridges there are. It takes at most censusTime.
func (k *marker) census(ctx context.Context) (all Census, err error) {
	ctx, cancel := context.WithTimeout(ctx, censusTime)
	defer cancel()
	c, err := k.u.connect(ctx, false)
	if err != nil {
		return all, err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	if all.Channels, err = k.u.list(c, "CoreShowChannels", "CoreShowChannel"); err != nil {
		return all, fmt.Errorf("CoreShowChannels: %w", err)
	}
	if all.Bridges, err = k.u.list(c, "BridgeList", "BridgeListItem"); err != nil {
		return all, fmt.Errorf("BridgeList: %w", err)
	}
	if err := k.fence(ctx, c); err != nil {
		return all, fmt.Errorf("the fence %s: %w", fenceVariable, err)
	}
	return all, nil
}

// list asks for a list, and returns its items.
func (u *Upstream) list(c *connection, action, item string) (items []*ami.Message, err error) {
	m, err := u.ask(c, ami.New("Action", action, "Census", "yes")) // no Asterisk minds; a replay tells what is played, not what was recorded
	if err != nil {
		return nil, errors.New(reason(err))
	}
	if string(m.Get("Response")) != "Success" {
		return nil, fmt.Errorf("%.100q", m.Get("Message"))
	}
	if !m.Has("EventList") && !strings.HasSuffix(string(m.Get("Message")), "will follow") { // in 12 that is all
		return nil, errors.New("no list follows the answer")
	}
	for {
		m, err := c.dec.Decode()
		switch {
		case err != nil:
			return nil, errors.New(reason(err))
		case m.Kind() != ami.KindEvent:
			u.count.strays.Add(1)
		case string(m.Get("Event")) == item && len(items) < censusItems:
			items = append(items, m.Clone())
		case string(m.Get("Event")) == item:
			return nil, fmt.Errorf("more than %d items", censusItems)
		case string(m.Get("Event")) == action+"Complete":
			return items, nil
		default:
			u.count.strays.Add(1)
		}
	}
}

// fence returns when all that was said before has been handed on.
func (k *marker) fence(ctx context.Context, c *connection) error {
	var b [8]byte
	rand.Read(b[:]) // never fails
	nonce, passed := hex.EncodeToString(b[:]), make(chan struct{})
	k.mu.Lock()
	k.nonce, k.passed = nonce, passed
	k.mu.Unlock()
	m, err := k.u.ask(c, ami.New("Action", "Setvar", "Variable", fenceVariable, "Value", nonce))
	switch {
	case err != nil:
		return errors.New(reason(err))
	case string(m.Get("Response")) != "Success":
		return fmt.Errorf("%.100q", m.Get("Message"))
	}
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		return errors.New("no event tells that it was set; read = all is needed in the Asterisk's manager.conf")
	}
}

// passes takes the event that a fence has been set.
func (k *marker) passes(nonce string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.passed != nil && nonce == k.nonce {
		close(k.passed)
		k.passed = nil
	}
}
