package onnxio

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// encoder turns a graph into the form of the file. The result shares memory with the graph.
type encoder struct {
	// place says where outside the file t's bytes go, nil for inside.
	place func(t *graph.Tensor) (*graph.External, error)
}

func number(v int64) *int64 {
	if v == 0 {
		return nil
	}
	return &v
}

func entry(k, v string) *onnxpb.Entry { return &onnxpb.Entry{Key: &k, Value: &v} }

func entryList(m map[string]string) []*onnxpb.Entry {
	var ps []*onnxpb.Entry
	for _, k := range slices.Sorted(maps.Keys(m)) {
		ps = append(ps, entry(k, m[k]))
	}
	return ps
}

func opsetList(m map[string]int64) []*onnxpb.OperatorSet {
	var ps []*onnxpb.OperatorSet
	for _, k := range slices.Sorted(maps.Keys(m)) {
		ps = append(ps, &onnxpb.OperatorSet{Domain: &k, Version: proto.Int64(m[k])})
	}
	return ps
}

func bindingList(bs []graph.Binding) []*onnxpb.Entry {
	var ps []*onnxpb.Entry
	for _, b := range bs {
		ps = append(ps, entry(b.Name, b.Value))
	}
	return ps
}

// mergeExtra adds the carried fields to p.
func mergeExtra(p proto.Message, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(b, p); err != nil {
		return errs.New(errs.Invalid, "carried fields: %w", err)
	}
	return nil
}

func (e *encoder) model(m *graph.Model) (*onnxpb.Model, error) {
	p := &onnxpb.Model{
		IrVersion: number(m.IRVersion), ProducerName: text(m.Producer), ProducerVersion: text(m.ProducerVersion),
		Domain: text(m.Domain), ModelVersion: number(m.Version), DocString: text(m.Doc),
		OpsetImport: opsetList(m.Opsets), MetadataProps: entryList(m.Metadata),
	}
	if m.Graph == nil {
		return nil, invalid("the model has no graph")
	}
	var err error
	if p.Graph, err = e.graph(m.Graph); err != nil {
		return nil, within(err, "graph %s", quote(m.Graph.Name))
	}
	for _, f := range m.Functions {
		fp, err := e.function(f)
		if err != nil {
			return nil, within(err, "function %s:%s", f.Domain, f.Name)
		}
		p.Functions = append(p.Functions, fp)
	}
	for i, t := range m.Training {
		tp := &onnxpb.Training{InitializationBinding: bindingList(t.InitBinding), UpdateBinding: bindingList(t.UpdateBinding)}
		if t.Init != nil {
			if tp.Initialization, err = e.graph(t.Init); err != nil {
				return nil, within(err, "training step %d", i)
			}
		}
		if t.Algorithm != nil {
			if tp.Algorithm, err = e.graph(t.Algorithm); err != nil {
				return nil, within(err, "training step %d", i)
			}
		}
		p.TrainingInfo = append(p.TrainingInfo, tp)
	}
	return p, mergeExtra(p, m.Extra)
}

func (e *encoder) function(f *graph.Function) (*onnxpb.Function, error) {
	p := &onnxpb.Function{
		Name: text(f.Name), Domain: text(f.Domain), Overload: text(f.Overload), DocString: text(f.Doc),
		Attribute: f.Attrs, OpsetImport: opsetList(f.Opsets), MetadataProps: entryList(f.Metadata),
	}
	if f.Body == nil {
		return nil, invalid("the function has no body")
	}
	if len(f.Body.Initializers) > 0 {
		return nil, errs.New(errs.Invalid, "the body has initializer %s", quote(f.Body.Initializers[0].Name)).
			WithHint("ONNX functions cannot: use a Constant node or an input")
	}
	var err error
	if p.AttributeProto, err = e.attrs(f.Defaults, f.AttrDocs); err != nil {
		return nil, err
	}
	if p.Node, err = e.nodes(f.Body.Nodes); err != nil {
		return nil, err
	}
	for _, v := range f.Body.Inputs {
		p.Input = append(p.Input, v.Name)
		p.ValueInfo = appendInfo(p.ValueInfo, v)
	}
	for _, v := range f.Body.Outputs {
		p.Output = append(p.Output, v.Name)
	}
	for _, n := range f.Body.Nodes {
		for _, v := range n.Out {
			p.ValueInfo = appendInfo(p.ValueInfo, v)
		}
	}
	return p, mergeExtra(p, f.Extra)
}

