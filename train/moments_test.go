package train_test

import (
	"math"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// The losses of moment networks are what their definition says, for two outputs and for one that holds both, and their gradients are
// those of the definition by central differences.
func TestMomentLosses(t *testing.T) {
	const n, k = 3, 2
	mu, sigma := []float64{0.3, -1, 2, 0.5, -0.2, 1.1}, []float64{0.4, 1.2, 0.7, -0.3, 0.9, 0.1}
	truth := []float64{0.1, -0.4, 1.5, 0.9, 0.6, 1}
	definition := func(mu, sigma []float64, logs bool) float64 {
		sum := 0.0
		for i := range k {
			var first, second float64
			for s := range n {
				d2 := math.Pow(truth[s*k+i]-mu[s*k+i], 2)
				first += d2 / n
				second += math.Pow(d2-math.Pow(sigma[s*k+i], 2), 2) / n
			}
			if logs {
				first, second = math.Log(first), math.Log(second)
			}
			sum += (first + second) / k
		}
		return sum
	}
	both := make([]float64, 0, 2*n*k)
	for s := range n {
		both = append(append(both, mu[s*k:(s+1)*k]...), sigma[s*k:(s+1)*k]...)
	}
	for name, l := range map[string]train.Loss{"plain": train.Moments(), "logs": train.LogMoments()} {
		for form, inputs := range map[string][]*graph.Tensor{
			"two": {graph.FromSlice(mu, n, k), graph.FromSlice(sigma, n, k)},
			"one": {graph.FromSlice(both, n, 2*k)},
		} {
			m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: &graph.Graph{}}
			b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
			var out []*graph.Value
			var types []*graph.Type
			for i, x := range inputs {
				v := m.Graph.NewInput([]string{"a", "b"}[i], graph.TypeOf(x))
				out, types = append(out, v), append(types, v.Type)
			}
			targets, err := l.Targets(types)
			if err != nil {
				t.Fatal(err)
			}
			y := l.Value(b, out, []*graph.Value{m.Graph.NewInput("t", targets[0].Type)})
			got := evaluate(t, m, append([]*graph.Value{y}, gradient(t, m, []*graph.Value{y}, out)...), append(inputs, graph.FromSlice(truth, n, k))...)
			want := definition(mu, sigma, name == "logs")
			if d := math.Abs(numbers(got[0])[0] - want); d > 1e-12*math.Abs(want) {
				t.Errorf("%s, %s outputs: got %v want %v", name, form, numbers(got[0])[0], want)
			}
			for s := range n {
				for i := range k {
					at := s*k + i
					for which, x := range [][]float64{mu, sigma} {
						const h = 1e-6
						old := x[at]
						x[at] = old + h
						up := definition(mu, sigma, name == "logs")
						x[at] = old - h
						slope := (up - definition(mu, sigma, name == "logs")) / (2 * h)
						x[at] = old
						var d float64
						if form == "two" {
							d = numbers(got[1+which])[at]
						} else {
							d = numbers(got[1])[s*2*k+which*k+i]
						}
						if math.Abs(d-slope) > 1e-7*max(1, math.Abs(slope)) {
							t.Errorf("%s, %s outputs: slope of sample %d, number %d of %d: got %v want %v", name, form, s, i, which, d, slope)
						}
					}
				}
			}
		}
	}
}
