// Package train differentiates ONNX graphs and trains them. Gradients, losses and optimiser steps are graph nodes like all
// others, so every engine runs them and the exporter writes them.
package train

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// Gradient appends to m's graph nodes that compute, for every value of x, the sum over the values of y of dy·∂y/∂x, by reverse
// accumulation. seeds are the dy, one per y and of y's shape; a nil seed stands for ones. The result is parallel to x; it is nil
// where y does not depend on x. Gradients do not pass through the values in stop.
//
// Operators come from set at m's opsets. Those that have no gradient are named all at once in an error with code UnsupportedOp.
// m is edited in place and must not be in use elsewhere.
func Gradient(m *graph.Model, set *ops.Set, y, seeds, x, stop []*graph.Value) ([]*graph.Value, error) {
	return differentiate(ops.NewBuilder(m.Graph, set, m.Opsets), m, set, y, seeds, x, stop)
}

// differentiate is Gradient by a builder of m's graph, in the forms that suit its target.
func differentiate(b *ops.Builder, m *graph.Model, set *ops.Set, y, seeds, x, stop []*graph.Value) ([]*graph.Value, error) {
	w := &walk{
		b: b, set: set, opsets: m.Opsets, x: x,
		grad: map[*graph.Value]*graph.Value{}, reached: map[*graph.Value]bool{},
		activation: map[*graph.Node]*graph.Node{}, passed: map[*graph.Node]bool{},
	}
	for _, v := range x {
		w.reached[v] = true
	}
	if err := w.forward(m, stop); err != nil {
		return nil, err
	}
	nodes := slices.Clone(m.Graph.Nodes)
	if missing := w.missing(nodes, y, stop); len(missing) > 0 {
		return nil, errs.New(errs.UnsupportedOp, "no gradient: %s", strings.Join(missing, "; "))
	}
	for i, v := range y {
		if !w.reached[v] {
			continue
		}
		seed := seeds[i]
		if seed == nil {
			seed = w.ones(v)
		}
		w.add(v, seed)
	}
	for i, n := range slices.Backward(nodes) {
		if err := w.node(i, n, stop); err != nil {
			return nil, err
		}
	}
	dx := make([]*graph.Value, len(x))
	for i, v := range x {
		dx[i] = w.grad[v]
	}
	return dx, nil
}

type walk struct {
	b       *ops.Builder
	set     *ops.Set
	opsets  map[string]int64
	x       []*graph.Value
	grad    map[*graph.Value]*graph.Value
	reached map[*graph.Value]bool // depends on some x

	activation map[*graph.Node]*graph.Node // by the normalisation before it, whose gradient is to be its too
	passed     map[*graph.Node]bool        // activations that pass gradients on
}

// forward marks what depends on x, and takes apart the nodes there that have no gradient of their own: calls of functions and
// composite operators.
func (w *walk) forward(m *graph.Model, stop []*graph.Value) error {
	for i := 0; i < len(m.Graph.Nodes); i++ {
		n := m.Graph.Nodes[i]
		if !w.reach(n, stop) {
			continue
		}
		if op := w.set.Find(n.Domain, n.Op, w.opsets[n.Domain]); op != nil && (op.Grad != nil || op.NoGrad != "") {
			continue
		}
		inlined, err := w.inline(m, n)
		if err != nil {
			return w.noGradient(i, n, err)
		}
		if inlined {
			i-- // its nodes stand here now
		}
	}
	return nil
}

// reach marks what n computes from marked values and reports whether it reads any.
func (w *walk) reach(n *graph.Node, stop []*graph.Value) bool {
	if !slices.ContainsFunc(n.In, func(v *graph.Value) bool { return v != nil && w.reached[v] && !slices.Contains(stop, v) }) {
		return false
	}
	for _, v := range n.Out {
		if v != nil && differentiable(v) {
			w.reached[v] = true
		}
	}
	return true
}

// differentiable reports whether a value may carry a gradient; one of unknown type may.
func differentiable(v *graph.Value) bool {
	return v.Type == nil || v.Type.Kind != graph.TensorKind || v.Type.DType == 0 || v.Type.DType.IsFloat()
}

func (w *walk) node(index int, n *graph.Node, stop []*graph.Value) error {
	dy := make([]*graph.Value, len(n.Out))
	any := false
	for i, v := range n.Out {
		if v != nil {
			dy[i] = w.grad[v]
			any = any || dy[i] != nil
		}
	}
	if !any {
		return nil
	}
	op := w.set.Find(n.Domain, n.Op, w.opsets[n.Domain])
	if op.Grad == nil {
		return nil // for the reason in NoGrad
	}
	dx, ok := w.fused(n, dy, stop)
	if !ok {
		var err error
		if dx, err = gradientOf(op, w.b, n, dy); err != nil {
			return w.noGradient(index, n, err)
		}
	}
	for i, d := range dx {
		v := n.Input(i)
		if d == nil || v == nil || !w.reached[v] || slices.Contains(stop, v) {
			continue
		}
		w.add(v, w.sumTo(d, v))
	}
	return nil
}

