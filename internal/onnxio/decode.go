package onnxio

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// decoder turns the parsed file into a graph.
type decoder struct {
	files *files
	lim   Limits
}

// scope maps the names that a graph may read to values, innermost graph first.
type scope struct {
	outer  *scope
	values map[string]*graph.Value
}

func (s *scope) find(name string) *graph.Value {
	for ; s != nil; s = s.outer {
		if v := s.values[name]; v != nil {
			return v
		}
	}
	return nil
}

// within says where an error happened. To one that names a node already it adds whose node that is.
func within(err error, format string, args ...any) error {
	var e *errs.Error
	if !errors.As(err, &e) {
		return err
	}
	c, place := *e, fmt.Sprintf(format, args...)
	if e.Node != "" {
		c.Node += " of " + place
	} else {
		c.Err = fmt.Errorf("%s: %w", place, e.Err)
	}
	return &c
}

func (d *decoder) model(p *onnxpb.Model) (*graph.Model, error) {
	m := &graph.Model{
		IRVersion: p.GetIrVersion(), Producer: p.GetProducerName(), ProducerVersion: p.GetProducerVersion(),
		Domain: p.GetDomain(), Version: p.GetModelVersion(), Doc: p.GetDocString(),
	}
	var err error
	if m.Opsets, err = opsets(p.GetOpsetImport()); err != nil {
		return nil, within(err, "model")
	}
	if m.Metadata, err = entries(p.GetMetadataProps()); err != nil {
		return nil, within(err, "model metadata")
	}
	if p.Graph == nil {
		return nil, errs.New(errs.Invalid, "the model has no graph").WithHint("is this an ONNX model file?")
	}
	var main *scope
	if m.Graph, main, err = d.graph(p.Graph, nil); err != nil {
		return nil, within(err, "graph %s", quote(p.Graph.GetName()))
	}
	for _, fp := range p.GetFunctions() {
		f, err := d.function(fp)
		if err != nil {
			return nil, within(err, "function %s:%s", fp.GetDomain(), fp.GetName())
		}
		m.Functions = append(m.Functions, f)
	}
	for i, tp := range p.GetTrainingInfo() {
		t, err := d.training(tp, main)
		if err != nil {
			return nil, within(err, "training step %d", i)
		}
		m.Training = append(m.Training, t)
	}
	if len(p.Configuration) > 0 {
		if m.Extra, err = extra(&onnxpb.Model{Configuration: p.Configuration}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// extra serialises what the graph does not model.
func extra(p proto.Message) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	return b, nil
}

// domain gives the standard domain its short name.
func domain(s string) string {
	if s == "ai.onnx" {
		return ""
	}
	return s
}

func opsets(ps []*onnxpb.OperatorSet) (map[string]int64, error) {
	m := make(map[string]int64, len(ps))
	for _, p := range ps {
		name := domain(p.GetDomain())
		if v, ok := m[name]; ok && v != p.GetVersion() {
			return nil, invalid("versions %d and %d of domain %s are both imported", v, p.GetVersion(), quote(name))
		}
		m[name] = p.GetVersion()
	}
	return m, nil
}

func entries(ps []*onnxpb.Entry) (map[string]string, error) {
	if len(ps) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(ps))
	for _, p := range ps {
		if _, ok := m[p.GetKey()]; ok {
			return nil, invalid("key %s occurs twice", quote(p.GetKey()))
		}
		m[p.GetKey()] = p.GetValue()
	}
	return m, nil
}

func (d *decoder) training(p *onnxpb.Training, main *scope) (*graph.Training, error) {
	t := &graph.Training{}
	var err error
	if p.Initialization != nil {
		if t.Init, _, err = d.graph(p.Initialization, main); err != nil {
			return nil, within(err, "initialization")
		}
	}
	if p.Algorithm != nil {
		if t.Algorithm, _, err = d.graph(p.Algorithm, main); err != nil {
			return nil, within(err, "algorithm")
		}
	}
	t.InitBinding = bindings(p.GetInitializationBinding())
	t.UpdateBinding = bindings(p.GetUpdateBinding())
	return t, nil
}

func bindings(ps []*onnxpb.Entry) []graph.Binding {
	var bs []graph.Binding
	for _, p := range ps {
		bs = append(bs, graph.Binding{Name: p.GetKey(), Value: p.GetValue()})
	}
	return bs
}

func (d *decoder) function(p *onnxpb.Function) (*graph.Function, error) {
	f := &graph.Function{
		Domain: domain(p.GetDomain()), Name: p.GetName(), Overload: p.GetOverload(), Doc: p.GetDocString(),
		Attrs: p.GetAttribute(),
	}
	var err error
	if f.Opsets, err = opsets(p.GetOpsetImport()); err != nil {
		return nil, err
	}
	if f.Metadata, err = entries(p.GetMetadataProps()); err != nil {
		return nil, within(err, "metadata")
	}
	if f.Defaults, f.AttrDocs, err = d.attrs(p.GetAttributeProto(), nil); err != nil {
		return nil, err
	}
	b := newBuilder(d, nil, len(p.GetInput())+len(p.GetNode()))
	for _, name := range p.GetInput() {
		if err := b.input(name); err != nil {
			return nil, err
		}
	}
	if err := b.nodes(p.GetNode()); err != nil {
		return nil, err
	}
	for _, name := range p.GetOutput() {
		if _, err := b.output(name); err != nil {
			return nil, err
		}
	}
	rest, err := b.attachTypes(p.GetValueInfo())
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		if f.Extra, err = extra(&onnxpb.Function{ValueInfo: rest}); err != nil {
			return nil, err
		}
	}
	f.Body = b.g
	return f, nil
}

