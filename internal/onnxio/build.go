package onnxio

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// builder assembles one graph or function body and resolves its names.
type builder struct {
	d     *decoder
	g     *graph.Graph
	scope *scope
}

func newBuilder(d *decoder, outer *scope, n int) *builder {
	return &builder{d: d, g: &graph.Graph{}, scope: &scope{outer, make(map[string]*graph.Value, n)}}
}

func (b *builder) declare(name, what string) (*graph.Value, error) {
	if name == "" {
		return nil, invalid("%s has no name", what)
	}
	if b.scope.values[name] != nil {
		return nil, errs.New(errs.Invalid, "%s %s: another value of the graph has that name", what, quote(name)).
			WithHint("give every input, initializer and node output a name of its own")
	}
	v := &graph.Value{Name: name}
	b.scope.values[name] = v
	return v, nil
}

func (b *builder) input(name string) error {
	v, err := b.declare(name, "input")
	if err == nil {
		b.g.Inputs = append(b.g.Inputs, v)
	}
	return err
}

// initializer returns the value of an initializer, which an input of the same name may have declared.
func (b *builder) initializer(name string) (*graph.Value, error) {
	v := b.scope.values[name]
	if v == nil || v.Const != nil || v.Sparse != nil {
		var err error
		if v, err = b.declare(name, "initializer"); err != nil {
			return nil, err
		}
	}
	b.g.Initializers = append(b.g.Initializers, v)
	return v, nil
}

func (b *builder) dense(p *onnxpb.Tensor) error {
	v, err := b.initializer(p.GetName())
	if err == nil {
		v.Const, err = b.d.tensor(p)
	}
	return err
}

func (b *builder) sparse(p *onnxpb.SparseTensor) error {
	v, err := b.initializer(p.GetValues().GetName())
	if err == nil {
		v.Sparse, err = b.d.sparse(p)
	}
	return err
}

func (b *builder) output(name string) (*graph.Value, error) {
	v := b.scope.find(name)
	if v == nil || name == "" {
		return nil, invalid("output %s is no value of the graph", quote(name))
	}
	b.g.Outputs = append(b.g.Outputs, v)
	return v, nil
}

func (b *builder) nodes(ps []*onnxpb.Node) error {
	b.g.Nodes = make([]*graph.Node, 0, len(ps))
	for i, p := range ps {
		if err := b.node(p, ps[i:]); err != nil {
			return inNode(err, i, p)
		}
	}
	return nil
}

// inNode names the node in an error, the innermost one if subgraphs nest.
func inNode(err error, i int, p *onnxpb.Node) error {
	e, ok := err.(*errs.Error)
	if !ok || e.Node != "" {
		return err
	}
	c := *e
	if c.Node = p.GetName(); c.Node == "" {
		c.Node = fmt.Sprintf("#%d", i)
	}
	if c.Op = p.GetOpType(); domain(p.GetDomain()) != "" {
		c.Op = p.GetDomain() + ":" + c.Op
	}
	return &c
}

// node appends p. rest is the nodes from p on, for the message about an undefined input.
func (b *builder) node(p *onnxpb.Node, rest []*onnxpb.Node) error {
	in := make([]*graph.Value, len(p.GetInput()))
	for i, name := range p.GetInput() {
		if name == "" {
			continue
		}
		if in[i] = b.scope.find(name); in[i] == nil {
			return b.undefined(i, name, rest)
		}
	}
	attrs, docs, err := b.d.attrs(p.GetAttribute(), b.scope)
	if err != nil {
		return err
	}
	metadata, err := entries(p.GetMetadataProps())
	if err != nil {
		return within(err, "metadata")
	}
	out := make([]*graph.Value, len(p.GetOutput()))
	for i, name := range p.GetOutput() {
		if name == "" {
			continue
		}
		if out[i], err = b.declare(name, "output"); err != nil {
			return err
		}
	}
	n := graph.NewNode(domain(p.GetDomain()), p.GetOpType(), nil, in, out)
	n.Name, n.Overload, n.Doc = p.GetName(), p.GetOverload(), p.GetDocString()
	n.Attrs, n.AttrDocs, n.Metadata = attrs, docs, metadata
	if err := checkContext(n); err != nil {
		return err
	}
	if len(p.DeviceConfigurations) > 0 {
		if n.Extra, err = extra(&onnxpb.Node{DeviceConfigurations: p.DeviceConfigurations}); err != nil {
			return err
		}
	}
	b.g.Append(n)
	return nil
}

func (b *builder) undefined(i int, name string, rest []*onnxpb.Node) error {
	for _, p := range rest {
		for _, out := range p.GetOutput() {
			if out == name {
				return errs.New(errs.Invalid, "input %d reads %s before the node that computes it", i, quote(name)).
					WithHint("the standard wants nodes in topological order and no cycles: sort them when exporting")
			}
		}
	}
	return errs.New(errs.Invalid, "input %d reads %s, which nothing defines", i, quote(name)).
		WithHint("the file lost an input, an initializer or a node")
}

// attachTypes gives values their declared types and returns the declarations that belong to none: of names that do not occur, and
// second ones that say something else.
func (b *builder) attachTypes(ps []*onnxpb.ValueInfo) ([]*onnxpb.ValueInfo, error) {
	var rest []*onnxpb.ValueInfo
	for _, p := range ps {
		v := b.scope.values[p.GetName()]
		if v == nil {
			rest = append(rest, p)
			continue
		}
		if v.Type == nil && v.Doc == "" && v.Metadata == nil {
			if err := describeValue(v, p); err != nil {
				return nil, err
			}
		} else if !proto.Equal(valueInfo(v), p) {
			rest = append(rest, p)
		}
	}
	return rest, nil
}
