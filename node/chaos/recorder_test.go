//go:build chaos && linux

package chaos

import (
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

const amiAddr = "127.0.0.1:5038"

// recorder is a plain AMI client at one node that keeps all it is sent, and connects again whenever it is cut.
type recorder struct {
	node    string
	sources map[string]int // index of an Asterisk by its systemname
	done    chan struct{}
	wg      sync.WaitGroup

	mu       sync.Mutex
	conn     net.Conn
	sessions []*session
}

// session is what came through one connection.
type session struct {
	events []event
	last   []uint32 // number of the last event of each Asterisk
	notes  []note
	over   bool
}

// note is a view event: what the node tells of its own view, outside the stream.
type note struct {
	at   int // events before it
	name string
	node string
	text string
}

// outOfView tells of a node that is, or was until now, not waited for.
func (n note) outOfView() bool {
	return strings.Contains(n.text, "State: dropped") || strings.Contains(n.text, "State: returned")
}

func newRecorder(t *testing.T, name string, sources map[string]int) *recorder {
	t.Helper()
	r := &recorder{node: name, sources: sources, done: make(chan struct{})}
	r.wg.Go(r.run)
	t.Cleanup(r.close)
	return r
}

func (r *recorder) close() {
	close(r.done)
	r.mu.Lock()
	if r.conn != nil {
		r.conn.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

func (r *recorder) run() {
	for {
		if conn, err := dial(r.node, amiAddr); err == nil {
			r.mu.Lock()
			r.conn = conn
			r.mu.Unlock()
			r.record(conn)
			conn.Close()
		}
		select {
		case <-r.done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// record keeps one session; it begins when the login is accepted.
func (r *recorder) record(conn net.Conn) {
	d, err := login(conn, "Username: admin\r\n")
	if err != nil {
		return
	}
	s := &session{last: make([]uint32, len(r.sources))}
	r.mu.Lock()
	r.sessions = append(r.sessions, s)
	r.mu.Unlock()
	for {
		m, err := d.Decode()
		if err != nil {
			break
		}
		r.mu.Lock()
		s.keep(m, m.Bytes(), r.sources)
		r.mu.Unlock()
	}
	r.mu.Lock()
	s.over = true
	r.mu.Unlock()
}

// login logs in with more headers than the secret.
func login(conn net.Conn, headers string) (*ami.Decoder, error) {
	d := ami.NewDecoder(conn, ami.Client)
	if _, err := d.Line(); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, "Action: Login\r\nSecret: secret\r\n"+headers+"\r\n"); err != nil {
		return nil, err
	}
	m, err := d.Decode()
	if err == nil && string(m.Get("Response")) != "Success" {
		err = fmt.Errorf("login refused: %s", m.Bytes())
	}
	return d, err
}

// keep takes a message, whose text is given without what this client alone sees.
func (s *session) keep(m *ami.Message, text []byte, sources map[string]int) {
	if m.Kind() != ami.KindEvent {
		return
	}
	if name := string(m.Get("Event")); name == "NodeState" || name == "Gap" {
		s.notes = append(s.notes, note{len(s.events), name, string(m.Get("Node")), string(m.Bytes())})
		return
	}
	n, err := strconv.ParseUint(string(m.Get("Number")), 10, 32)
	if err != nil { // of amibus itself, such as the report of a login
		return
	}
	e := event{from: sources[string(m.Get("SystemName"))], number: uint32(n), text: maphash.Bytes(seed, text)}
	s.last[e.from] = e.number
	s.events = append(s.events, e)
}

// now returns a copy of the newest session's state; the events are shared and never change.
func (r *recorder) now() session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sessions) == 0 {
		return session{over: true, last: make([]uint32, len(r.sources))}
	}
	s := *r.sessions[len(r.sessions)-1]
	s.events, s.notes = s.events[:len(s.events):len(s.events)], s.notes[:len(s.notes):len(s.notes)]
	s.last = slices.Clone(s.last)
	return s
}

// count is how many sessions there were.
func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions)
}

// since describes the notes after the first n, for the log of a failure.
func (s session) since(n int) string {
	text := ""
	for _, note := range s.notes {
		if note.at >= n {
			text += fmt.Sprintf("behind event %d: %q\n", note.at, note.text)
		}
	}
	return text
}
