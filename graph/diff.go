package graph

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// Diff returns how two models differ, a line each, at most a hundred; nil if they are equal in everything they represent.
// Values are compared by name, as in the file; the order of attributes and metadata does not count.
func Diff(a, b *Model) []string {
	d := &differ{}
	if a.IRVersion != b.IRVersion || a.Producer != b.Producer || a.ProducerVersion != b.ProducerVersion || a.Domain != b.Domain ||
		a.Version != b.Version || a.Doc != b.Doc {
		d.addf("model: header fields differ")
	}
	d.kv("model: opset imports", a.Opsets, b.Opsets)
	d.meta("model", a.Metadata, b.Metadata)
	if !bytes.Equal(a.Extra, b.Extra) {
		d.addf("model: further fields differ")
	}
	d.graph("graph", a.Graph, b.Graph)
	if len(a.Functions) != len(b.Functions) {
		d.addf("model: %d functions against %d", len(a.Functions), len(b.Functions))
	} else {
		for i, f := range a.Functions {
			d.function(f, b.Functions[i])
		}
	}
	if len(a.Training) != len(b.Training) {
		d.addf("model: %d training steps against %d", len(a.Training), len(b.Training))
	} else {
		for i, t := range a.Training {
			u := b.Training[i]
			where := fmt.Sprintf("training[%d]", i)
			d.graph(where+".init", t.Init, u.Init)
			d.graph(where+".algorithm", t.Algorithm, u.Algorithm)
			if !slices.Equal(t.InitBinding, u.InitBinding) || !slices.Equal(t.UpdateBinding, u.UpdateBinding) {
				d.addf("%s: bindings differ", where)
			}
		}
	}
	return d.lines
}

const maxDiff = 100

type differ struct{ lines []string }

func (d *differ) addf(format string, args ...any) {
	if len(d.lines) < maxDiff {
		d.lines = append(d.lines, fmt.Sprintf(format, args...))
	}
}

func (d *differ) kv(where string, a, b map[string]int64) {
	if !maps.Equal(a, b) {
		d.addf("%s: %v against %v", where, a, b)
	}
}

func (d *differ) meta(where string, a, b map[string]string) {
	if !maps.Equal(a, b) {
		d.addf("%s: metadata %v against %v", where, a, b)
	}
}

func (d *differ) tensor(where string, a, b *Tensor) {
	if !a.Equal(b) {
		d.addf("%s: %s against %s", where, tensorText(a), tensorText(b))
		return
	}
	if a == nil {
		return
	}
	if a.Name != b.Name || a.Doc != b.Doc {
		d.addf("%s: tensor name or documentation %q %q against %q %q", where, a.Name, a.Doc, b.Name, b.Doc)
	}
	d.meta(where, a.Metadata, b.Metadata)
	if !a.External.equal(b.External) {
		d.addf("%s: external data %+v against %+v", where, a.External, b.External)
	}
}

func (x *External) equal(y *External) bool {
	if x == nil || y == nil {
		return x == y
	}
	return x.Location == y.Location && x.Offset == y.Offset && x.Length == y.Length && x.Checksum == y.Checksum &&
		maps.Equal(x.Extra, y.Extra)
}

func (d *differ) sparse(where string, a, b *Sparse) {
	if a == nil || b == nil {
		if a != b {
			d.addf("%s: sparse constant present against absent", where)
		}
		return
	}
	d.tensor(where+".values", a.Values, b.Values)
	d.tensor(where+".indices", a.Indices, b.Indices)
	if !slices.Equal(a.Shape, b.Shape) {
		d.addf("%s: sparse shape %v against %v", where, a.Shape, b.Shape)
	}
}

func (d *differ) values(where string, a, b []*Value) {
	if len(a) != len(b) {
		d.addf("%s: %d against %d", where, len(a), len(b))
		return
	}
	for i, v := range a {
		d.value(fmt.Sprintf("%s[%d]", where, i), v, b[i])
	}
}

func (d *differ) value(where string, v, w *Value) {
	if v == nil || w == nil {
		if v != w {
			d.addf("%s: present against absent", where)
		}
		return
	}
	if v.Name != w.Name || v.Doc != w.Doc || !v.Type.Equal(w.Type) {
		d.addf("%s: %s %s %q against %s %s %q", where, v.Name, v.Type, v.Doc, w.Name, w.Type, w.Doc)
	}
	d.tensor(where, v.Const, w.Const)
	d.sparse(where, v.Sparse, w.Sparse)
	d.meta(where, v.Metadata, w.Metadata)
}

func (d *differ) graph(where string, a, b *Graph) {
	if a == nil || b == nil {
		if a != b {
			d.addf("%s: present against absent", where)
		}
		return
	}
	if a.Name != b.Name || a.Doc != b.Doc {
		d.addf("%s: name or documentation differs", where)
	}
	d.meta(where, a.Metadata, b.Metadata)
	if !bytes.Equal(a.Extra, b.Extra) {
		d.addf("%s: further fields differ", where)
	}
	d.values(where+".inputs", a.Inputs, b.Inputs)
	d.values(where+".outputs", a.Outputs, b.Outputs)
	d.values(where+".initializers", a.Initializers, b.Initializers)
	if !slices.EqualFunc(a.Quant, b.Quant, func(p, q Quant) bool { return p.Tensor == q.Tensor && maps.Equal(p.Params, q.Params) }) {
		d.addf("%s: quantisation annotations differ", where)
	}
	if len(a.Nodes) != len(b.Nodes) {
		d.addf("%s: %d nodes against %d", where, len(a.Nodes), len(b.Nodes))
		return
	}
	for i, n := range a.Nodes {
		m := b.Nodes[i]
		at := fmt.Sprintf("%s.nodes[%d] %s", where, i, n.OpName())
		if n.Name != m.Name || n.OpName() != m.OpName() || n.Overload != m.Overload || n.Doc != m.Doc || !bytes.Equal(n.Extra, m.Extra) {
			d.addf("%s: %s %s against %s %s", at, n.OpName(), n.Name, m.OpName(), m.Name)
			continue
		}
		d.values(at+".in", n.In, m.In)
		d.values(at+".out", n.Out, m.Out)
		d.attrs(at, n.Attrs, m.Attrs)
		d.meta(at, n.Metadata, m.Metadata)
		d.meta(at, n.AttrDocs, m.AttrDocs)
	}
}

func (d *differ) attrs(where string, a, b Attrs) {
	if an, bn := a.Names(), b.Names(); !slices.Equal(an, bn) {
		d.addf("%s: attributes %v against %v", where, an, bn)
		return
	}
	for name, x := range a {
		diffAttr(where+"."+name, x, b[name], d)
	}
}

func (d *differ) function(f, g *Function) {
	where := "function " + f.Domain + ":" + f.Name
	if f.Domain != g.Domain || f.Name != g.Name || f.Overload != g.Overload || f.Doc != g.Doc || !slices.Equal(f.Attrs, g.Attrs) {
		d.addf("%s against %s:%s: signatures differ", where, g.Domain, g.Name)
	}
	d.kv(where, f.Opsets, g.Opsets)
	d.attrs(where, f.Defaults, g.Defaults)
	d.meta(where, f.Metadata, g.Metadata)
	d.meta(where, f.AttrDocs, g.AttrDocs)
	if !bytes.Equal(f.Extra, g.Extra) {
		d.addf("%s: further fields differ", where)
	}
	d.graph(where, f.Body, g.Body)
}
