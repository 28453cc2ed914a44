package dialplan

import (
	"math"
	"math/big"
)

// mathFunction has one argument, or two.
type mathFunction struct {
	one func(float64) float64
	two func(a, b float64) float64
}

// mathFunctions calculate with 53 bits (exact says where not), the C library's with 64: the digits behind the 16th differ.
var mathFunctions = map[string]mathFunction{
	"ABS": {one: math.Abs}, "COS": {one: math.Cos}, "SIN": {one: math.Sin}, "TAN": {one: math.Tan}, "ACOS": {one: math.Acos},
	"ASIN": {one: math.Asin}, "ATAN": {one: math.Atan}, "SQRT": {one: math.Sqrt}, "FLOOR": {one: math.Floor}, "CEIL": {one: math.Ceil},
	"ROUND": {one: math.Round}, "RINT": {one: math.RoundToEven}, "TRUNC": {one: math.Trunc}, "EXP": {one: math.Exp},
	"EXP2": {one: math.Exp2}, "EXP10": {one: func(v float64) float64 { return math.Pow(10, v) }}, "LOG": {one: math.Log},
	"LOG2": {one: math.Log2}, "LOG10": {one: math.Log10}, "ATAN2": {two: math.Atan2}, "POW": {two: math.Pow},
	"REMAINDER": {two: math.Remainder},
}

func (p *parser) math(name string, f mathFunction, args []value) value {
	want := 1
	if f.two != nil {
		want = 2
	}
	if len(args) != want {
		p.warn("Wrong args to %s() function", name)
		return numberValue(whole(0))
	}
	in := make([]number, want)
	for i := range args {
		if args[i].number() {
			in[i] = args[i].n
		}
	}
	if n, ok := exact(name, in[0]); ok {
		return numberValue(n)
	}
	if f.two != nil {
		return p.checked(fromFloat64(f.two(in[0].float64(), in[1].float64())))
	}
	return p.checked(fromFloat64(f.one(in[0].float64())))
}

// exact calculates what needs no floating point, and what is there for more bits.
func exact(name string, n number) (number, bool) {
	switch name {
	case "ABS":
		if n.compare(number{}) < 0 {
			n = n.negate()
		}
		return n, true
	case "FLOOR", "CEIL", "ROUND", "RINT", "TRUNC":
		return n, n.f == nil
	case "SQRT":
		if n.compare(number{}) > 0 {
			n, _ = float(new(big.Float).SetPrec(mantissa).Sqrt(n.big()))
			return n, true
		}
	}
	return n, false
}
