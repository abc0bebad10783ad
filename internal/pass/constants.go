package pass

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// small is the size, in bytes, up to which constants are folded even where the result is larger than what it is made from.
const small = 1 << 16

// random lists the operators with inputs that draw numbers.
var random = []string{"Bernoulli", "Multinomial", "RandomNormalLike", "RandomUniformLike", "Dropout"}

// Constants replaces standard nodes of the main graph whose inputs are all constant, and shapes that are known, by their results.
// Results above 64 KiB stay computed if they are larger than their inputs, so that the file does not grow.
var Constants = Pass{"constants", func(m *graph.Model, set *ops.Set) (changes []string, err error) {
	g, out := m.Graph, outputs(m)
	for _, n := range slices.Clone(g.Nodes) {
		if n.Domain != "" || len(n.In) == 0 || slices.Contains(random, n.Op) ||
			slices.ContainsFunc(n.Out, func(v *graph.Value) bool { return v == nil || out[v] }) {
			continue
		}
		results := foldNode(m, set, n)
		if len(results) < len(n.Out) || slices.Contains(results[:len(n.Out)], nil) {
			continue
		}
		changes = append(changes, label(g, n)+" computed once")
		for i, v := range slices.Clone(n.Out) {
			n.SetOut(i, nil)
			t := *results[i]
			t.Name, t.External = v.Name, nil
			v.Const, v.Type = &t, graph.TypeOf(&t)
			g.Initializers = append(g.Initializers, v)
		}
		g.Remove(n)
	}
	return changes, nil
}}

// foldNode returns the results of n if they are constant and small enough.
func foldNode(m *graph.Model, set *ops.Set, n *graph.Node) []*graph.Tensor {
	op := set.Find("", n.Op, m.Opsets[""])
	if op == nil || op.Eval == nil || !n.Attrs.Subgraphs(func(*graph.Graph) bool { return false }) {
		return nil
	}
	in := make([]*graph.Tensor, len(n.In))
	bound := small
	for i, v := range n.In {
		if v == nil {
			continue
		}
		if in[i] = constant(m, v); in[i] == nil && n.Op == "Shape" {
			in[i] = shapeOnly(v.Type)
		}
		if in[i] == nil {
			return nil
		}
		bound = max(bound, len(in[i].Raw))
	}
	for _, v := range n.Out { // what is too large is not even computed
		size, known := graph.NumElements(v.Type.Sizes())
		if v.Type.Rank() < 0 || !known || size*int64(v.Type.DType.Bits()) > 8*int64(bound) || v.Type.DType == graph.String {
			return nil
		}
	}
	out := eval(op, m.Opsets[""], n, in)
	if n.Op == "Shape" && out != nil && slices.Contains(graph.Data[int64](out[0]), -1) {
		return nil
	}
	return out
}

// shapeOnly returns a tensor without elements for Shape to look at, in which a size is -1 if it is not known; nil without a rank.
func shapeOnly(t *graph.Type) *graph.Tensor {
	if t == nil || t.Kind != graph.TensorKind || t.Shape == nil {
		return nil
	}
	return &graph.Tensor{DType: t.DType, Shape: t.Sizes()}
}
