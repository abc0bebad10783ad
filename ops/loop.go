package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Loop runs its body while a condition holds, at most a number of times. The body takes the iteration number, the condition and the
// carried values, and returns the condition, the carried values and values that are stacked.
// https://onnx.ai/onnx/operators/onnx__Loop.html
var _ = define(Op{
	Name: "Loop", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		body := c.Node.Attrs.Graph("body")
		if c.Sub == nil || body == nil {
			return nil, nil
		}
		carried := len(c.Node.In) - 2
		in := []*graph.Type{graph.TensorType(graph.Int64), graph.TensorType(graph.Bool)}
		for i := range carried {
			in = append(in, looseType(c.Type(i+2)))
		}
		types, err := c.Sub(body, in)
		if err != nil {
			return nil, err
		}
		out := make([]*graph.Type, len(c.Node.Out))
		for i := range min(len(out), len(types)-1) {
			t := types[i+1].Clone()
			if i < carried {
				t = looseType(t)
			} else if t.Rank() >= 0 {
				t.Shape = append([]graph.Dim{graph.Sym("")}, t.Shape...)
			}
			out[i] = t
		}
		return out, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		body := c.Node.Attrs.Graph("body")
		limit := int64(math.MaxInt64)
		if m := c.Input(0); m != nil {
			n, err := int64s(m)
			if err != nil || len(n) != 1 {
				return nil, fmt.Errorf("the trip count is %s, want one int64", m)
			}
			limit = n[0]
		}
		cond := graph.Scalar(true)
		if c.Input(1) != nil {
			cond = c.In[1]
		}
		carried := append([]*graph.Tensor{}, c.In[min(2, len(c.In)):]...)
		scans := make([][]*graph.Tensor, max(0, len(c.Node.Out)-len(carried)))
		for i := int64(0); i < limit; i++ {
			if err := c.Err(); err != nil {
				return nil, err
			}
			if again, err := truth(cond); err != nil || !again {
				if err != nil {
					return nil, err
				}
				break
			}
			out, err := c.Sub(body, append([]*graph.Tensor{graph.Scalar(i), cond}, carried...))
			if err != nil {
				return nil, err
			}
			if len(out) < 1+len(carried)+len(scans) {
				return nil, fmt.Errorf("the body has %d outputs, want %d", len(out), 1+len(carried)+len(scans))
			}
			cond = out[0]
			copy(carried, out[1:])
			for k := range scans {
				scans[k] = append(scans[k], out[1+len(carried)+k])
			}
		}
		for k, parts := range scans {
			y, err := stack(c, parts, body.Outputs[1+len(carried)+k].Type)
			if err != nil {
				return nil, err
			}
			carried = append(carried, y)
		}
		return carried, nil
	},
	NoGrad: "the number of iterations depends on data",
	Grow:   Fixed,
	Cases: `
		double body={i c a -> c d s: d = Add(a, a); s = Identity(a)}  i64[] 3  _  [] 1  ->  [] 8  [3] 1 2 4`,
})

// looseType forgets the sizes of a carried value, which may change from one iteration to the next.
func looseType(t *graph.Type) *graph.Type {
	if t == nil || t.Kind != graph.TensorKind {
		return t.Clone()
	}
	return &graph.Type{DType: t.DType}
}

// stack joins equal tensors along a new first axis; without any the declared type tells element type and shape.
func stack(c *Call, parts []*graph.Tensor, declared *graph.Type) (*graph.Tensor, error) {
	if len(parts) == 0 {
		shape := []int64{0}
		d := graph.Float32
		if declared != nil {
			if declared.DType != 0 {
				d = declared.DType
			}
			for _, n := range declared.Sizes() {
				shape = append(shape, max(0, n))
			}
		}
		return c.Output(d, shape...), nil
	}
	rows := make([]*graph.Tensor, len(parts))
	for i, p := range parts {
		rows[i] = withShape(p, append([]int64{1}, p.Shape...))
	}
	return concat(c, rows, 0)
}
