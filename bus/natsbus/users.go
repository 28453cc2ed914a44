package natsbus

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/amibus/amibus/bus"
)

// Role is what a user of the client listener may do.
type Role string

// The roles.
const (
	Monitor  Role = "mon" // reads the public plane, events and marks, and nothing else
	Operator Role = "ops" // and sends actions to nodes
	System   Role = "sys" // sees the servers themselves, and no event
)

// InboxOf is the prefix of the subjects on which an operator with that NKey may listen for answers: nats.CustomInboxPrefix.
func InboxOf(nkey string) string { return "_INBOX_ops." + nkey }

// Users are the NKeys that may connect, each with what it may do.
type Users map[string]Role

// ParseUsers reads a file of users: one a line, role and public NKey, then anything. "#" begins a comment. Errors name the line.
func ParseUsers(text []byte) (Users, error) {
	users := Users{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		role := Role(words[0])
		switch {
		case role != Monitor && role != Operator && role != System:
			return nil, fmt.Errorf("line %d: %q is no role; use mon, ops or sys", n, words[0])
		case len(words) < 2 || !nkeys.IsValidPublicUserKey(words[1]):
			return nil, fmt.Errorf("line %d: want %s and the public NKey of a user, U...; amibus keygen makes one", n, role)
		case users[words[1]] != "":
			return nil, fmt.Errorf("line %d: this NKey stands there twice", n)
		}
		users[words[1]] = role
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return users, nil
}

// NewUser makes an NKey: the seed, which is secret, and the public key.
func NewUser() (seed, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", "", fmt.Errorf("NKey: %w", err)
	}
	s, err := pair.Seed()
	if err != nil {
		return "", "", fmt.Errorf("NKey: %w", err)
	}
	public, err = pair.PublicKey()
	return string(s), public, err
}

// admit makes the NKeys of this process, and of clients without one where there are no users and others may connect.
func (e *embedded) admit(cfg Config) (err error) {
	if e.self, err = nkeys.CreateUser(); err != nil {
		return fmt.Errorf("NKey: %w", err)
	}
	if e.clients && cfg.Users == nil {
		_, e.reader, err = NewUser() // nobody has its seed
	}
	return err
}

// keys are the clients that the server lets in, each with what it may do: this process everything, a user what its role may, and who has no NKey
// reads the public plane, where that is allowed. Whoever could publish could forge events, and run actions on any node.
//
// All but the system's are in one account, each with permissions. With an account for each role the answers to actions, which are streams with
// acknowledgements, would not pass from one to the other: NATS lets a reply pass an import, but not the subjects of replies to that.
func (e *embedded) keys(users Users) []*server.NkeyUser {
	self, err := e.self.PublicKey()
	if err != nil {
		panic("natsbus: " + err.Error()) // a pair that was made has one
	}
	all := []*server.NkeyUser{{Nkey: self}}
	if e.reader != "" {
		all = append(all, &server.NkeyUser{Nkey: e.reader, Permissions: Monitor.permissions("")})
	}
	for nkey, role := range users {
		n := &server.NkeyUser{Nkey: nkey, Permissions: role.permissions(nkey)}
		if role == System {
			n.Account = server.NewAccount(server.DEFAULT_SYSTEM_ACCOUNT)
		}
		all = append(all, n)
	}
	return all
}

// anybody lets everybody do everything.
type anybody struct{}

// Check implements server.Authentication.
func (anybody) Check(server.ClientAuthentication) bool { return true }

// sign is how this process shows its own server who it is.
func (e *embedded) sign(nonce []byte) ([]byte, error) { return e.self.Sign(nonce) }

// permissions are those of a role; nkey is the user's.
func (r Role) permissions(nkey string) *server.Permissions {
	public := []string{bus.EventPattern, bus.MarkPattern}
	switch r {
	case Operator:
		return &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{bus.ActionPattern, "_INBOX.*.*"}}, // the latter: what answers are acknowledged to
			Subscribe: &server.SubjectPermission{Allow: append(public, InboxOf(nkey)+".>")},
		}
	case System:
		return nil
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Deny: []string{">"}},
		Subscribe: &server.SubjectPermission{Allow: public},
	}
}
