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
		attrs := append(slices.Clone(f.Attrs), assignments(f.Defaults)...)
		p.graph(fmt.Sprintf("function %s<%s>", f.callee(), strings.Join(attrs, ", ")), f.Body)
	}
	for _, t := range m.Training {
		p.training("init", t.Init, t.InitBinding)
		p.training("step", t.Algorithm, t.UpdateBinding)
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

// training prints one half of a training step, with the initializers that it sets.
func (p *printer) training(title string, g *Graph, bindings []Binding) {
	if g == nil {
		return
	}
	p.graph("training "+title+" "+g.Name, g)
	for _, b := range bindings {
		p.linef("set  %s = %s", b.Name, b.Value)
	}
}

// assignments shows attributes as name=value.
func assignments(a Attrs) []string {
	out := make([]string, 0, len(a))
	for _, k := range a.Names() {
		out = append(out, k+"="+attrText(a[k]))
	}
	return out
}

func (p *printer) graph(title string, g *Graph) {
	p.linef("%s {", strings.TrimSpace(title))
	outer := p.indent
	p.indent += "  "
	for _, v := range g.Inputs {
		p.linef("in   %s %s", v.Name, v.Type)
	}
	for _, v := range g.Initializers {
		if v.Const != nil {
			p.linef("init %s = %s", v.Name, tensorText(v.Const))
		} else {
			p.linef("init %s = %s", v.Name, sparseText(v.Sparse))
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
	list := ""
	if len(n.Attrs) > 0 {
		list = "<" + strings.Join(assignments(n.Attrs), ", ") + ">"
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
