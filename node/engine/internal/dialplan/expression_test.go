package dialplan

import (
	"strings"
	"testing"
)

// TestExpressions: the results are those of Asterisk 22's own parser.
func TestExpressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"   ", ""}, {"1", "1"}, {"007", "007"}, {"abc", "abc"}, {`"a b"`, `"a b"`},
		// Arithmetic: 64 bits of mantissa, 18 digits.
		{"1+2", "3"}, {"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"10 - 2 - 3", "5"}, {"10/3", "3.33333333333333333"}, {"0.1+0.2", "0.3"},
		{"7 % 4", "3"}, {"-7 % 4", "-3"}, {"-4%2", "-0"}, {"-0.5 % 0.1", "-0.1"}, {"9223372036854775807 + 1", "9.22337203685477581e+18"},
		{"18446744073709551615 % 123456789012345678", "51682510870045593"}, {"1/0", "2147483647"}, {"1 % 0", "0"}, {"-3", "-3"}, {"--3", "3"},
		{"2 * -3", "-6"}, {"1000000 * 1000000", "1000000000000"}, {"6/2", "3"},
		// What is no number.
		{"abc + 1", "1"}, {"1 + abc", "1"}, {"abc - 1", "-1"}, {"abc - 0", "0"}, {"abc * 2", "0"}, {"2 / abc", "2147483647"}, {"-abc", "0"},
		// Logic gives an operand.
		{"0 | 5", "5"}, {"3 | 5", "3"}, {"3 & 5", "3"}, {"0 & 5", "0"}, {"3 || 0", "3"}, {"3 && 5", "3"}, {`"" | 7`, `""`}, {"007 | 0", "7"},
		{"!0", "1"}, {"!7", "0"}, {"!abc", "1"}, {"!0.5", "1"}, {`!""`, "1"},
		// Comparison: by number if both are, else by text, quotes and all.
		{"1 = 1.0", "1"}, {`"1" = 1`, "0"}, {"abc = abc", "1"}, {`"abc" = abc`, "0"}, {"10 > 9", "1"}, {`"10" > "9"`, "0"}, {"a < b", "1"},
		{"1 != 2", "1"}, {"2 >= 2", "1"}, {"2 <= 1", "0"}, {"1 == 1", "1"}, {"1 = 1 & 2 = 2", "1"}, {"1 < 2 < 3", "1"},
		// Regular expressions.
		{`"123abc" : "[0-9]+"`, "3"}, {`"123abc" : "([0-9]+)"`, "123"}, {`"abc" : "b"`, "0"}, {`"abc" =~ "b"`, "1"}, {`"abc" =~ "(b.)"`, "bc"},
		{`"abc" =~ "(x)"`, ""}, {`"abc" =~ "x"`, "0"}, {`"12" : "(.)" + 5`, "6"}, {`"abc" =~ "ab|abc"`, "3"}, {`"a" =~ "["`, ""},
		{`"Sim/100-1" =~ "^Sim/([0-9]+)"`, "100"}, {`"x" =~ "\x"`, "1"}, {`"a b" ~~ "c"`, "a bc"}, {`1 ~~ 2`, "12"}, {"- 3 : 3", "-1"},
		// Choice.
		{"1 ? 2 :: 3", "2"}, {"0 ? 2 :: 3", "3"}, {`"" ? 2 :: 3`, "3"}, {"abc ? yes :: no", "yes"}, {"1 ? 0 ? a :: b :: c", "b"},
		{"1 ? 2 :: 3 ? 4 :: 5", "4"},
		// Functions of mathematics.
		{"ABS(-3)", "3"}, {"SQRT(2)", "1.41421356237309505"}, {"POW(2,10)", "1024"}, {"FLOOR(2.7)", "2"}, {"CEIL(2.1)", "3"}, {"ROUND(2.5)", "3"},
		{"RINT(2.5)", "2"}, {"TRUNC(-2.7)", "-2"}, {"REMAINDER(7,4)", "-1"}, {"LOG10(1000)", "3"}, {"ABS(9223372036854775807)", "9.22337203685477581e+18"},
		{"SQRT(1,2)", "0"}, {"foo(1)", "0"}, {"NOPE(1)", "0"},
		// Functions of the dialplan.
		{"LEN(abcd) + 1", "5"}, {"NEGATIVE() = 3", "0"}, {"NEGATIVE(1) + 1", "-4"}, {"WORD(1)", "abc"},
		// Syntax errors: what was complete before, or 0.
		{"1 +", "0"}, {"(1", "0"}, {"1 2", "1"}, {"1 + 2 ) 5", "3"}, {"* 3", ""}, {"1 ? 2", "0"}, {"1 , 2", "1"}, {"1 ? 2 : 3", "0"},
		{"[1]", "1"}, {"{ 1 + 1 }", "2"},
	} {
		env := newEnv()
		env.functions["NEGATIVE(1)"] = "-5"
		env.functions["WORD(1)"] = "abc"
		if got := Substitute(env, "$["+c.in+"]"); got != c.want {
			t.Errorf("$[%s] is %q, want %q (%s)", c.in, got, c.want, env.warned())
		}
	}
}

func TestExpressionWarns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"1 +", "syntax error"}, {"1 2", "syntax error"}, {"1/0", "division by zero"}, {"a*1", "non-numeric"}, {"-a", "non-numeric"},
		{`"a" =~ "("`, "regcomp() error"}, {`"a" =~ "((((a{100}){100}){100}){100})"`, "regcomp() error"}, {"EXP10(5000)", "overflow"},
		{"NOPE(1)", "Function NOPE not registered"}, {"SIN()", "syntax error"}, {"SIN(1,2)", "Wrong args"},
		{strings.Repeat("9", 4000) + "*" + strings.Repeat("9", 60), ""},
	} {
		env := newEnv()
		Substitute(env, "$["+c.in+"]")
		if got := env.warned(); !strings.Contains(got, c.want) {
			t.Errorf("$[%s] warns %q, want %q", c.in, got, c.want)
		}
	}
}

// TestNumberOverflow: beyond what a long double holds there is a warning, and no panic.
func TestNumberOverflow(t *testing.T) {
	t.Parallel()
	n, _ := parseNumber("1" + strings.Repeat("0", 4000))
	m, overflow := n.multiply(n)
	if !overflow || !m.zero() {
		t.Errorf("10^8000 is %v, overflow %v", m, overflow)
	}
	small, _ := whole(1).divide(n)
	if tiny, overflow := small.multiply(small); overflow || !tiny.zero() {
		t.Errorf("10^-8000 is %v, overflow %v", tiny, overflow)
	}
	if _, ok := parseNumber(strings.Repeat("9", 5000)); ok {
		t.Error("5,000 digits are a number")
	}
}
