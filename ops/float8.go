package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// smallFloat is a floating format of at most eight bits: a sign, exponent and mantissa fields.
// Sources: Micikevicius et al. 2022 (arXiv:2209.05433), Noune et al. 2022 (arXiv:2206.02915), the OCP microscaling formats.
type smallFloat struct {
	exponent, mantissa int
	bias               int
	inf                bool // has infinities; largest exponent is for them and NaN
	unsigned0          bool // the code of -0 is the only NaN (the FNUZ formats)
	nan                byte // code of NaN without sign; 0: the format has none
	limit              float64
}

var float8Formats = map[graph.DType]smallFloat{
	graph.Float8E4M3FN:   {exponent: 4, mantissa: 3, bias: 7, nan: 0x7f, limit: 448},
	graph.Float8E4M3FNUZ: {exponent: 4, mantissa: 3, bias: 8, nan: 0x80, unsigned0: true, limit: 240},
	graph.Float8E5M2:     {exponent: 5, mantissa: 2, bias: 15, nan: 0x7f, inf: true, limit: 57344},
	graph.Float8E5M2FNUZ: {exponent: 5, mantissa: 2, bias: 16, nan: 0x80, unsigned0: true, limit: 57344},
}

var float4Format = smallFloat{exponent: 2, mantissa: 1, bias: 1, limit: 6}

func (f smallFloat) decode(c byte) float64 {
	signBit := byte(1) << (f.exponent + f.mantissa)
	e := int(c>>f.mantissa) & (1<<f.exponent - 1)
	m := int(c) & (1<<f.mantissa - 1)
	s := 1.0
	if c&signBit != 0 {
		s = -1
	}
	switch {
	case f.unsigned0 && c == f.nan, !f.unsigned0 && !f.inf && f.nan != 0 && c&^signBit == f.nan:
		return math.NaN()
	case f.inf && e == 1<<f.exponent-1 && m == 0:
		return math.Inf(int(s))
	case f.inf && e == 1<<f.exponent-1:
		return math.NaN()
	case e == 0:
		return s * math.Ldexp(float64(m), 1-f.bias-f.mantissa)
	}
	return s * math.Ldexp(float64(m|1<<f.mantissa), e-f.bias-f.mantissa)
}

// encode rounds to nearest, ties to even. Beyond the limit it saturates, or gives infinity, or NaN where there is none.
func (f smallFloat) encode(x float64, saturate bool) byte {
	signBit := byte(1) << (f.exponent + f.mantissa)
	var s byte
	if math.Signbit(x) {
		s = signBit
	}
	if x != x {
		if f.unsigned0 {
			return f.nan
		}
		return s | f.nan
	}
	a := math.Abs(x)
	exp := max(math.Ilogb(a), 1-f.bias)
	q := math.RoundToEven(math.Ldexp(a, f.mantissa-exp))
	if a == 0 {
		q = 0
	}
	if v := math.Ldexp(q, exp-f.mantissa); v > f.limit || math.IsInf(a, 1) {
		switch {
		case saturate && (!math.IsInf(a, 1) || !f.inf || saturate):
			return s | f.largest()
		case f.inf:
			return s | byte((1<<f.exponent-1)<<f.mantissa)
		case f.unsigned0:
			return f.nan
		}
		return s | f.nan
	}
	if q == 0 {
		if f.unsigned0 {
			return 0
		}
		return s
	}
	if q >= float64(int(2)<<f.mantissa) {
		q, exp = q/2, exp+1
	}
	if q < float64(int(1)<<f.mantissa) {
		return s | byte(q)
	}
	return s | byte((exp+f.bias)<<f.mantissa) | byte(int(q)&(1<<f.mantissa-1))
}

// largest is the code of the largest finite number.
func (f smallFloat) largest() byte {
	top := byte(1<<(f.exponent+f.mantissa) - 1)
	switch {
	case f.inf:
		return byte((1<<f.exponent-1)<<f.mantissa) - 1
	case f.nan == top:
		return top - 1
	}
	return top
}

func decodeE8M0(c byte) float64 {
	if c == 0xff {
		return math.NaN()
	}
	return math.Ldexp(1, int(c)-127)
}

// encodeE8M0 keeps the exponent alone, rounded by the rule's mode.
func encodeE8M0(x float64, rule castRule) byte {
	if x != x {
		return 0xff
	}
	a := math.Abs(x)
	if math.IsInf(a, 1) {
		if rule.saturate {
			return 0xfe
		}
		return 0xff
	}
	if a == 0 {
		return 0
	}
	m, e := math.Frexp(a) // a = m·2^e, m in [1/2, 1)
	e--
	switch {
	case m == 0.5:
	case rule.mode == "up", rule.mode == "nearest" && m >= 0.75:
		e++
	}
	c := e + 127
	switch {
	case c < 0:
		return 0
	case c <= 0xfe:
		return byte(c)
	case rule.saturate:
		return 0xfe
	}
	return 0xff
}
