package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Reshape gives the same elements another shape: 0 copies a dimension unless allowzero is set, -1 takes what is left.
// https://onnx.ai/onnx/operators/onnx__Reshape.html
var _ = define(Op{
	Name: "Reshape", Since: 5,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t == nil {
			return nil, nil
		}
		t.Shape = nil
		want, in := c.vector(1), c.Type(0)
		if want == nil {
			return []*graph.Type{t}, nil
		}
		zeros := c.Node.Attrs.Bool("allowzero", false)
		sizes := in.Sizes()
		if _, fixed := graph.NumElements(sizes); c.Constant(1) != nil && sizes != nil && fixed {
			dims, err := int64s(c.Constant(1))
			if err != nil {
				return nil, err
			}
			shape, err := reshaped(sizes, dims, zeros)
			if err != nil {
				return nil, err
			}
			t.Shape = graph.TypeOf(&graph.Tensor{Shape: shape}).Shape
			return []*graph.Type{t}, nil
		}
		t.Shape = make([]graph.Dim, len(want))
		for i, d := range want {
			switch {
			case !d.known && !zeros && d.dim.Param == "": // might be 0 or -1
				t.Shape[i] = graph.Sym("")
			case !d.known:
				t.Shape[i] = d.dim
			case d.n == 0 && !zeros:
				t.Shape[i] = graph.Sym("")
				if i < in.Rank() {
					t.Shape[i] = in.Shape[i]
				}
			case d.n < 0:
				t.Shape[i] = graph.Sym("")
			default:
				t.Shape[i] = graph.D(d.n)
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		dims, err := int64s(c.In[1])
		if err != nil {
			return nil, err
		}
		shape, err := reshaped(c.In[0].Shape, dims, c.Node.Attrs.Bool("allowzero", false))
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{withShape(c.In[0], shape)}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("Reshape", graph.Attrs{"allowzero": 1}, dy[0], b.Op("Shape", nil, n.In[0])), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		rest [2 3] 1 2 3 4 5 6  i64[2] 3 -1  ->  [3 2] 1 2 3 4 5 6
		keep [2 2] 1 2 3 4  i64[3] 0 1 2  ->  [2 1 2] 1 2 3 4`,
})

// withShape views t's elements in another shape of equal size.
func withShape(t *graph.Tensor, shape []int64) *graph.Tensor {
	v := *t
	v.Shape = shape
	return &v
}

func reshaped(in, want []int64, allowZero bool) ([]int64, error) {
	total, _ := graph.NumElements(in)
	out := make([]int64, len(want))
	rest, known := -1, int64(1)
	for i, d := range want {
		switch {
		case d == -1 && rest < 0:
			rest = i
			out[i] = 1
			continue
		case d == 0 && !allowZero:
			if i >= len(in) {
				return nil, fmt.Errorf("shape %v: dimension %d copies from an input of rank %d", want, i, len(in))
			}
			d = in[i]
		case d < 0:
			return nil, fmt.Errorf("shape %v: want sizes and at most one -1", want)
		}
		out[i] = d
	}
	known, ok := graph.NumElements(out)
	switch {
	case !ok:
		return nil, fmt.Errorf("shape %v overflows", want)
	case rest >= 0 && known > 0 && total%known == 0:
		out[rest] = total / known
	case rest >= 0 || known != total:
		return nil, fmt.Errorf("%d elements of shape %v do not fill %v", total, in, want)
	}
	return out, nil
}
