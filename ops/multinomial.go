package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Multinomial draws sample_size classes for each row of unnormalised log-probabilities (N, classes). A node with a seed
// always draws the same.
// https://onnx.ai/onnx/operators/onnx__Multinomial.html
var _ = define(Op{
	Name: "Multinomial", Since: 7,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		rows := graph.Sym("")
		if t := c.Type(0); t.Rank() == 2 {
			rows = t.Shape[0]
		} else if t.Rank() >= 0 {
			return nil, fmt.Errorf("input is %s, want (N, classes)", t)
		}
		samples := c.Node.Attrs.Int("sample_size", 1)
		if samples < 0 {
			return nil, fmt.Errorf("sample_size is %d", samples)
		}
		return []*graph.Type{graph.TensorType(drawnType(c.Node), rows, graph.D(samples))}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, d := c.In[0], drawnType(c.Node)
		if len(x.Shape) != 2 || d != graph.Int32 && d != graph.Int64 {
			return nil, fmt.Errorf("draws as %s from %s, want int32 or int64 and (N, classes)", d, x)
		}
		logs, err := float64sOf(x)
		if err != nil {
			return nil, err
		}
		samples, classes := c.Node.Attrs.Int("sample_size", 1), int(x.Shape[1])
		y, err := outputOf(c, d, []int64{x.Shape[0], samples})
		if err != nil {
			return nil, err
		}
		r := sourceOf(c.Node)
		draws := make([]int64, 0, y.Len())
		for row := range int(x.Shape[0]) {
			sums := weightSums(logs[row*classes : (row+1)*classes])
			if len(sums) == 0 || !(sums[classes-1] > 0) {
				return nil, fmt.Errorf("row %d has no class of a probability above 0", row)
			}
			for range samples {
				if len(draws)%cheap == 0 && c.Err() != nil {
					return nil, c.Err()
				}
				u := r.Float64() * sums[classes-1]
				k, equal := slices.BinarySearch(sums, u)
				for equal && k < classes-1 && sums[k] <= u { // a class begins where those before it end
					k++
				}
				draws = append(draws, int64(k))
			}
		}
		return []*graph.Tensor{y}, storeInts(y, len(draws), func(i int) int64 { return draws[i] })
	},
	NoGrad: "what is drawn does not change with small changes of a probability",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		sure  sample_size=3  [2 3] -inf 0 -inf 7 -inf -inf  ->  i32[2 3] 1 1 1 0 0 0
		typed dtype=7 seed=3.0  f64[1 2] -inf -1000  ->  i64[1 1] 1
		none  [1 2] -inf -inf  ->  error "no class"`,
})

func drawnType(n *graph.Node) graph.DType {
	return graph.DType(n.Attrs.Int("dtype", int64(graph.Int32)))
}

// weightSums returns the running sums of exp(x - max x).
func weightSums(x []float64) []float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = math.Max(top, v)
	}
	sums := make([]float64, len(x))
	total := 0.0
	for i, v := range x {
		total += math.Exp(v - top)
		sums[i] = total
	}
	return sums
}
