package export

import (
	"math"
	"slices"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
)

// Float16Tolerance bounds what storing weights as float16 may change of an output, relative to its largest value. A weight changes by
// up to 2⁻¹¹ of itself, and rounding is independent from one to the next; a file that differs by more is not written.
const Float16Tolerance = 1e-2

// halve stores float32 matrices and kernels as float16, each with a Cast to float32 in front of its readers. Vectors (biases) stay, as
// do tensors whose numbers float16 cannot hold. It returns how many it stored so, and the largest error relative to the largest number
// of the same tensor.
func halve(m *graph.Model) (count int, worst float64) {
	g := m.Graph
	taken := map[string]bool{}
	for _, v := range slices.Concat(g.Inputs, g.Initializers) {
		taken[v.Name] = true
	}
	g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		for _, v := range n.Out {
			if v != nil {
				taken[v.Name] = true
			}
		}
		return true
	})
	var casts []*graph.Node
	for _, v := range g.Initializers {
		if v.Const == nil || v.Const.DType != graph.Float32 || slices.Contains(g.Inputs, v) || slices.Contains(g.Outputs, v) ||
			len(slices.DeleteFunc(slices.Clone(v.Const.Shape), func(d int64) bool { return d == 1 })) < 2 {
			continue
		}
		t, err := half(v.Const)
		if t == nil {
			continue
		}
		name := v.Name + "_float32"
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		wide := &graph.Value{Name: name, Type: v.Type}
		g.ReplaceUses(v, wide)
		n := graph.NewNode("", "Cast", graph.Attrs{"to": graph.Float32}, []*graph.Value{v}, []*graph.Value{wide})
		n.Name = name
		casts = append(casts, n)
		v.Const, v.Type = t, graph.TypeOf(t)
		count, worst = count+1, max(worst, err)
	}
	g.Nodes = slices.Concat(casts, g.Nodes)
	return count, worst
}

// half rounds a float32 tensor, nil if a number is beyond float16.
func half(t *graph.Tensor) (*graph.Tensor, float64) {
	y := graph.NewTensor(graph.Float16, t.Shape...)
	y.Name, y.Doc = t.Name, t.Doc
	out := graph.Data[float16.Float16](y)
	worst, most := 0.0, 0.0
	for i, v := range graph.Data[float32](t) {
		out[i] = float16.Fromfloat32(v)
		d := math.Abs(float64(out[i].Float32()) - float64(v))
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return nil, 0
		}
		worst, most = max(worst, d), max(most, math.Abs(float64(v)))
	}
	if most == 0 {
		return y, 0
	}
	return y, worst / most
}
