package filter_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/amibus/amibus/proto/ami/filter"
)

// program answers each pair of pattern and text, both with their length before them: E (regcomp refuses), 1 or 0.
const program = `
#include <locale.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
static char *get(void) {
	unsigned char n[4];
	if (fread(n, 1, 4, stdin) != 4) exit(0);
	size_t len = n[0] | n[1] << 8 | n[2] << 16;
	char *s = calloc(1, len + 1);
	if (fread(s, 1, len, stdin) != len) exit(1);
	return s;
}
int main(void) {
	if (!setlocale(LC_ALL, "C.UTF-8")) return 2;
	for (;;) {
		char *pattern = get(), *text = get(), out = 'E';
		regex_t re;
		if (!regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB)) {
			out = regexec(&re, text, 0, NULL, 0) == 0 ? '1' : '0';
			regfree(&re);
		}
		putchar(out);
		fflush(stdout);
		free(pattern);
		free(text);
	}
}
`

// clib is the regular expressions of the C library, in the locale that Asterisk sets.
type clib struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func newCLib(t testing.TB) *clib {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("SKIPPED: no C compiler (cc), so nothing is compared with regcomp and regexec of the C library")
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "re.c"), filepath.Join(dir, "re")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-o", binary, source).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: the C compiler does not work, so nothing is compared with the C library: %v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	c := &clib{bufio.NewWriter(in), bufio.NewReader(out)}
	if _, err := c.try("a", "a"); err != nil {
		t.Skip("SKIPPED: the C library has no locale C.UTF-8, so nothing is compared with it")
	}
	if r, _ := c.try("(a)\\1", "aa"); r != '1' {
		t.Skip("SKIPPED: the C library is not that of GNU, so nothing is compared with it")
	}
	return c
}

func (c *clib) try(pattern, text string) (byte, error) {
	for _, s := range []string{pattern, text} {
		c.in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
		io.WriteString(c.in, s)
	}
	c.in.Flush()
	return c.out.ReadByte()
}

// compare fails unless Legacy refuses what regcomp refuses and the filter matches what regexec matches, but for what doc.go lists.
func (c *clib) compare(pattern, text string) (known string, err error) {
	want, err := c.try(pattern, text)
	if err != nil {
		return "", err
	}
	f, ferr := filter.Legacy(pattern)
	switch {
	case ferr != nil && !errors.Is(ferr, filter.ErrCompile):
		return "", ferr
	case ferr != nil && want == 'E':
		return "refused", nil
	case ferr != nil:
		for _, s := range []string{"back-reference", `\<`, `\>`, "unrolls", "up to 1000", "invalid repeat count", "nesting depth"} {
			if strings.Contains(ferr.Error(), s) {
				return s, nil
			}
		}
		if strings.Contains(ferr.Error(), "ASCII characters") && !utf8.ValidString(pattern) {
			return "range", nil
		}
		return "", fmt.Errorf("%q: %v, but the C library takes it", pattern, ferr)
	case want == 'E':
		return "", fmt.Errorf("%q is taken, but the C library refuses it", pattern)
	}
	if got := filter.None().With(f).Pass(0, []byte("E"), []byte(text)); got != (want == '1') {
		if boundary.MatchString(pattern) && !ascii(text) {
			return "word boundary", nil
		}
		if inner.MatchString(strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")) {
			return "anchor inside", nil // where the C library has bugs: (a|$)b{2} and [^x]^, which takes a line end for a beginning
		}
		return "", fmt.Errorf("%q on %q: %v, but the C library says %c", pattern, text, got, want)
	}
	return string(want), nil
}

// TestRegexAsCLibrary: what a legacy filter takes and matches is what the C library takes and matches.
//
//ami:same 8.5
func TestRegexAsCLibrary(t *testing.T) {
	t.Parallel()
	c := newCLib(t)
	texts := []string{"", "a", "b", "ab", "aab", "a\r\nb\r\n\r\n", "a]b", "a\\b", "^a", "a$", "a{1}", "a}", ")", "a-b", "foo_bar baz",
		"é", "Zoë", "aéb", "a\xe9b", "\xff", "Event: Hangup\r\nCause: 16\r\n\r\n", "n", "d", "w", "  ", "a\tb", "a:b", "[a]", "+", "|"}
	for _, pattern := range patterns {
		for _, text := range texts {
			if _, err := c.compare(pattern, text); err != nil {
				t.Error(err)
			}
		}
	}
	r := random(t)
	counts := map[string]int{}
	for range 25_000 {
		pattern := randomPattern(r)
		for slow.MatchString(pattern) && inner.MatchString(pattern) {
			pattern = randomPattern(r)
		}
		known, err := c.compare(pattern, randomText(r))
		if err != nil {
			t.Fatal(err)
		}
		counts[known]++
	}
	t.Log(counts)
	if counts["anchor inside"] > 100 {
		t.Errorf("%d patterns with an anchor inside match otherwise than in the C library", counts["anchor inside"])
	}
	if counts["1"] < 2500 || counts["0"] < 2500 || counts["refused"] < 2500 {
		t.Errorf("%v: the corpus is one-sided", counts)
	}
}

