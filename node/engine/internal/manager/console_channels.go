package manager

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Commands about channels.
func init() {
	addCommands(
		&entry{"core show channels [concise|verbose|count]", "Display information on channels",
			"Usage: core show channels [concise|verbose|count]\n" +
				"       Lists the channels there are. 'concise' is for programs, 'verbose' shows\n" +
				"       more columns, 'count' only the numbers of channels and calls.\n", showChannels},
		&entry{"core show channel", "Display information on a specific channel",
			"Usage: core show channel <channel>\n       Shows all there is to say about a channel.\n", showChannel},
		&entry{"channel request hangup", "Request a hangup on a given channel",
			"Usage: channel request hangup <all>|<channel> [<channel> ...]\n" +
				"       Hangs channels up: all, or those of a name, of a /regular expression/\n" +
				"       or of a pattern such as Local/*.\n", requestHangup},
		&entry{"channel originate", "Originate a call",
			"Usage1: channel originate <tech/data> application <appname> [appdata]\n" +
				"Usage2: channel originate <tech/data> extension [exten@][context]\n" +
				"  Calls a channel for 30 seconds, and connects it with an application or an\n" +
				"  extension; by default s in the context default.\n", originateCommand},
		&entry{"channel redirect", "Redirect a call",
			"Usage: channel redirect <channel> <[[context,]exten,]priority>\n    Sends a channel to another extension.\n", redirectCommand},
	)
}

const (
	briefRow   = "%-64.64s %-32.32s %-7.7s %-30.30s\n"
	verboseRow = "%-80.80s %-24.24s %-24.24s %4.4s %-7.7s %-12.12s %-25.25s %-15.15s %8.8s %-11.11s %-11.11s %-20.20s\n"
)

func or(text, empty string) string {
	if text == "" {
		return empty
	}
	return text
}

