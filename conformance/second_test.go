package conformance_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// TestSecondDerivatives differentiates gradients again: with y the output, g the gradient of Σ sin(i+1)·y[i] and t
// fixed numbers, the derivative of Σ t·g in every input agrees with central differences of g.
func TestSecondDerivatives(t *testing.T) {
	one := func(op string, attrs graph.Attrs) func(*ops.Builder, []*graph.Value) *graph.Value {
		return func(b *ops.Builder, x []*graph.Value) *graph.Value { return b.Op(op, attrs, x...) }
	}
	for _, c := range []struct {
		name   string
		build  func(b *ops.Builder, x []*graph.Value) *graph.Value
		shapes [][]int64
	}{
		{"Mul", one("Mul", nil), [][]int64{{2, 3}, {3}}},
		{"Div", one("Div", nil), [][]int64{{2, 3}, {3}}},
		{"Tanh", one("Tanh", nil), [][]int64{{5}}},
		{"Sigmoid", one("Sigmoid", nil), [][]int64{{5}}},
		{"Exp", one("Exp", nil), [][]int64{{5}}},
		{"Softplus", one("Softplus", nil), [][]int64{{5}}},
		{"Gelu", one("Gelu", nil), [][]int64{{5}}},
		{"MatMul", one("MatMul", nil), [][]int64{{2, 2, 3}, {3, 2}}},
		{"Gemm", one("Gemm", graph.Attrs{"transB": 1}), [][]int64{{2, 3}, {2, 3}, {2}}},
		{"Einsum", one("Einsum", graph.Attrs{"equation": "ij,kj->ki"}), [][]int64{{2, 3}, {2, 3}}},
		{"Conv", one("Conv", nil), [][]int64{{1, 2, 4}, {2, 2, 3}, {2}}},
		{"Conv strided", one("Conv", graph.Attrs{"strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}),
			[][]int64{{1, 1, 4, 4}, {2, 1, 3, 3}}},
		{"Conv 3-D", one("Conv", nil), [][]int64{{1, 1, 3, 2, 2}, {1, 1, 2, 2, 1}}},
		{"ConvTranspose", one("ConvTranspose", graph.Attrs{"strides": []int64{2}}), [][]int64{{1, 2, 3}, {2, 1, 2}}},
		{"Softmax", one("Softmax", nil), [][]int64{{2, 4}}},
		{"LogSoftmax", one("LogSoftmax", nil), [][]int64{{2, 4}}},
		{"LayerNormalization", one("LayerNormalization", nil), [][]int64{{2, 4}, {4}, {4}}},
		{"InstanceNormalization", one("InstanceNormalization", nil), [][]int64{{1, 2, 5}, {2}, {2}}},
		{"GroupNormalization", one("GroupNormalization", graph.Attrs{"num_groups": 1}), [][]int64{{2, 2, 3}, {2}, {2}}},
		{"ReduceMean", func(b *ops.Builder, x []*graph.Value) *graph.Value {
			return b.Op("ReduceMean", nil, b.Op("Tanh", nil, x[0]), b.Ints(1))
		}, [][]int64{{2, 3}}},
		{"ReduceLogSumExp", func(b *ops.Builder, x []*graph.Value) *graph.Value {
			return b.Op("ReduceLogSumExp", nil, x[0], b.Ints(1))
		}, [][]int64{{2, 3}}},
		{"AveragePool", func(b *ops.Builder, x []*graph.Value) *graph.Value {
			return b.Op("AveragePool", graph.Attrs{"kernel_shape": []int64{2}}, b.Op("Exp", nil, x[0]))
		}, [][]int64{{1, 1, 4}}},
		{"Gather", func(b *ops.Builder, x []*graph.Value) *graph.Value {
			return b.Op("Gather", nil, b.Op("Sin", nil, x[0]), b.Ints(0, 2, 0))
		}, [][]int64{{3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := newTwice(c.build, c.shapes).check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// twice is a graph with its gradient.
type twice struct {
	m     *graph.Model
	xs    []*graph.Value
	x     []*graph.Tensor
	feeds []*graph.Tensor // of all inputs: x and the seed
	grads []*graph.Value  // nil: no gradient
	err   error
}

// waves returns numbers without symmetry.
func waves(shape []int64, phase float64) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range graph.Data[float64](t) {
		graph.Data[float64](t)[i] = 1.2 * math.Sin(0.7+1.3*float64(i*i+i)+phase)
	}
	return t
}

func newTwice(build func(*ops.Builder, []*graph.Value) *graph.Value, shapes [][]int64) *twice {
	w := &twice{m: &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{}}}
	for i, s := range shapes {
		x := waves(s, float64(i))
		w.x = append(w.x, x)
		w.xs = append(w.xs, w.m.Graph.NewInput(fmt.Sprintf("x%d", i), graph.TypeOf(x)))
	}
	y := build(ops.NewBuilder(w.m.Graph, ops.Standard(), w.m.Opsets), w.xs)
	dy := w.m.Graph.NewInput("dy", y.Type.Clone())
	w.feeds = append(append(w.feeds, w.x...), waves(y.Type.Sizes(), 3))
	w.grads, w.err = train.Gradient(w.m, ops.Standard(), []*graph.Value{y}, []*graph.Value{dy}, w.xs, nil)
	return w
}

// check compares the two second derivatives.
func (w *twice) check() error {
	if w.err != nil {
		return w.err
	}
	want, scale := make([][]float64, len(w.x)), 0.0
	for i, x := range w.x {
		for k := range graph.Data[float64](x) {
			d, err := w.difference(graph.Data[float64](x), k)
			if err != nil {
				return err
			}
			want[i], scale = append(want[i], d), max(scale, math.Abs(d))
		}
	}
	var g, seeds []*graph.Value
	feeds := w.feeds
	for i, v := range w.grads {
		g, seeds = append(g, v), append(seeds, w.m.Graph.NewInput(fmt.Sprintf("t%d", i), v.Type.Clone()))
		feeds = append(feeds, weights(w.x[i].Shape, i))
	}
	second, err := train.Gradient(w.m, ops.Standard(), g, seeds, w.xs, nil)
	if err != nil {
		return err
	}
	w.m.Graph.Outputs = nil
	for _, v := range second {
		if v != nil {
			w.m.Graph.Outputs = append(w.m.Graph.Outputs, v)
		}
	}
	if err := w.m.Verify(); err != nil {
		return err
	}
	got, err := runReference(w.m, feeds)
	if err != nil {
		return err
	}
	for i, v := range second {
		var d *graph.Tensor // nil: zeros
		if v != nil {
			d, got = got[0], got[1:]
		}
		if err := near(d, want[i], 1e-6, scale); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

// weights are the t of gradient i.
func weights(shape []int64, i int) *graph.Tensor { return waves(shape, 5+float64(i)) }

// difference is the central difference of fourth order of Σ t·g in x[k].
func (w *twice) difference(x []float64, k int) (float64, error) {
	const h = 1e-3
	old := x[k]
	defer func() { x[k] = old }()
	var at [4]float64
	for j, step := range []float64{-2, -1, 1, 2} {
		x[k] = old + step*h
		w.m.Graph.Outputs = w.grads
		g, err := runReference(w.m, w.feeds)
		if err != nil {
			return 0, err
		}
		for i, d := range g {
			t := graph.Data[float64](weights(d.Shape, i))
			for e, v := range graph.Data[float64](d) {
				at[j] += t[e] * v
			}
		}
	}
	return (at[0] - 8*at[1] + 8*at[2] - at[3]) / (12 * h), nil
}
