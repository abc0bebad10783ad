package onnxio

import (
	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// attrs reads the attributes of a node or the defaults of a function, with their documentation. Subgraphs see outer.
func (d *decoder) attrs(ps []*onnxpb.Attribute, outer *scope) (graph.Attrs, map[string]string, error) {
	attrs := make(graph.Attrs, len(ps))
	var docs map[string]string
	for _, p := range ps {
		name := p.GetName()
		if name == "" {
			return nil, nil, invalid("an attribute has no name")
		}
		if attrs.Has(name) {
			return nil, nil, invalid("attribute %s occurs twice", quote(name))
		}
		v, err := d.attr(p, outer)
		if err != nil {
			return nil, nil, within(err, "attribute %s", quote(name))
		}
		attrs[name] = v
		if p.DocString != nil && *p.DocString != "" {
			if docs == nil {
				docs = map[string]string{}
			}
			docs[name] = *p.DocString
		}
	}
	return attrs, docs, nil
}

// attrKind returns the declared kind. Files before IR version 2 declare none: the field in use says it.
func attrKind(p *onnxpb.Attribute) (graph.AttrKind, error) {
	var held []graph.AttrKind
	hold := func(present bool, k graph.AttrKind) {
		if present {
			held = append(held, k)
		}
	}
	hold(p.F != nil, graph.FloatAttr)
	hold(p.I != nil, graph.IntAttr)
	hold(p.S != nil, graph.StringAttr)
	hold(p.T != nil, graph.TensorAttr)
	hold(p.G != nil, graph.GraphAttr)
	hold(p.SparseTensor != nil, graph.SparseAttr)
	hold(p.Tp != nil, graph.TypeAttr)
	hold(len(p.Floats) > 0, graph.FloatsAttr)
	hold(len(p.Ints) > 0, graph.IntsAttr)
	hold(len(p.Strings) > 0, graph.StringsAttr)
	hold(len(p.Tensors) > 0, graph.TensorsAttr)
	hold(len(p.Graphs) > 0, graph.GraphsAttr)
	hold(len(p.SparseTensors) > 0, graph.SparsesAttr)
	hold(len(p.TypeProtos) > 0, graph.TypesAttr)
	kind := graph.AttrKind(p.GetType())
	switch {
	case len(held) > 1:
		return 0, invalid("it holds both %s and %s", held[0], held[1])
	case p.GetRefAttrName() != "" && len(held) > 0:
		return 0, invalid("it refers to %s and holds %s", quote(p.GetRefAttrName()), held[0])
	case kind == graph.UndefinedAttr && len(held) == 1:
		return held[0], nil
	case len(held) == 1 && held[0] != kind:
		return 0, invalid("its type is %s but it holds %s", kind, held[0])
	case kind < graph.FloatAttr || kind > graph.TypesAttr:
		return 0, invalid("its type is %s", kind)
	}
	return kind, nil
}

// attr reads one value. A scalar that is absent is zero, since proto3 writers leave zeros out.
func (d *decoder) attr(p *onnxpb.Attribute, outer *scope) (any, error) {
	kind, err := attrKind(p)
	if err != nil {
		return nil, err
	}
	if name := p.GetRefAttrName(); name != "" {
		return graph.AttrRef{Name: name, Kind: kind}, nil
	}
	subgraph := func(p *onnxpb.Graph) (*graph.Graph, error) {
		g, _, err := d.graph(p, outer)
		return g, within(err, "subgraph %s", quote(p.GetName()))
	}
	switch kind {
	case graph.FloatAttr:
		return p.GetF(), nil
	case graph.IntAttr:
		return p.GetI(), nil
	case graph.StringAttr:
		return string(p.S), nil
	case graph.FloatsAttr:
		return p.Floats, nil
	case graph.IntsAttr:
		return p.Ints, nil
	case graph.StringsAttr:
		return texts(p.Strings), nil
	case graph.TensorsAttr:
		return each(p.Tensors, d.tensor)
	case graph.GraphsAttr:
		return each(p.Graphs, subgraph)
	case graph.SparsesAttr:
		return each(p.SparseTensors, d.sparse)
	case graph.TypesAttr:
		return each(p.TypeProtos, decodeType)
	case graph.TensorAttr:
		if p.T != nil {
			return d.tensor(p.T)
		}
	case graph.GraphAttr:
		if p.G != nil {
			return subgraph(p.G)
		}
	case graph.SparseAttr:
		if p.SparseTensor != nil {
			return d.sparse(p.SparseTensor)
		}
	case graph.TypeAttr:
		if p.Tp != nil {
			return decodeType(p.Tp)
		}
	}
	return nil, invalid("its type is %s but it holds none", kind)
}

func each[P, T any](ps []P, f func(P) (T, error)) ([]T, error) {
	out := make([]T, len(ps))
	for i, p := range ps {
		var err error
		if out[i], err = f(p); err != nil {
			return nil, within(err, "element %d", i)
		}
	}
	return out, nil
}

func texts(bs [][]byte) []string {
	out := make([]string, len(bs))
	for i, b := range bs {
		out[i] = string(b)
	}
	return out
}

func attrProto(name string, v any, doc string, e *encoder) (*onnxpb.Attribute, error) {
	p := &onnxpb.Attribute{Name: &name, Type: proto.Int32(int32(graph.KindOf(v))), DocString: text(doc)}
	var err error
	switch v := v.(type) {
	case graph.AttrRef:
		p.RefAttrName = &v.Name
	case float32:
		p.F = &v
	case int64:
		p.I = &v
	case string:
		p.S = []byte(v)
	case []float32:
		p.Floats = v
	case []int64:
		p.Ints = v
	case []string:
		for _, s := range v {
			p.Strings = append(p.Strings, []byte(s))
		}
	case *graph.Tensor:
		p.T, err = e.tensor(v)
	case *graph.Graph:
		p.G, err = e.graph(v)
	case *graph.Sparse:
		p.SparseTensor, err = e.sparse(v)
	case *graph.Type:
		p.Tp = typeProto(v)
	case []*graph.Tensor:
		p.Tensors, err = each(v, e.tensor)
	case []*graph.Graph:
		p.Graphs, err = each(v, e.graph)
	case []*graph.Sparse:
		p.SparseTensors, err = each(v, e.sparse)
	case []*graph.Type:
		for _, t := range v {
			p.TypeProtos = append(p.TypeProtos, typeProto(t))
		}
	default:
		err = invalid("a %T is no attribute", v)
	}
	return p, within(err, "attribute %s", quote(name))
}
