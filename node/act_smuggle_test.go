package node

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
)

// TestNoSmuggling: no value, sent over AMI or HTTP, becomes a header or an action of its own, at the node that runs the action, in an event or
// in a variable.
func TestNoSmuggling(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 10*time.Second)
	c.source, c.http = config.Source{Kind: config.KindEngine}, true
	c.engines("alpha", "bravo")
	alpha, bravo := c.client(t, "alpha"), c.client(t, "bravo")
	bravo.call(t, "answer", "victim")
	bravo.call(t, "answer", "target")
	eventually(t, "alpha knows the calls", func() bool { return c.nodes[0].owners.Stats().Channels == 4 })
	witness, err := login(t, c.nodes[0].AMI(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan []byte, 1)
	go func() { heard <- hear(witness) }()

	breaks := []string{"\r", "\x00", "\u2028", "\u0085", "\v", "\f", "\r\r", "\n\r"}
	values := []string{}
	for _, b := range breaks {
		values = append(values, "a"+b+"X-Evil: 1", "a"+b+b+"Action: Hangup"+b+"Channel: victim"+b+b, b+"Response: Success"+b+"X-Evil: 1")
	}
	actions := [][]string{
		{"Action", "Setvar", "Channel", "target", "Variable", "X", "Value", "*"},
		{"Action", "Setvar", "Channel", "target", "Variable", "*", "Value", "1"},
		{"Action", "Setvar", "Channel", "*", "Variable", "X", "Value", "1"},
		{"Action", "Getvar", "Channel", "target", "Variable", "*"},
		{"Action", "UserEvent", "UserEvent", "Evil", "Text", "*", "SystemName", "bravo"},
		{"Action", "UserEvent", "UserEvent", "*"},
		{"Action", "Originate", "Channel", "Local/cause-16@test", "Context", "test", "Exten", "echo", "Priority", "1", "CallerID", "*", "SystemName", "bravo", "Async", "true"},
		{"Action", "Originate", "Channel", "Local/cause-16@test", "Context", "test", "Exten", "echo", "Priority", "1", "Variable", "X=*", "SystemName", "bravo", "Async", "true"},
		{"Action", "Originate", "Channel", "Local/cause-16@test", "Application", "NoOp", "Data", "*", "SystemName", "bravo", "Async", "true"},
		{"Action", "Redirect", "Channel", "target", "Context", "*", "Exten", "echo", "Priority", "1"},
		{"Action", "DBPut", "Family", "f", "Key", "k", "Val", "*", "SystemName", "bravo"},
		{"Action", "Ping", "SystemName", "*"},
		{"Action", "Setvar", "ActionID", "*", "Channel", "target", "Variable", "X", "Value", "1"},
		{"Action", "*"},
	}
	site := newBrowser(t, c.nodes[0].web.http.Addr().String())
	for _, action := range actions {
		for _, value := range values {
			var text string
			query := url.Values{}
			for i := 0; i < len(action); i += 2 {
				v := strings.ReplaceAll(action[i+1], "*", value)
				text += action[i] + ": " + v + "\r\n"
				query.Set(action[i], v)
			}
			if !strings.Contains(value, "\n") { // that ends a line
				one, err := login(t, c.nodes[0].AMI(), "plain", "Events: off")
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(one, "%s\r\nAction: Logoff\r\n\r\n", text)
				answer, _ := io.ReadAll(one.Conn)
				legal(t, fmt.Sprintf("%q over AMI", text), answer)
				one.Close()
			}
			legal(t, fmt.Sprintf("%q over HTTP", text), site.get("/rawman?"+query.Encode()))
			for _, end := range []string{"\r\n", "\n"} { // as only HTTP can carry it
				for key := range query {
					query.Set(key, strings.ReplaceAll(query.Get(key), "X-Evil", end+"X-Evil"))
				}
				legal(t, fmt.Sprintf("%v over HTTP", query), site.get("/rawman?"+query.Encode()))
			}
		}
	}
	if a := bravo.ask(t, "Action: Status", "Channel: victim"); len(a) != 3 {
		t.Errorf("the victim is gone: %q", a[0].Bytes())
	}
	alpha.ask(t, "Action: UserEvent", "UserEvent: Finis")
	all := <-heard
	legal(t, "what the witness heard", all)
	if n := bytes.Count(all, []byte("X-Evil")); n < 20 {
		t.Errorf("only %d of the values came to be seen at all", n)
	}
}

