package pbx

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
)

// apps are the applications, by name in lower case: Asterisk compares them so.
var apps map[string]app

func init() {
	apps = map[string]app{
		"answer": answer, "hangup": hangup, "wait": wait, "waitexten": waitExten, "ringing": indicates(frameRinging),
		"progress": indicates(frameProgress), "proceeding": indicates(frameProceeding), "busy": busy, "congestion": congestion,
		"noop": noop, "verbose": verbose, "log": logs, "set": set, "mset": mset, "goto": jump, "gotoif": jumpIf, "gotoiftime": jumpIfTime,
		"gosub": gosub, "gosubif": gosubIf, "return": returns, "stackpop": stackPop, "execif": execIf,
		"while": while, "endwhile": endWhile, "continuewhile": continueWhile, "exitwhile": exitWhile,
		"playback": playback, "background": background, "echo": echo, "musiconhold": musicOnHold, "startmusiconhold": startMusic,
		"stopmusiconhold": stopMusic, "read": read, "senddtmf": sendDTMF, "userevent": userEvent,
		"dial": dialApp, "bridgewait": bridgeWait, "park": parkApp, "parkedcall": parkedCall, "bridge": bridgeApp,
	}
}

// Apps returns the names of the applications, in lower case.
func Apps() []string { return slices.Sorted(maps.Keys(apps)) }

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// split cuts arguments at commas, as dialplan.SplitArgs.
func split(args string) []string { return dialplan.SplitArgs(args, 0) }

func splitLimit(args string, limit int) []string { return dialplan.SplitArgs(args, limit) }

// splitRaw cuts at a delimiter outside of quotes, parentheses and brackets, and leaves the parts as they are.
func splitRaw(text string, delimiter byte, limit int) (parts []string) {
	if text == "" {
		return nil
	}
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth = max(depth-1, 0)
		case c == delimiter && depth == 0 && !quoted && (limit == 0 || len(parts) < limit-1):
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
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
