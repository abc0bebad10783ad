package onnxio

import (
	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// text is an optional string, absent if empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// describeValue gives v what p declares, without taking back what an earlier declaration said.
func describeValue(v *graph.Value, p *onnxpb.ValueInfo) error {
	if p.Type != nil {
		t, err := decodeType(p.Type)
		if err != nil {
			return within(err, "type of %s", quote(v.Name))
		}
		if v.Type == nil {
			v.Type = t
		} else if t != nil && !fillType(v.Type, t) {
			return invalid("value %s is declared as %s and as %s", quote(v.Name), v.Type, t)
		}
	}
	if v.Doc == "" {
		v.Doc = p.GetDocString()
	}
	metadata, err := entries(p.GetMetadataProps())
	if err != nil {
		return within(err, "metadata of %s", quote(v.Name))
	}
	if v.Metadata == nil {
		v.Metadata = metadata
	}
	return nil
}

// fillType completes t by what u knows more. It returns false if the two name different kinds or element types.
func fillType(t, u *graph.Type) bool {
	if t.Kind != u.Kind || t.DType != 0 && u.DType != 0 && t.DType != u.DType {
		return false
	}
	if t.DType == 0 {
		t.DType = u.DType
	}
	if t.Shape == nil {
		t.Shape = u.Shape
	} else if len(t.Shape) == len(u.Shape) {
		for i, d := range u.Shape {
			if !t.Shape[i].Known() && t.Shape[i].Param == "" {
				t.Shape[i].Size, t.Shape[i].Param = d.Size, d.Param
			}
		}
	}
	if t.Of == nil || u.Of == nil {
		if t.Of == nil {
			t.Of = u.Of
		}
		return true
	}
	return fillType(t.Of, u.Of)
}

func sparseType(s *graph.Sparse) *graph.Type {
	t := &graph.Type{Kind: graph.SparseKind, DType: s.Values.DType, Shape: make([]graph.Dim, len(s.Shape))}
	for i, n := range s.Shape {
		t.Shape[i] = graph.D(n)
	}
	return t
}

// decodeType returns nil for a type that says nothing.
func decodeType(p *onnxpb.Type) (*graph.Type, error) {
	t := &graph.Type{Denotation: p.GetDenotation()}
	var elem *onnxpb.Type
	switch v := p.Value.(type) {
	case nil:
		return nil, nil
	case *onnxpb.Type_TensorType:
		t.DType, t.Shape = graph.DType(v.TensorType.GetElemType()), decodeShape(v.TensorType.Shape)
	case *onnxpb.Type_SparseTensorType:
		t.Kind = graph.SparseKind
		t.DType, t.Shape = graph.DType(v.SparseTensorType.GetElemType()), decodeShape(v.SparseTensorType.Shape)
	case *onnxpb.Type_SequenceType:
		t.Kind, elem = graph.SequenceKind, v.SequenceType.ElemType
	case *onnxpb.Type_OptionalType:
		t.Kind, elem = graph.OptionalKind, v.OptionalType.ElemType
	case *onnxpb.Type_MapType:
		t.Kind, t.DType, elem = graph.MapKind, graph.DType(v.MapType.GetKeyType()), v.MapType.ValueType
	case *onnxpb.Type_OpaqueType:
		t.Kind, t.Domain, t.Name = graph.OpaqueKind, v.OpaqueType.GetDomain(), v.OpaqueType.GetName()
	}
	if t.DType != 0 && !t.DType.Valid() {
		return nil, invalid("element type %d does not exist", int32(t.DType))
	}
	if elem != nil {
		var err error
		if t.Of, err = decodeType(elem); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func decodeShape(p *onnxpb.Shape) []graph.Dim {
	if p == nil {
		return nil
	}
	dims := make([]graph.Dim, len(p.Dim))
	for i, d := range p.Dim {
		dims[i] = graph.Sym(d.GetDimParam())
		if v, ok := d.Value.(*onnxpb.Shape_Dimension_DimValue); ok {
			dims[i].Size = max(v.DimValue, -1)
		}
		dims[i].Denotation = d.GetDenotation()
	}
	return dims
}

func valueInfo(v *graph.Value) *onnxpb.ValueInfo {
	p := &onnxpb.ValueInfo{Name: &v.Name, DocString: text(v.Doc), MetadataProps: entryList(v.Metadata)}
	if v.Type != nil {
		p.Type = typeProto(v.Type)
	}
	return p
}

// typeProto is the inverse of decodeType, nil included.
func typeProto(t *graph.Type) *onnxpb.Type {
	if t == nil {
		return &onnxpb.Type{}
	}
	p := &onnxpb.Type{Denotation: text(t.Denotation)}
	elem := func() *onnxpb.Type {
		if t.Of == nil {
			return nil
		}
		return typeProto(t.Of)
	}
	dtype := proto.Int32(int32(t.DType))
	switch t.Kind {
	case graph.TensorKind:
		p.Value = &onnxpb.Type_TensorType{TensorType: &onnxpb.Type_Dense{ElemType: dtype, Shape: shapeProto(t.Shape)}}
	case graph.SparseKind:
		p.Value = &onnxpb.Type_SparseTensorType{SparseTensorType: &onnxpb.Type_Sparse{ElemType: dtype, Shape: shapeProto(t.Shape)}}
	case graph.SequenceKind:
		p.Value = &onnxpb.Type_SequenceType{SequenceType: &onnxpb.Type_Sequence{ElemType: elem()}}
	case graph.OptionalKind:
		p.Value = &onnxpb.Type_OptionalType{OptionalType: &onnxpb.Type_Optional{ElemType: elem()}}
	case graph.MapKind:
		p.Value = &onnxpb.Type_MapType{MapType: &onnxpb.Type_Map{KeyType: dtype, ValueType: elem()}}
	case graph.OpaqueKind:
		p.Value = &onnxpb.Type_OpaqueType{OpaqueType: &onnxpb.Type_Opaque{Domain: text(t.Domain), Name: text(t.Name)}}
	}
	return p
}

func shapeProto(dims []graph.Dim) *onnxpb.Shape {
	if dims == nil {
		return nil
	}
	p := &onnxpb.Shape{Dim: make([]*onnxpb.Shape_Dimension, len(dims))}
	for i, d := range dims {
		p.Dim[i] = &onnxpb.Shape_Dimension{Denotation: text(d.Denotation)}
		switch {
		case d.Known():
			p.Dim[i].Value = &onnxpb.Shape_Dimension_DimValue{DimValue: d.Size}
		case d.Param != "":
			p.Dim[i].Value = &onnxpb.Shape_Dimension_DimParam{DimParam: d.Param}
		}
	}
	return p
}
