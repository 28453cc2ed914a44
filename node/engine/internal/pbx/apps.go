package pbx

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apps are the applications, by name in lower case: Asterisk compares them so.
var apps map[string]app

func init() {
	apps = map[string]app{
		"answer": answer, "hangup": hangup, "wait": wait, "waitexten": waitExten, "ringing": indicates(frameRinging),
		"progress": indicates(frameProgress), "proceeding": indicates(frameProceeding), "busy": busy, "congestion": congestion,
		"noop": noop, "verbose": noop, "log": noop, "set": set, "mset": mset, "goto": jump, "gotoif": jumpIf, "gosub": gosub, "gosubif": gosubIf,
		"return": back, "execif": execIf, "while": while, "endwhile": endWhile,
		"playback": playback, "background": background, "echo": echo, "musiconhold": musicOnHold, "startmusiconhold": startMusic,
		"stopmusiconhold": stopMusic, "read": read, "senddtmf": sendDTMF, "userevent": userEvent,
		"dial": dialApp, "bridgewait": bridgeWait, "park": parkApp, "parkedcall": parkedCall, "bridge": bridgeApp,
	}
}

// Apps returns the names of the applications, in lower case.
func Apps() []string { return slices.Sorted(maps.Keys(apps)) }

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// split cuts arguments at commas, but not within quotes and parentheses; quotes go, and a backslash keeps what follows.
func split(args string) []string {
	if args == "" {
		return nil
	}
	var out []string
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(args); i++ {
		switch c := args[i]; {
		case c == '\\' && i+1 < len(args):
			i++
			b.WriteByte(args[i])
		case c == '"':
			quoted = !quoted
		case c == ',' && depth == 0 && !quoted:
			out = append(out, b.String())
			b.Reset()
		default:
			if !quoted && (c == '(' || c == '[') {
				depth++
			} else if !quoted && depth > 0 && (c == ')' || c == ']') {
				depth--
			}
			b.WriteByte(c)
		}
	}
	return append(out, b.String())
}

// at returns an argument, empty if there are not so many.
func at(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

// seconds reads a number of seconds, of which there may be a fraction.
func seconds(s string) (d time.Duration, ok bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || f < 0 || f > 1e7 {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// secondsOr reads a number of seconds, or else gives the fallback.
func secondsOr(s string, fallback time.Duration) time.Duration {
	if d, ok := seconds(s); ok {
		return d
	}
	return fallback
}
