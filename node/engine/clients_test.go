package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

const clients = 16

// Many clients at a time are each answered what they asked, and a synchronous Originate holds up nobody else.
func TestManyClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "extensions.conf")
		text := "[test]\nexten => slow,1,Ringing()\n same => n,Wait(3)\n same => n,Answer()\n same => n,Wait(100)\nexten => busy,1,Busy()\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := New(Config{SystemName: "alpha", Settings: config.Engine{Extensions: file}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- e.Run(ctx) }()
		synctest.Wait()
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				for round := range 10 {
					client{t, e, fmt.Sprintf("%d-%d", i, round)}.call()
				}
			})
		}
		all.Wait()
		if s := e.Stats(); s.Calls != clients*10*4 {
			t.Errorf("%d channels", s.Calls)
		}
		stop()
		if err := <-ran; err != context.Canceled {
			t.Error(err)
		}
	})
}

// client is one client, and what its channels, variables and ActionIDs are called.
type client struct {
	t    *testing.T
	e    *Engine
	name string
}

// call makes two calls, and ends the one that was answered.
func (c client) call() {
	started := make(chan struct{})
	go func() {
		defer close(started)
		c.expect("Originate successfully queued", "Action", "Originate", "Channel", "Local/slow@test/n", "ChannelId", c.name, "Application", "Wait", "Data", "100",
			"Variable", "WHO="+c.name)
	}()
	c.expect("Originate failed", "Action", "Originate", "Channel", "Local/busy@test/n", "Application", "Wait", "Data", "1")
	c.expect("Pong", "Action", "Ping")
	c.expect("Variable Set", "Action", "Setvar", "Variable", "V"+c.name, "Value", c.name)
	c.expect("Value: "+c.name+"\r\n", "Action", "Getvar", "Variable", "V"+c.name)
	c.expect("Event Sent", "Action", "UserEvent", "UserEvent", c.name)
	c.expect("EventList: Complete\r\n", "Action", "CoreShowChannels")
	<-started
	c.expect("Value: "+c.name+"\r\n", "Action", "Getvar", "Channel", c.name, "Variable", "WHO")
	c.expect("ListItems: 1\r\n", "Action", "Status", "Channel", c.name)
	c.expect("Channel Hungup", "Action", "Hangup", "Channel", c.name)
}

// expect sends an action and looks at the answer.
func (c client) expect(want string, pairs ...string) {
	var out strings.Builder
	err := c.e.Do(c.t.Context(), ami.New(append(pairs, "ActionID", c.name)...), func(m *ami.Message) error { out.Write(m.Bytes()); return nil })
	if got := out.String(); err != nil || !strings.Contains(got, want) || !strings.Contains(got, "\r\nActionID: "+c.name+"\r\n") {
		c.t.Errorf("%q: %q, %v, want %q", pairs, got, err, want)
	}
}
