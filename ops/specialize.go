package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Specialize rewrites nodes of the builder's graph in the forms that suit its target: convolutions whose weights change from run to run,
// which no engine can prepare for, and what the target has no operator for. It is for the graph of a training step, after its gradients,
// which are written from the standard's nodes:
//
//   - Conv in three dimensions in two, and Conv as an operator of [Fused], where these are faster;
//   - ConvTranspose in three dimensions, for which onnxruntime's CPU takes 5 to 19 times as long, as convolutions;
//   - on CUDA, where it is not there since opset 14, BatchNormalization in training mode as arithmetic.
//
// Nodes of subgraphs, and those whose sizes but the batch's are not known, stay as they are.
func (b *Builder) Specialize() error {
	for _, n := range slices.Clone(b.Graph.Nodes) {
		build := b.specialized(n)
		if build == nil {
			continue
		}
		if err := b.Replace(n, build); err != nil {
			return err
		}
	}
	return b.Graph.Sort() // what is rewritten may read a constant that was first written behind it
}

// specialized returns what writes n in another form, nil where it should stay.
func (b *Builder) specialized(n *graph.Node) func() []*graph.Value {
	switch {
	case n.Domain != "":
	case n.Op == "Conv":
		s := convSweep(b, n)
		if s == nil || s.forwardForm(b.Target, n.In[0], n.In[1]) == forwardConv || s.k < 3 && ConstantOf(n.In[1]) != nil {
			return nil // in two dimensions onnxruntime lays constant weights out anew, once
		}
		return func() []*graph.Value { return []*graph.Value{s.forward(b, b.Target, n.In[0], n.In[1], n.Input(2))} }
	case n.Op == "ConvTranspose":
		x, y := n.In[0].Type.Sizes(), n.Out[0].Type.Sizes()
		if len(x) != 5 || len(y) != 5 || b.Target.CUDA || slices.Contains(slices.Concat(x[1:], y[1:]), -1) {
			return nil
		}
		return func() []*graph.Value {
			s := sweepOf(b, n, n.In[1], sizes{known: y[2:]}, sizes{known: x[2:]})
			v := s.inputGrad(b, b.Target, n.In[0], n.In[1])
			if bias := n.Input(2); bias != nil {
				v = b.Add(v, b.Reshape(bias, 1, -1, 1, 1, 1))
			}
			return []*graph.Value{v}
		}
	case n.Op == "BatchNormalization":
		if b.Target.CUDA && b.Opsets[""] >= 14 && n.Attrs.Bool("training_mode", false) && n.In[0].Type.Rank() >= 2 {
			return func() []*graph.Value { return batchNormArithmetic(b, n) }
		}
	}
	return nil
}

// batchNormArithmetic is BatchNormalization in training mode: the result, then the running mean and variance.
func batchNormArithmetic(b *Builder, n *graph.Node) []*graph.Value {
	x := n.In[0]
	axes := append([]int64{0}, spatialAxes(x.Type.Rank()-2)...)
	column := slices.Repeat([]int64{1}, len(axes))
	column[0] = -1
	channel := func(v *graph.Value) *graph.Value { return b.Reshape(b.CastLike(v, x), column...) }
	mean := b.Op("ReduceMean", nil, x, b.Ints(axes...))
	away := b.Sub(x, mean)
	variance := b.Op("ReduceMean", nil, b.Mul(away, away), b.Ints(axes...))
	spread := b.Op("Sqrt", nil, b.Add(variance, b.Like(x, float64(n.Attrs.Float("epsilon", 1e-5)))))
	out := []*graph.Value{b.Add(b.Mul(away, b.Div(channel(n.In[1]), spread)), channel(n.In[2]))}
	momentum := float64(n.Attrs.Float("momentum", 0.9))
	for i, now := range []*graph.Value{mean, variance} {
		if i+1 >= len(n.Out) || n.Out[i+1] == nil {
			out = append(out, nil)
			continue
		}
		running := n.In[3+i]
		now = b.CastLike(b.Reshape(now, -1), running)
		if momentum != 0 {
			now = b.Add(b.Mul(running, b.Like(running, momentum)), b.Mul(now, b.Like(running, 1-momentum)))
		}
		out = append(out, now)
	}
	return out
}
