package ops

import (
	"fmt"
	"math/rand/v2"

	"github.com/astronnx/astronnx/graph"
)

// Dropout passes its input on and, in training, sets elements to 0 with the given probability and divides the others by
// the rest. The second output tells which elements stay. A node with a seed always drops the same; without one each run
// differs.
// https://onnx.ai/onnx/operators/onnx__Dropout.html
var _ = define(Op{
	Name: "Dropout", Since: 12,
	Infer: inferDropout,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		training, ratio := false, 0.5
		if t := c.Input(2); t != nil {
			if t.DType != graph.Bool || t.Len() != 1 {
				return nil, fmt.Errorf("training_mode is %s, want one bool", t)
			}
			training = graph.Data[bool](t)[0]
		}
		if t := c.Input(1); t != nil {
			r, err := float64sOf(t)
			if err != nil || len(r) != 1 || !(r[0] >= 0 && r[0] < 1) {
				return nil, fmt.Errorf("ratio is %v of %s, want one number in [0, 1)", r, t)
			}
			ratio = r[0]
		}
		if !training || ratio == 0 {
			return keepAll(c), nil
		}
		return drop(c, ratio)
	},
	// The mask is the derivative but for the scale, so the node must have it as an output where it trains.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if t := ConstantOf(n.Input(2)); n.Input(2) == nil || t != nil && t.Len() == 1 && t.Raw[0] == 0 {
			return []*graph.Value{dy[0], nil, nil}
		}
		if len(n.Out) < 2 || n.Out[1] == nil {
			panic("ops: the gradient of Dropout in training needs its second output, the mask")
		}
		mask := b.CastLike(n.Out[1], dy[0])
		ratio := b.Like(dy[0], 0.5)
		if r := n.Input(1); r != nil {
			ratio = b.CastLike(r, dy[0])
		}
		scale := b.Where(n.In[2], b.Div(b.Like(dy[0], 1), b.Sub(b.Like(dy[0], 1), ratio)), b.Like(dy[0], 1))
		return []*graph.Value{b.Mul(b.Mul(dy[0], mask), scale), nil, nil}
	},
	Exact: Bitwise,
	Cases: `
		still [3] 1 2 3  [] 0.75  ->  [3] 1 2 3  bool[3] 1 1 1
		none  !kink  [3] 1 2 3  [] 0  bool[] 1  ->  [3] 1 2 3  bool[3] 1 1 1
		half  seed=0  [5] 1 2 3 4 5  _  bool[] 1  ->  [5] 2 4 6 8 0  bool[5] 1 1 1 1 0
		ratio [3] 1 2 3  [] 1  bool[] 1  ->  error "ratio"`,
})

// Before opset 12 an inference node passes its input on.
var _ = define(Op{
	Name: "Dropout", Since: 7,
	Infer: inferDropout,
	Eval:  func(c *Call) ([]*graph.Tensor, error) { return keepAll(c), nil },
	Grad:  func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value { return dy[:1] },
	Exact: Bitwise,
	Cases: `
		still ratio=0.5  [3] 1 2 3  ->  [3] 1 2 3`,
})

func inferDropout(c *Inference) ([]*graph.Type, error) {
	mask := c.Type(0).Clone()
	if mask != nil && c.Opset >= 10 {
		mask.DType = graph.Bool
	}
	return []*graph.Type{c.Type(0).Clone(), mask}, nil
}

func keepAll(c *Call) []*graph.Tensor {
	x := c.In[0]
	if !c.Wants(1) {
		return []*graph.Tensor{x}
	}
	if c.Opset < 10 { // the mask had the type of the input
		mask, err := castTensor(allTrue(x.Shape), x.DType)
		if err == nil {
			return []*graph.Tensor{x, mask}
		}
	}
	return []*graph.Tensor{x, allTrue(x.Shape)}
}

func allTrue(shape []int64) *graph.Tensor {
	t := graph.NewTensor(graph.Bool, shape...)
	for i := range t.Raw {
		t.Raw[i] = 1
	}
	return t
}

func drop(c *Call, ratio float64) ([]*graph.Tensor, error) {
	random := newMersenne(uint32(c.Node.Attrs.Int("seed", int64(rand.Uint32()))))
	mask := c.Output(graph.Bool, c.In[0].Shape...)
	keep := graph.Data[bool](mask)
	for i := range keep {
		keep[i] = random.Float64() >= ratio
	}
	y, err := widened(func(c *Call) ([]*graph.Tensor, error) {
		i := -1
		return eachFloat(func(x float64) float64 {
			if i++; keep[i] {
				return x / (1 - ratio)
			}
			return 0
		})(c)
	})(&Call{Ctx: c.Ctx, Node: c.Node, Opset: c.Opset, In: c.In[:1], New: c.New})
	if err != nil {
		return nil, err
	}
	return append(y, mask), nil
}
