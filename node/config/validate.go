package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of the settings that are durations.
const (
	minHold, maxHold = 20 * time.Millisecond, 10 * time.Second
	minLost, maxLost = time.Second, 24 * time.Hour
	minTick, maxTick = time.Millisecond, time.Second
	holdTicks        = 5 // below five frames, one late frame would put a healthy node out of the wait set
)

// namePattern is what a node or site may be called: names are tokens of subjects and prefixes of channel ids.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

// Validate names everything that is wrong, as Problems, also in the files that the Config names. It changes nothing.
func (c *Config) Validate() error { return c.problems().err() }

func (c *Config) problems() Problems {
	k := &checker{c: c}
	k.node()
	k.source()
	k.bus()
	k.nats()
	k.member()
	k.ami()
	k.open("admin.listen", k.c.Admin.Listen, k.c.Admin.Insecure, "the admin pages have none; admin.insecure: true opens health and metrics to whoever reaches them")
	k.listeners()
	return k.found
}

// checker collects problems.
type checker struct {
	c       *Config
	manager *Manager // nil without a manager.conf, or with a wrong one
	http    *HTTP    // nil without an http.conf, or with a wrong one, or one that is not enabled
	found   Problems
}

func (k *checker) bad(key, format string, args ...any) {
	k.found = append(k.found, k.c.origin.problem(key, format, args...))
}

// oneOf checks a word. It tells apart what is planned and what is wrong: the first is no typing error.
func (k *checker) oneOf(key, value string, values ...string) {
	if !slices.Contains(values, value) {
		k.bad(key, "is %q, must be %s", value, strings.Join(values, ", or "))
	}
}

func (k *checker) node() {
	n := k.c.Node
	for _, id := range []struct{ key, value string }{{"node.name", n.Name}, {"node.site", n.Site}} {
		if !namePattern.MatchString(id.value) {
			k.bad(id.key, "is %q, must be 1 to 63 of A-Z a-z 0-9 _ -", id.value)
		}
	}
	if n.DataDir == "" {
		k.bad("node.data_dir", "is empty; name a directory for what the node keeps")
	} else if info, err := os.Stat(n.DataDir); err == nil && !info.IsDir() {
		k.bad("node.data_dir", "%s is a file, must be a directory", n.DataDir)
	}
	k.oneOf("identity.qualify", k.c.Identity.Qualify, Auto, Always, Never)
}

func (k *checker) source() {
	k.oneOf("source.kind", k.c.Source.Kind, KindAsterisk, KindEngine, KindNone)
	switch k.c.Source.Kind {
	case KindEngine:
		k.engine()
		return
	case KindAsterisk:
	default:
		return
	}
	a := k.c.Source.Asterisk
	k.peer("source.asterisk.address", a.Address)
	if a.Username == "" || hasControl(a.Username) {
		k.bad("source.asterisk.username", "is %q, must be the name of a user in that Asterisk's manager.conf", a.Username)
	}
	switch {
	case a.SecretFile == "" && a.SecretEnv == "":
		k.bad("source.asterisk", "has no secret; set secret_file or secret_env")
	case a.SecretFile != "" && a.SecretEnv != "":
		k.bad("source.asterisk.secret_env", "is set beside secret_file; keep one of the two")
	default:
		key := "source.asterisk.secret_file"
		if a.SecretEnv != "" {
			key = "source.asterisk.secret_env"
		}
		if _, err := a.Secret(); err != nil {
			k.bad(key, "%v", err)
		}
	}
}

func (k *checker) bus() {
	b := k.c.Bus
	if b.Hold < minHold || b.Hold > maxHold {
		k.bad("bus.hold", "is %v, must be %v to %v", b.Hold, minHold, maxHold)
	}
	if b.LostAfter < minLost || b.LostAfter > maxLost {
		k.bad("bus.lost_after", "is %v, must be %v to %v", b.LostAfter, minLost, maxLost)
	}
	switch {
	case b.Tick == 0: // auto
	case b.Tick < minTick || b.Tick > maxTick:
		k.bad("bus.tick", "is %v, must be auto or %v to %v", b.Tick, minTick, maxTick)
	case b.Hold < holdTicks*b.Tick:
		k.bad("bus.hold", "is %v, must be at least %d ticks (%v at bus.tick %v)", b.Hold, holdTicks, holdTicks*b.Tick, b.Tick)
	}
	k.oneOf("bus.journal", b.Journal, JournalMemory, JournalFile)
}

func (k *checker) nats() {
	n := k.c.Bus.NATS
	for i, text := range n.URLs {
		if why := natsURL(text); why != "" {
			k.bad(fmt.Sprintf("bus.nats.urls[%d]", i), "%s", why)
		}
	}
	k.open("bus.nats.route_listen", n.RouteListen, n.TLS.set() || k.c.Bus.Insecure, "set bus.nats.tls")
	k.open("bus.nats.client_listen", n.ClientListen, n.TLS.set() && n.UsersFile != "" || k.c.Bus.Insecure, "set bus.nats.tls and bus.nats.users_file")
	k.busTLS(n)
	if n.NKeyFile != "" && n.Credentials != "" {
		k.bad("bus.nats.nkey_file", "is set beside credentials_file; a node is one user")
	}
	for key, file := range map[string]string{"users_file": n.UsersFile, "nkey_file": n.NKeyFile, "credentials_file": n.Credentials} {
		if file == "" {
			continue
		}
		if key != "users_file" && len(n.URLs) == 0 {
			k.bad("bus.nats."+key, "is for external servers, and bus.nats.urls names none")
		} else if _, err := os.ReadFile(file); err != nil {
			k.bad("bus.nats."+key, "file %s cannot be read: %v", file, cause(err))
		}
	}
	k.oneOf("bus.nats.publish", n.Publish, Auto, Always, Never)
}

// natsURL says what is wrong with the URL of a NATS server. It never repeats a password.
func natsURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@"):
		return "holds credentials; a secret does not belong in this file: set bus.nats.nkey_file or bus.nats.credentials_file"
	case err != nil || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || u.Hostname() == "":
		return fmt.Sprintf("is %q, must be like nats://nats.example.net:4222", text)
	}
	return ""
}

func (k *checker) member() {
	m := k.c.Bus.Member
	if m.KeyFile == "" {
		k.open("bus.member.listen", m.Listen, k.c.Bus.Insecure, "the gossip is not encrypted; set bus.member.key_file")
	} else {
		k.address("bus.member.listen", m.Listen)
		if _, err := m.Keys(); err != nil {
			k.bad("bus.member.key_file", "%v", err)
		}
	}
	if m.Advertise != "" && net.ParseIP(m.Advertise) == nil {
		k.bad("bus.member.advertise", "is %q, must be an IP address", m.Advertise)
	}
	for i, join := range m.Join {
		k.peer(fmt.Sprintf("bus.member.join[%d]", i), join)
	}
	switch n := k.c.Bus.NATS; {
	case len(m.Join) == 0:
	case m.Listen == "":
		k.bad("bus.member.join", "needs bus.member.listen: the others must reach this node")
	case n.RouteListen == "" && len(n.URLs) == 0:
		k.bad("bus.member.join", "needs bus.nats.route_listen or bus.nats.urls: there is no way for events to travel")
	}
}