func clock(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func showChannels(c *cli) verdict {
	kind := ""
	if len(c.words) > 4 {
		return usage
	} else if len(c.words) == 4 {
		if kind = strings.ToLower(c.words[3]); kind != "concise" && kind != "verbose" && kind != "count" {
			return usage
		}
	}
	var channels []pbx.Shown
	var active, processed int
	err := c.look(func(p *pbx.PBX) {
		channels = p.Channels()
		active, processed = p.Calls()
	})
	if err != nil {
		return c.wrong(err)
	}
	row := map[string]func(*pbx.Shown){"": c.brief, "concise": c.concise, "verbose": c.verbose, "count": func(*pbx.Shown) {}}[kind]
	switch kind {
	case "":
		c.print(briefRow, "Channel", "Location", "State", "Application(Data)")
	case "verbose":
		c.print(strings.Replace(verboseRow, "%4.4s", "%-4.4s", 1), "Channel", "Context", "Extension", "Priority", "State", "Application", "Data",
			"CallerID", "Duration", "Accountcode", "PeerAccount", "BridgeID")
	}
	for i := range channels {
		row(&channels[i])
	}
	if kind != "concise" {
		c.print("%d active channel%s\n%d active call%s\n%d call%s processed\n", len(channels), plural(len(channels)), active, plural(active),
			processed, plural(processed))
	}
	return success
}

func (c *cli) brief(s *pbx.Shown) {
	location, app := "(None)", "(None)"
	if s.Context != "" && s.Exten != "" {
		location = fmt.Sprintf("%s@%s:%d", s.Exten, s.Context, s.Priority)
	}
	if s.Application != "" {
		app = s.Application + "(" + s.AppData + ")"
	}
	c.print(briefRow, s.Name, location[:min(len(location), 39)], translator.StateName(s.State), app[:min(len(app), 39)])
}

func (c *cli) concise(s *pbx.Shown) {
	c.print("%s!%s!%s!%d!%s!%s!%s!%s!%s!%s!%d!%d!%s!%s\n", s.Name, s.Context, s.Exten, s.Priority, translator.StateName(s.State),
		or(s.Application, "(None)"), s.AppData, s.CallerNum, s.AccountCode, "", 3, s.Age/time.Second, s.Bridge, s.Uniqueid)
}

func (c *cli) verbose(s *pbx.Shown) {
	c.print(verboseRow, s.Name, s.Context, s.Exten, strconv.Itoa(s.Priority), translator.StateName(s.State), or(s.Application, "(None)"),
		or(s.AppData, "(Empty)"), s.CallerNum, clock(s.Age), s.AccountCode, "", s.Bridge)
}

func showChannel(c *cli) verdict {
	if len(c.words) != 4 {
		return usage
	}
	var s pbx.Shown
	ok := false
	if err := c.look(func(p *pbx.PBX) { s, ok = p.Channel(c.words[3]) }); err != nil {
		return c.wrong(err)
	}
	if !ok {
		c.print("%s is not a known channel\n", c.words[3])
		return success
	}
	na := func(text string) string { return or(text, "(N/A)") }
	age := int(s.Age / time.Second)
	c.print(" -- General --\n           Name: %s\n           Type: %s\n       UniqueID: %s\n       LinkedID: %s\n", s.Name, s.Kind, s.Uniqueid, s.Linkedid)
	c.print("      Caller ID: %s\n Caller ID Name: %s\n", na(s.CallerNum), na(s.CallerName))
	c.print("Connected Line ID: %s\nConnected Line ID Name: %s\n", na(s.ConnectedNum), na(s.ConnectedName))
	c.print("Eff. Connected Line ID: %s\nEff. Connected Line ID Name: %s\n", na(s.ConnectedNum), na(s.ConnectedName))
	c.print("    DNID Digits: (N/A)\n       Language: %s\n          State: %s (%d)\n", s.Language, translator.StateName(s.State), s.State)
	c.print("  NativeFormats: (slin)\n    WriteFormat: slin\n     ReadFormat: slin\n WriteTranscode: No \n  ReadTranscode: No \n")
	c.print(" Time to Hangup: %d\n   Elapsed Time: %dh%dm%ds\n      Bridge ID: %s\n", s.Limit, age/3600, age/60%60, age%60,
		or(s.Bridge, "(Not bridged)"))
	c.print(" --   PBX   --\n        Context: %s\n      Extension: %s\n       Priority: %d\n     Call Group: 0\n   Pickup Group: 0\n",
		s.Context, s.Exten, s.Priority)
	c.print("    Application: %s\n           Data: %s\n Call Identifier: (None)\n      Variables:\n", na(s.Application), or(s.AppData, "(Empty)"))
	for _, v := range s.Variables {
		c.print("%s=%s\n", v.Name, v.Value)
	}
	c.print(" -- Streams --\n")
	return success
}

func requestHangup(c *cli) verdict {
	if len(c.words) < 4 {
		return usage
	}
	var names []string
	err := c.look(func(p *pbx.PBX) {
		for _, s := range p.Channels() {
			names = append(names, s.Name)
		}
	})
	if err != nil {
		return c.wrong(err)
	}
	if strings.EqualFold(c.words[3], "all") {
		return c.hangUp(names, func(string) bool { return true }, "")
	}
	for _, word := range c.words[3:] {
		how := success
		if pattern, ok := strings.CutPrefix(word, "/"); ok && strings.HasSuffix(pattern, "/") {
			re, err := regexp.Compile("(?i)" + strings.TrimSuffix(pattern, "/"))
			if err != nil {
				c.print("%s is not a valid POSIX Extended Regular Expression: %v\n", word, err)
				continue
			}
			how = c.hangUp(names, re.MatchString, word+" did not match a known channel\n")
		} else if strings.ContainsAny(word, "?*[") {
			how = c.hangUp(names, func(name string) bool {
				fits, _ := path.Match(strings.ToLower(word), strings.ToLower(name))
				return fits
			}, word+" did not match a known channel\n")
		} else {
			how = c.hangUp(names, func(name string) bool { return strings.EqualFold(name, word) }, word+" is not a known channel\n")
		}
		if how != success {
			return how
		}
	}
	return success
}

// hangUp hangs up the channels that fit; none is what to say if none does.
func (c *cli) hangUp(names []string, fits func(string) bool, none string) verdict {
	found := false
	for _, name := range names {
		if !fits(name) {
			continue
		}
		answer, err := c.m.cfg.Driver.Ask(c.ctx, func(id uint64) pbx.Input { return pbx.Hangup{ID: id, Channel: name} })
		if err != nil {
			return c.wrong(err)
		}
		if answer.Error == "" { // else it has gone meanwhile
			c.print("Requested Hangup on channel '%s'\n", name)
			found = true
		}
	}
	if !found {
		c.out.WriteString(none)
	}
	return success
}

func originateCommand(c *cli) verdict {
	if len(c.words) < 4 {
		return usage
	}
	in := pbx.Originate{Channel: c.words[2], Priority: 1, Async: true}
	rest := append(c.words[4:], "", "")
	switch strings.ToLower(c.words[3]) {
	case "application":
		in.Application, in.Data = rest[0], rest[1]
		if in.Application == "" {
			return usage
		}
	case "extension":
		in.Exten, in.Context, _ = strings.Cut(rest[0], "@")
		in.Exten, in.Context = or(in.Exten, "s"), or(in.Context, "default")
	default:
		return usage
	}
	if !strings.Contains(in.Channel, "/") {
		c.print("*** No data provided after channel type! ***\n")
		return usage
	}
	_, err := c.m.cfg.Driver.Ask(c.ctx, func(id uint64) pbx.Input { in.ID = id; return in })
	if err != nil {
		return c.wrong(err)
	}
	return success
}

func redirectCommand(c *cli) verdict {
	if len(c.words) != 4 {
		return usage
	}
	name, dest := c.words[2], c.words[3]
	var s pbx.Shown
	known := false
	if err := c.look(func(p *pbx.PBX) { s, known = p.Channel(name) }); err != nil {
		return c.wrong(err)
	}
	if !known {
		c.print("Channel '%s' not found\n", name)
		return failure
	}
	in := pbx.Redirect{Channel: s.Name, Context: s.Context, Exten: s.Exten}
	parts := strings.Split(dest, ",")
	n, err := strconv.Atoi(strings.TrimSpace(parts[len(parts)-1]))
	ok := err == nil && n > 0 && len(parts) <= 3
	if ok {
		in.Priority = n
		if len(parts) > 1 {
			in.Exten = strings.TrimSpace(parts[len(parts)-2])
		}
		if len(parts) > 2 {
			in.Context = strings.TrimSpace(parts[0])
		}
		answer, err := c.m.cfg.Driver.Ask(c.ctx, func(id uint64) pbx.Input { in.ID = id; return in })
		if err != nil {
			return c.wrong(err)
		}
		ok = answer.Error == ""
	}
	if !ok {
		c.print("Channel '%s' failed to be redirected to %s\n", name, dest)
		return failure
	}
	c.print("Channel '%s' successfully redirected to %s\n", name, dest)
	return success
}
