package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// FlexAttention is prob_mod(softmax(score_mod(scale·Q·Kᵀ)))·V for each head of inputs (N, heads, length, size); a head
// of K and V may serve several of Q. The subgraphs score_mod and prob_mod, which may be absent, keep the shape of what
// they are given.
// https://onnx.ai/onnx/operators/onnx_aionnxpreview_FlexAttention.html
var _ = preview.Define(Op{
	Name: "FlexAttention", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		q, v := c.Type(0), c.Type(2)
		for i := range 3 {
			if r := c.Type(i).Rank(); r >= 0 && r != 4 {
				return nil, fmt.Errorf("input %d is %s, want (N, heads, length, size)", i, c.Type(i))
			}
		}
		y := q.Clone()
		if y.Rank() == 4 {
			y.Shape[3] = graph.Sym("")
			if v.Rank() == 4 {
				y.Shape[3] = v.Shape[3]
			}
		}
		return []*graph.Type{y}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		q, k, v := c.In[0], c.In[1], c.In[2]
		if len(v.Shape) != 4 || v.DType != q.DType {
			return nil, fmt.Errorf("values %s for queries %s, want (N, heads, length, size)", v, q)
		}
		x, err := headScores(c, q, k, float64(c.Node.Attrs.Float("scale", 0)))
		if err != nil {
			return nil, err
		}
		if k.Shape[2] != v.Shape[2] {
			return nil, fmt.Errorf("keys %s and values %s differ in number", k, v)
		}
		if x, err = castTensor(x, flexPrecision(c.Node, q.DType)); err != nil {
			return nil, err
		}
		if x, err = modified(c, "score_mod", x); err != nil {
			return nil, err
		}
		if x, err = floatsAlong(&Call{Ctx: c.Ctx, Node: c.Node}, x, 3, softmax); err != nil {
			return nil, err
		}
		if x, err = modified(c, "prob_mod", x); err != nil {
			return nil, err
		}
		if x, err = castTensor(x, q.DType); err != nil {
			return nil, err
		}
		y, err := headProduct(c, x, v)
		return []*graph.Tensor{y}, err
	}),
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		q, k, v := n.In[0], n.In[1], n.In[2]
		x := headScoresOf(b, q, repeatHeads(b, k, q), float64(n.Attrs.Float("scale", 0)))
		if q.Type != nil && q.Type.DType.Valid() {
			x = b.Op("Cast", graph.Attrs{"to": flexPrecision(n, q.Type.DType)}, x)
		}
		x = inlined(b, n.Attrs.Graph("score_mod"), x)
		x = b.Op("Softmax", graph.Attrs{"axis": -1}, x)
		x = b.CastLike(inlined(b, n.Attrs.Graph("prob_mod"), x), q)
		return []*graph.Value{b.Op("MatMul", nil, x, repeatHeads(b, v, q))}
	},
	Exact: Rounding,
	Cases: `
		plain scale=1.0  [1 1 1 2] 1 0  [1 1 2 2] 0 0 0.6931472 5  [1 1 2 1] 3 6  ->  [1 1 1 1] 5
		group scale=1.0  [1 2 1 1] 0 0.6931472  [1 1 2 1] 0 1  [1 1 2 1] 3 6  ->  [1 2 1 1] 4.5 5
		mods  scale=1.0 score_mod={s -> t: t = Add(s s)} prob_mod={p -> r: r = Sqrt(p)}
			[1 1 1 1] 1  [1 1 2 1] 0 1.0986123  [1 1 2 1] 1 1  ->  [1 1 1 1] 1.264911`,
})

// flexPrecision is the element type in which the subgraphs and the softmax compute.
func flexPrecision(n *graph.Node, d graph.DType) graph.DType {
	if d != graph.Float64 {
		d = graph.Float32
	}
	return graph.DType(n.Attrs.Int("softmax_precision", int64(d)))
}

// modified is what the subgraph of that name makes of x.
func modified(c *Call, name string, x *graph.Tensor) (*graph.Tensor, error) {
	g := c.Node.Attrs.Graph(name)
	if g == nil {
		return x, nil
	}
	y, err := c.Sub(g, []*graph.Tensor{x})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(y) != 1 || y[0].DType != x.DType || !slices.Equal(y[0].Shape, x.Shape) {
		return nil, fmt.Errorf("%s makes %v of %s, want one of its kind", name, y, x)
	}
	return y[0], nil
}

// inlined appends the nodes of a subgraph of one input and one output; nil leaves x as it is.
func inlined(b *Builder, g *graph.Graph, x *graph.Value) *graph.Value {
	if g == nil {
		return x
	}
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		panic(fmt.Sprintf("ops: graph %q takes %d values and gives %d, want one", g.Name, len(g.Inputs), len(g.Outputs)))
	}
	own := map[*graph.Value]*graph.Value{g.Inputs[0]: x}
	value := func(v *graph.Value) *graph.Value {
		if w, ok := own[v]; ok {
			return w
		}
		return v // of a surrounding graph
	}
	for _, v := range g.Initializers {
		own[v] = b.Const(v.Const)
	}
	for _, n := range g.Nodes {
		n.Attrs.Subgraphs(func(*graph.Graph) bool { panic("ops: a graph within graph " + g.Name + " cannot be inlined") })
		in := make([]*graph.Value, len(n.In))
		for i, v := range n.In {
			in[i] = value(v)
		}
		for i, v := range b.OpN(len(n.Out), n.OpName(), n.Attrs, in...) {
			own[n.Out[i]] = v
		}
	}
	return value(g.Outputs[0])
}
