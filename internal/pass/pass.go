// Package pass rewrites models: each pass is one small change that keeps what the model computes, or, for those that take training
// away, what it computes in inference.
//
// Passes edit a model in place, but never its tensors, which clones of the model share. None folds across a value that is an output
// of a graph, or takes an input's default for a constant.
package pass

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Pass is a rewrite of a model whose operators are those of a set. Run says in a line what it did to each node.
type Pass struct {
	Name string
	Run  func(m *graph.Model, set *ops.Set) (changes []string, err error)
}

// Run applies passes in turn, verifies the model after each and names the one that failed. It returns what they did.
func Run(m *graph.Model, set *ops.Set, passes ...Pass) ([]string, error) {
	var all []string
	for _, p := range passes {
		changes, err := p.Run(m, set)
		if err == nil {
			err = m.Verify()
		}
		if err != nil {
			return nil, fmt.Errorf("pass %s: %w", p.Name, err)
		}
		all = append(all, changes...)
	}
	return all, nil
}

// graphs returns every graph of m: the main one, bodies of functions, and their subgraphs.
func graphs(m *graph.Model) (all []*graph.Graph) {
	m.Graphs(func(_ string, g *graph.Graph) bool {
		all = append(all, g)
		return g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			return n.Attrs.Subgraphs(func(s *graph.Graph) bool {
				all = append(all, s)
				return true
			})
		})
	})
	return all
}

// outputs returns the values that are outputs of any graph.
func outputs(m *graph.Model) map[*graph.Value]bool {
	out := map[*graph.Value]bool{}
	for _, g := range graphs(m) {
		for _, v := range g.Outputs {
			out[v] = true
		}
	}
	return out
}

// find returns the nodes of an operator of the standard domain in g that have a first input and output, its subgraphs left out.
func find(g *graph.Graph, op string) (nodes []*graph.Node) {
	for _, n := range g.Nodes {
		if n.Domain == "" && n.Op == op && n.Input(0) != nil && len(n.Out) > 0 && n.Out[0] != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// label names a node in a message.
func label(g *graph.Graph, n *graph.Node) string {
	if n.Name != "" {
		return n.OpName() + " " + n.Name
	}
	return n.OpName() + " " + strconv.Itoa(slices.Index(g.Nodes, n))
}

// constant returns the tensor that v always holds, nil if that is not known: a default may be replaced by a caller.
func constant(m *graph.Model, v *graph.Value) *graph.Tensor {
	if v == nil || slices.Contains(m.Graph.Inputs, v) {
		return nil
	}
	if t := ops.ConstantOf(v); t != nil && t.Kind == graph.TensorKind && t.Loaded() {
		return t
	}
	return nil
}

// cut drops the inputs of n from position i on.
func cut(n *graph.Node, i int) {
	for k := i; k < len(n.In); k++ {
		n.SetIn(k, nil)
	}
	n.In = n.In[:min(i, len(n.In))]
}

// cutOut drops the outputs of n from position i on, which nobody may read.
func cutOut(n *graph.Node, i int) {
	for k := i; k < len(n.Out); k++ {
		n.SetOut(k, nil)
	}
	n.Out = n.Out[:min(i, len(n.Out))]
}

// cast converts a tensor to element type d.
func cast(t *graph.Tensor, d graph.DType) (*graph.Tensor, error) {
	out, err := ops.Evaluate(ops.Standard().Newest("", "Cast"), graph.Attrs{"to": d}, t)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// float64s returns the elements of a tensor of floats, nil for any other.
func float64s(t *graph.Tensor) []float64 {
	if t == nil || !t.DType.IsFloat() {
		return nil
	}
	wide, err := cast(t, graph.Float64)
	if err != nil {
		return nil
	}
	return graph.Data[float64](wide)
}

// eval runs a node on constants. It returns nil where the node cannot run: the run of the model will say why.
func eval(op *ops.Op, opset int64, n *graph.Node, in []*graph.Tensor) (out []*graph.Tensor) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	out, err := op.Eval(&ops.Call{Ctx: context.Background(), Node: n, Opset: opset, In: in})
	if err != nil {
		return nil
	}
	return out
}