// appendInfo adds what is known about v, if anything.
func appendInfo(ps []*onnxpb.ValueInfo, v *graph.Value) []*onnxpb.ValueInfo {
	if v == nil || v.Type == nil && v.Doc == "" && v.Metadata == nil {
		return ps
	}
	return append(ps, valueInfo(v))
}

func (e *encoder) graph(g *graph.Graph) (*onnxpb.Graph, error) {
	if g == nil {
		return nil, invalid("a subgraph is nil")
	}
	p := &onnxpb.Graph{Name: text(g.Name), DocString: text(g.Doc), MetadataProps: entryList(g.Metadata)}
	declared := map[*graph.Value]bool{}
	for _, v := range g.Inputs {
		p.Input = append(p.Input, valueInfo(v))
		declared[v] = true
	}
	for _, v := range g.Outputs {
		p.Output = append(p.Output, valueInfo(v))
		declared[v] = true
	}
	info := func(v *graph.Value) {
		if v != nil && !declared[v] {
			p.ValueInfo = appendInfo(p.ValueInfo, v)
		}
	}
	for _, v := range g.Initializers {
		if err := e.initializer(p, v); err != nil {
			return nil, within(err, "initializer %s", quote(v.Name))
		}
		if !v.Type.Equal(constType(v)) || v.Doc != "" || v.Metadata != nil {
			info(v)
		}
	}
	var err error
	if p.Node, err = e.nodes(g.Nodes); err != nil {
		return nil, err
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			info(v)
		}
	}
	for _, q := range g.Quant {
		p.QuantizationAnnotation = append(p.QuantizationAnnotation,
			&onnxpb.Annotation{TensorName: text(q.Tensor), QuantParameterTensorNames: entryList(q.Params)})
	}
	return p, mergeExtra(p, g.Extra)
}

// constType is the type that a constant says itself.
func constType(v *graph.Value) *graph.Type {
	if v.Const != nil {
		return graph.TypeOf(v.Const)
	}
	return sparseType(v.Sparse)
}

// initializer adds v's constant, under v's name.
func (e *encoder) initializer(p *onnxpb.Graph, v *graph.Value) error {
	switch {
	case v.Const != nil:
		t, err := e.tensor(v.Const)
		if err != nil {
			return err
		}
		t.Name = &v.Name
		p.Initializer = append(p.Initializer, t)
	case v.Sparse != nil:
		s, err := e.sparse(v.Sparse)
		if err != nil {
			return err
		}
		s.Values.Name = &v.Name
		p.SparseInitializer = append(p.SparseInitializer, s)
	default:
		return invalid("it has no value")
	}
	return nil
}

func (e *encoder) nodes(ns []*graph.Node) ([]*onnxpb.Node, error) {
	ps := make([]*onnxpb.Node, len(ns))
	for i, n := range ns {
		p := &onnxpb.Node{
			Name: text(n.Name), OpType: text(n.Op), Domain: text(n.Domain), Overload: text(n.Overload), DocString: text(n.Doc),
			Input: valueNames(n.In), Output: valueNames(n.Out), MetadataProps: entryList(n.Metadata),
		}
		var err error
		if p.Attribute, err = e.attrs(n.Attrs, n.AttrDocs); err == nil {
			err = mergeExtra(p, n.Extra)
		}
		if err != nil {
			return nil, inNode(err, i, p)
		}
		ps[i] = p
	}
	return ps, nil
}

func valueNames(vs []*graph.Value) []string {
	names := make([]string, len(vs))
	for i, v := range vs {
		if v != nil {
			names[i] = v.Name
		}
	}
	return names
}

func (e *encoder) attrs(a graph.Attrs, docs map[string]string) ([]*onnxpb.Attribute, error) {
	var ps []*onnxpb.Attribute
	for _, name := range a.Names() {
		p, err := attrProto(name, a[name], docs[name], e)
		if err != nil {
			return nil, err
		}
		ps = append(ps, p)
	}
	return ps, nil
}
