package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Concat joins tensors along an axis.
// https://onnx.ai/onnx/operators/onnx__Concat.html
var _ = define(Op{
	Name: "Concat", Since: 4,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), t.Rank())
		if err != nil {
			return nil, err
		}
		total := t.Shape[axis]
		for i, u := range c.In[1:] {
			switch {
			case u.Rank() < 0:
				return []*graph.Type{withoutShape(t)}, nil
			case u.Rank() != t.Rank() || u.DType != t.DType:
				return nil, fmt.Errorf("input %d is %s, the first %s", i+1, u, c.Type(0))
			}
			for k, d := range u.Shape {
				switch {
				case k == axis && d.Known() && total.Known():
					total = graph.D(total.Size + d.Size)
				case k == axis:
					total = graph.Sym("")
				case d.Known() && t.Shape[k].Known() && d.Size != t.Shape[k].Size:
					return nil, fmt.Errorf("input %d is %s, the first %s", i+1, u, c.Type(0))
				case d.Known():
					t.Shape[k] = d
				}
			}
		}
		t.Shape[axis] = total
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		y, err := concat(c, c.In, c.Node.Attrs.Int("axis", 0))
		return []*graph.Tensor{y}, err
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if len(n.In) == 1 {
			return dy
		}
		axis := n.Attrs.Int("axis", 0)
		if axis < 0 {
			axis += int64(n.Out[0].Type.Rank())
		}
		sizes := make([]*graph.Value, len(n.In))
		for i, v := range n.In {
			sizes[i] = b.Op("Shape", graph.Attrs{"start": axis, "end": axis + 1}, v)
		}
		parts := b.Op("Concat", graph.Attrs{"axis": 0}, sizes...)
		return b.OpN(len(n.In), "Split", graph.Attrs{"axis": axis}, dy[0], parts)
	},
	Exact: Bitwise,
	Cases: `
		rows    axis=0  [1 2] 1 2  [2 2] 3 4 5 6  ->  [3 2] 1 2 3 4 5 6
		columns axis=-1  [2 1] 1 2  [2 2] 3 4 5 6  ->  [2 3] 1 3 4 2 5 6
		words   axis=0  str[1] "a"  str[1] "b"  ->  str[2] "a" "b"`,
})

// concat joins tensors of one element type.
func concat(c *Call, parts []*graph.Tensor, at int64) (*graph.Tensor, error) {
	first := parts[0]
	axis, err := axisOf(at, len(first.Shape))
	if err != nil {
		return nil, err
	}
	shape := append([]int64{}, first.Shape...)
	for i, p := range parts[1:] {
		if p.DType != first.DType || len(p.Shape) != len(shape) {
			return nil, fmt.Errorf("input %d is %s, the first %s", i+1, p, first)
		}
		for k, d := range p.Shape {
			if k == axis {
				shape[k] += d
			} else if d != shape[k] {
				return nil, fmt.Errorf("input %d is %s, the first %s", i+1, p, first)
			}
		}
	}
	y := c.Output(first.DType, shape...)
	inner, _ := graph.NumElements(shape[axis+1:])
	outer, _ := graph.NumElements(shape[:axis])
	row, at0 := int(shape[axis]*inner), 0
	for _, p := range parts {
		n := int(p.Shape[axis] * inner)
		for o := range int(outer) {
			copyElements(y, o*row+at0, p, o*n, n)
		}
		at0 += n
	}
	return y, nil
}

// copyElements moves n consecutive elements of any type.
func copyElements(y *graph.Tensor, to int, x *graph.Tensor, from, n int) {
	bits := x.DType.Bits()
	switch {
	case x.DType == graph.String:
		copy(y.Strings[to:to+n], x.Strings[from:])
	case bits%8 == 0:
		size := bits / 8
		copy(y.Raw[to*size:(to+n)*size], x.Raw[from*size:])
	default:
		for k := range n {
			setPacked(y.Raw, to+k, bits, packed(x.Raw, from+k, bits))
		}
	}
}
