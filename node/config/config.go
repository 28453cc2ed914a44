package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Values of the settings that are words.
const (
	KindAsterisk = "asterisk" // source.kind: a real Asterisk, reached by AMI
	KindNone     = "none"     // source.kind: no Asterisk; the node watches and serves

	Auto   = "auto"   // identity.qualify, bus.nats.publish
	Always = "always" // identity.qualify, bus.nats.publish
	Never  = "never"  // identity.qualify, bus.nats.publish

	JournalMemory = "memory" // bus.journal: own events are gone with the process
	JournalFile   = "file"   // bus.journal: own events are on disk too, in DataDir
)

// Config is all that one node is told. Its parts are small structs, so that a package can be handed the one it needs.
type Config struct {
	Node     Node
	Source   Source
	AMI      AMI
	Identity Identity
	Bus      Bus
	Admin    Admin

	origin origin
}

// Node says who this node is.
type Node struct {
	Name    string // unique within the site; default: the host's name up to the first dot
	Site    string // default "default"
	DataDir string // what the node keeps; created when it starts; default data/<name>
}

// Source says where the node's own events come from.
type Source struct {
	Kind     string // KindAsterisk (default), KindEngine or KindNone
	Asterisk Asterisk
	Engine   Engine
}

// Asterisk says how to log in to the Asterisk beside the node. Exactly one of SecretFile and SecretEnv is set.
type Asterisk struct {
	Address    string // host:port of its AMI; default 127.0.0.1:5038
	Username   string // default amibus
	SecretFile string // a file that holds the secret
	SecretEnv  string // an environment variable that holds the secret
}

// AMI says whom this node serves. The listener's address stands in manager.conf too: bindaddr and port of [general].
type AMI struct {
	ManagerConf string // users, as Asterisk's manager.conf; required
	ACLConf     string // named ACLs, as Asterisk's acl.conf; may be empty
	HTTPConf    string // the listener for AMI over HTTP, as Asterisk's http.conf; empty: none
}

// Identity says how channel ids are kept apart between boxes.
type Identity struct {
	Qualify string // Auto (default): ids get the node's prefix when the source has no systemname
}

// Bus says how nodes find each other and exchange events.
type Bus struct {
	Hold      time.Duration // the longest an event waits for other nodes; default 300ms
	LostAfter time.Duration // when a node out of view is lost; default 30s
	Tick      time.Duration // time between frames; 0: auto, max(1 ms, nodes × 1 ms)
	Journal   string        // JournalMemory (default) or JournalFile
	Insecure  bool          // listeners of the bus may be open beyond loopback without credentials
	NATS      NATS
	Member    Member
}

// NATS says how messages travel: by the embedded server, or by an external one when URLs are given. Load empties RouteListen and
// ClientListen when there are URLs, since no embedded server runs then.
type NATS struct {
	RouteListen  string   // where the other nodes' embedded servers connect; empty: none can
	ClientListen string   // where foreign NATS clients connect; empty (default): none can
	URLs         []string // external NATS servers
	TLS          BusTLS   // of the routes, of the listener for clients, and towards external servers
	UsersFile    string   // the NKeys of those who may connect to ClientListen; empty: anybody may, to read the public plane
	NKeyFile     string   // the seed of this node's NKey, for external servers
	Credentials  string   // a file with this node's JWT and seed, for external servers
	Publish      string   // the keyed plane: Auto (default; where somebody listens, always with URLs), Always or Never
}

// Member says how the node learns who else is there.
type Member struct {
	Listen    string   // TCP and UDP; empty: the node stays alone
	Join      []string // addresses of other nodes; those that are away are tried again
	Advertise string   // IP address at which the others reach this node; empty: that of Listen, or a private one of this machine
	KeyFile   string   // a file with the keys of the gossip, one a line; empty: plain, and then on loopback only
}

// Admin says where health, readiness and metrics are served.
type Admin struct {
	Insecure bool   // it may be open beyond loopback: whoever reaches it sees health and metrics, and no secret
	Listen   string // default 127.0.0.1:8080; empty: nowhere
}

// Default returns the settings of a file that sets nothing. It lacks what has no default: the secret and manager.conf.
func Default() *Config {
	host, _ := os.Hostname() // without one node.name must be set, and Validate says so
	name, _, _ := strings.Cut(host, ".")
	return &Config{
		Node:     Node{Name: name, Site: "default"},
		Source:   Source{Kind: KindAsterisk, Asterisk: Asterisk{Address: "127.0.0.1:5038", Username: "amibus"}},
		Identity: Identity{Qualify: Auto},
		Bus: Bus{
			Hold:      300 * time.Millisecond,
			LostAfter: 30 * time.Second,
			Journal:   JournalMemory,
			NATS:      NATS{RouteListen: "127.0.0.1:6222", Publish: Auto},
			Member:    Member{Listen: "127.0.0.1:7946"},
		},
		Admin: Admin{Listen: "127.0.0.1:8080"},
	}
}

// Load reads the YAML file at path over Default, makes relative paths relative to the file's directory, and validates the result.
// The error is of type Problems and names everything that is wrong, in the file and in the files it names.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, Problems{{File: path, Text: "cannot be read: " + cause(err).Error()}}
	}
	c := Default()
	problems := decode(c, path, text)
	if c.Node.DataDir == "" && filepath.Dir(path) == "/etc/amibus" {
		c.Node.DataDir = "/var/lib/amibus"
	}
	if c.Node.DataDir == "" {
		c.Node.DataDir = filepath.Join(filepath.Dir(path), "data", c.Node.Name)
	}
	if len(c.Bus.NATS.URLs) > 0 {
		c.Bus.NATS.RouteListen, c.Bus.NATS.ClientListen = "", ""
	}
	if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Key == "" }) { // else too little was read to judge the rest
		problems = merge(problems, c.problems())
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// merge adds to what decoding found what validation found, but not about the same key again: its value was not taken over.
func merge(decoded, validated Problems) Problems {
	bad := map[string]bool{}
	for _, p := range decoded {
		bad[p.Key] = true
	}
	for _, p := range validated {
		if !bad[p.Key] {
			decoded = append(decoded, p)
		}
	}
	return decoded
}

// Secret reads the secret of the Asterisk user. A line break at its end does not count.
func (a Asterisk) Secret() (string, error) {
	var secret, where string
	switch {
	case a.SecretFile != "":
		text, err := os.ReadFile(a.SecretFile)
		if err != nil {
			return "", fmt.Errorf("secret file %s cannot be read: %w", a.SecretFile, cause(err))
		}
		secret, where = string(text), "secret file "+a.SecretFile
	case a.SecretEnv != "":
		text, ok := os.LookupEnv(a.SecretEnv)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set", a.SecretEnv)
		}
		secret, where = text, "environment variable "+a.SecretEnv
	default:
		return "", errors.New("no secret: set source.asterisk.secret_file or secret_env")
	}
	secret = trimNewline(secret)
	if secret == "" {
		return "", fmt.Errorf("%s is empty", where)
	}
	if hasControl(secret) { // a line break within would end the Secret header and start another one
		return "", fmt.Errorf("%s holds a line break or another control character within the secret", where)
	}
	return secret, nil
}

// trimNewline cuts one line break at the end, as editors and `echo` leave it.
func trimNewline(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// hasControl tells whether s holds a control character, a line break above all.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// cause is what the system said, without the name of the call and the path, which our own texts give.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