// missing lists the nodes between x and y that have no gradient and no reason to have none.
func (w *walk) missing(nodes []*graph.Node, y, stop []*graph.Value) (list []string) {
	needed := map[*graph.Value]bool{}
	for _, v := range y {
		needed[v] = true
	}
	for i, n := range slices.Backward(nodes) {
		if !slices.ContainsFunc(n.Out, func(v *graph.Value) bool { return needed[v] && w.reached[v] }) {
			continue
		}
		op := w.set.Find(n.Domain, n.Op, w.opsets[n.Domain])
		switch {
		case op == nil || op.Grad == nil && op.NoGrad == "":
			list = append(list, fmt.Sprintf("%s (node %s, opset %d)", n.OpName(), label(i, n), w.opsets[n.Domain]))
		case op.Grad == nil:
			continue
		}
		for _, v := range n.In {
			if v != nil && !slices.Contains(stop, v) {
				needed[v] = true
			}
		}
	}
	slices.Reverse(list)
	return list
}

// gradientOf calls the operator's rule. A rule panics where it cannot be written, for sizes that it must know and does not.
func gradientOf(op *ops.Op, b *ops.Builder, n *graph.Node, dy []*graph.Value) (dx []*graph.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return op.Grad(b, n, dy), nil
}

// inline takes n apart; an expansion panics where a rule does.
func (w *walk) inline(m *graph.Model, n *graph.Node) (inlined bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return w.b.Inline(m, n)
}

func (w *walk) noGradient(index int, n *graph.Node, err error) error {
	e := errs.New(errs.UnsupportedOp, "no gradient: %w", err)
	e.Op, e.Node, e.Opset = n.OpName(), label(index, n), w.opsets[n.Domain]
	return e
}

func label(index int, n *graph.Node) string {
	if n.Name != "" {
		return n.Name
	}
	return strconv.Itoa(index)
}

func (w *walk) add(v, d *graph.Value) {
	if old := w.grad[v]; old != nil {
		d = w.b.Add(old, d)
	}
	w.grad[v] = d
}

// ones returns a tensor of v's shape and type filled with 1.
func (w *walk) ones(v *graph.Value) *graph.Value {
	return w.b.Op("Expand", nil, w.b.Like(v, 1), w.b.Op("Shape", nil, v))
}

// sumTo undoes broadcasting: it sums d over the axes along which v was repeated. Where both shapes are known the axes are
// constants, else the graph finds them.
func (w *walk) sumTo(d, v *graph.Value) *graph.Value {
	b := w.b
	ds, vs := d.Type.Sizes(), v.Type.Sizes()
	if ds == nil || vs == nil || slices.Contains(ds, -1) || slices.Contains(vs, -1) {
		if sameDims(d.Type, v.Type) {
			return d
		}
		return w.sumToDynamic(d, v)
	}
	lead := len(ds) - len(vs)
	var axes []int64
	for i := range ds {
		if i < lead || vs[i-lead] == 1 && ds[i] != 1 {
			axes = append(axes, int64(i))
		}
	}
	if len(axes) > 0 {
		d = b.Op("ReduceSum", graph.Attrs{"keepdims": 1}, d, b.Ints(axes...))
	}
	if lead > 0 {
		d = b.Reshape(d, vs...)
	}
	return d
}

// sameDims reports whether two static shapes are equal in every size or name.
func sameDims(a, b *graph.Type) bool {
	if a.Rank() < 0 || a.Rank() != b.Rank() {
		return false
	}
	for i, d := range a.Shape {
		if e := b.Shape[i]; d.Size != e.Size || !d.Known() && (d.Param == "" || d.Param != e.Param) {
			return false
		}
	}
	return true
}

func (w *walk) sumToDynamic(d, v *graph.Value) *graph.Value {
	b := w.b
	want, have := b.Op("Shape", nil, v), b.Op("Shape", nil, d)
	lead := b.Sub(b.Op("Shape", nil, have), b.Op("Shape", nil, want))
	padded := b.Op("Concat", graph.Attrs{"axis": 0}, b.Op("Expand", nil, b.Ints(1), lead), want)
	repeated := b.Op("Not", nil, b.Op("Equal", nil, padded, have))
	axes := b.Op("Reshape", nil, b.Op("NonZero", nil, repeated), b.Ints(-1))
	sum := b.Op("ReduceSum", graph.Attrs{"keepdims": 1, "noop_with_empty_axes": 1}, d, axes)
	return b.Op("Reshape", graph.Attrs{"allowzero": 1}, sum, want)
}
