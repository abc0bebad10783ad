package train

import (
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// stepOpset is that of training steps: the first in which function bodies are written, well below those that devices lack.
const stepOpset = 18

// raiseOpset takes m to the opset of steps. From 13 on it is the reductions alone that changed their form by then.
func raiseOpset(m *graph.Model) error {
	have := m.Opsets[""]
	if have >= stepOpset {
		return sameOperators(m, have)
	}
	if have < 13 {
		return errs.New(errs.Invalid, "the network is of opset %d: training takes 13 and later", have).
			WithHint("convert it with onnx.version_converter, or export it again")
	}
	b := ops.NewBuilder(m.Graph, ops.Standard(), map[string]int64{"": stepOpset})
	for _, n := range slices.Clone(m.Graph.Nodes) {
		if !strings.HasPrefix(n.Op, "Reduce") || n.Domain != "" || !n.Attrs.Has("axes") {
			continue
		}
		axes := n.Attrs.Ints("axes", nil)
		delete(n.Attrs, "axes")
		n.SetIn(1, b.Param("axes", graph.Vector(axes...)))
	}
	return sameOperators(m, have)
}

// sameOperators makes the opset of m that of steps, or says which node would mean something else there.
func sameOperators(m *graph.Model, have int64) error {
	set := ops.Standard()
	for i, n := range m.Graph.Nodes {
		if n.Domain != "" || strings.HasPrefix(n.Op, "Reduce") || n.Op == "BatchNormalization" || n.Op == "Dropout" {
			continue
		}
		if set.Find("", n.Op, have) != set.Find("", n.Op, stepOpset) {
			e := errs.New(errs.Invalid, "it means something else in opset %d of training steps than in the network's %d", stepOpset, have)
			e.Op, e.Node, e.Opset = n.OpName(), label(i, n), have
			return e.WithHint("export the network with opset %d", stepOpset)
		}
	}
	m.Opsets[""] = stepOpset
	return nil
}

// widen takes m, a private copy, from float32 to float64.
func widen(m *graph.Model) {
	keep := map[*graph.Value]bool{} // scales are float32 whatever is scaled
	for _, g := range graphsOf(m) {
		g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			for i, v := range n.In {
				if v != nil && (n.Op == "Resize" && i == 2 || n.Op == "Upsample" && i == 1) {
					keep[v] = true
				}
			}
			return true
		})
	}
	for _, g := range graphsOf(m) {
		for _, vs := range [][]*graph.Value{g.Inputs, g.Outputs, g.Initializers} {
			for _, v := range vs {
				if !keep[v] {
					widenValue(v)
				}
			}
		}
		g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			if slices.ContainsFunc(n.Out, func(v *graph.Value) bool { return keep[v] }) {
				return true
			}
			for _, v := range n.Out {
				widenValue(v)
			}
			for name, a := range n.Attrs {
				if t, ok := a.(*graph.Tensor); ok {
					n.Attrs[name] = widened(t)
				}
			}
			if to := n.Attrs.Int("to", 0); n.Op == "Cast" && graph.DType(to) == graph.Float32 {
				n.Attrs["to"] = int64(graph.Float64)
			}
			if f, ok := n.Attrs["value_float"].(float32); ok && n.Op == "Constant" {
				delete(n.Attrs, "value_float")
				n.Attrs["value"] = graph.Scalar(float64(f))
			}
			return true
		})
	}
}

func graphsOf(m *graph.Model) (list []*graph.Graph) {
	m.Graphs(func(_ string, g *graph.Graph) bool {
		list = append(list, g)
		return true
	})
	return list
}

func widenValue(v *graph.Value) {
	if v == nil {
		return
	}
	if v.Const != nil && v.Const.DType == graph.Float32 {
		v.Const = widened(v.Const)
	}
	if v.Type != nil && v.Type.Kind == graph.TensorKind && v.Type.DType == graph.Float32 {
		v.Type = v.Type.Clone()
		v.Type.DType = graph.Float64
	}
}

func widened(t *graph.Tensor) *graph.Tensor {
	if t.Kind != graph.TensorKind || t.DType != graph.Float32 {
		return t
	}
	w := graph.NewTensor(graph.Float64, t.Shape...)
	w.Name = t.Name
	for i, x := range graph.Data[float32](t) {
		graph.Data[float64](w)[i] = float64(x)
	}
	return w
}