func (d *decoder) graph(p *onnxpb.Graph, outer *scope) (*graph.Graph, *scope, error) {
	b := newBuilder(d, outer, len(p.GetInput())+len(p.GetInitializer())+len(p.GetNode()))
	b.g.Name, b.g.Doc = p.GetName(), p.GetDocString()
	var err error
	if b.g.Metadata, err = entries(p.GetMetadataProps()); err != nil {
		return nil, nil, within(err, "metadata")
	}
	for _, in := range p.GetInput() {
		if err := b.input(in.GetName()); err != nil {
			return nil, nil, err
		}
		if err := describeValue(b.g.Inputs[len(b.g.Inputs)-1], in); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range p.GetInitializer() {
		if err := b.dense(t); err != nil {
			return nil, nil, within(err, "initializer %s", quote(t.GetName()))
		}
	}
	for _, t := range p.GetSparseInitializer() {
		if err := b.sparse(t); err != nil {
			return nil, nil, within(err, "sparse initializer %s", quote(t.GetValues().GetName()))
		}
	}
	if err := b.nodes(p.GetNode()); err != nil {
		return nil, nil, err
	}
	for _, out := range p.GetOutput() {
		v, err := b.output(out.GetName())
		if err == nil {
			err = describeValue(v, out)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	for _, q := range p.GetQuantizationAnnotation() {
		params, err := entries(q.GetQuantParameterTensorNames())
		if err != nil {
			return nil, nil, within(err, "quantisation of %s", quote(q.GetTensorName()))
		}
		b.g.Quant = append(b.g.Quant, graph.Quant{Tensor: q.GetTensorName(), Params: params})
	}
	rest, err := b.attachTypes(p.GetValueInfo())
	if err != nil {
		return nil, nil, err
	}
	for _, v := range b.g.Initializers {
		if v.Type != nil {
			continue
		}
		if v.Const != nil {
			v.Type = graph.TypeOf(v.Const)
		} else {
			v.Type = sparseType(v.Sparse)
		}
	}
	if len(rest) > 0 {
		if b.g.Extra, err = extra(&onnxpb.Graph{ValueInfo: rest}); err != nil {
			return nil, nil, err
		}
	}
	return b.g, b.scope, nil
}
