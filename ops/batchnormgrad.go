package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// BatchNormGrad(X, dY, scale, bias, mean, var) → dX, dScale, dBias is the adjoint of BatchNormalization in training: of images
// (N, C, ...) with the mean and the population variance of the batch. With h = (X - mean)/√(var + epsilon), over N and space,
//
//	dBias = Σ dY    dScale = Σ dY·h    dX = scale/√(var + epsilon)·(dY - mean(dY) - h·mean(dY·h))
//
// Where activation is "Relu" or "LeakyRelu", dY is the gradient of what that makes of the normalised images, scale·h + bias, and
// passes it first.
var _ = fused.Define(Op{
	Name: "BatchNormGrad", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if err := batchActivation(c.Node); err != nil {
			return nil, err
		}
		for i := 2; i < 6; i++ {
			if err := checkVector(c, i); err != nil {
				return nil, err
			}
		}
		t, err := MergeTypes(c.Type(0), c.Type(1))
		return []*graph.Type{t.Clone(), c.Type(2).Clone(), c.Type(3).Clone()}, err
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		if err := batchActivation(n); err != nil {
			panic(err)
		}
		g := newNormGrad(b, n.In[0], n.In[4], n.In[5], n.Attrs.Float("epsilon", 1e-5))
		d, y := n.In[1], b.Add(b.Mul(g.away, b.Mul(g.channel(n.In[2]), g.inverse)), g.channel(n.In[3]))
		switch n.Attrs.Str("activation", "") {
		case "Relu":
			d = b.Where(b.Op("Greater", nil, y, b.Like(y, 0)), d, b.Like(d, 0))
		case "LeakyRelu":
			low := b.Mul(d, b.Like(d, float64(n.Attrs.Float("alpha", 0.01))))
			d = b.Where(b.Op("Greater", nil, y, b.Like(y, 0)), d, low)
		}
		dScale, dBias := g.sums(d)
		return []*graph.Value{g.input(d, n.In[2], dScale, dBias), b.Reshape(dScale, -1), b.Reshape(dBias, -1)}
	},
	Shaped: true,
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		plain  epsilon=0.0  [2 1 2] 1 3 5 7  [2 1 2] 1 0 0 0  [1] 5  [1] 0  [1] 4  [1] 5
			->  [2 1 2] 0.67082039 -0.89442719 -0.22360680 0.44721360  [1] -1.3416408  [1] 1
		relu   epsilon=0.0 activation="Relu"  [2 1 2] 1 3 5 7  [2 1 2] 1 0 0 2  [1] 1  [1] 0  [1] 4  [1] 5
			->  [2 1 2] 0.17888544 -0.08944272 -0.35777088 0.26832816  [1] 2.6832816  [1] 2
		leaky  epsilon=0.0 activation="LeakyRelu" alpha=0.5
			[3 2] 1 0 3 2 8 4  [3 2] 2 1 1 1 1 3  [2] 1 1  [2] 0 5  [2] 4 2  [2] 8.6666667 2.6666667
			->  [3 2] 0.07621095 0.20412415 -0.10669534 -0.40824829 0.03048438 0.20412415  [2] 0.16984156 2.4494897  [2] 2.5 5
		other  activation="Tanh"  [1 1] 1  [1 1] 1  [1] 1  [1] 1  [1] 1  [1] 1  ->  error "Tanh"`,
})

func batchActivation(n *graph.Node) error {
	switch a := n.Attrs.Str("activation", ""); a {
	case "", "Relu", "LeakyRelu":
		return nil
	default:
		return fmt.Errorf("activation is %q, want Relu, LeakyRelu or none", a)
	}
}

// normGrad writes gradients of a batch normalisation. Vectors by channel are (C, 1, ...).
type normGrad struct {
	*Builder
	x, away, inverse *graph.Value // away is x - mean, inverse 1/√(variance + ε)
	column, spatial  []int64      // the shape of a vector by channel; the axes of space
}

// newNormGrad takes the mean and the variance by channel, nil: those of x.
func newNormGrad(b *Builder, x, mean, variance *graph.Value, epsilon float32) *normGrad {
	rank := x.Type.Rank()
	if rank < 2 {
		panic("ops: the gradient of BatchNormalization needs an input (N, C, ...) of known rank")
	}
	g := &normGrad{Builder: b, x: x, column: []int64{-1}}
	for i := 2; i < rank; i++ {
		g.column, g.spatial = append(g.column, 1), append(g.spatial, int64(i))
	}
	if mean != nil {
		g.away = b.Sub(x, g.channel(mean))
		variance = g.channel(variance)
	} else {
		g.away = b.Sub(x, g.mean(g.total(x)))
		variance = g.mean(g.total(b.Mul(g.away, g.away)))
	}
	g.inverse = b.Op("Reciprocal", nil, b.Op("Sqrt", nil, b.Add(variance, b.Like(x, float64(epsilon)))))
	return g
}

func (g *normGrad) channel(v *graph.Value) *graph.Value {
	return g.Reshape(g.CastLike(v, g.x), g.column...)
}

// total sums over space, then over the images.
func (g *normGrad) total(v *graph.Value) *graph.Value {
	if len(g.spatial) > 0 {
		v = g.Op("ReduceSum", graph.Attrs{"keepdims": 1}, v, g.Ints(g.spatial...))
	}
	return g.Op("ReduceSum", graph.Attrs{"keepdims": 0}, v, g.Ints(0))
}

// mean divides totals by the elements of a channel.
func (g *normGrad) mean(total *graph.Value) *graph.Value {
	return g.Div(total, g.CastLike(g.Div(g.Op("Size", nil, g.x), g.Op("Size", nil, total)), g.x))
}

// sums are the gradients of scale and bias. The mean is taken from x before sums are made, not after: far beyond the deviation it would
// cancel.
func (g *normGrad) sums(d *graph.Value) (dScale, dBias *graph.Value) {
	return g.Mul(g.inverse, g.total(g.Mul(d, g.away))), g.total(d)
}

// input is the gradient of x.
func (g *normGrad) input(d, scale, dScale, dBias *graph.Value) *graph.Value {
	factor := g.Mul(g.channel(scale), g.inverse)
	slope := g.Op("Neg", nil, g.Mul(g.Mul(factor, g.inverse), g.mean(dScale)))
	shift := g.Op("Neg", nil, g.Mul(factor, g.mean(dBias)))
	return g.Add(g.Mul(factor, d), g.affine(g.away, slope, shift))
}

// affine is slope·x + shift by channel: a normalisation that has nothing to normalise is one node for it.
func (g *normGrad) affine(x, slope, shift *graph.Value) *graph.Value {
	channels := x.Type.Shape[1]
	if !channels.Known() || x.Type.DType != graph.Float32 {
		return g.Add(g.Mul(slope, x), shift)
	}
	vector := func(v float32) *graph.Value {
		t := graph.NewTensor(graph.Float32, channels.Size)
		for i := range graph.Data[float32](t) {
			graph.Data[float32](t)[i] = v
		}
		return g.Const(t)
	}
	slope, shift = g.Reshape(slope, -1), g.Reshape(shift, -1)
	return g.Op("BatchNormalization", graph.Attrs{"epsilon": float32(0)}, x, slope, shift, vector(0), vector(1))
}
