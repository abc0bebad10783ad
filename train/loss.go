package train

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// A Loss is what training makes small: a graph over the outputs of a network and targets, averaged over the batch. Write a new one
// with the same builder; its gradient follows.
type Loss struct {
	Name string
	// Targets returns the inputs that the loss has beside the network's outputs, for outputs of the given types. Their first
	// dimension is the batch.
	Targets func(outputs []*graph.Type) ([]Target, error)
	// Value appends the loss, one number, to the builder's graph.
	Value func(b *ops.Builder, outputs, targets []*graph.Value) *graph.Value
}

// A Target is an input of a loss.
type Target struct {
	Name string
	Type *graph.Type
	// Classes is how many classes there are where the target holds class numbers: those from 0 to Classes-1. 0: it holds values.
	Classes int64
}

// likeFirst is the target of a loss that compares it, element by element, with the network's first output.
func likeFirst(outputs []*graph.Type) ([]Target, error) {
	if len(outputs) != 1 {
		return nil, fmt.Errorf("the network has %d outputs, the loss compares one", len(outputs))
	}
	return []Target{{Name: "target", Type: outputs[0]}}, nil
}

// elementwise is the mean over all elements of f(output, target).
func elementwise(name string, f func(b *ops.Builder, y, t *graph.Value) *graph.Value) Loss {
	return Loss{Name: name, Targets: likeFirst, Value: func(b *ops.Builder, out, target []*graph.Value) *graph.Value {
		return mean(b, f(b, out[0], target[0]))
	}}
}

// mean is the mean of all elements.
func mean(b *ops.Builder, v *graph.Value) *graph.Value {
	return b.Op("ReduceMean", graph.Attrs{"keepdims": 0}, v)
}

// MSE is the mean squared error.
func MSE() Loss {
	return elementwise("mse", func(b *ops.Builder, y, t *graph.Value) *graph.Value {
		d := b.Sub(y, t)
		return b.Mul(d, d)
	})
}

// MAE is the mean absolute error.
func MAE() Loss {
	return elementwise("mae", func(b *ops.Builder, y, t *graph.Value) *graph.Value { return b.Op("Abs", nil, b.Sub(y, t)) })
}

// Huber is ½d² where |d| ≤ delta and delta·(|d| - ½delta) beyond, for the differences d (Huber 1964).
func Huber(delta float64) Loss {
	return elementwise("huber", func(b *ops.Builder, y, t *graph.Value) *graph.Value {
		// With c = min(|d|, delta) both are c·(|d| - ½c).
		d := b.Op("Abs", nil, b.Sub(y, t))
		c := b.Op("Min", nil, d, b.Like(d, delta))
		return b.Mul(c, b.Sub(d, b.Mul(c, b.Like(c, 0.5))))
	})
}

// BCE is the binary cross-entropy of probabilities p: -(weight·t·log p + (1 - t)·log(1 - p)). As in PyTorch logarithms are cut off at
// -100, and p(1 - p) counts as at least 1e-12 in the gradient. Use [BCEWithLogits] where the network can give logits.
func BCE(weight float64) Loss {
	return elementwise("bce", func(b *ops.Builder, p, t *graph.Value) *graph.Value {
		q, u := b.Sub(b.Like(p, 1), p), b.Sub(b.Like(t, 1), t)
		t = b.Mul(t, b.Like(t, weight))
		log := func(v *graph.Value) *graph.Value { return b.Op("Max", nil, b.Op("Log", nil, v), b.Like(v, -100)) }
		value := b.Op("Neg", nil, b.Add(b.Mul(t, log(p)), b.Mul(u, log(q))))
		slope := b.Div(b.Sub(b.Mul(u, p), b.Mul(t, q)), b.Op("Max", nil, b.Mul(p, q), b.Like(p, 1e-12)))
		return b.Add(stop(b, value), b.Mul(stop(b, slope), b.Sub(p, stop(b, p))))
	})
}

// stop ends gradients.
func stop(b *ops.Builder, v *graph.Value) *graph.Value {
	return b.Op(ops.FusedDomain+":StopGradient", nil, v)
}

// BCEWithLogits is [BCE] of the logistic function of logits z, without overflow: (1 - t)·z + (1 + (weight - 1)·t)·softplus(-z). There
// may be one weight, or one for each place along the last axis.
func BCEWithLogits(weights ...float64) Loss {
	return elementwise("bce-logits", func(b *ops.Builder, z, t *graph.Value) *graph.Value {
		soft := b.Op("Softplus", nil, b.Op("Neg", nil, z))
		if len(weights) > 0 {
			more := make([]float64, len(weights))
			for i, w := range weights {
				more[i] = w - 1
			}
			soft = b.Mul(soft, b.Add(b.Mul(t, b.CastLike(b.Const(graph.Vector(more...)), t)), b.Like(t, 1)))
		}
		return b.Add(b.Mul(b.Sub(b.Like(t, 1), t), z), soft)
	})
}

