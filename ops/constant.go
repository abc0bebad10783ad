package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Constant is the tensor in its attribute.
// https://onnx.ai/onnx/operators/onnx__Constant.html
var _ = define(Op{
	Name: "Constant", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, err := constantValue(c.Node)
		if err != nil {
			return nil, err
		}
		return []*graph.Type{graph.TypeOf(t)}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		t, err := constantValue(c.Node)
		return []*graph.Tensor{t}, err
	},
	NoGrad: "it has no inputs",
	Cases: `
		vector value_floats=[1.0,2.0]  ->  [2] 1 2
		scalar value_int=7  ->  i64[] 7`,
})

// constantValue returns what a Constant node holds.
func constantValue(n *graph.Node) (*graph.Tensor, error) {
	for name, v := range n.Attrs {
		switch v := v.(type) {
		case *graph.Tensor:
			return v, nil
		case *graph.Sparse:
			return Dense(v)
		case float32:
			return graph.Scalar(v), nil
		case int64:
			return graph.Scalar(v), nil
		case string:
			return graph.FromStrings([]string{v}), nil
		case []float32:
			return graph.Vector(v...), nil
		case []int64:
			return graph.Vector(v...), nil
		case []string:
			return graph.FromStrings(v, int64(len(v))), nil
		default:
			return nil, fmt.Errorf("attribute %s is a %s, want a value", name, graph.KindOf(v))
		}
	}
	return nil, fmt.Errorf("no value attribute")
}

// Dense writes a sparse constant out. The indices are checked; the caller has bounded the shape.
func Dense(s *graph.Sparse) (*graph.Tensor, error) {
	n, ok := graph.NumElements(s.Shape)
	if _, fits := graph.ByteSize(s.Values.DType, n); !ok || !fits || s.Values.DType.Bits()%8 != 0 || s.Values.DType == graph.String {
		return nil, fmt.Errorf("sparse %s%v cannot be written out", s.Values.DType, s.Shape)
	}
	if s.Indices.DType != graph.Int64 || s.Indices.Check() != nil || s.Values.Check() != nil {
		return nil, fmt.Errorf("sparse indices are %s, want int64", s.Indices)
	}
	t := graph.NewTensor(s.Values.DType, s.Shape...)
	index := graph.Data[int64](s.Indices)
	nnz, size := int(s.Values.Len()), s.Values.DType.Bits()/8
	rank := 1
	strides := []int{1}
	dims := []int64{n}
	if len(s.Indices.Shape) == 2 {
		rank, strides, dims = len(s.Shape), Strides(s.Shape), s.Shape
	}
	if len(index) != nnz*rank {
		return nil, fmt.Errorf("%d sparse indices for %d values of rank %d", len(index), nnz, rank)
	}
	for k := range nnz {
		at := 0
		for d, i := range index[k*rank : (k+1)*rank] {
			if i < 0 || i >= dims[d] {
				return nil, fmt.Errorf("sparse index %d outside %v", i, s.Shape)
			}
			at += int(i) * strides[d]
		}
		copy(t.Raw[at*size:(at+1)*size], s.Values.Raw[k*size:])
	}
	return t, nil
}
