package ops

import (
	"fmt"
	"strconv"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Infer annotates the values of m with the types that the operators of set derive. Operators that set lacks leave their outputs
// as the file declares them. A contradiction is an error that names the node.
func Infer(m *graph.Model, set *Set) error { return inferGraph(m.Graph, set, m.Opsets) }

func inferGraph(g *graph.Graph, set *Set, opsets map[string]int64) error {
	for i, n := range g.Nodes {
		def := set.Find(n.Domain, n.Op, opsets[n.Domain])
		if def == nil {
			continue
		}
		if err := inferNode(def, n, opsets[n.Domain]); err != nil {
			e := errs.New(errs.Invalid, "%w", err)
			e.Op, e.Opset, e.Node = n.OpName(), opsets[n.Domain], n.Name
			if e.Node == "" {
				e.Node = strconv.Itoa(i)
			}
			return e
		}
	}
	return nil
}

// inferNode types the outputs of n by def.
func inferNode(def *Op, n *graph.Node, opset int64) error {
	if def.Infer == nil {
		return nil
	}
	c := &Inference{Node: n, Opset: opset, In: make([]*graph.Type, len(n.In)), Const: make([]*graph.Tensor, len(n.In))}
	for i, v := range n.In {
		if v != nil {
			c.In[i], c.Const[i] = v.Type, ConstantOf(v)
		}
	}
	types, err := def.Infer(c)
	if err != nil {
		return err
	}
	for i, t := range types {
		if i >= len(n.Out) || n.Out[i] == nil || t == nil {
			continue
		}
		merged, err := MergeTypes(n.Out[i].Type, t)
		if err != nil {
			return fmt.Errorf("output %q: %w", n.Out[i].Name, err)
		}
		n.Out[i].Type = merged
	}
	return nil
}

// ConstantOf returns the tensor that v always holds: an initializer that is no input, or the output of a Constant node.
func ConstantOf(v *graph.Value) *graph.Tensor {
	if v == nil {
		return nil
	}
	if v.Const != nil {
		return v.Const
	}
	if n, _ := v.Producer(); n != nil && n.Domain == "" && n.Op == "Constant" {
		return n.Attrs.Tensor("value")
	}
	return nil
}

// MergeTypes joins two descriptions of one value: fixed beats named beats unknown. It fails if they contradict each other.
func MergeTypes(a, b *graph.Type) (*graph.Type, error) {
	if a == nil || b == nil {
		if a == nil {
			return b, nil
		}
		return a, nil
	}
	if a.Kind != b.Kind || a.DType != b.DType && a.DType != 0 && b.DType != 0 {
		return nil, fmt.Errorf("declared %s, inferred %s", a, b)
	}
	m := a.Clone()
	if m.DType == 0 {
		m.DType = b.DType
	}
	if a.Of != nil || b.Of != nil {
		of, err := MergeTypes(a.Of, b.Of)
		if err != nil {
			return nil, err
		}
		m.Of = of
	}
	switch {
	case b.Shape == nil:
		return m, nil
	case a.Shape == nil:
		m.Shape = append([]graph.Dim{}, b.Shape...)
		return m, nil
	case len(a.Shape) != len(b.Shape):
		return nil, fmt.Errorf("declared %s, inferred %s", a, b)
	}
	for i, d := range b.Shape {
		switch {
		case !m.Shape[i].Known() && (d.Known() || m.Shape[i].Param == ""):
			d.Denotation = m.Shape[i].Denotation
			m.Shape[i] = d
		case d.Known() && d.Size != m.Shape[i].Size:
			return nil, fmt.Errorf("declared %s, inferred %s: dimension %d is %d against %d", a, b, i, m.Shape[i].Size, d.Size)
		}
	}
	return m, nil
}

// FloatScalar returns a rank-0 tensor of floating type d. It panics for other types.
func FloatScalar(d graph.DType, x float64) *graph.Tensor {
	switch d {
	case graph.Float32:
		return graph.Scalar(float32(x))
	case graph.Float64:
		return graph.Scalar(x)
	case graph.BFloat16:
		return graph.Scalar(graph.ToBF16(float32(x)))
	case graph.Float16:
		return graph.Scalar(float16.Fromfloat32(float32(x)))
	}
	panic(fmt.Sprintf("ops: %s is no floating type", d))
}
