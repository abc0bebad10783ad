package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// DepthToSpace moves blocks of channels of a map (N, C, H, W) into space: depth first (DCR) or columns and rows first (CRD).
// https://onnx.ai/onnx/operators/onnx__DepthToSpace.html
var _ = define(Op{
	Name: "DepthToSpace", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		return inferBlocks(c, func(ch, h, w, b int64) (int64, int64, int64) { return ch / (b * b), h * b, w * b })
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, b := c.In[0], c.Node.Attrs.Int("blocksize", 0)
		if err := checkBlocks(x, b, 1); err != nil {
			return nil, err
		}
		n, ch, h, w := x.Shape[0], x.Shape[1]/(b*b), x.Shape[2], x.Shape[3]
		split, perm := []int64{n, b, b, ch, h, w}, []int{0, 3, 4, 1, 5, 2}
		if c.Node.Attrs.Str("mode", "DCR") == "CRD" {
			split, perm = []int64{n, ch, b, b, h, w}, []int{0, 1, 4, 2, 5, 3}
		}
		return []*graph.Tensor{regroup(c, x, split, perm, []int64{n, ch, h * b, w * b})}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		size := n.Attrs.Int("blocksize", 0)
		d := b.Op("SpaceToDepth", graph.Attrs{"blocksize": size}, dy[0])
		if n.Attrs.Str("mode", "DCR") == "DCR" {
			return []*graph.Value{d}
		}
		// SpaceToDepth gives blocks before channels; here they come after.
		shape := b.Op("Shape", nil, n.In[0])
		blocks := b.Op("Reshape", nil, d, b.Op("Concat", graph.Attrs{"axis": 0},
			b.Op("Slice", nil, shape, b.Ints(0), b.Ints(1)), b.Ints(size*size, -1), b.Op("Slice", nil, shape, b.Ints(2), b.Ints(4))))
		return []*graph.Value{b.Op("Reshape", nil, b.Transpose(blocks, 0, 2, 1, 3, 4), shape)}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		depth   blocksize=2  [1 4 1 1] 1 2 3 4  ->  [1 1 2 2] 1 2 3 4
		columns blocksize=2 mode="CRD"  [1 8 1 1] 1 2 3 4 5 6 7 8  ->  [1 2 2 2] 1 2 3 4 5 6 7 8`,
})

func inferBlocks(c *Inference, f func(ch, h, w, b int64) (int64, int64, int64)) ([]*graph.Type, error) {
	t := c.Type(0).Clone()
	b := c.Node.Attrs.Int("blocksize", 0)
	if t.Rank() != 4 || b < 1 {
		return []*graph.Type{withoutShape(t)}, nil
	}
	s := t.Sizes()
	ch, h, w := f(s[1], s[2], s[3], b)
	for i, d := range []int64{ch, h, w} {
		if s[i+1] < 0 {
			t.Shape[i+1] = graph.Sym("")
		} else {
			t.Shape[i+1] = graph.D(d)
		}
	}
	return []*graph.Type{t}, nil
}

// checkBlocks checks that channels (space = 1) or space (space = 2) hold whole blocks.
func checkBlocks(x *graph.Tensor, b int64, space int) error {
	if len(x.Shape) != 4 || b < 1 || b > 1<<15 {
		return fmt.Errorf("blocksize %d of %s, want a map (N, C, H, W)", b, x)
	}
	if space == 1 && x.Shape[1]%(b*b) != 0 || space == 2 && (x.Shape[2]%b != 0 || x.Shape[3]%b != 0) {
		return fmt.Errorf("%s does not hold whole blocks of size %d", x, b)
	}
	return nil
}

// regroup views x in another shape, permutes its axes and views the result in the shape out.
func regroup(c *Call, x *graph.Tensor, split []int64, perm []int, out []int64) *graph.Tensor {
	own := Strides(split)
	shape, strides := make([]int64, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], strides[i] = split[p], own[p]
	}
	y := c.Output(x.DType, out...)
	gatherStrided(withShape(y, shape), x, strides, 0)
	return y
}
