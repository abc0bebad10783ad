package models

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/errs"
)

// A Scheme draws the first weights of a layer: a matrix of rows × columns, the outputs by what each reads, for a unit with so many
// inputs and outputs.
type Scheme func(rng *rand.Rand, w []float64, rows, columns, in, out int)

// GlorotUniform draws uniformly within ±√(6/(in + out)) (Glorot and Bengio 2010); it is Keras' default.
func GlorotUniform() Scheme {
	return func(rng *rand.Rand, w []float64, _, _, in, out int) { uniform(rng, w, math.Sqrt(6/float64(in+out))) }
}

// XavierNormal draws from a normal distribution of variance 2/(in + out), of the same paper.
func XavierNormal() Scheme {
	return func(rng *rand.Rand, w []float64, _, _, in, out int) { normal(rng, w, math.Sqrt(2/float64(in+out))) }
}

// KaimingNormal draws from a normal distribution of variance 2/((1 + slope²)·in), for a LeakyRelu of that slope behind the layer; 0
// for Relu (He et al. 2015, arXiv:1502.01852).
func KaimingNormal(slope float64) Scheme {
	return func(rng *rand.Rand, w []float64, _, _, in, _ int) {
		normal(rng, w, math.Sqrt(2/((1+slope*slope)*float64(in))))
	}
}

// KaimingUniform draws uniformly with the variance of [KaimingNormal]; with slope √5 it is PyTorch's default.
func KaimingUniform(slope float64) Scheme {
	return func(rng *rand.Rand, w []float64, _, _, in, _ int) {
		uniform(rng, w, math.Sqrt(6/((1+slope*slope)*float64(in))))
	}
}

// Normal draws from a normal distribution of standard deviation sigma.
func Normal(sigma float64) Scheme {
	return func(rng *rand.Rand, w []float64, _, _, _, _ int) { normal(rng, w, sigma) }
}

// Orthogonal draws a matrix with orthonormal rows, or columns if these are fewer, times gain: uniform over all such (Saxe et al. 2013,
// arXiv:1312.6120).
func Orthogonal(gain float64) Scheme {
	return func(rng *rand.Rand, w []float64, rows, columns, _, _ int) {
		normal(rng, w, 1)
		long, short := max(rows, columns), min(rows, columns)
		a := mat.NewDense(rows, columns, w)
		tall := mat.Matrix(a)
		if rows < columns {
			tall = a.T()
		}
		var qr mat.QR
		qr.Factorize(tall)
		var q, r mat.Dense
		qr.QTo(&q)
		qr.RTo(&r)
		for i := range long {
			for k := range short {
				// The factorisation picks signs; with those of R's diagonal, Q is as uniform as its source.
				x := gain * math.Copysign(q.At(i, k), q.At(i, k)*r.At(k, k))
				if rows < columns {
					w[k*columns+i] = x
				} else {
					w[i*columns+k] = x
				}
			}
		}
	}
}

func uniform(rng *rand.Rand, w []float64, limit float64) {
	for i := range w {
		w[i] = (2*rng.Float64() - 1) * limit
	}
}

func normal(rng *rand.Rand, w []float64, sigma float64) {
	for i := range w {
		w[i] = sigma * rng.NormFloat64()
	}
}

// Initialize draws the weights of m's layers anew: initializers in float32 that a Conv, ConvTranspose, HealpixConv, Gemm or MatMul
// reads as such. Biases, normalisations and other constants stay. Equal seeds give equal bits on every machine. A network without
// such a layer is an error.
func Initialize(m *graph.Model, s Scheme, seed uint64) error {
	drawn := map[*graph.Value]bool{}
	m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		for i, v := range n.In {
			if v == nil || v.Const == nil || v.Const.DType != graph.Float32 || drawn[v] {
				continue
			}
			if l, ok := layerOf(n, i); ok {
				drawn[v] = true
				v.Const = l.draw(s, v.Const.Shape, rand.New(rand.NewPCG(seed, uint64(len(drawn)))))
			}
		}
		return true
	})
	if len(drawn) == 0 {
		return errs.New(errs.Input, "the network has no layer whose weights could be drawn")
	}
	return nil
}

// layer says how weights are laid out: which of the first two axes counts outputs; what follows are taps.
type layer struct{ outputs int }

// layerOf tells whether input i of n is the weights of a layer.
func layerOf(n *graph.Node, i int) (layer, bool) {
	rank := len(n.In[i].Const.Shape)
	switch {
	case n.Domain == healpixop.Domain && n.Op == "HealpixConv", n.Domain == "" && n.Op == "Conv":
		return layer{0}, i == 1 && rank > 2
	case n.Domain != "":
		return layer{}, false
	case n.Op == "ConvTranspose":
		return layer{1}, i == 1 && rank > 2
	case n.Op == "Gemm" && n.Attrs.Bool("transB", false):
		return layer{0}, i == 1
	case n.Op == "Gemm", n.Op == "MatMul":
		return layer{1}, i == 1 && rank == 2
	}
	return layer{}, false
}

func (l layer) draw(s Scheme, shape []int64, rng *rand.Rand) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape...)
	taps := 1
	for _, n := range shape[2:] {
		taps *= int(n)
	}
	out, in := int(shape[l.outputs]), int(shape[1-l.outputs])
	w := make([]float64, out*in*taps)
	if len(w) == 0 {
		return t
	}
	s(rng, w, out, in*taps, in*taps, out*taps)
	data := graph.Data[float32](t)
	for o := range out {
		for i := range in {
			for k := range taps {
				at := (o*in+i)*taps + k
				if l.outputs == 1 {
					at = (i*out+o)*taps + k
				}
				data[at] = float32(w[(o*in+i)*taps+k])
			}
		}
	}
	return t
}
