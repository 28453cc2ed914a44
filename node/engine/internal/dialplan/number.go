package dialplan

import (
	"math"
	"math/big"
	"strconv"
)

// number is what expressions calculate with: C's long double. Most are whole and small, and stay an int64; the others have its 64 bits
// of mantissa. One whose exponent a long double does not have is 0.
type number struct {
	i int64
	f *big.Float // set: the number is not an int64, or is -0
}

const (
	mantissa    = 64
	maxExponent = 16384
)

func whole(i int64) number { return number{i: i} }

func float(f *big.Float) (n number, overflow bool) {
	switch exponent := f.MantExp(nil); {
	case f.IsInf() || exponent > maxExponent:
		return number{}, true
	case exponent < -maxExponent:
		return number{}, false
	}
	if i, exact := f.Int64(); exact == big.Exact && (i != 0 || !f.Signbit()) {
		return whole(i), false
	}
	return number{f: f}, false
}

// parseNumber reads the number that a text of digits and points begins with.
func parseNumber(s string) (n number, ok bool) {
	end, point := 0, false
	for ; end < len(s); end++ {
		if s[end] == '.' && !point {
			point = true
		} else if s[end] < '0' || s[end] > '9' {
			break
		}
	}
	s = s[:end]
	if !point {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return whole(i), true
		}
	}
	f, _, err := big.ParseFloat(s, 10, mantissa, big.ToNearestEven)
	if err != nil {
		return number{}, true // "." alone: nothing is 0 for strtold
	}
	n, overflow := float(f)
	return n, !overflow
}

func fromFloat64(v float64) (n number, overflow bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return number{}, true
	}
	f, _, _ := big.ParseFloat(strconv.FormatFloat(v, 'g', -1, 64), 10, mantissa, big.ToNearestEven)
	return float(f)
}

func (n number) big() *big.Float {
	if n.f != nil {
		return n.f
	}
	return new(big.Float).SetPrec(mantissa).SetInt64(n.i)
}

func (n number) float64() float64 {
	v, _ := n.big().Float64()
	return v
}

func (n number) zero() bool { return n.f == nil && n.i == 0 || n.f != nil && n.f.Sign() == 0 }

func (n number) compare(m number) int {
	if n.f == nil && m.f == nil {
		switch {
		case n.i < m.i:
			return -1
		case n.i > m.i:
			return 1
		}
		return 0
	}
	return n.big().Cmp(m.big())
}

// append writes the number as printf's %.18Lg does.
func (n number) append(dst []byte) []byte {
	const exact = 1_000_000_000_000_000_000
	if n.f == nil && -exact < n.i && n.i < exact {
		return strconv.AppendInt(dst, n.i, 10)
	}
	return n.big().Append(dst, 'g', 18)
}

func (n number) String() string { return string(n.append(nil)) }

func (n number) add(m number) (number, bool) {
	if sum := n.i + m.i; n.f == nil && m.f == nil && (sum > n.i) == (m.i > 0) {
		return whole(sum), false
	}
	return float(new(big.Float).SetPrec(mantissa).Add(n.big(), m.big()))
}

func (n number) negate() number {
	if n.f == nil && n.i != 0 && n.i != math.MinInt64 {
		return whole(-n.i)
	}
	negated, _ := float(new(big.Float).SetPrec(mantissa).Neg(n.big()))
	return negated
}

func (n number) multiply(m number) (number, bool) {
	if n.f == nil && m.f == nil && n.i != 0 && m.i != 0 && n.i != math.MinInt64 && m.i != math.MinInt64 {
		if product := n.i * m.i; product/m.i == n.i {
			return whole(product), false
		}
	}
	return float(new(big.Float).SetPrec(mantissa).Mul(n.big(), m.big()))
}

// divide needs m not to be 0.
func (n number) divide(m number) (number, bool) {
	if n.f == nil && m.f == nil && n.i != 0 && m.i != -1 && n.i%m.i == 0 {
		return whole(n.i / m.i), false
	}
	return float(new(big.Float).SetPrec(mantissa).Quo(n.big(), m.big()))
}

// remainder is fmod, with the sign of n; it needs m not to be 0.
func (n number) remainder(m number) (number, bool) {
	if n.f == nil && m.f == nil {
		r := int64(0)
		if m.i != -1 {
			r = n.i % m.i
		}
		if r == 0 && n.i < 0 {
			return whole(0).negate(), false
		}
		return whole(r), false
	}
	scale := mantissa - min(n.big().MantExp(nil), m.big().MantExp(nil)) // both are whole with that many bits more
	a, b := scaled(n.big(), scale), scaled(m.big(), scale)
	r := new(big.Float).SetPrec(mantissa).SetInt(a.Rem(a, b))
	if r.SetMantExp(r, -scale); n.big().Signbit() && r.Sign() == 0 {
		r.Neg(r)
	}
	return float(r)
}

func scaled(f *big.Float, bits int) *big.Int {
	i, _ := new(big.Float).SetMantExp(f, bits).Int(nil)
	return i
}
