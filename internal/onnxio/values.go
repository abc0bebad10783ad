package onnxio

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// What SequenceProto.elem_type and OptionalProto.elem_type count.
const (
	elemUndefined = iota
	elemTensor
	elemSparse
	elemSequence
	elemMap
	elemOptional
)

// ReadTensor reads the file of one value, such as an official test's input_0.pb. typ says which message the file holds; only its
// outermost kind counts, and nil means a dense tensor.
func ReadTensor(b []byte, typ *graph.Type, o Options) (*graph.Tensor, error) {
	lim := o.Limits.withDefaults()
	d := &decoder{files: newFiles(o, lim), lim: lim}
	kind := graph.TensorKind
	if typ != nil {
		kind = typ.Kind
	}
	switch kind {
	case graph.TensorKind:
		return readValue(b, &onnxpb.Tensor{}, lim, d.tensor)
	case graph.SequenceKind:
		return readValue(b, &onnxpb.Sequence{}, lim, d.sequence)
	case graph.MapKind:
		return readValue(b, &onnxpb.Map{}, lim, d.mapping)
	case graph.OptionalKind:
		return readValue(b, &onnxpb.Optional{}, lim, d.optional)
	}
	return nil, errs.New(errs.Input, "a file cannot hold a %s value", kind)
}

func readValue[P protoreflect.ProtoMessage](b []byte, p P, lim Limits, decode func(P) (*graph.Tensor, error)) (*graph.Tensor, error) {
	if err := unmarshal(b, p, lim); err != nil {
		return nil, err
	}
	return decode(p)
}

func (d *decoder) sequence(p *onnxpb.Sequence) (*graph.Tensor, error) {
	kinds := 0
	for _, n := range []int{len(p.TensorValues), len(p.SparseTensorValues), len(p.SequenceValues), len(p.MapValues), len(p.OptionalValues)} {
		if n > 0 {
			kinds++
		}
	}
	if kinds > 1 {
		return nil, invalid("the sequence holds values of %d kinds", kinds)
	}
	t := &graph.Tensor{Kind: graph.SequenceKind, Name: p.GetName()}
	var err error
	switch {
	case len(p.SparseTensorValues) > 0:
		err = invalid("sequences of sparse tensors cannot be represented")
	case len(p.SequenceValues) > 0:
		t.Elems, err = each(p.SequenceValues, d.sequence)
	case len(p.MapValues) > 0:
		t.Elems, err = each(p.MapValues, d.mapping)
	case len(p.OptionalValues) > 0:
		t.Elems, err = each(p.OptionalValues, d.optional)
	default:
		t.Elems, err = each(p.TensorValues, d.tensor)
	}
	return t, within(err, "sequence %s", quote(t.Name))
}

func (d *decoder) optional(p *onnxpb.Optional) (*graph.Tensor, error) {
	t := &graph.Tensor{Kind: graph.OptionalKind, Name: p.GetName()}
	var v *graph.Tensor
	var err error
	switch {
	case p.TensorValue != nil:
		v, err = d.tensor(p.TensorValue)
	case p.SequenceValue != nil:
		v, err = d.sequence(p.SequenceValue)
	case p.MapValue != nil:
		v, err = d.mapping(p.MapValue)
	case p.OptionalValue != nil:
		v, err = d.optional(p.OptionalValue)
	case p.SparseTensorValue != nil:
		err = invalid("an optional sparse tensor cannot be represented")
	}
	if err != nil {
		return nil, within(err, "optional %s", quote(t.Name))
	}
	if v != nil {
		t.Elems = []*graph.Tensor{v}
	}
	return t, nil
}

func (d *decoder) mapping(p *onnxpb.Map) (*graph.Tensor, error) {
	var keys *graph.Tensor
	switch kt := graph.DType(p.GetKeyType()); {
	case kt == graph.String && len(p.Keys) == 0:
		keys = graph.FromStrings(texts(p.StringKeys), int64(len(p.StringKeys)))
	case kt.IsInt() && kt.Bits() >= 8 && len(p.StringKeys) == 0:
		wide := graph.Vector(p.Keys...)
		keys = &graph.Tensor{DType: kt, Shape: wide.Shape, Raw: wide.Raw}
		if kt != graph.Int64 && kt != graph.Uint64 {
			if err := narrow(keys, p.Keys, int64(len(p.Keys)*kt.Bits()/8)); err != nil {
				return nil, err
			}
		}
	default:
		return nil, invalid("map %s has keys of type %s", quote(p.GetName()), kt)
	}
	if p.Values == nil {
		return nil, invalid("map %s has no values", quote(p.GetName()))
	}
	values, err := d.sequence(p.Values)
	if err != nil {
		return nil, within(err, "map %s", quote(p.GetName()))
	}
	if values.Len() != keys.Len() {
		return nil, invalid("map %s has %d keys and %d values", quote(p.GetName()), keys.Len(), values.Len())
	}
	return &graph.Tensor{Kind: graph.MapKind, Name: p.GetName(), Elems: []*graph.Tensor{keys, values}}, nil
}

