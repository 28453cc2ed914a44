package filter

import (
	"regexp/syntax"
	"unicode"
)

// What an expression may spell out to, to be compared as text.
const (
	maxLiterals = 64
	maxLiteral  = 256 // bytes each
)

// reduce finds a comparison that matches the same as the expression, if the texts it describes can be spelled out.
func reduce(re *syntax.Regexp) (test, bool) {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	front, back := false, false // anchored
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		front, parts = true, parts[1:]
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		back, parts = true, parts[:len(parts)-1]
	}
	// What may be empty at an open end adds nothing.
	for !front && len(parts) > 0 && idle(parts[0]) {
		parts = parts[1:]
	}
	for !back && len(parts) > 0 && idle(parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	all, ok := spellAll(parts)
	if !ok {
		return test{}, false
	}
	t := test{method: methodContains}
	switch {
	case front && back:
		t.method = methodExact
	case front:
		t.method = methodStarts
	case back:
		t.method = methodEnds
	}
	for _, s := range all {
		if s == "" && t.method != methodExact {
			return test{method: methodNone}, true // everything contains it
		}
		t.literals = append(t.literals, []byte(s))
	}
	return t, true
}

// idle says that the expression may be empty wherever it stands.
func idle(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpQuest, syntax.OpEmptyMatch:
		return true
	}
	return false
}

// spell lists what the expression matches, if that is little.
func spell(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		return spellRunes(re)
	case syntax.OpCharClass:
		return spellClass(re.Rune)
	case syntax.OpCapture:
		return spell(re.Sub[0])
	case syntax.OpQuest:
		all, ok := spell(re.Sub[0])
		return append(all, ""), ok && len(all) < maxLiterals
	case syntax.OpConcat:
		return spellAll(re.Sub)
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			some, ok := spell(sub)
			if all = append(all, some...); !ok || len(all) > maxLiterals {
				return nil, false
			}
		}
		return all, true
	}
	return nil, false
}

// spellAll lists what the expressions match one behind the other.
func spellAll(parts []*syntax.Regexp) ([]string, bool) {
	all := []string{""}
	for _, part := range parts {
		tails, ok := spell(part)
		if !ok || len(all)*len(tails) > maxLiterals {
			return nil, false
		}
		if all, ok = product(all, tails); !ok {
			return nil, false
		}
	}
	return all, true
}

func product(heads, tails []string) ([]string, bool) {
	all := make([]string, 0, len(heads)*len(tails))
	for _, h := range heads {
		for _, t := range tails {
			if len(h)+len(t) > maxLiteral {
				return nil, false
			}
			all = append(all, h+t)
		}
	}
	return all, true
}

// spellRunes: Go's parser makes [Ee] a literal E of either case.
func spellRunes(re *syntax.Regexp) ([]string, bool) {
	all := []string{""}
	for _, r := range re.Rune {
		either := []string{string(r)}
		for c := unicode.SimpleFold(r); re.Flags&syntax.FoldCase != 0 && c != r; c = unicode.SimpleFold(c) {
			either = append(either, string(c))
		}
		if r >= invalid || len(all)*len(either) > maxLiterals {
			return nil, false
		}
		ok := false
		if all, ok = product(all, either); !ok {
			return nil, false
		}
	}
	return all, true
}

func spellClass(ranges []rune) (all []string, ok bool) {
	for i := 0; i < len(ranges); i += 2 {
		from, to := ranges[i], ranges[i+1]
		if to >= invalid || int(to-from)+len(all) >= maxLiterals {
			return nil, false
		}
		for r := from; r <= to; r++ {
			all = append(all, string(r))
		}
	}
	return all, true
}

// needed is the longest text that is in all that matches, as far as the form of the expression shows.
func needed(re *syntax.Regexp) []byte {
	switch re.Op {
	case syntax.OpLiteral:
		if all, ok := spellRunes(re); ok && len(all) == 1 {
			return []byte(all[0])
		}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpConcat:
		var longest []byte
		for _, sub := range re.Sub {
			if l := needed(sub); len(l) > len(longest) {
				longest = l
			}
		}
		return longest
	}
	return nil
}
