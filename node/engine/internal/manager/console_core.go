package manager

import (
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// Commands about the node itself.
func init() {
	addCommands(
		&entry{"core show version", "Display version info", "Usage: core show version\n       Shows the version.\n", showVersion},
		&entry{"core show uptime [seconds]", "Show uptime information",
			"Usage: core show uptime [seconds]\n       Shows how long it runs and when it reloaded last, in words or in seconds.\n", showUptime},
		&entry{"core show help", "Display help list, or specific help on a command",
			"Usage: core show help [topic]\n       Lists the commands, or shows how one is used.\n", showHelp},
		&entry{"database show", "Shows database contents",
			"Usage: database show [family [keytree]]\n   OR: database show [family[/keytree]]\n       Shows the database, or what is below a family or key.\n", databaseShow},
		&entry{"database showkey", "Shows database contents",
			"Usage: database showkey <keytree>\n       Shows the entries of a key, in whatever family.\n", databaseShowKey},
		&entry{"parking show", "Show a parking lot or a list of all parking lots.",
			"Usage: parking show [name]\n       Lists the parking lots, or shows one and the calls in it.\n", parkingShow},
		&entry{"manager show commands", "List manager interface commands",
			"Usage: manager show commands\n       Lists the actions of the manager interface.\n", managerShowCommands},
	)
}

func showVersion(c *cli) verdict {
	if len(c.words) != 3 {
		return usage
	}
	machine, system, built := runtime.GOARCH, runtime.GOOS, "an unknown date"
	if machine == "amd64" {
		machine = "x86_64"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				built = at.UTC().Format("2006-01-02 15:04:05 UTC")
			}
		}
	}
	c.print("Asterisk %s built by amibus @ amibus on a %s running %s on %s\n", c.m.cfg.Version, machine, strings.ToUpper(system[:1])+system[1:], built)
	return success
}

func showUptime(c *cli) verdict {
	seconds := len(c.words) == 4 && strings.EqualFold(c.words[3], "seconds")
	if !seconds && len(c.words) != 3 {
		return usage
	}
	start, reload := c.m.started()
	now := c.m.now()
	c.print("System uptime: %s\nLast reload: %s\n", span(now.Sub(start), seconds), span(now.Sub(reload), seconds))
	return success
}

// span says how long something takes. As in Asterisk, exactly one minute is sixty seconds.
func span(d time.Duration, seconds bool) string {
	left := max(0, int64(d/time.Second))
	if seconds {
		return strconv.FormatInt(left, 10)
	}
	var parts []string
	for _, unit := range []struct {
		name string
		size int64
	}{{"year", 365 * 86400}, {"week", 7 * 86400}, {"day", 86400}, {"hour", 3600}, {"minute", 60}} {
		if left > unit.size {
			n := left / unit.size
			left -= n * unit.size
			parts = append(parts, strconv.FormatInt(n, 10)+" "+unit.name+plural(int(n)))
		}
	}
	if left > 0 || len(parts) == 0 {
		parts = append(parts, strconv.FormatInt(left, 10)+" second"+plural(int(left)))
	}
	return strings.Join(parts, ", ")
}

func showHelp(c *cli) verdict {
	topic := strings.Join(c.words[3:], " ")
	if e := find(c.words[3:], false, entries); topic != "" && e != nil && len(c.words[3:]) >= len(strings.Fields(e.name())) {
		c.print("%s", e.usage)
		return success
	}
	found := false
	for _, e := range entries {
		if len(e.words) >= len(topic) && strings.EqualFold(e.words[:len(topic)], topic) {
			found = true
			c.print("%-30s -- %s\n", e.words, e.summary)
		}
	}
	if !found {
		c.print("No such command '%s'.\n", topic)
	}
	return success
}

func databaseShow(c *cli) verdict {
	if len(c.words) > 4 {
		return usage
	}
	prefix := strings.ToLower("/" + strings.Join(c.words[2:], "/") + "/")
	return c.database(func(key string) bool { return len(c.words) == 2 || strings.HasPrefix(strings.ToLower(key)+"/", prefix) })
}

func databaseShowKey(c *cli) verdict {
	if len(c.words) != 3 {
		return usage
	}
	suffix := strings.ToLower("/" + c.words[2])
	return c.database(func(key string) bool { return strings.HasSuffix(strings.ToLower(key), suffix) })
}

func (c *cli) database(fits func(key string) bool) verdict {
	var list []translator.Variable
	if err := c.look(func(p *pbx.PBX) { list = p.Database(fits) }); err != nil {
		return c.wrong(err)
	}
	for _, v := range list {
		c.print("%-50s: %-25s\n", v.Name, v.Value)
	}
	c.print("%d results found.\n", len(list))
	return success
}

const parkingLot = `Parking Lot: %s
--------------------------------------------------------------------------
Parking Extension   :  
Parking Context     :  parkedcalls
Parking Spaces      :  %d-%d
Parking Time        :  %d sec
Comeback to Origin  :  yes
Comeback Context    :  parkedcallstimeout (comebacktoorigin=yes, not used)
Comeback Dial Time  :  30 sec
MusicOnHold Class   :  
Enabled             :  yes
Dynamic             :  no

`

func parkingShow(c *cli) verdict {
	if len(c.words) > 3 {
		c.print("\n")
		return usage
	}
	var lots []pbx.Lot
	var calls []pbx.ParkedCall
	err := c.look(func(p *pbx.PBX) {
		lots = p.Lots()
		if len(c.words) == 3 {
			calls = p.InLot(c.words[2])
		}
	})
	if err != nil {
		return c.wrong(err)
	}
	c.print("\n")
	if len(c.words) == 2 {
		c.print("Parking General Options\n-----------------------\nDynamic Parking     :  no\n\n")
	}
	found := false
	for _, l := range lots {
		if len(c.words) == 2 || c.words[2] == l.Name {
			found = true
			c.print(parkingLot, l.Name, l.First, l.Last, l.Timeout/time.Second)
		}
	}
	switch {
	case len(c.words) == 2:
		c.print("\n")
	case !found:
		c.print("Could not find parking lot '%s'\n\n", c.words[2])
	default:
		c.parkedCalls(calls)
	}
	return success
}

func (c *cli) parkedCalls(calls []pbx.ParkedCall) {
	c.print("Parked Calls\n------------\n")
	if len(calls) == 0 {
		c.print("  (none)\n\n\n")
		return
	}
	for _, call := range calls {
		c.print("  Space               :  %d\n  Channel             :  %s\n  Parker Dial String  :  %s\n\n", call.Space, call.Channel, call.Parker)
	}
	c.print("\n")
}

// managerShowCommands lists the actions: the engine's, and those that are about the session.
func managerShowCommands(c *cli) verdict {
	const width = 80 // of a terminal
	var list []ami.Action
	name := 1
	for _, a := range ami.Actions() {
		if _, ours := actions[strings.ToLower(a.Name)]; ours || a.Scope == ami.ScopeSession && !a.Only12 {
			list = append(list, a)
			name = max(name, len(a.Name))
		}
	}
	space := max(0, width-name-4)
	row := func(action, synopsis string) {
		c.print("  %-*.*s  %.*s\n", name, name, action, space, synopsis)
	}
	row("Action", "Synopsis")
	row("------", "--------")
	for _, a := range list {
		row(a.Name, a.Synopsis)
	}
	return success
}
