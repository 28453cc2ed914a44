//go:build chaos && linux

package chaos

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

var seed = maphash.MakeSeed()

const (
	asteriskAddr  = "127.0.0.1:5039"
	writePatience = 30 * time.Second // a frozen node must not lose its link
)

// asterisk is a small manager interface that numbers what it says. It counts on while nobody listens.
type asterisk struct {
	index  int
	system string // its systemname, which is not the name of its node
	ln     net.Listener
	rate   int
	done   chan struct{}
	wg     sync.WaitGroup

	mu       sync.Mutex
	talking  bool
	said     uint32
	texts    []uint64 // of number n at n-1
	links    []*wire
	sessions map[*manager]bool
}

// wire is a link, with the time of each write.
type wire struct {
	link
	writes []write
}

type write struct {
	at   time.Time
	last uint32
}

// manager is one connection to an asterisk.
type manager struct {
	a     *asterisk
	conn  net.Conn
	in    bool  // logged in
	wire  *wire // nil: no events
	reply []byte
}

func newAsterisk(t *testing.T, index int, name string, rate int) *asterisk {
	t.Helper()
	a := &asterisk{index: index, system: "pbx-" + name, rate: rate, done: make(chan struct{}), sessions: map[*manager]bool{}}
	if err := inside(name, func() (err error) {
		a.ln, err = net.Listen("tcp", asteriskAddr)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a.wg.Go(a.accept)
	a.wg.Go(a.speak)
	t.Cleanup(func() {
		close(a.done)
		a.ln.Close()
		a.mu.Lock()
		for s := range a.sessions {
			s.conn.Close()
		}
		a.mu.Unlock()
		a.wg.Wait()
	})
	return a
}

func (a *asterisk) accept() {
	for {
		conn, err := a.ln.Accept()
		if err != nil {
			return
		}
		a.wg.Go(func() { a.serve(conn) })
	}
}

// talk lets it say rate events a second, or nothing.
func (a *asterisk) talk(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.talking = on
}

// one lets it say one event.
func (a *asterisk) one() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.say(nil, 1)
}

// speak says what is due. What nobody hears counts as said.
func (a *asterisk) speak() {
	const step = 2 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	last, owed := time.Now(), 0.0
	var text []byte
	for {
		select {
		case <-a.done:
			return
		case now := <-tick.C:
			a.mu.Lock()
			if a.talking {
				owed += now.Sub(last).Seconds() * float64(a.rate)
				n := int(owed)
				owed -= float64(n)
				text = a.say(text[:0], n)
			}
			last = now
			a.mu.Unlock()
		}
	}
}

// say needs mu.
func (a *asterisk) say(text []byte, n int) []byte {
	for range n {
		from := len(text)
		a.said++
		text = a.appendEvent(text, a.said)
		a.texts = append(a.texts, maphash.Bytes(seed, text[from:]))
	}
	for s := range a.sessions {
		if s.wire == nil || n == 0 {
			continue
		}
		s.wire.last = a.said // before the write, of which a part may arrive
		s.wire.writes = append(s.wire.writes, write{time.Now(), a.said})
		s.send(text)
	}
	return text
}

// appendEvent writes calls of ten events each.
func (a *asterisk) appendEvent(b []byte, n uint32) []byte {
	call := n / 10
	head := func(name, class string) {
		b = fmt.Appendf(b, "Event: %s\r\nPrivilege: %s,all\r\nSystemName: %s\r\n", name, class, a.system)
	}
	channel := func(state int, desc string) {
		b = fmt.Appendf(b, "Channel: PJSIP/%d-%08x\r\nChannelState: %d\r\nChannelStateDesc: %s\r\nCallerIDNum: %d\r\nCallerIDName: <unknown>\r\n"+
			"ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\nContext: default\r\nExten: 200\r\n"+
			"Priority: 1\r\nUniqueid: %s-1700000000.%d\r\nLinkedid: %s-1700000000.%d\r\n", 100+call%50, call, state, desc, 100+call%50, a.system, call, a.system, call)
	}
	switch n % 10 {
	case 0:
		head("Newchannel", "call")
		channel(0, "Down")
	case 3:
		head("Newstate", "call")
		channel(6, "Up")
	case 6:
		head("UserEvent", "user")
		b = append(b, "UserEvent: Chaos\r\n"...)
	case 9:
		head("Hangup", "call")
		channel(6, "Up")
		b = append(b, "Cause: 16\r\nCause-txt: Normal Clearing\r\n"...)
	default:
		head("VarSet", "dialplan")
		channel(6, "Up")
		b = append(b, "Variable: STEP\r\nValue: "...)
		b = fmt.Appendf(b, "%d\r\n", n%10)
	}
	return fmt.Appendf(b, "Number: %d\r\n\r\n", n)
}

// serve is one connection, from banner to end.
func (a *asterisk) serve(conn net.Conn) {
	s := &manager{a: a, conn: conn}
	a.mu.Lock()
	a.sessions[s] = true
	s.send([]byte("Asterisk Call Manager/11.0.0\r\n"))
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.sessions, s)
		a.mu.Unlock()
		conn.Close()
	}()
	for dec := ami.NewDecoder(conn, ami.Server); ; {
		m, err := dec.Decode()
		if err != nil {
			return
		}
		a.mu.Lock()
		s.answer(m)
		a.mu.Unlock()
	}
}

