package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// gradientOpset is the first opset in which gradients are written; older versions of operators have none to check.
const gradientOpset = 18

// gradTol is the relative error of a gradient against central differences.
const gradTol = 1e-6

// Elements of one input whose derivative is measured, at most.
const (
	probes      = 48
	grownProbes = 4 // of enlarged cases
)

// sizesKnown is what a gradient check tells about the sizes of the inputs.
type sizesKnown uint8

const (
	allSizes    sizesKnown = iota
	butTheFirst            // as in a model whose batch is symbolic
	noSizes
)

func (k sizesKnown) String() string {
	return [...]string{"fixed sizes", "a symbolic batch", "symbolic sizes"}[k]
}

// gradient compares the gradient of Σ sin(i+1)·y[i] with central differences in float64, with fixed sizes and with symbolic ones.
// A rule may refuse symbolic sizes other than the first input's first. It returns whether there was anything to compare.
func (c *checker) gradient(e ops.Case, opset int64, in []*graph.Tensor, probes int) bool {
	wide, ok := widen(in)
	if !ok || e.Kink {
		return false
	}
	e.In = wide
	checked := false
	for known := allSizes; known <= noSizes; known++ {
		g := &gradCheck{checker: c, e: e, opset: opset, in: present(wide), probes: probes}
		err := recovered(func() error { return g.run(known) })
		if (known == noSizes || known == butTheFirst && e.Sized) && errors.Is(err, errs.UnsupportedOp) {
			continue
		}
		if err != nil {
			c.errorf("case %s: gradient with %s: %w", e.Name, known, err)
			return true
		}
		checked = checked || g.probed
	}
	return checked
}

// widen turns floating inputs into float64; false where there are none.
func widen(in []*graph.Tensor) ([]*graph.Tensor, bool) {
	out, any := slices.Clone(in), false
	for i, t := range in {
		if t == nil || t.Kind != graph.TensorKind || t.DType != graph.Float32 && t.DType != graph.Float64 {
			continue
		}
		w, err := castTo(t, graph.Float64)
		if err != nil {
			return nil, false
		}
		out[i], any = w.Clone(), true
	}
	return out, any
}

type gradCheck struct {
	*checker
	e      ops.Case
	opset  int64
	in     []*graph.Tensor
	probes int
	probed bool
}

