//go:build chaos && linux

package chaos

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// manager is one connection to an asterisk.
type manager struct {
	a     *asterisk
	conn  net.Conn
	in    bool  // logged in
	wire  *wire // nil: no events
	reply []byte
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
		name := string(m.Get("Variable"))
		s.respond(m, "Success", "Variable", name, "Value", s.a.variables[name])
	case action == "setvar":
		name, value := string(m.Get("Variable")), string(m.Get("Value"))
		s.a.variables[name] = value
		s.respond(m, "Success", "Message", "Variable Set")
		for o := range s.a.sessions {
			if o.wire != nil {
				o.send(fmt.Appendf(nil, "Event: VarSet\r\nPrivilege: dialplan,all\r\nSystemName: %s\r\nChannel: none\r\nVariable: %s\r\nValue: %s\r\nUniqueid: none\r\n\r\n",
					s.a.system, name, value))
			}
		}
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
