package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// BatchNormalization is (x - mean)/√(var + ε)·scale + bias by channel. With training_mode the mean and the population
// variance are those of the batch, and the second and third output are the given ones moved towards these:
// momentum·given + (1 - momentum)·batch.
// https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
var _ = define(Op{
	Name: "BatchNormalization", Since: 14,
	Infer: inferBatchNorm,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		return evalBatchNorm(c, c.Node.Attrs.Bool("training_mode", false))
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return batchNormGrad(b, n, dy, n.Attrs.Bool("training_mode", false))
	},
	Exact: Rounding,
	Cases: `
		running [1 2 2] 1 3 5 -2  [2] 1 2  [2] 0 10  [2] 1 1  [2] 4 1
			->  [1 2 2] 0 0.9999988 17.99996 4.00003
		batch   training_mode=1 momentum=0.5 epsilon=0.0  [2 1 2] 1 3 5 7  [1] 2  [1] 1  [1] 0  [1] 1
			->  [2 1 2] -1.6832816 0.10557281 1.8944272 3.6832816  [1] 2  [1] 3
		wrong   [1 2 1] 1 2  [1] 1  [2] 0 0  [2] 0 0  [2] 1 1  ->  error "vector"`,
})

// Before opset 14 the node trains if it has further outputs: the running mean and variance, then those of the batch.
var _ = define(Op{
	Name: "BatchNormalization", Since: 7,
	Infer: inferBatchNorm,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		if !c.Node.Attrs.Bool("spatial", true) {
			return nil, fmt.Errorf("spatial=0 was dropped in opset 9: convert the model")
		}
		return evalBatchNorm(c, c.Wants(1))
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return batchNormGrad(b, n, dy, len(n.Out) > 1 && n.Out[1] != nil)
	},
	Exact: Rounding,
	Cases: `
		running [1 2 2] 1 3 5 -2  [2] 1 2  [2] 0 10  [2] 1 1  [2] 4 1
			->  [1 2 2] 0 0.9999988 17.99996 4.00003`,
})

func inferBatchNorm(c *Inference) ([]*graph.Type, error) {
	for i := 1; i < 5; i++ {
		if err := checkVector(c, i); err != nil {
			return nil, err
		}
	}
	out := []*graph.Type{c.Type(0).Clone()}
	for i := range 4 {
		out = append(out, c.Type(3+i%2).Clone())
	}
	return out, nil
}

