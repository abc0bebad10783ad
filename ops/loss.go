package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// classLoss is -Σ weight·x at the target classes of x (N, C, ...), whose targets are (N, ...): the sum, the weighted
// mean or, without reduction, each. A target of ignore_index counts for nothing.
func classLoss(c *Call, x *graph.Tensor) (*graph.Tensor, error) {
	target := c.In[1]
	images, classes, inner, err := imageShape(x)
	if err != nil {
		return nil, err
	}
	want := append([]int64{images}, x.Shape[2:]...)
	if !slices.Equal(target.Shape, want) {
		return nil, fmt.Errorf("targets are %s for scores %s", target, x)
	}
	labels, err := int64s(target)
	if err != nil {
		return nil, err
	}
	scores, err := float64sOf(x)
	if err != nil {
		return nil, err
	}
	var weight []float64
	if t := c.Input(2); t != nil {
		if len(t.Shape) != 1 || t.Shape[0] != classes {
			return nil, fmt.Errorf("weights are %s for %d classes", t, classes)
		}
		if weight, err = float64sOf(t); err != nil {
			return nil, err
		}
	}
	ignore, ignores := c.Node.Attrs["ignore_index"].(int64)
	losses := make([]float64, len(labels))
	sum, total := 0.0, 0.0
	for i, l := range labels {
		if ignores && l == ignore {
			continue
		}
		if l < 0 || l >= classes {
			return nil, fmt.Errorf("target %d of %d classes", l, classes)
		}
		w := 1.0
		if weight != nil {
			w = weight[l]
		}
		k := int64(i)
		losses[i] = -w * scores[(k/inner*classes+l)*inner+k%inner]
		sum += losses[i]
		total += w
	}
	switch reduction := c.Node.Attrs.Str("reduction", "mean"); reduction {
	case "none":
		return castTensor(graph.FromSlice(losses, want...), x.DType)
	case "sum":
		return castTensor(graph.Scalar(sum), x.DType)
	case "mean":
		return castTensor(graph.Scalar(sum/total), x.DType)
	default:
		return nil, fmt.Errorf("reduction is %q, want none, sum or mean", reduction)
	}
}

// inferClassLoss infers the loss and checks what is known of the targets.
func inferClassLoss(c *Inference) (*graph.Type, error) {
	x, target := c.Type(0), c.Type(1)
	if x.Rank() >= 0 && (x.Rank() < 2 || target.Rank() >= 0 && target.Rank() != x.Rank()-1) {
		return nil, fmt.Errorf("targets are %s for scores %s", target, x)
	}
	loss := withoutShape(x.Clone())
	if loss == nil {
		return nil, nil
	}
	if c.Node.Attrs.Str("reduction", "mean") != "none" {
		loss.Shape = []graph.Dim{}
	} else if x.Rank() > 0 {
		loss.Shape = append([]graph.Dim{x.Shape[0]}, x.Shape[2:]...)
	}
	return loss, nil
}

// classLossGrad is the gradient of classLoss in x and in the weights, nil where there are none, for the gradient d of
// the loss.
func classLossGrad(b *Builder, n *graph.Node, x, d *graph.Value) (dx, dw *graph.Value) {
	classes := b.Op("Shape", graph.Attrs{"start": 1, "end": 2}, x)
	label := n.In[1]
	if ignore, ok := n.Attrs["ignore_index"].(int64); ok { // hot nowhere
		label = b.Where(b.Op("Equal", nil, label, b.CastLike(b.Int(ignore), label)), b.CastLike(classes, label), label)
	}
	oneHot := func(axis int64) *graph.Value {
		return b.Op("OneHot", graph.Attrs{"axis": axis}, label, classes, b.CastLike(b.Ints(0, 1), x))
	}
	hot := oneHot(1)
	weight := hot
	if w := n.Input(2); w != nil {
		// With the classes last w multiplies as it is, whatever the rank.
		each := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(oneHot(-1), w), b.Ints(-1))
		weight = b.Mul(hot, b.Op("Unsqueeze", nil, each, b.Ints(1)))
	}
	gain := b.Op("Neg", nil, x) // what a unit of weight at x adds to the loss, times d
	switch n.Attrs.Str("reduction", "mean") {
	case "none":
		d = b.Op("Unsqueeze", nil, d, b.Ints(1))
	case "mean":
		d = b.Div(d, b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, weight))
		gain = b.Sub(gain, n.Out[0])
	}
	dx = b.Op("Neg", nil, b.Mul(weight, d))
	if n.Input(2) != nil {
		part := b.Where(b.Op("Cast", graph.Attrs{"to": graph.Bool}, hot), b.Mul(gain, d), b.Like(x, 0))
		dw = b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Reshape(part, 0, 0, -1), b.Ints(0, 2))
	}
	return dx, dw
}
