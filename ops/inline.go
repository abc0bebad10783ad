package ops

import (
	"cmp"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Replace puts the nodes that build appends in the place of n, a node of the builder's graph, and makes the values that build
// returns n's outputs, which keep their identity and names.
func (b *Builder) Replace(n *graph.Node, build func() []*graph.Value) error {
	g := b.Graph
	at := slices.Index(g.Nodes, n)
	if at < 0 {
		return errs.New(errs.Invalid, "%s is no node of the graph", n.OpName())
	}
	nodes := g.Nodes
	g.Nodes = nil
	results := build()
	added := g.Nodes
	g.Nodes = nodes
	moved := map[*graph.Value]*graph.Value{} // results that became outputs
	for i, v := range n.Out {
		if v == nil {
			continue
		}
		if i >= len(results) || results[i] == nil {
			return errs.New(errs.Invalid, "the expansion of %s does not compute output %d", n.OpName(), i)
		}
		n.SetOut(i, nil)
		r := results[i]
		if out := moved[r]; out != nil {
			r = out
		}
		from, k := r.Producer()
		if from == nil || !slices.Contains(added, from) || r != results[i] {
			added = append(added, graph.NewNode("", "Identity", nil, []*graph.Value{r}, []*graph.Value{v}))
			continue
		}
		moved[r] = v
		from.SetOut(k, nil)
		from.SetOut(k, v)
		for _, u := range slices.Clone(r.Uses()) {
			u.Node.SetIn(u.Index, v)
		}
		if v.Type == nil {
			v.Type = r.Type
		}
	}
	for i := range n.In {
		n.SetIn(i, nil)
	}
	g.Nodes = slices.Concat(nodes[:at], added, nodes[at+1:])
	return nil
}

// Inline replaces n, a node of the builder's graph, by its expansion, or by the body of the function of m that it calls. It returns
// false and changes nothing where n has neither.
func (b *Builder) Inline(m *graph.Model, n *graph.Node) (bool, error) {
	if op := b.infer.set.Find(n.Domain, n.Op, b.Opsets[n.Domain]); op != nil {
		if op.Expand == nil {
			return false, nil
		}
		var failed error
		err := b.Replace(n, func() (results []*graph.Value) {
			results, failed = expand(op, b, n)
			return results
		})
		return true, cmp.Or(failed, err)
	}
	f := m.Function(n)
	if f == nil || !b.sameOperators(f) {
		return false, nil
	}
	body, err := Instantiate(f, n)
	if err != nil {
		return false, err
	}
	return true, b.Replace(n, func() []*graph.Value {
		for i, formal := range body.Inputs {
			for _, u := range slices.Clone(formal.Uses()) {
				u.Node.SetIn(u.Index, n.Input(i))
			}
		}
		results := slices.Clone(body.Outputs)
		for i, v := range results {
			if k := slices.Index(body.Inputs, v); k >= 0 {
				results[i] = n.Input(k)
			}
		}
		for _, v := range body.Initializers {
			v.Name = b.Name(v.Name)
			b.Graph.Initializers = append(b.Graph.Initializers, v)
		}
		for _, inner := range body.Nodes {
			for _, v := range inner.Out {
				if v != nil {
					v.Name = b.Name(v.Name)
				}
			}
			b.Graph.Append(inner)
			if err := b.infer.node(inner); err != nil {
				break // told again, with its place, when the model is inferred or run
			}
		}
		return results
	})
}

// sameOperators reports whether a function's opsets mean the same operators as the model's.
func (b *Builder) sameOperators(f *graph.Function) bool {
	set := b.infer.set
	return f.Body.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		return set.Find(n.Domain, n.Op, f.Opsets[n.Domain]) == set.Find(n.Domain, n.Op, b.Opsets[n.Domain])
	})
}

// Instantiate copies a function's body for one call, with attribute references replaced by the call's values or their defaults.
func Instantiate(f *graph.Function, call *graph.Node) (*graph.Graph, error) {
	attrs := graph.Attrs{}
	for k, v := range f.Defaults {
		attrs[k] = v
	}
	for k, v := range call.Attrs {
		attrs[k] = v
	}
	if len(call.In) > len(f.Body.Inputs) {
		return nil, errs.New(errs.Invalid, "function %s takes %d inputs, the call has %d", call.OpName(), len(f.Body.Inputs), len(call.In))
	}
	return copyGraph(f.Body, attrs, map[*graph.Value]*graph.Value{}), nil
}

func copyGraph(g *graph.Graph, attrs graph.Attrs, values map[*graph.Value]*graph.Value) *graph.Graph {
	c := &graph.Graph{Name: g.Name}
	value := func(v *graph.Value) *graph.Value {
		if v == nil {
			return nil
		}
		if w, ok := values[v]; ok {
			return w
		}
		w := &graph.Value{Name: v.Name, Type: v.Type, Const: v.Const, Sparse: v.Sparse}
		values[v] = w
		return w
	}
	all := func(vs []*graph.Value) []*graph.Value {
		out := make([]*graph.Value, len(vs))
		for i, v := range vs {
			out[i] = value(v)
		}
		return out
	}
	c.Inputs, c.Initializers = all(g.Inputs), all(g.Initializers)
	for _, n := range g.Nodes {
		own := graph.Attrs{}
		for k, v := range n.Attrs {
			switch v := v.(type) {
			case graph.AttrRef:
				if given, ok := attrs[v.Name]; ok {
					own[k] = given
				}
			case *graph.Graph:
				own[k] = copyGraph(v, attrs, values)
			case []*graph.Graph:
				list := make([]*graph.Graph, len(v))
				for i, s := range v {
					list[i] = copyGraph(s, attrs, values)
				}
				own[k] = list
			default:
				own[k] = v
			}
		}
		m := graph.NewNode(n.Domain, n.Op, own, all(n.In), all(n.Out))
		m.Name, m.Overload = n.Name, n.Overload
		c.Append(m)
	}
	c.Outputs = all(g.Outputs)
	return c
}

// expand calls the operator's expansion, which panics where it cannot be written, for sizes that it must know and does not.
func expand(op *Op, b *Builder, n *graph.Node) (results []*graph.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			e := errs.New(errs.UnsupportedOp, "no expansion: %v", r)
			e.Op, e.Node, e.Opset = n.OpName(), n.Name, b.Opsets[n.Domain]
			results, err = nil, e
		}
	}()
	return op.Expand(b, n), nil
}
