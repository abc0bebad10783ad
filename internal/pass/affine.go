package pass

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// cancels is how much larger than a standard deviation a mean may be before x·factor + shift would lose digits of x.
const cancels = 8

// Affine writes what is left of BatchNormalization with constant parameters and an input of known rank as a product and a sum,
// before which the mean is subtracted where it is so large that the sum would cancel.
var Affine = Pass{"affine", func(m *graph.Model, set *ops.Set) (changes []string, err error) {
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	for _, n := range find(m.Graph, "BatchNormalization") {
		a, mean, ok := affineOf(m, n)
		x := n.In[0]
		if !ok || x.Type.Rank() < 1 || x.Type.Rank() == 1 && len(mean) != 1 || !x.Type.DType.IsFloat() {
			continue
		}
		what := label(m.Graph, n)
		dims := slices.Repeat([]int64{1}, max(1, x.Type.Rank()-1))
		if x.Type.Rank() > 1 {
			dims[0] = int64(len(mean))
		}
		param := func(name string, v []float64) *graph.Value {
			t, castErr := cast(graph.FromSlice(v, dims...), x.Type.DType)
			if castErr != nil {
				err = fmt.Errorf("%s: %w", what, castErr)
				t = graph.NewTensor(x.Type.DType, dims...)
			}
			p := b.Param(n.Out[0].Name+name, t)
			t.Name = p.Name
			return p
		}
		replaced := b.Replace(n, func() []*graph.Value {
			y, shift := x, slices.Clone(a.shift)
			if slices.ContainsFunc(mean, func(v float64) bool { return v != 0 }) && largest(mean, a.factor) > cancels {
				y = b.Sub(y, param(".mean", mean))
				for c := range shift {
					shift[c] += mean[c] * a.factor[c]
				}
			}
			return []*graph.Value{b.Add(b.Mul(y, param(".scale", a.factor)), param(".shift", shift))}
		})
		if err == nil {
			err = replaced
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, what+" written as a product and a sum")
	}
	return changes, nil
}}

// largest returns the greatest |x·y|.
func largest(x, y []float64) (most float64) {
	for i := range x {
		most = max(most, math.Abs(x[i]*y[i]))
	}
	return most
}

// affine is y = factor·x + shift by channel.
type affine struct{ factor, shift []float64 }

// affineOf returns what an inference BatchNormalization does, false if its parameters are not constant or give no finite numbers.
func affineOf(m *graph.Model, n *graph.Node) (a affine, mean []float64, ok bool) {
	if n.Attrs.Bool("training_mode", false) || !n.Attrs.Bool("spatial", true) || len(n.Out) > 1 || len(n.In) != 5 {
		return a, nil, false
	}
	var p [4][]float64 // scale, bias, mean, variance
	for i := range p {
		p[i] = float64s(constant(m, n.In[i+1]))
		if len(p[i]) == 0 || len(p[i]) != len(p[0]) {
			return a, nil, false
		}
	}
	epsilon := float64(n.Attrs.Float("epsilon", 1e-5))
	a.factor, a.shift = make([]float64, len(p[0])), make([]float64, len(p[0]))
	for c := range a.factor {
		a.factor[c] = p[0][c] / math.Sqrt(p[3][c]+epsilon)
		a.shift[c] = p[1][c] - p[2][c]*a.factor[c]
		if s := a.factor[c] + a.shift[c]; math.IsNaN(s) || math.IsInf(s, 0) {
			return a, nil, false
		}
	}
	return a, p[2], true
}
