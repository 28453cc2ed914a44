package capture

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// liveActions are answered by what the Server is now, not by what was recorded. run returns false if this one is not for it.
// The names are in lower case: AMI compares them without case.
var liveActions = map[string]struct {
	beforeLogin bool
	run         func(context.Context, *session, *ami.Message) bool
}{
	"challenge": {true, challenge},
	"login":     {true, login},
	"logoff":    {true, logoff},
	"ping":      {false, ping},
	"events":    {false, events},
	"userevent": {false, userEvent},
	"setvar":    {false, setvar},
	"getvar":    {false, getvar},
}

// builtActions are answered if they were not recorded.
var builtActions = map[string]func(*session, *ami.Message){
	"coresettings":     coreSettings,
	"corestatus":       coreStatus,
	"coreshowchannels": coreShowChannels,
	"bridgelist":       bridgeList,
}

// reply builds an answer to m; pairs are the headers behind Response and ActionID (ami/behaviour.md 4.1).
func reply(m *ami.Message, response string, pairs ...string) []byte {
	r := ami.New("Response", response)
	if id := m.Get("ActionID"); len(id) > 0 {
		r.Add("ActionID", string(id))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Add(pairs[i], pairs[i+1])
	}
	return r.Bytes()
}

func (c *session) succeed(m *ami.Message, pairs ...string) { c.write(reply(m, "Success", pairs...)) }

func (c *session) fail(m *ami.Message, text string) { c.write(reply(m, "Error", "Message", text)) }

func challenge(_ context.Context, c *session, m *ami.Message) bool {
	if !strings.EqualFold(string(m.Get("AuthType")), "MD5") {
		c.fail(m, "Must specify AuthType")
		return true
	}
	if c.challenge == "" { // once per connection (behaviour.md 5.3)
		c.challenge = strconv.Itoa(rand.IntN(1e9))
	}
	c.succeed(m, "Challenge", c.challenge)
	return true
}

func login(ctx context.Context, c *session, m *ami.Message) bool {
	s := c.srv
	if c.user {
		c.succeed(m, "Message", "Already authenticated") // nothing is checked or changed (5.9)
		return true
	}
	if !c.authentic(m) {
		s.cfg.Log.Warn("login refused: wrong user name or secret", "client", c.conn.RemoteAddr().String())
		c.over = true
		if sleep(ctx, loginPenalty) {
			c.fail(m, "Authentication failed")
		}
		return true
	}
	mask := ami.ClassAll
	if v := m.Get("Events"); len(v) > 0 {
		mask, _ = parseMask(string(v))
	}
	c.enter()
	c.conn.SetDeadline(time.Time{})
	s.stats.logins.Add(1)
	answer := reply(m, "Success", "Message", "Authentication accepted")
	if mask&ami.ClassSystem != 0 {
		answer = append(answer, s.greet...) // the login's own FullyBooted (5.10)
	}
	c.writeAndReceive(answer, mask)
	s.begin.Do(func() { close(s.first) })
	return true
}

// authentic checks user name and secret or key (behaviour.md 5.1 to 5.4).
func (c *session) authentic(m *ami.Message) bool {
	cfg := &c.srv.cfg
	if !strings.EqualFold(string(m.Get("Username")), cfg.Username) {
		return false
	}
	if !strings.EqualFold(string(m.Get("AuthType")), "MD5") {
		return equal(m.Get("Secret"), []byte(cfg.Secret))
	}
	sum := md5.Sum([]byte(c.challenge + cfg.Secret))
	return c.challenge != "" && equal(m.Get("Key"), hex.AppendEncode(nil, sum[:]))
}