// CrossEntropy is that of the softmax of logits (N, classes, ...) against class numbers (N, ...) in int64. With weights, one a
// class, it is the weighted mean: divided by the sum of the weights of the targets.
func CrossEntropy(weights ...float64) Loss {
	return Loss{
		Name: "cross-entropy",
		Targets: func(outputs []*graph.Type) ([]Target, error) {
			if len(outputs) != 1 || outputs[0].Rank() < 2 {
				return nil, fmt.Errorf("the network gives %v: expected logits (N, classes, ...)", outputs)
			}
			classes := outputs[0].Shape[1].Size
			if len(weights) > 0 && int64(len(weights)) != classes {
				return nil, fmt.Errorf("%d weights for %d classes", len(weights), classes)
			}
			t := outputs[0].Clone()
			t.DType = graph.Int64
			t.Shape = append(t.Shape[:1], t.Shape[2:]...)
			return []Target{{Name: "target", Type: t, Classes: classes}}, nil
		},
		Value: func(b *ops.Builder, out, target []*graph.Value) *graph.Value {
			in := []*graph.Value{out[0], target[0]}
			if len(weights) > 0 {
				in = append(in, b.CastLike(b.Const(graph.Vector(weights...)), out[0]))
			}
			return b.OpN(2, "SoftmaxCrossEntropyLoss", nil, in...)[0]
		},
	}
}

// MaskedMSE is the mean squared error over the elements where the target mask, of the output's shape and 0 or 1, is 1; 0 if there is
// none.
func MaskedMSE() Loss {
	return Loss{
		Name: "masked-mse",
		Targets: func(outputs []*graph.Type) ([]Target, error) {
			targets, err := likeFirst(outputs)
			if err != nil {
				return nil, err
			}
			return append(targets, Target{Name: "mask", Type: outputs[0]}), nil
		},
		Value: func(b *ops.Builder, out, target []*graph.Value) *graph.Value {
			// What is masked is selected away: 0·UNSEEN² may be no number.
			valid := b.Op("Greater", nil, target[1], b.Like(target[1], 0))
			d := b.Where(valid, b.Sub(out[0], target[0]), b.Like(out[0], 0))
			all := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, target[1])
			return b.Div(b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(d, d)), b.Op("Max", nil, all, b.Like(all, 1)))
		},
	}
}

// GaussianNLL is the mean of ½(log v + (y - t)²/v) over a network's two outputs, the mean y and the variance v, of one shape (Nix and
// Weigend 1994). Variances below 1e-6 count as that; the gradient there is that at 1e-6, which lets them grow.
func GaussianNLL() Loss {
	return Loss{
		Name:    "gaussian-nll",
		Targets: meanAndSpread,
		Value: func(b *ops.Builder, out, target []*graph.Value) *graph.Value {
			y, v := twoOutputs(b, out)
			d := b.Sub(y, target[0])
			v = b.Add(v, stop(b, b.Op("Relu", nil, b.Sub(b.Like(v, 1e-6), v))))
			sum := b.Add(b.Op("Log", nil, v), b.Div(b.Mul(d, d), v))
			return b.Mul(mean(b, sum), b.Like(sum, 0.5))
		},
	}
}

// Moments is the loss of moment networks (Jeffrey and Wandelt 2020): with it a network learns the mean μ and the standard
// deviation σ of each parameter's posterior without a likelihood. The network gives μ and σ, as two outputs (N, K) or as one
// (N, 2K), the means first. Over the batch and the parameters i it is
//
//	mean_i [ mean (t_i - μ_i)² + mean ((t_i - μ_i)² - σ_i²)² ]
func Moments() Loss { return moments("moments", false) }

// LogMoments is [Moments] with the logarithm of either mean over the batch, which weighs parameters alike whatever their errors
// (Villaescusa-Navarro et al. 2021, arXiv:2109.10360).
func LogMoments() Loss { return moments("log-moments", true) }

func moments(name string, logs bool) Loss {
	return Loss{
		Name:    name,
		Targets: meanAndSpread,
		Value: func(b *ops.Builder, out, target []*graph.Value) *graph.Value {
			mu, sigma := twoOutputs(b, out)
			d := b.Sub(target[0], mu)
			d2 := b.Mul(d, d)
			e := b.Sub(d2, b.Mul(sigma, sigma))
			term := func(v *graph.Value) *graph.Value {
				v = b.Op("ReduceMean", graph.Attrs{"keepdims": 0}, v, b.Ints(0))
				if logs {
					v = b.Op("Log", nil, v)
				}
				return v
			}
			return mean(b, b.Add(term(d2), term(b.Mul(e, e))))
		},
	}
}

// meanAndSpread is the target of a loss over a mean and an error: of the mean's shape.
func meanAndSpread(outputs []*graph.Type) ([]Target, error) {
	if len(outputs) == 2 {
		if a, b := outputs[0].Sizes(), outputs[1].Sizes(); len(a) == len(b) {
			return []Target{{Name: "target", Type: outputs[0]}}, nil
		}
	}
	if len(outputs) == 1 && outputs[0].Rank() == 2 && outputs[0].Shape[1].Size > 0 && outputs[0].Shape[1].Size%2 == 0 {
		t := outputs[0].Clone()
		t.Shape[1].Size /= 2
		return []Target{{Name: "target", Type: t}}, nil
	}
	return nil, fmt.Errorf("the network gives %v: expected a mean and an error of one shape, or one output (N, 2K)", outputs)
}

func twoOutputs(b *ops.Builder, out []*graph.Value) (mu, sigma *graph.Value) {
	if len(out) == 2 {
		return out[0], out[1]
	}
	k := out[0].Type.Shape[1].Size / 2
	both := b.OpN(2, "Split", graph.Attrs{"axis": 1}, out[0], b.Ints(k, k))
	return both[0], both[1]
}
