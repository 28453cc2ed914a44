package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// nodePattern is "node" or "site/node".
var nodePattern = regexp.MustCompile(`^([A-Za-z0-9_-]{1,63}/)?[A-Za-z0-9_-]{1,63}$`)

// ownSetting takes what only amibus has in a user's section. A word that is wrong is an error: most of these restrict the user, and
// nobody may see or do more than was meant.
func (l *managerLoader) ownSetting(s *stanza, o setting, u *User) bool {
	switch strings.ToLower(o.name) {
	case "scope":
		u.Scope = Scope(l.word(s, o, "cluster", "site", "node"))
	case "nodes":
		l.nodes(s, o, u)
	case "actions":
		l.actions(s, o, u)
	case "lifecycle":
		if o.value != "all" {
			l.bad(s, o, "%q is not all", o.value)
		}
		u.Lifecycle = o.value == "all"
	case "eventid":
		u.EventID = l.yesOrNo(s, o)
	case "order":
		u.Arrival = l.word(s, o, "merged", "arrival") == 1
	case "endings":
		u.Endings = l.yesOrNo(s, o)
	case "ambiguous":
		u.AmbiguousOwn = l.word(s, o, "error", "own") == 1
	default:
		return false
	}
	return true
}

// word is the index of the value in words, or 0 when it is none of them.
func (l *managerLoader) word(s *stanza, o setting, words ...string) int {
	i := slices.Index(words, o.value)
	if i < 0 {
		l.bad(s, o, "%q is neither %s nor %s", o.value, strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
	}
	return max(i, 0)
}

func (l *managerLoader) yesOrNo(s *stanza, o setting) bool {
	yes := isTrue(o.value)
	if !yes && !isFalse(o.value) {
		l.bad(s, o, "%q is neither yes nor no", o.value)
	}
	return yes
}

// nodes may be given several times; the lists add up.
func (l *managerLoader) nodes(s *stanza, o setting, u *User) {
	for name := range strings.SplitSeq(o.value, ",") {
		name = strings.TrimSpace(name)
		if !nodePattern.MatchString(name) {
			l.bad(s, o, "%q is neither the name of a node nor site/node", name)
		} else if !slices.Contains(u.Nodes, name) {
			u.Nodes = append(u.Nodes, name)
		}
	}
}

// actions may be given several times; the lists add up. An unknown name may be an action that a module of the Asterisk adds, so it
// counts, but it may be a typing error too.
func (l *managerLoader) actions(s *stanza, o setting, u *User) {
	if u.Actions == nil {
		u.Actions = map[string]bool{}
	}
	for name := range strings.SplitSeq(o.value, ",") {
		name = strings.TrimSpace(name)
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			l.bad(s, o, "%q is not the name of an action", name)
			continue
		}
		u.Actions[strings.ToLower(name)] = true
		if near, known := knownAction(name); !known {
			l.warn(s, o, "no Asterisk of itself has the action %s; did you mean %s?", name, near)
		}
	}
}

// ownActions are those that only amibus has.
var ownActions = []string{"ClusterNodes", "ClusterOwner", "ClusterReload", "EventCursor"}

// knownAction tells whether there is such an action, and else which name is the nearest.
func knownAction(name string) (nearest string, known bool) {
	best := -1
	names := slices.Clone(ownActions)
	for _, a := range ami.Actions() {
		names = append(names, a.Name)
	}
	for _, n := range names {
		d := distance(strings.ToLower(n), strings.ToLower(name))
		if best < 0 || d < best {
			nearest, best = n, d
		}
	}
	return nearest, best == 0
}

// distance is the number of bytes to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