var patterns = []string{
	"a", "^a", "a$", "^$", "^", "$", ".", "a.b", "a*", "*", "*a", "+a", "?", "^*", "a|*", "(*a)", "{1}", "a|{1}", "({1})",
	"^{1}", "$*", `\b*`, `\<*`, "a**", "a*+", "a+?", "a{2}{2}", "a||b", "|", "|a", "a|", "()", "(|a)", "(a|)", "()*", "(^)*b",
	"a)", ")", "(", "(a", "a(b", "a{", "a{1", "a{1}", "a{,2}b", "a{,}", "a{}", "a{1,}", "a{2,1}", "a{x}", "a{1,x}", "a{1,2,3}",
	"a{0}", "a{0}b", "a{0,0}b", "}", "a}", "a{255}", "a{1000}", "a{40000}", `a{1\}`, "()", "a{01}", "a{001,0002}", "[", "[]",
	"[]]", "[]a]", "[^]a]", "[^]", "[a", "[a-", "[a-]", "[-a]", "[a-c-e]", "[--/]", "[+--]", "[a--]", "[z-a]", "[a-a]", "[^-a]",
	"[^a-]", `[\]]`, `[\a]`, `[\-a]`, "[[:alpha:]]", "[^[:alpha:]]", "[[:foo:]]", "[[:alpha:]", "[[:alpha]", "[[:]", "[[.a.]]",
	"[[.a.]-c]", "[[.-.]]", "[[.hyphen.]]", "[[=a=]]", "[[=a=]-c]", "[a-[:alpha:]]", "[a-[=b=]]", "[a-[.c.]]", "[[:alpha:]-z]",
	"[[:digit:][:space:]]", "[[=]=]]", "[[.].]]", "[[a]", "[[]", "[a[]", "[.a.]", "[:a:]", "[=a=]", "[[=é=]]", "[[.é.]]", "[é]",
	"[^é]", "[à-ü]", "[a-é]", "[[:upper:]]", "[[:lower:]]+$", "[[:punct:]]", "[[:print:]]", "[[:graph:]]", "[[:cntrl:]]",
	"[[:blank:]]", "[[:xdigit:]]", "[[:alnum:]]", `\w`, `\W`, `\s`, `\S`, `\w+\W\w+`, `\bfoo`, `\Bo`, `\<foo`, `foo_bar\>`,
	`\<a\>`, "\\`a", `b\'`, `\'`, "a\\`", `\`, `a\`, `\\`, `\.`, `\n`, `\d`, `\(`, `\{`, `\|`, `\}`, `\1`, `(a)\1`, `\9`, `\0`,
	"a.*b", "a.b", "(ab|a)b", "Event: (Hangup|Newchannel)", "Event: Hangup.*Cause: 16", "Cause: 16\r\n", "^Event: Hangup",
	".*Event: Hangup.*", "\xe9", "[\xe9]", "[^\xe9]", "a\xe9b", "a[^x]b", "[Ee]vent", "[Kk]", "a^b", "a$b", "(^a|b$)", "(a*)+",
	"(a+|b*)*c?", "((((a))))", "x*", "\r\n\r\n$", "a{1}*", "(a{3}){2}", "[[.a.]-[.c.]]", "[%--]", "[a-z-]", "[]-a]", "[^]-a]",
	"[a-]]", "[[.-.]-z]", "[--]", "[---]", "[-]", "[^-]", "[a\\-z]",
}

// randomPattern is random text of what means something, or random brackets, alternatives and repeats.
func randomPattern(r *rand.Rand) string {
	tokens := []string{
		"a", "b", "a", "b", "_", " ", "-", ":", "1", ",", "é", "\xe9", ".", "*", "+", "?", "{", "}", "{2}", "{,1}", "{1,}",
		"(", ")", "|", "^", "$", "[", "]", "[^", "[a-b]", "[:alpha:]", "[:", "[=a=]", "[.", ".]", `\`, `\w`, `\W`, `\s`, `\S`,
		`\b`, `\B`, `\<`, `\>`, "\\`", `\'`, `\1`, "=", "\r\n",
	}
	var b strings.Builder
	for range 1 + r.IntN(8) {
		b.WriteString(tokens[r.IntN(len(tokens))])
	}
	if r.IntN(2) == 0 {
		return strings.TrimLeft(b.String(), "!")
	}
	return randomTerm(r, 3)
}

func randomTerm(r *rand.Rand, depth int) string {
	if depth == 0 || r.IntN(4) == 0 {
		leaves := []string{
			"a", "b", "ab", ".", "[ab]", "[^a]", "[[:space:]]", `\w`, `\W`, "é", "_", "^", "$", " ", `\b`, `\B`,
			`\<a`, `b\>`, "[é-ü]", "[b\xe9]", "()",
		}
		return leaves[r.IntN(len(leaves))]
	}
	switch a := randomTerm(r, depth-1); r.IntN(6) {
	case 0:
		return "(" + a + "|" + randomTerm(r, depth-1) + ")"
	case 1:
		return a + "|" + randomTerm(r, depth-1)
	case 2:
		return "(" + a + ")" + []string{"*", "+", "?", "{2}", "{0,2}", "{1,}"}[r.IntN(6)]
	default:
		return a + randomTerm(r, depth-1)
	}
}

func randomText(r *rand.Rand) string {
	parts := []string{"a", "b", "a", "b", "ab", "_", " ", "\r\n", "é", "1", "-", ":", "ü", "]", "\\"}
	if r.IntN(4) == 0 {
		parts = append(parts, "\xe9", "\xff")
	}
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

var boundary = regexp.MustCompile(`\\[bB<>]`)

var inner = regexp.MustCompile("[$^]|\\\\[bB<>`']")

// slow, with an anchor inside, may keep the C library busy for minutes.
var slow = regexp.MustCompile(`[)][*+?{]`)

// ascii is here for the word boundaries, which only know ASCII.
func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