// equal takes the same time wherever a and b differ, and whatever their lengths.
func equal(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func logoff(_ context.Context, c *session, m *ami.Message) bool {
	c.over = true
	// No event follows the answer (ami/ordering.md 49).
	c.writeAndReceive(reply(m, "Goodbye", "Message", "Thanks for all the fish."), 0)
	return true
}

func ping(_ context.Context, c *session, m *ami.Message) bool {
	c.succeed(m, "Ping", "Pong", "Timestamp", timestamp(time.Now()))
	return true
}

func events(_ context.Context, c *session, m *ami.Message) bool {
	mask, ok := parseMask(string(m.Get("EventMask")))
	switch {
	case !ok:
		c.fail(m, "Invalid event mask")
	case mask == 0:
		c.writeAndReceive(reply(m, "Success", "Events", "Off"), 0)
	default:
		c.writeAndReceive(reply(m, "Success", "Events", "On"), mask)
	}
	return true
}

// parseMask reads an event mask (behaviour.md 6.2); ok is false if it is empty. That Asterisk takes a prefix of a class name
// for the class (6.3) is not copied.
func parseMask(v string) (mask ami.Class, ok bool) {
	if strings.Trim(v, "0123456789") == "" {
		n, _ := strconv.ParseUint(v, 10, 31)
		return ami.Class(n), v != ""
	}
	switch strings.ToLower(v) {
	case "no", "false", "n", "f", "off":
		return 0, true
	case "yes", "true", "y", "t", "on":
		return ami.ClassAll, true
	}
	for name := range strings.SplitSeq(v, ",") {
		class, _ := ami.ClassNamed(name)
		mask |= class
	}
	return mask, true
}

// userEvent answers first, then raises the event: UserEvent, then all other headers as they came (behaviour.md 16.10).
func userEvent(_ context.Context, c *session, m *ami.Message) bool {
	body := append([]byte("UserEvent: "), m.Get("UserEvent")...)
	body = append(body, "\r\n"...)
	for i := range m.Len() {
		line := m.Line(i)
		if !hasHeader(line, "Action") && !hasHeader(line, "UserEvent") {
			body = append(append(body, line...), "\r\n"...)
		}
	}
	c.succeed(m, "Message", "Event Sent")
	c.srv.raise("UserEvent", ami.ClassUser, body)
	return true
}

func hasHeader(line []byte, name string) bool {
	return len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name)
}

// setvar sets a global variable. Channels and functions are left to what was recorded.
func setvar(_ context.Context, c *session, m *ami.Message) bool {
	name, ok := globalVariable(m)
	if !ok {
		return false
	}
	if name == "" {
		c.fail(m, "No variable specified")
		return true
	}
	value := string(m.Get("Value")) // without one it is set to nothing (behaviour.md 16.8)
	c.srv.mu.Lock()
	c.srv.vars[name] = value
	c.srv.mu.Unlock()
	c.succeed(m, "Message", "Variable Set")
	var body bytes.Buffer
	fmt.Fprintf(&body, "Channel: none\r\nUniqueid: none\r\nVariable: %s\r\nValue: %s\r\n", name, escapeC.Replace(value))
	c.srv.raise("VarSet", ami.ClassDialplan, body.Bytes())
	return true
}

// getvar reads a global variable: what a client has set, else what was recorded, else nothing (behaviour.md 4.13).
func getvar(_ context.Context, c *session, m *ami.Message) bool {
	name, ok := globalVariable(m)
	if !ok {
		return false
	}
	c.srv.mu.Lock()
	value, set := c.srv.vars[name]
	c.srv.mu.Unlock()
	switch {
	case name == "":
		c.fail(m, "No variable specified")
	case !set && c.srv.records.has(m):
		return false
	default:
		c.succeed(m, "Variable", name, "Value", value)
	}
	return true
}

func globalVariable(m *ami.Message) (name string, ok bool) {
	name = string(m.Get("Variable"))
	return name, len(m.Get("Channel")) == 0 && !strings.HasSuffix(name, ")")
}

// escapeC escapes the value of VarSet as Asterisk does.
var escapeC = strings.NewReplacer("\a", `\a`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`,
	`\`, `\\`, `'`, `\'`, `"`, `\"`, `?`, `\?`)

// coreSettings gives the headers of behaviour.md 16.11, with the values of a default installation.
func coreSettings(c *session, m *ami.Message) {
	_, version, _ := strings.Cut(c.srv.banner, "/")
	c.succeed(m, "AMIversion", version, "AsteriskVersion", "22.10.1", "SystemName", c.srv.system, "CoreMaxCalls", "0",
		"CoreMaxLoadAvg", "0.000000", "CoreRunUser", "", "CoreRunGroup", "", "CoreMaxFilehandles", "0",
		"CoreRealTimeEnabled", "No", "CoreCDRenabled", "Yes", "CoreHTTPenabled", "Yes", "SoundsSearchCustomDir", "No")
}

// coreStatus tells of this Server, which started when it was made and has no calls of its own.
func coreStatus(c *session, m *ami.Message) {
	date, clock := c.srv.born.Format(time.DateOnly), c.srv.born.Format(time.TimeOnly)
	c.succeed(m, "CoreStartupDate", date, "CoreStartupTime", clock, "CoreReloadDate", date, "CoreReloadTime", clock,
		"CoreCurrentCalls", "0", "CoreProcessedCalls", "0")
}

func timestamp(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