// send needs a.mu: an answer and what belongs to it stay together. Who does not take it is cut.
func (s *manager) send(b []byte) {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writePatience)); err == nil {
		_, err = s.conn.Write(b)
		if err == nil {
			return
		}
	}
	s.wire = nil
	s.conn.Close()
}

// answer needs a.mu.
func (s *manager) answer(m *ami.Message) {
	const secret = "secret"
	s.reply = s.reply[:0]
	action := strings.ToLower(m.Action())
	switch {
	case action == "challenge":
		s.respond(m, "Success", "Challenge", "123456789")
	case action == "login":
		key := md5.Sum([]byte("123456789" + secret))
		if !bytes.Equal(m.Get("Key"), []byte(hex.EncodeToString(key[:]))) {
			s.respond(m, "Error", "Message", "Authentication failed")
			break
		}
		s.in = true
		s.respond(m, "Success", "Message", "Authentication accepted")
		if string(m.Get("Events")) != "off" {
			s.reply = append(s.reply, "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 60\r\nLastReload: 60\r\nStatus: Fully Booted\r\n\r\n"...)
			s.wire = &wire{link: link{first: s.a.said + 1, last: s.a.said}}
			s.a.links = append(s.a.links, s.wire)
		}
	case !s.in:
		s.respond(m, "Error", "Message", "Permission denied")
	case action == "coresettings":
		s.respond(m, "Success", "AMIversion", "11.0.0", "AsteriskVersion", "22.10.1", "SystemName", s.a.system)
	case action == "listcommands":
		s.respond(m, "Success", "Ping", "Keepalive command.  (Priv: <none>)", "Getvar", "Gets a channel variable or function value.  (Priv: call,reporting,all)")
	case action == "ping":
		s.respond(m, "Success", "Ping", "Pong")
	case action == "getvar":
		s.respond(m, "Success", "Variable", string(m.Get("Variable")), "Value", "")
	case action == "setvar":
		s.respond(m, "Success", "Message", "Variable Set")
	default:
		s.respond(m, "Error", "Message", "Invalid/unknown command: "+m.Action()+". Use Action: ListCommands to show available commands.")
	}
	s.send(s.reply)
}

func (s *manager) respond(m *ami.Message, response string, pairs ...string) {
	r := ami.New("Response", response)
	if id := m.Get("ActionID"); len(id) > 0 {
		r.Add("ActionID", string(id))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Add(pairs[i], pairs[i+1])
	}
	s.reply = append(s.reply, r.Bytes()...)
}

// killed notes that the node's end of the newest link is killed now: the end of what was written to it may be missing.
func (a *asterisk) killed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.links); n > 0 {
		a.links[n-1].killed = true
	}
}

// wrote returns what was written so far; a link to which nothing was written owes nothing.
func (a *asterisk) wrote() source {
	a.mu.Lock()
	defer a.mu.Unlock()
	texts := a.texts
	s := source{text: func(n uint32) uint64 {
		if n == 0 || int(n) > len(texts) {
			return 0
		}
		return texts[n-1]
	}}
	for _, l := range a.links {
		if l.last >= l.first {
			s.links = append(s.links, l.link)
		}
	}
	return s
}

// written is when a number was written to a link.
func (a *asterisk) written(n uint32) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.links {
		for _, w := range l.writes {
			if l.first <= n && n <= w.last {
				return w.at
			}
		}
	}
	return time.Time{}
}
