package ops

import (
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Pow is a to the power b with broadcasting, in the type of a.
// https://onnx.ai/onnx/operators/onnx__Pow.html
var _ = define(Op{
	Name: "Pow", Since: 7,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		a, e := c.Type(0).Clone(), c.Type(1).Clone()
		if a == nil || e == nil {
			return nil, nil
		}
		e.DType = a.DType
		t, err := broadcastAll([]*graph.Type{a, e})
		return []*graph.Type{t}, err
	},
	Eval: powEval,
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		a, e := n.In[0], n.In[1]
		power := b.Op("CastLike", nil, e, a)
		lower := b.Sub(power, b.Like(a, 1))
		if !nowhereZero(ConstantOf(e)) {
			// a^0 is 1 for all a, so its slope at 0 is 0 and not 0·∞.
			zero := b.Like(a, 0)
			lower = b.Where(b.Op("Equal", nil, power, zero), zero, lower)
		}
		da := b.Mul(dy[0], b.Mul(power, b.Op("Pow", nil, a, lower)))
		// Where a is 0 the logarithm is not used: 0^e has no slope in e for e > 0, as in PyTorch.
		zero := b.Op("Equal", nil, a, b.Like(a, 0))
		log := b.Op("Log", nil, b.Where(zero, b.Like(a, 1), a))
		return []*graph.Value{da, b.Op("CastLike", nil, b.Mul(dy[0], b.Mul(n.Out[0], log)), e)}
	},
	Cases: `
		nothing !kink f64[2] 0 3  f64[2] 0 0  ->  f64[2] 1 1
		squares [3] 1 2 3  [] 2  ->  [3] 1 4 9
		ints i32[2] 2 3  i32[2] 10 2  ->  i32[2] 1024 9
		mixed [2] 2 4  i64[2] 3 -1  ->  [2] 8 0.25`,
})

// nowhereZero reports whether t is known and no element is 0.
func nowhereZero(t *graph.Tensor) bool {
	if t == nil {
		return false
	}
	wide, err := castTensor(t, graph.Float64)
	return err == nil && !slices.Contains(graph.Data[float64](wide), 0)
}

// powEval takes an exponent of any real type; integer powers of integers are exact modulo their width.
func powEval(c *Call) ([]*graph.Tensor, error) {
	if c.In[0].DType != c.In[1].DType {
		e, err := castTensor(c.In[1], c.In[0].DType)
		if err != nil {
			return nil, err
		}
		if !c.In[1].DType.IsInt() && c.In[0].DType.IsInt() {
			return powThroughFloat(c)
		}
		d := *c
		d.In = []*graph.Tensor{c.In[0], e}
		c = &d
	}
	return pairs{Float: math.Pow, Int: intPow, Uint: func(a, b uint64) uint64 { return uint64(intPow(int64(a), int64(b))) }}.eval()(c)
}

// powThroughFloat raises integers to fractional powers and truncates.
func powThroughFloat(c *Call) ([]*graph.Tensor, error) {
	a, err := castTensor(c.In[0], graph.Float64)
	if err != nil {
		return nil, err
	}
	e, err := castTensor(c.In[1], graph.Float64)
	if err != nil {
		return nil, err
	}
	d := *c
	d.In, d.New = []*graph.Tensor{a, e}, nil
	y, err := pairs{Float: math.Pow}.eval()(&d)
	if err != nil {
		return nil, err
	}
	y[0], err = castTensor(y[0], c.In[0].DType)
	return y, err
}

func intPow(a, e int64) int64 {
	if e < 0 {
		switch a {
		case 1:
			return 1
		case -1:
			return 1 - 2*(e&1)
		}
		return 0
	}
	y := int64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			y *= a
		}
		a *= a
	}
	return y
}
