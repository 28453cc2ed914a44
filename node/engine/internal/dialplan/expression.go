package dialplan

import (
	"errors"
	"strings"
)

// valueKind is what Asterisk's expressions tell apart: a number that was calculated, a text that looks like one, any other text.
type valueKind int

const (
	kindText valueKind = iota
	kindNumeric
	kindNumber
)

type value struct {
	kind valueKind
	s    string
	n    number
}

func numberValue(n number) value { return value{kind: kindNumber, n: n} }

func boolValue(b bool) value {
	if b {
		return numberValue(whole(1))
	}
	return numberValue(whole(0))
}

// textValue is a text that came out of an operator: digits and points look like a number.
func textValue(s string) value {
	if s != "" && strings.Trim(s, "0123456789.") == "" {
		return value{kind: kindNumeric, s: s}
	}
	return value{kind: kindText, s: s}
}

// number turns what looks like one into a number.
func (v *value) number() bool {
	switch v.kind {
	case kindText:
		return false
	case kindNumeric:
		n, ok := parseNumber(v.s)
		if !ok {
			return false
		}
		*v = numberValue(n)
	}
	return true
}

func (v value) text() string {
	if v.kind == kindNumber {
		return v.n.String()
	}
	return v.s
}

// null is what | and & take for false.
func (v *value) null() bool {
	if v.kind != kindNumber && v.s == "" {
		return true
	}
	return v.number() && v.n.zero()
}

var errSyntax = errors.New("syntax error")

// binding is how strongly a binary operator binds, the ternary "?" the weakest; 0 is none.
func binding(op string) int {
	switch op {
	case "?":
		return 1
	case "|":
		return 2
	case "&":
		return 3
	case "=", "!=", "<", ">", "<=", ">=":
		return 4
	case "+", "-":
		return 5
	case "*", "/", "%":
		return 6
	case ":", "=~", "~~":
		return 8
	}
	return 0
}

// levelUnary lies between "*" and ":".
const levelUnary = 7

// maxNesting bounds the parser's own depth.
const maxNesting = 1000

// expression appends what "$[…]" is. After a syntax error it is what was complete before, as in Asterisk: 0 if something was left open.
func (e *evaluator) expression(dst []byte, s string) []byte {
	p := parser{eval: e, rest: s, full: s}
	p.next()
	if p.tok.end {
		return dst
	}
	begins := p.begins()
	v, err := p.expr(1)
	if err != nil || !p.tok.end {
		e.env.Warn("ast_yyerror(): syntax error in expression '" + s + "'")
	}
	switch {
	case !begins:
		return dst
	case err != nil:
		return append(dst, '0')
	}
	if v.kind == kindNumber {
		return v.n.append(dst)
	}
	return append(dst, v.s...)
}

type parser struct {
	eval  *evaluator
	tok   token
	rest  string
	full  string
	depth int
}

func (p *parser) next() { p.tok, p.rest = nextToken(p.rest) }

// begins reports whether an operand may begin here.
func (p *parser) begins() bool {
	switch p.tok.op {
	case "", "(", "-", "!":
		return true
	}
	return false
}

// expr reads operands and the operators between them that bind at least as strongly as level.
func (p *parser) expr(level int) (value, error) {
	if p.depth++; p.depth > maxNesting || !p.eval.step() {
		return value{}, errSyntax
	}
	defer func() { p.depth-- }()
	left, err := p.operand()
	for err == nil {
		op := p.tok.op
		own := binding(op)
		if own < level || own == 0 {
			return left, nil
		}
		p.next()
		if op == "?" {
			left, err = p.choice(left)
			continue
		}
		var right value
		if right, err = p.expr(own + 1); err == nil {
			left = p.binary(op, left, right)
		}
	}
	return value{}, err
}

// choice reads what follows "condition ?".
func (p *parser) choice(condition value) (value, error) {
	whenTrue, err := p.expr(1)
	if err != nil {
		return value{}, err
	}
	if p.tok.op != "::" {
		return value{}, errSyntax
	}
	p.next()
	whenFalse, err := p.expr(2)
	if err == nil && truth(condition) {
		return whenTrue, nil
	}
	return whenFalse, err
}

func truth(v value) bool {
	if v.kind == kindText {
		return v.s != "" && v.s != `""` && v.s != "0"
	}
	return !v.number() || !v.n.zero()
}

func (p *parser) operand() (value, error) {
	t := p.tok
	p.next()
	switch t.op {
	case "":
		if t.end {
			return value{}, errSyntax
		}
		if p.tok.op == "(" {
			return p.call(t.text)
		}
		return value{kind: t.kind, s: t.text}, nil
	case "(":
		v, err := p.expr(1)
		if err == nil && p.tok.op != ")" {
			err = errSyntax
		}
		p.next()
		return v, err
	case "-", "!":
		v, err := p.expr(levelUnary)
		if err != nil {
			return v, err
		}
		if t.op == "!" {
			return complement(v), nil
		}
		return p.negate(v), nil
	}
	return value{}, errSyntax
}

// call reads "NAME(args)", with calculated arguments.
func (p *parser) call(name string) (value, error) {
	var args []value
	for {
		p.next() // "(" or ","
		if len(args) > 0 && (p.tok.op == "," || p.tok.op == ")") {
			args = append(args, value{})
		} else {
			v, err := p.expr(1)
			if err != nil {
				return v, err
			}
			args = append(args, v)
		}
		switch p.tok.op {
		case ",":
		case ")":
			p.next()
			return p.function(name, args), nil
		default:
			return value{}, errSyntax
		}
	}
}

// function calls one of mathematics, else one of the dialplan.
func (p *parser) function(name string, args []value) value {
	if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" {
		p.warn("Error! '%s' is not possibly a function name!", name)
		return numberValue(whole(0))
	}
	if f, ok := mathFunctions[name]; ok {
		return p.math(name, f, args)
	}
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.text()
	}
	var buf [64]byte
	dst, ok := p.eval.read(buf[:0], name, strings.Join(texts, ","))
	if !ok {
		return numberValue(whole(0))
	}
	return functionValue(string(dst))
}

// functionValue: what a function of the dialplan gives may be negative, too.
func functionValue(s string) value {
	if strings.Trim(s, "-0123456789. \t") != "" {
		return textValue(s)
	}
	trimmed := strings.TrimLeft(s, " \t")
	negative := strings.HasPrefix(trimmed, "-")
	n, _ := parseNumber(strings.TrimPrefix(trimmed, "-"))
	if negative {
		n = n.negate()
	}
	return numberValue(n)
}