// MarshalTensor is the inverse of ReadTensor. The values of a map must be a sequence.
func MarshalTensor(t *graph.Tensor) ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	e := &encoder{place: inside}
	var p proto.Message
	var err error
	switch t.Kind {
	case graph.TensorKind:
		p, err = e.tensor(t)
	case graph.SequenceKind:
		p, err = e.sequence(t)
	case graph.MapKind:
		p, err = e.mapping(t)
	case graph.OptionalKind:
		p, err = e.optional(t)
	default:
		err = errs.New(errs.Input, "a file cannot hold a %s value", t.Kind)
	}
	if err != nil {
		return nil, err
	}
	return encode(p)
}

func (e *encoder) sequence(t *graph.Tensor) (*onnxpb.Sequence, error) {
	p := &onnxpb.Sequence{Name: text(t.Name), ElemType: proto.Int32(elemTensor)}
	if len(t.Elems) == 0 {
		return p, nil
	}
	kind := t.Elems[0].Kind
	for i, x := range t.Elems {
		if x.Kind != kind {
			return nil, invalid("element %d of a sequence of %s is a %s", i, kind, x.Kind)
		}
	}
	var err error
	switch kind {
	case graph.TensorKind:
		p.TensorValues, err = each(t.Elems, e.tensor)
	case graph.SequenceKind:
		p.ElemType = proto.Int32(elemSequence)
		p.SequenceValues, err = each(t.Elems, e.sequence)
	case graph.MapKind:
		p.ElemType = proto.Int32(elemMap)
		p.MapValues, err = each(t.Elems, e.mapping)
	case graph.OptionalKind:
		p.ElemType = proto.Int32(elemOptional)
		p.OptionalValues, err = each(t.Elems, e.optional)
	}
	return p, err
}

func (e *encoder) optional(t *graph.Tensor) (*onnxpb.Optional, error) {
	p := &onnxpb.Optional{Name: text(t.Name), ElemType: proto.Int32(elemUndefined)}
	if len(t.Elems) == 0 {
		return p, nil
	}
	var err error
	switch v := t.Elems[0]; v.Kind {
	case graph.TensorKind:
		p.ElemType = proto.Int32(elemTensor)
		p.TensorValue, err = e.tensor(v)
	case graph.SequenceKind:
		p.ElemType = proto.Int32(elemSequence)
		p.SequenceValue, err = e.sequence(v)
	case graph.MapKind:
		p.ElemType = proto.Int32(elemMap)
		p.MapValue, err = e.mapping(v)
	case graph.OptionalKind:
		p.ElemType = proto.Int32(elemOptional)
		p.OptionalValue, err = e.optional(v)
	}
	return p, err
}

func (e *encoder) mapping(t *graph.Tensor) (*onnxpb.Map, error) {
	if len(t.Elems) != 2 || t.Elems[1].Kind != graph.SequenceKind || t.Elems[0].Len() != t.Elems[1].Len() {
		return nil, invalid("want keys and a sequence of as many values in map %s", quote(t.Name))
	}
	keys := t.Elems[0]
	p := &onnxpb.Map{Name: text(t.Name), KeyType: proto.Int32(int32(keys.DType))}
	switch {
	case keys.DType == graph.String:
		for _, s := range keys.Strings {
			p.StringKeys = append(p.StringKeys, []byte(s))
		}
	case keys.DType.IsInt() && keys.DType.Bits() >= 8:
		p.Keys = widen(keys)
	default:
		return nil, invalid("map %s has keys of type %s", quote(t.Name), keys.DType)
	}
	var err error
	p.Values, err = e.sequence(t.Elems[1])
	return p, err
}

// widen returns the elements of an integer tensor.
func widen(t *graph.Tensor) []int64 {
	switch t.DType {
	case graph.Int8:
		return convert(graph.Data[int8](t))
	case graph.Uint8:
		return convert(graph.Data[uint8](t))
	case graph.Int16:
		return convert(graph.Data[int16](t))
	case graph.Uint16:
		return convert(graph.Data[uint16](t))
	case graph.Int32:
		return convert(graph.Data[int32](t))
	case graph.Uint32:
		return convert(graph.Data[uint32](t))
	case graph.Uint64:
		return convert(graph.Data[uint64](t))
	}
	return graph.Data[int64](t)
}

func convert[T int8 | uint8 | int16 | uint16 | int32 | uint32 | uint64](x []T) []int64 {
	out := make([]int64, len(x))
	for i, v := range x {
		out[i] = int64(v)
	}
	return out
}
