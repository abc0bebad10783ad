package export

import (
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// active reports whether p changes values.
func (p Input) active() bool {
	return p.Fill != nil || p.Factor != 0 || p.Transform != "" || len(p.Offset) > 0 || len(p.Scale) > 0
}

func (p Output) active() bool { return p.Exp || len(p.Scale) > 0 || len(p.Offset) > 0 }

// preprocess puts p between input v and what reads it. The nodes stand first in the graph.
func preprocess(m *graph.Model, set *ops.Set, v *graph.Value, p Input) error {
	if p.active() {
		if err := processable("input", v); err != nil {
			return err
		}
	}
	if v.Type.Rank() >= 0 {
		if err := p.check(v.Type.Sizes()); err != nil {
			return errs.New(errs.Input, "input %q: %w", v.Name, err)
		}
	}
	if !p.active() {
		return nil
	}
	readers := slices.Clone(v.Uses())
	nodes := m.Graph.Nodes
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	m.Graph.Nodes = nil
	z := p.build(b, v)
	m.Graph.Nodes = append(m.Graph.Nodes, nodes...)
	for _, u := range readers {
		u.Node.SetIn(u.Index, z)
	}
	return nil
}

func (p Input) build(b *ops.Builder, x *graph.Value) *graph.Value {
	z := x
	// Without a transform the factor goes into the other constants: one subtraction first, so that nothing is lost where a large
	// offset is taken off, then one product.
	inner, outer := orOne(p.Factor), 1.0
	if p.Transform == "" {
		inner, outer = 1, inner
	}
	if p.Transform == Asinh {
		inner /= orOne(p.Softening)
	}
	if inner != 1 {
		z = b.Mul(z, constant(b, x, []float64{inner}))
	}
	switch p.Transform {
	case Log:
		z = b.Op("Log", nil, z)
	case Asinh:
		z = b.Op("Asinh", nil, z)
	}
	if offset := each(p.Offset, func(v float64) float64 { return v / outer }); !all(offset, 0) {
		z = b.Sub(z, constant(b, x, offset))
	}
	scale := p.Scale
	if len(scale) == 0 {
		scale = []float64{1}
	}
	if scale = each(scale, func(v float64) float64 { return outer / v }); !all(scale, 1) {
		z = b.Mul(z, constant(b, x, scale))
	}
	if p.Fill == nil {
		return z
	}
	fill := constant(b, x, []float64{*p.Fill})
	if p.Map.Unseen == nil {
		return b.Where(b.Op("IsNaN", nil, x), fill, z)
	}
	mark := *p.Map.Unseen
	away := b.Op("Abs", nil, b.Sub(x, constant(b, x, []float64{mark})))
	valid := b.Op("Greater", nil, away, constant(b, x, []float64{markTolerance * math.Abs(mark)})) // NaN compares false
	return b.Where(valid, z, fill)
}

// postprocess puts p between output i of the graph and its reader. The output keeps its name.
func postprocess(m *graph.Model, set *ops.Set, i int, p Output) error {
	y := m.Graph.Outputs[i]
	if p.active() {
		if err := processable("output", y); err != nil {
			return err
		}
	}
	if y.Type.Rank() >= 0 {
		if err := p.check(y.Type.Sizes()); err != nil {
			return errs.New(errs.Input, "output %q: %w", y.Name, err)
		}
	}
	if !p.active() {
		return nil
	}
	if n, _ := y.Producer(); n == nil {
		return errs.New(errs.Input, "output %q is not computed: an input or constant cannot be post-processed", y.Name)
	}
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	name := y.Name
	y.Name = b.Name(name + "_network")
	x := y
	if len(p.Scale) > 0 {
		x = b.Mul(x, constant(b, y, p.Scale))
	}
	if len(p.Offset) > 0 {
		x = b.Add(x, constant(b, y, p.Offset))
	}
	if p.Exp {
		x = b.Op("Exp", nil, x)
	}
	x.Name, x.Type = name, y.Type.Clone()
	m.Graph.Outputs[i] = x
	return nil
}

func processable(what string, v *graph.Value) error {
	t := v.Type
	if t == nil || t.Kind != graph.TensorKind || t.Rank() < 0 || t.DType != graph.Float32 && t.DType != graph.Float64 {
		return errs.New(errs.Input, "%s %q is %s: expected float32 or float64 of known rank where values are processed", what, v.Name, t)
	}
	return nil
}

// constant is a constant like x: one number, or one for each channel.
func constant(b *ops.Builder, x *graph.Value, list []float64) *graph.Value {
	if len(list) == 1 {
		return b.Float(x.Type.DType, list[0])
	}
	shape := slices.Repeat([]int64{1}, x.Type.Rank()-channelAxis(x.Type.Rank()))
	shape[0] = int64(len(list))
	t := graph.NewTensor(x.Type.DType, shape...)
	for i, v := range list {
		if t.DType == graph.Float64 {
			graph.Data[float64](t)[i] = v
		} else {
			graph.Data[float32](t)[i] = float32(v)
		}
	}
	return b.Const(t)
}

func each(list []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func all(list []float64, want float64) bool {
	return !slices.ContainsFunc(list, func(v float64) bool { return v != want })
}
