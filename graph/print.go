package graph

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Fprint writes a model as text for a person, a line per value and node. The format is not read back and may change.
func Fprint(w io.Writer, m *Model) error {
	p := &printer{w: w}
	p.linef("model %s", header(m))
	for _, d := range slices.Sorted(maps.Keys(m.Opsets)) {
		name := d
		if name == "" {
			name = "ai.onnx"
		}
		p.linef("opset %s %d", name, m.Opsets[d])
	}
	for _, k := range slices.Sorted(maps.Keys(m.Metadata)) {
		p.linef("meta %s = %s", k, attrText(m.Metadata[k]))
	}
	if m.Graph != nil {
		p.graph("graph "+m.Graph.Name, m.Graph)
	}
	for _, f := range m.Functions {
		name := f.Domain + ":" + f.Name
		if f.Overload != "" {
			name += ":" + f.Overload
		}
		attrs := append(slices.Clone(f.Attrs), f.Defaults.Names()...)
		p.graph(fmt.Sprintf("function %s<%s>", name, strings.Join(attrs, ", ")), f.Body)
	}
	return p.err
}

func header(m *Model) string {
	s := fmt.Sprintf("ir %d", m.IRVersion)
	if m.Producer != "" {
		s += fmt.Sprintf(" by %s %s", m.Producer, m.ProducerVersion)
	}
	return s
}

type printer struct {
	w      io.Writer
	indent string
	err    error
}

func (p *printer) linef(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, p.indent+format+"\n", args...)
	}
}

func (p *printer) graph(title string, g *Graph) {
	p.linef("%s {", title)
	outer := p.indent
	p.indent += "  "
	for _, v := range g.Inputs {
		p.linef("in   %s %s", v.Name, v.Type)
	}
	for _, v := range g.Initializers {
		if v.Const != nil {
			p.linef("init %s = %s", v.Name, tensorText(v.Const))
		} else {
			p.linef("init %s = sparse %s%v", v.Name, v.Sparse.Values.DType, v.Sparse.Shape)
		}
	}
	for _, n := range g.Nodes {
		p.node(n)
	}
	for _, v := range g.Outputs {
		p.linef("out  %s %s", v.Name, v.Type)
	}
	p.indent = outer
	p.linef("}")
}

func (p *printer) node(n *Node) {
	attrs := make([]string, 0, len(n.Attrs))
	for _, k := range n.Attrs.Names() {
		attrs = append(attrs, k+"="+attrText(n.Attrs[k]))
	}
	list := ""
	if len(attrs) > 0 {
		list = "<" + strings.Join(attrs, ", ") + ">"
	}
	outs := make([]string, len(n.Out))
	for i, v := range n.Out {
		outs[i] = "_"
		if v != nil {
			outs[i] = v.Name
			if v.Type != nil {
				outs[i] += " " + v.Type.String()
			}
		}
	}
	ins := make([]string, len(n.In))
	for i, v := range n.In {
		ins[i] = "_"
		if v != nil {
			ins[i] = v.Name
		}
	}
	p.linef("%s = %s%s(%s)", strings.Join(outs, ", "), n.OpName(), list, strings.Join(ins, ", "))
	for _, k := range n.Attrs.Names() {
		switch v := n.Attrs[k].(type) {
		case *Graph:
			p.graph(k, v)
		case []*Graph:
			for i, g := range v {
				p.graph(fmt.Sprintf("%s[%d]", k, i), g)
			}
		}
	}
}