// legal looks for a header that nobody has sent as one.
func legal(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, start := range []string{"\nX-Evil", "\rX-Evil", "\nAction: Hangup", "\rAction: Hangup"} {
		if i := bytes.Index(text, []byte(start)); i >= 0 {
			t.Errorf("%s: %q", what, text[max(0, i-200):min(len(text), i+50)])
		}
	}
}

// hear reads until a UserEvent that is called Finis.
func hear(c *amiClient) (all []byte) {
	for {
		m, err := c.Decode()
		if err != nil {
			return all
		}
		all = append(all, m.Bytes()...)
		if string(m.Get("UserEvent")) == "Finis" {
			return all
		}
	}
}

// browser is an HTTP client that is logged in.
type browser struct {
	t    *testing.T
	base string
	http.Client
}

func newBrowser(t *testing.T, addr string) *browser {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	b := &browser{t, "http://" + addr, http.Client{Jar: jar, Timeout: time.Minute}}
	if got := b.get("/rawman?action=login&username=plain&secret=secret"); !bytes.Contains(got, []byte("Success")) {
		t.Fatalf("%q", got)
	}
	return b
}

func (b *browser) get(path string) []byte {
	b.t.Helper()
	r, err := b.Get(b.base + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return body
}

// TestClashingActionIDs: fifty clients at three nodes, all with the same ActionIDs, synchronous and asynchronous, one action or a list: each
// gets his own answers, all of them and nothing else.
func TestClashingActionIDs(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	for _, n := range c.nodes {
		c.client(t, n.name).call(t, "answer", "at-"+n.name)
	}
	for _, n := range c.nodes {
		eventually(t, n.name+" knows the calls", func() bool { return n.owners.Stats().Channels == 6 })
	}
	var clients sync.WaitGroup
	for i := range 50 {
		client := c.client(t, c.nodes[i%3].name)
		clients.Go(func() {
			own := fmt.Sprintf("VAR%d", i)
			for round := range 6 {
				to := c.nodes[(i+round)%3].name
				value := fmt.Sprintf("%d-%d", i, round)
				set := client.ask(t, "Action: Setvar", "ActionID: 1", "Channel: at-"+to, "Variable: "+own, "Value: "+value)
				got := client.ask(t, "Action: Getvar", "ActionID: 1", "Channel: at-"+to, "Variable: "+own)
				if string(set[0].Get("Message")) != "Variable Set" || string(got[0].Get("Value")) != value || string(got[0].Get("ActionID")) != "1" {
					t.Errorf("client %d: %q %q", i, set[0].Bytes(), got[0].Bytes())
				}
				list := client.ask(t, "Action: Status", "ActionID: 1", "Channel: at-"+to, "Variables: "+own)
				if len(list) != 3 || string(list[1].Get("Variable")) != own+"="+value || string(list[1].Get("ActionID")) != "1" {
					t.Errorf("client %d: a list of %d: %q", i, len(list), list[len(list)-1].Bytes())
				}
				if all := client.ask(t, "Action: CoreShowChannels", "ActionID: 1"); len(all) < 8 || string(all[len(all)-1].Get("ActionID")) != "1" {
					t.Errorf("client %d: a list of all of %d", i, len(all))
				}
				call := client.ask(t, "Action: Originate", "ActionID: 1", "Channel: Local/answer-0@test", "Application: NoOp", "Data: "+value, "SystemName: "+to,
					fmt.Sprint("Async: ", round%2 == 0))
				if string(call[0].Get("Response")) != "Success" || string(call[0].Get("ActionID")) != "1" {
					t.Errorf("client %d: %q", i, call[0].Bytes())
				}
			}
		})
	}
	clients.Wait()
}
