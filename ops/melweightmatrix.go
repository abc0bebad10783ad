package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// MelWeightMatrix gathers the frequencies of a spectrum into bands that overlap by half and are equally wide on the mel
// scale: it is (dft_length/2+1, num_mel_bins), each column a triangle.
// https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html
var _ = define(Op{
	Name: "MelWeightMatrix", Since: 17,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		rows, cols := graph.Sym(""), graph.Sym("")
		if n, ok := oneInteger(c.Constant(1)); ok {
			rows = graph.D(n/2 + 1)
		}
		if n, ok := oneInteger(c.Constant(0)); ok {
			cols = graph.D(n)
		}
		return []*graph.Type{graph.TensorType(windowType(c.Node), rows, cols)}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		var v [3]int64
		for i, name := range []string{"num_mel_bins", "dft_length", "sample_rate"} {
			var ok bool
			if v[i], ok = oneInteger(c.In[i]); !ok {
				return nil, fmt.Errorf("%s is %s, want one positive integer", name, c.In[i])
			}
		}
		var edge [2]float64
		for i := range edge {
			e, err := float64sOf(c.In[3+i])
			if err != nil || len(e) != 1 || !(e[0] >= 0) || e[0] > float64(v[2]) {
				return nil, fmt.Errorf("an edge is %s, want one frequency between 0 and the sample rate %d", c.In[3+i], v[2])
			}
			edge[i] = e[0]
		}
		if cells := (v[1]/2 + 1) * v[0]; cells > maxMelCells {
			return nil, fmt.Errorf("%d bands of a transform of %d: want at most %d elements", v[0], v[1], int64(maxMelCells))
		}
		y, err := outputOf(c, windowType(c.Node), []int64{v[1]/2 + 1, v[0]})
		if err != nil {
			return nil, err
		}
		w, err := melBands(int(v[0]), int(v[1]), float64(v[2]), edge[0], edge[1])
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{y}, storeFloats(y, len(w), func(i int) float64 { return w[i] }, castRule{})
	},
	NoGrad: "its inputs are sizes and band edges, which are rounded to frequencies of the spectrum",
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		bands i64[] 3  i64[] 16  i64[] 8192  [] 0  [] 4096
			->  [9 3] 1 0 0  0 1 0  0 0.5 0.5  0 0 1  0 0 0.5  0 0 0  0 0 0  0 0 0  0 0 0
		edge  i64[] 2  i64[] 8  i64[] 8000  [] 0  [] 9000  ->  error "sample rate"
		large i64[] 9999999  i64[] 9999999  i64[] 8000  [] 0  [] 4000  ->  error "at most"`,
})

// maxMelCells bounds the matrix: it is that of 127 bands of a transform of 2²⁰.
const maxMelCells = 1 << 26

// melBands computes the matrix in rows. A band of no width is the one frequency that it holds.
func melBands(bands, length int, rate, low, high float64) ([]float64, error) {
	mel := func(hertz float64) float64 { return 2595 * math.Log10(1+hertz/700) }
	rows := length/2 + 1
	at := make([]int, bands+2)
	for i := range at {
		m := mel(low) + float64(i)*(mel(high)-mel(low))/float64(len(at))
		hertz := 700 * (math.Pow(10, m/2595) - 1)
		at[i] = int(math.Floor(float64(length+1) * hertz / rate))
		if at[i] < 0 || at[i] >= rows {
			return nil, fmt.Errorf("band %d lies at frequency %d of a spectrum of %d: lower the upper edge %g",
				i, at[i], rows, high)
		}
	}
	w := make([]float64, rows*bands)
	for i := range bands {
		from, top, to := at[i], at[i+1], at[i+2]
		for k := from; k < top; k++ {
			w[k*bands+i] = float64(k-from) / float64(top-from)
		}
		w[top*bands+i] = 1
		for k := top + 1; k < to; k++ {
			w[k*bands+i] = float64(to-k) / float64(to-top)
		}
	}
	return w, nil
}

// oneInteger reads a positive integer below 2²⁴.
func oneInteger(t *graph.Tensor) (int64, bool) {
	if t == nil {
		return 0, false
	}
	v, err := int64s(t)
	if err != nil || len(v) != 1 || v[0] < 1 || v[0] >= 1<<24 {
		return 0, false
	}
	return v[0], true
}
