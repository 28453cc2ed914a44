package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// fakeAsterisk lets anybody in, and answers Command when it is told to. Its events are what the test raises.
type fakeAsterisk struct {
	ln     net.Listener
	held   chan string   // a Command has come, by its text
	finish chan struct{} // closed: Commands are answered
	list   []string      // channels
	gate   chan struct{} // who connects waits until it is closed

	mu    sync.Mutex
	vars  map[string]string
	conns map[net.Conn]bool // whether it wants events
}

func newFakeAsterisk(t *testing.T) *fakeAsterisk {
	t.Helper()
	a := newShutAsterisk(t)
	close(a.gate)
	return a
}

// newShutAsterisk lets nobody in before its gate is closed.
func newShutAsterisk(t *testing.T) *fakeAsterisk {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &fakeAsterisk{ln: ln, held: make(chan string, 100), finish: make(chan struct{}), gate: make(chan struct{}),
		vars: map[string]string{}, conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go a.serve(conn)
		}
	}()
	t.Cleanup(func() { ln.Close(); a.drop(false) })
	return a
}

func (a *fakeAsterisk) addr() string { return a.ln.Addr().String() }

// drop cuts all connections; restarted forgets the variables, as a new process does.
func (a *fakeAsterisk) drop(restarted bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.conns {
		conn.Close()
	}
	clear(a.conns)
	if restarted {
		clear(a.vars)
	}
}

func (a *fakeAsterisk) connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.conns)
}

// raise sends an event to all who want events, and tells how many those are.
func (a *fakeAsterisk) raise(pairs ...string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn, events := range a.conns {
		if events {
			_, _ = conn.Write(ami.New(pairs...).Bytes())
			n++
		}
	}
	return n
}

func (a *fakeAsterisk) serve(conn net.Conn) {
	defer func() { conn.Close(); a.mu.Lock(); delete(a.conns, conn); a.mu.Unlock() }()
	a.mu.Lock()
	a.conns[conn] = false
	a.mu.Unlock()
	<-a.gate
	fmt.Fprint(conn, "Asterisk Call Manager/11.0.0\r\n")
	for dec := ami.NewDecoder(conn, ami.Server); ; {
		m, err := dec.Decode()
		if err != nil {
			return
		}
		kind, more := a.answer(conn, m.Clone())
		r := ami.New("Response", kind)
		if id := m.Get("ActionID"); len(id) > 0 {
			r.Add("ActionID", string(id))
		}
		for i := 0; i+1 < len(more); i += 2 {
			r.Add(more[i], more[i+1])
		}
		a.mu.Lock()
		_, _ = conn.Write(append(r.Bytes(), a.items(m)...))
		if m.IsAction("Login") {
			if _, ok := a.conns[conn]; ok {
				a.conns[conn] = string(m.Get("Events")) != "off"
			}
		}
		a.mu.Unlock()
		if m.IsAction("Setvar") {
			a.raise("Event", "VarSet", "Privilege", "dialplan,all", "Channel", "none", "Uniqueid", "none", "Variable",
				string(m.Get("Variable")), "Value", string(m.Get("Value")))
		}
	}
}

func (a *fakeAsterisk) answer(conn net.Conn, m *ami.Message) (kind string, pairs []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := string(m.Get("Variable"))
	switch strings.ToLower(m.Action()) {
	case "challenge":
		return "Success", []string{"Challenge", "1"}
	case "login":
		return "Success", []string{"Message", "Authentication accepted"}
	case "coresettings":
		return "Success", []string{"AsteriskVersion", "22.10.1", "SystemName", "pbx"}
	case "listcommands":
		return "Success", []string{"Command", "Execute Asterisk CLI Command.  (Priv: command,all)"}
	case "coreshowchannels":
		return "Success", []string{"EventList", "start", "Message", "Channels will follow"}
	case "originate":
		return "Success", []string{"Message", "Originate successfully queued"}
	case "setvar":
		a.vars[name] = string(m.Get("Value"))
		return "Success", []string{"Message", "Variable Set"}
	case "getvar":
		return "Success", []string{"Variable", name, "Value", a.vars[name]}
	case "command":
		a.mu.Unlock()
		a.held <- string(m.Get("Command"))
		<-a.finish
		a.mu.Lock()
		return "Success", []string{"Message", "Command output follows", "Output", "done"}
	}
	return "Success", nil
}

// items are what follows the answer to CoreShowChannels.
func (a *fakeAsterisk) items(m *ami.Message) (all []byte) {
	if !m.IsAction("CoreShowChannels") {
		return nil
	}
	id := string(m.Get("ActionID"))
	for _, channel := range a.list {
		all = append(all, ami.New("Event", "CoreShowChannel", "ActionID", id, "Channel", channel).Bytes()...)
	}
	return append(all, ami.New("Event", "CoreShowChannelsComplete", "ActionID", id, "EventList", "Complete",
		"ListItems", strconv.Itoa(len(a.list))).Bytes()...)
}

// dialDeaf logs in and does not read.
func dialDeaf(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\n")
	return conn
}
