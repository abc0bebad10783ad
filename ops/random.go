package ops

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/astronnx/astronnx/graph"
)

// sourceOf returns the generator of a node that draws random numbers: PCG with the node's seed, so that every run draws
// the same, or with another seed for each run where the node has none.
func sourceOf(n *graph.Node) *rand.Rand {
	if n.Attrs.Has("seed") {
		return rand.New(rand.NewPCG(uint64(math.Float32bits(n.Attrs.Float("seed", 0))), 0))
	}
	return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
}

// drawing returns a node's way to draw one number from r.
type drawing func(n *graph.Node, r *rand.Rand) func() float64

// noiseLike defines an operator whose output has the shape of its input and, without a dtype, its element type.
func noiseLike(op Op, draw drawing) Op {
	op.Infer = func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if d := graph.DType(c.Node.Attrs.Int("dtype", 0)); t != nil && d != 0 {
			t.DType = d
		}
		return []*graph.Type{t}, nil
	}
	op.Eval = func(c *Call) ([]*graph.Tensor, error) {
		d := graph.DType(c.Node.Attrs.Int("dtype", int64(c.In[0].DType)))
		return noise(c, d, c.In[0].Shape, draw)
	}
	op.NoGrad, op.Grow = "only the shape of its input is used", Fixed
	return op
}

// noiseOf defines an operator whose output has the shape of an attribute.
func noiseOf(op Op, draw drawing) Op {
	op.Infer = func(c *Inference) ([]*graph.Type, error) {
		shape := c.Node.Attrs.Ints("shape", nil)
		if _, ok := graph.NumElements(shape); !ok {
			return nil, fmt.Errorf("shape %v", shape)
		}
		dims := make([]graph.Dim, len(shape))
		for i, d := range shape {
			dims[i] = graph.D(d)
		}
		return []*graph.Type{graph.TensorType(noiseType(c.Node), dims...)}, nil
	}
	op.Eval = func(c *Call) ([]*graph.Tensor, error) {
		return noise(c, noiseType(c.Node), c.Node.Attrs.Ints("shape", nil), draw)
	}
	op.NoGrad, op.Grow = "it has no inputs", Fixed
	return op
}

func noiseType(n *graph.Node) graph.DType {
	return graph.DType(n.Attrs.Int("dtype", int64(graph.Float32)))
}

func noise(c *Call, d graph.DType, shape []int64, draw drawing) ([]*graph.Tensor, error) {
	switch d {
	case graph.Float16, graph.BFloat16, graph.Float32, graph.Float64:
	default:
		return nil, fmt.Errorf("random numbers as %s, want a floating type", d)
	}
	y, err := outputOf(c, d, shape)
	if err != nil {
		return nil, err
	}
	next := draw(c.Node, sourceOf(c.Node))
	var stop error
	err = storeFloats(y, int(y.Len()), func(i int) float64 {
		if i%cheap == 0 && stop == nil {
			stop = c.Err()
		}
		if stop != nil {
			return 0
		}
		return next()
	}, castRule{})
	return []*graph.Tensor{y}, cmp.Or(err, stop)
}

// uniform draws from [low, high).
func uniform(n *graph.Node, r *rand.Rand) func() float64 {
	low, high := float64(n.Attrs.Float("low", 0)), float64(n.Attrs.Float("high", 1))
	return func() float64 { return low + (high-low)*r.Float64() }
}

// normal draws from the normal distribution.
func normal(n *graph.Node, r *rand.Rand) func() float64 {
	mean, scale := float64(n.Attrs.Float("mean", 0)), float64(n.Attrs.Float("scale", 1))
	return func() float64 { return mean + scale*r.NormFloat64() }
}
