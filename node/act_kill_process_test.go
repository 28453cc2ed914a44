package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/node/engine"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/ami"
)

// victimOf is the environment of a process that is to be killed: its name, where the asker's routes are, and where it stops.
const victimOf = "AMIBUS_TEST_VICTIM"

// TestOwnerProcessKilled: as TestOwnerKilled, but with kill -9.
func TestOwnerProcessKilled(t *testing.T) {
	if text := os.Getenv(victimOf); text != "" {
		beVictim(strings.Fields(text))
	}
	t.Parallel()
	asker, err := natsbus.Start(natsbus.Config{Name: "default/asker", RouteListen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	router := forward.New(forward.Config{Self: merge.Node{Site: "default", Name: "asker"}, Bus: asker})
	free := make(chan struct{}, 4)
	var runs sync.WaitGroup
	for _, at := range []string{"before", "during", "after"} {
		for i := range 10 {
			free <- struct{}{}
			runs.Go(func() {
				defer func() { <-free }()
				told, effects := killedAt(t, asker, router, at, fmt.Sprintf("%s%d", at, i))
				switch {
				case effects > 1, at == "before" && effects != 0, at == "after" && effects != 1:
					t.Errorf("%s: %d effects", at, effects)
				case told == "success" && at == "during" && effects == 1, told == "unknown":
				default:
					t.Errorf("%s: told %q, %d effects", at, told, effects)
				}
			})
		}
	}
	runs.Wait()
}

// killedAt runs an action on another process, and kills that when it has come to a point.
func killedAt(t *testing.T, asker *natsbus.Bus, router *forward.Router, at, name string) (told string, effects int) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestOwnerProcessKilled$")
	cmd.Env = append(os.Environ(), victimOf+"="+strings.Join([]string{name, asker.RouteAddr(), at}, " "))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Error(err)
		return "", 0
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return "", 0
	}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return "", 0
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch lines.Text() {
			case "effect":
				effects++
			case at:
				_ = cmd.Process.Kill()
			}
		}
	})
	of := merge.Node{Site: "default", Name: name}
	for deadline := time.Now().Add(time.Minute); !asker.Wanted(bus.SubjectAction(of.Site, of.Name)) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	var answer bytes.Buffer
	err = router.Do(t.Context(), forward.Caller{User: "u"}, of, ami.New("Action", "UserEvent", "ActionID", "7", "UserEvent", "Done"),
		func(piece []byte) error { answer.Write(piece); return nil })
	_, outcome, failed := strings.Cut(answer.String(), "\r\nOutcome: ")
	switch {
	case errors.Is(err, forward.ErrBroken):
		told = "unknown"
	case failed:
		told = strings.TrimSpace(outcome)
	case strings.HasPrefix(answer.String(), "Response: Success\r\n"):
		told = "success"
	}
	_ = cmd.Process.Kill() // it is dead, but for one that has answered before
	reading.Wait()
	_ = cmd.Wait()
	return told, effects
}

// beVictim is the process: it says what it has come to, and waits to be killed there.
func beVictim(args []string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	name, route, at := args[0], args[1], args[2]
	e, err := engine.New(engine.Config{SystemName: name, Log: slog.New(slog.DiscardHandler)})
	fail(err)
	seen := make(chan struct{}, 10)
	e.Events().Handle(func(events []engine.Event) {
		for i := range events {
			if events[i].Name == "UserEvent" {
				fmt.Println("effect")
				seen <- struct{}{}
			}
		}
	})
	go func() { fail(e.Run(context.Background())) }()
	for !e.Up() {
		time.Sleep(time.Millisecond)
	}
	self := merge.Node{Site: "default", Name: name}
	b, err := natsbus.Start(natsbus.Config{Name: self.String(), RouteListen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	fail(err)
	fail(b.SetRoutes([]string{route}))
	router := forward.New(forward.Config{Self: self, Bus: b, Source: mortal{e, at, seen}})
	go func() { fail(router.Serve(context.Background())) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // to the end of the test at the latest
	os.Exit(0)
}

// mortal runs actions and says when to kill it.
type mortal struct {
	*engine.Engine
	at   string
	seen chan struct{} // the effect has been: the engine may answer before
}

func (m mortal) Do(ctx context.Context, action *ami.Message, reply func(*ami.Message) error) error {
	if m.at != "after" {
		fmt.Println(m.at)
	}
	if m.at == "before" {
		<-ctx.Done()
		return ctx.Err()
	}
	err := m.Engine.Do(ctx, action, func(answer *ami.Message) error {
		<-m.seen
		if m.at == "after" {
			return nil
		}
		return reply(answer)
	})
	if m.at == "after" {
		fmt.Println(m.at)
		<-ctx.Done()
	}
	return err
}