func evalBatchNorm(c *Call, training bool) ([]*graph.Tensor, error) {
	x := c.In[0]
	if x.DType == graph.Float16 || x.DType == graph.BFloat16 {
		inner := *c
		inner.In = append([]*graph.Tensor{ToFloat32(x)}, c.In[1:]...)
		out, err := evalBatchNorm(&inner, training)
		if err == nil {
			out[0] = fromFloat32(out[0], x.DType)
		}
		return out, err
	}
	whole := x
	if len(x.Shape) == 1 { // samples of one channel
		whole = withShape(x, []int64{x.Shape[0], 1})
	}
	images, channels, inner, err := imageShape(whole)
	if err != nil {
		return nil, err
	}
	var given [4][]float64 // scale, bias, mean, variance
	for i := range given {
		if _, err := perChannel(c.Input(i+1), channels, [...]string{"scale", "bias", "mean", "variance"}[i]); err != nil {
			return nil, err
		}
		if given[i], err = float64sOf(c.In[i+1]); err != nil {
			return nil, err
		}
	}
	y := c.Output(x.DType, x.Shape...)
	b := batch{int(images), int(channels), int(inner), float64(c.Node.Attrs.Float("epsilon", 1e-5))}
	mean, variance := given[2], given[3]
	if training {
		mean, variance = make([]float64, channels), make([]float64, channels)
	}
	switch x.DType {
	case graph.Float32:
		err = normalizeBatch[float32](c, b, y, x, given[0], given[1], mean, variance, training)
	case graph.Float64:
		err = normalizeBatch[float64](c, b, y, x, given[0], given[1], mean, variance, training)
	default:
		err = unsupported(c, x.DType)
	}
	out := []*graph.Tensor{y}
	if err != nil || !training {
		return out, err
	}
	momentum := float64(c.Node.Attrs.Float("momentum", 0.9))
	for i, now := range [][]float64{mean, variance} {
		running := make([]float64, channels)
		for k, v := range now {
			running[k] = momentum*given[2+i][k] + (1-momentum)*v
		}
		t, err := castTensor(graph.FromSlice(running, channels), c.In[3+i].DType)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	for i, now := range [][]float64{mean, variance} {
		t, err := castTensor(graph.FromSlice(now, channels), c.In[3+i].DType)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// batch is the layout of (N, C, ...) and the ε added to the variance.
type batch struct {
	images, channels, inner int
	epsilon                 float64
}

// normalizeBatch first fills mean and variance if training.
func normalizeBatch[T float32 | float64](
	c *Call, b batch, y, x *graph.Tensor, scale, bias, mean, variance []float64, training bool,
) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	return Parallel(c, b.channels, 1+1<<14/max(1, b.images*b.inner), func(lo, hi int) error {
		for ch := lo; ch < hi; ch++ {
			each := func(f func(at int)) {
				for i := range b.images {
					f((i*b.channels + ch) * b.inner)
				}
			}
			if training {
				sum := 0.0
				each(func(at int) { sum += sumOf(xs[at:at+b.inner], func(v float64) float64 { return v }) })
				m := sum / float64(b.images*b.inner)
				sum = 0
				square := func(v float64) float64 { return (v - m) * (v - m) }
				each(func(at int) { sum += sumOf(xs[at:at+b.inner], square) })
				mean[ch], variance[ch] = m, sum/float64(b.images*b.inner)
			}
			factor := scale[ch] / math.Sqrt(variance[ch]+b.epsilon)
			each(func(at int) {
				for k := at; k < at+b.inner; k++ {
					ys[k] = T((float64(xs[k])-mean[ch])*factor + bias[ch])
				}
			})
		}
		return nil
	})
}

// batchNormGrad takes the statistics of the batch from the node where momentum 0 makes them its outputs, else computes
// them again.
func batchNormGrad(b *Builder, n *graph.Node, dy []*graph.Value, training bool) []*graph.Value {
	grads := make([]*graph.Value, 5)
	x, d := n.In[0], dy[0]
	if d == nil {
		d = likeInput(b, n, b.Like(x, 0))
	}
	epsilon := n.Attrs.Float("epsilon", 1e-5)
	var mean, variance *graph.Value
	switch {
	case !training:
		mean, variance = n.In[3], n.In[4]
	case batchStatistics(n):
		mean, variance = n.Out[1], n.Out[2]
		if b.kernels() && !slices.ContainsFunc(dy[1:], func(v *graph.Value) bool { return v != nil }) {
			attrs := graph.Attrs{"epsilon": epsilon}
			copy(grads, b.Fused(3, "BatchNormGrad", attrs, x, d, n.In[1], n.In[2], mean, variance))
			return grads
		}
	}
	g := newNormGrad(b, x, mean, variance, epsilon)
	dScale, dBias := g.sums(d)
	vector := func(v *graph.Value, i int) *graph.Value { return b.CastLike(b.Reshape(v, -1), n.In[i]) }
	grads[1], grads[2] = vector(dScale, 1), vector(dBias, 2)
	if training {
		grads[0] = g.input(d, n.In[1], dScale, dBias)
		batchStatisticsGrad(b, n, dy, grads, func(i int) *graph.Value {
			share := g.mean(g.channel(dy[i]))
			if i%2 == 1 {
				return share
			}
			return b.Mul(b.Mul(g.away, share), b.Like(x, 2))
		})
		return grads
	}
	factor := b.Mul(g.channel(n.In[1]), g.inverse)
	grads[0] = b.Mul(factor, d)
	grads[3] = vector(b.Op("Neg", nil, b.Mul(factor, dBias)), 3)
	grads[4] = vector(b.Mul(b.Mul(b.Mul(factor, g.inverse), dScale), b.Like(x, -0.5)), 4)
	return grads
}

// batchStatistics reports whether the second and third output are those of the batch.
func batchStatistics(n *graph.Node) bool {
	return n.Attrs.Float("momentum", 0.9) == 0 && len(n.Out) > 2 && n.Out[1] != nil && n.Out[2] != nil
}

// batchStatisticsGrad adds the gradients through the outputs after the first: the running mean and variance, then those
// of the batch. of returns what output i, were it the batch's statistic, gives to the input.
func batchStatisticsGrad(b *Builder, n *graph.Node, dy, grads []*graph.Value, of func(i int) *graph.Value) {
	momentum := float64(n.Attrs.Float("momentum", 0.9))
	for i := 1; i < len(dy); i++ {
		if dy[i] == nil {
			continue
		}
		d := of(i)
		if i < 3 {
			d = b.Mul(d, b.Like(d, 1-momentum))
			grads[2+i] = b.Mul(dy[i], b.Like(dy[i], momentum))
		}
		grads[0] = b.Add(grads[0], d)
	}
}
