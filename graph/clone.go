package graph

import (
	"maps"
	"slices"
)

// Clone copies m so that either can be edited without the other. Tensors, sparse constants and types are shared: replace them, do
// not write into them.
func (m *Model) Clone() *Model {
	c := *m
	c.Opsets, c.Metadata = maps.Clone(m.Opsets), maps.Clone(m.Metadata)
	c.Graph = m.Graph.Clone()
	c.Functions = slices.Clone(m.Functions)
	for i, f := range c.Functions {
		g := *f
		g.Attrs, g.Defaults, g.Opsets = slices.Clone(f.Attrs), maps.Clone(f.Defaults), maps.Clone(f.Opsets)
		g.Metadata, g.AttrDocs = maps.Clone(f.Metadata), maps.Clone(f.AttrDocs)
		g.Body = f.Body.Clone()
		c.Functions[i] = &g
	}
	c.Training = slices.Clone(m.Training)
	for i, t := range c.Training {
		u := *t
		u.Init, u.Algorithm = t.Init.Clone(), t.Algorithm.Clone()
		u.InitBinding, u.UpdateBinding = slices.Clone(t.InitBinding), slices.Clone(t.UpdateBinding)
		c.Training[i] = &u
	}
	return &c
}

// Clone copies g with its subgraphs; see [Model.Clone].
func (g *Graph) Clone() *Graph {
	if g == nil {
		return nil
	}
	return Cloner{}.graph(g)
}

// Cloner copies nodes one by one. It maps the values that were met to their copies; values put into it beforehand stand for
// others.
type Cloner map[*Value]*Value

// Node copies n with its subgraphs.
func (c Cloner) Node(n *Node) *Node {
	attrs := make(Attrs, len(n.Attrs))
	for k, v := range n.Attrs {
		switch v := v.(type) {
		case *Graph:
			attrs[k] = c.graph(v)
		case []*Graph:
			list := make([]*Graph, len(v))
			for i, s := range v {
				list[i] = c.graph(s)
			}
			attrs[k] = list
		default:
			attrs[k] = v
		}
	}
	m := NewNode(n.Domain, n.Op, attrs, c.values(n.In), c.values(n.Out))
	m.Name, m.Overload, m.Doc, m.Extra = n.Name, n.Overload, n.Doc, n.Extra
	m.Metadata, m.AttrDocs = maps.Clone(n.Metadata), maps.Clone(n.AttrDocs)
	return m
}

func (c Cloner) graph(g *Graph) *Graph {
	d := *g
	d.Metadata, d.Quant = maps.Clone(g.Metadata), slices.Clone(g.Quant)
	d.Inputs, d.Initializers = c.values(g.Inputs), c.values(g.Initializers)
	d.Nodes = make([]*Node, len(g.Nodes))
	for i, n := range g.Nodes {
		d.Nodes[i] = c.Node(n)
	}
	d.Outputs = c.values(g.Outputs)
	return &d
}

func (c Cloner) values(vs []*Value) []*Value {
	out := make([]*Value, len(vs))
	for i, v := range vs {
		if v == nil {
			continue
		}
		if out[i] = c[v]; out[i] == nil {
			out[i] = &Value{Name: v.Name, Doc: v.Doc, Type: v.Type, Const: v.Const, Sparse: v.Sparse, Metadata: maps.Clone(v.Metadata)}
			c[v] = out[i]
		}
	}
	return out
}