func (g *gradCheck) run(known sizesKnown) error {
	forward, err := g.eng.Compile(g.e.Model(g.op, g.opset), engine.Options{})
	if err != nil {
		return err
	}
	defer forward.Close()
	y, err := runPlan(forward, g.in)
	if err != nil {
		return err
	}
	if !finite(g.in) || !finite(y) {
		return nil
	}
	dx, index, err := g.backward(known, y)
	if err != nil || dx == nil {
		return err
	}
	for k, i := range index {
		if err := g.compare(forward, i, dx[k]); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

// backward returns the gradients that train makes of the inputs that may have one, nil where they have none, with the inputs' numbers.
func (g *gradCheck) backward(known sizesKnown, y []*graph.Tensor) (dx []*graph.Tensor, index []int, err error) {
	m := g.e.Model(g.op, g.opset)
	if m.Opsets[""] == 0 {
		m.Opsets[""] = ops.NewestOpset
	}
	var xs, ys, seeds []*graph.Value
	var feeds []*graph.Tensor
	var inputs []*graph.Value
	for i, v := range m.Graph.Inputs {
		if v.Type.Kind == graph.TensorKind && v.Type.DType == graph.Float64 {
			xs, index, feeds, inputs = append(xs, v), append(index, i), append(feeds, g.in[i]), append(inputs, v)
			for k := range v.Type.Shape {
				if known == noSizes || known == butTheFirst && i == 0 && k == 0 {
					v.Type.Shape[k] = graph.Sym(fmt.Sprintf("n%d_%d", i, k))
				}
			}
		} else if g.in[i].Kind == graph.TensorKind {
			v.Const = g.in[i]
			m.Graph.Initializers = append(m.Graph.Initializers, v)
		} else {
			feeds, inputs = append(feeds, g.in[i]), append(inputs, v)
		}
	}
	m.Graph.Inputs = inputs
	if err := ops.Infer(m, g.set); err != nil {
		return nil, nil, err
	}
	for i, v := range m.Graph.Outputs {
		if y[i].Kind == graph.TensorKind && y[i].DType == graph.Float64 {
			ys, seeds = append(ys, v), append(seeds, m.Graph.NewInput(fmt.Sprintf("seed%d", i), v.Type.Clone()))
			feeds = append(feeds, seedOf(y[i].Shape, i))
		}
	}
	if len(ys) == 0 {
		return nil, nil, nil
	}
	grads, err := train.Gradient(m, g.set, ys, seeds, xs, nil)
	if err != nil {
		return nil, nil, err
	}
	m.Graph.Outputs = nil
	for _, v := range grads {
		if v != nil {
			m.Graph.Outputs = append(m.Graph.Outputs, v)
		}
	}
	if err := m.Verify(); err != nil {
		return nil, nil, fmt.Errorf("the gradient's graph is broken: %w", err)
	}
	out, err := runModel(g.eng, m, feeds)
	if err != nil {
		return nil, nil, err
	}
	dx = make([]*graph.Tensor, len(grads))
	for i, v := range grads {
		if v == nil {
			continue
		}
		dx[i], out = out[0], out[1:]
		if x := g.in[index[i]]; dx[i].DType != x.DType || !slices.Equal(dx[i].Shape, x.Shape) {
			return nil, nil, fmt.Errorf("input %d is %s, its gradient is %s", index[i], x, dx[i])
		}
	}
	return dx, index, nil
}

// finite reports whether no float64 element is infinite or NaN.
func finite(values []*graph.Tensor) bool {
	for _, t := range values {
		if t == nil || t.DType != graph.Float64 {
			continue
		}
		for _, v := range graph.Data[float64](t) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

// seedOf returns sin(i+1), other phases for later outputs: a weight without symmetry.
func seedOf(shape []int64, output int) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	s := graph.Data[float64](t)
	for i := range s {
		s[i] = math.Sin(float64(i+1) + float64(output)/2)
	}
	return t
}

// compare measures derivatives of input i and compares them with dx, nil standing for zeros.
func (g *gradCheck) compare(p engine.Plan, i int, dx *graph.Tensor) error {
	x := graph.Data[float64](g.in[i])
	if len(x) == 0 {
		return nil
	}
	g.probed = true
	d := make([]float64, len(x))
	if dx != nil {
		d = graph.Data[float64](dx)
	}
	scale := 0.0
	for _, v := range d {
		scale = max(scale, math.Abs(v))
	}
	stride := (len(x) + g.probes - 1) / g.probes
	if stride > 1 {
		stride |= 1 // so that probes do not stay in one column
	}
	for k := 0; k < len(x); k += stride {
		var n float64
		good := false
		for _, h := range []float64{1e-3, 1e-4, 1e-5} {
			var err error
			if n, err = g.derivative(p, x, k, h*max(1, math.Abs(x[k]))); err != nil {
				return err
			}
			if good = math.Abs(d[k]-n) <= gradTol*max(math.Abs(n), 0.01*scale, 1e-3); good {
				break
			}
		}
		if !good {
			return fmt.Errorf("element %d: got %.9g want %.9g by central differences", k, d[k], n)
		}
	}
	return nil
}

// derivative is the central difference of fourth order of the seeded sum in x[k].
func (g *gradCheck) derivative(p engine.Plan, x []float64, k int, h float64) (float64, error) {
	old := x[k]
	defer func() { x[k] = old }()
	var at [4]float64
	for j, step := range []float64{-2, -1, 1, 2} {
		x[k] = old + step*h
		y, err := runPlan(p, g.in)
		if err != nil {
			return 0, err
		}
		at[j] = weigh(y)
	}
	return (at[0] - 8*at[1] + 8*at[2] - at[3]) / (12 * h), nil
}

// weigh returns Σ sin(i+1)·y[i] over the float64 outputs.
func weigh(y []*graph.Tensor) float64 {
	sum := 0.0
	for k, t := range y {
		if t.Kind != graph.TensorKind || t.DType != graph.Float64 {
			continue
		}
		for i, v := range graph.Data[float64](t) {
			sum += math.Sin(float64(i+1)+float64(k)/2) * v
		}
	}
	return sum
}

func runPlan(p engine.Plan, in []*graph.Tensor) ([]*graph.Tensor, error) {
	out := make([]*graph.Tensor, len(p.Outputs()))
	return out, p.Run(context.Background(), in, nil, out)
}
