package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Infer annotates the values of m with the types that the operators of set derive, subgraphs included. Operators that set lacks leave
// their outputs as the file declares them. Integers that follow from shapes and constants alone are computed, so that the shape
// arithmetic of exported models does not hide their sizes. A contradiction is an error that names the node.
func Infer(m *graph.Model, set *Set) error { return newInferrer(m.Graph, set, m.Opsets).graph(m.Graph) }

// inferrer remembers the constants it has found.
type inferrer struct {
	set      *Set
	opsets   map[string]int64
	open     map[*graph.Value]bool          // inputs with a default, which a caller may replace
	folded   map[*graph.Value]*graph.Tensor // nil: not constant
	declared map[*graph.Value]*graph.Type   // of values in subgraphs, before inference
}

func newInferrer(g *graph.Graph, set *Set, opsets map[string]int64) *inferrer {
	f := &inferrer{set, opsets, map[*graph.Value]bool{}, map[*graph.Value]*graph.Tensor{}, map[*graph.Value]*graph.Type{}}
	for _, v := range g.Inputs {
		f.open[v] = true
	}
	return f
}

func (f *inferrer) graph(g *graph.Graph) error {
	for i, n := range g.Nodes {
		if err := f.node(n); err != nil {
			var inner *errs.Error
			if errors.As(err, &inner) && inner.Node != "" {
				return err // in a subgraph
			}
			e := errs.New(errs.Invalid, "%w", err)
			e.Op, e.Opset, e.Node = n.OpName(), f.opsets[n.Domain], n.Name
			if e.Node == "" {
				e.Node = strconv.Itoa(i)
			}
			return e
		}
	}
	return nil
}

// node types the outputs of n.
func (f *inferrer) node(n *graph.Node) error {
	opset := f.opsets[n.Domain]
	def := f.set.Find(n.Domain, n.Op, opset)
	if def == nil {
		return nil
	}
	types, err := f.outputs(def, n, opset)
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

func (f *inferrer) outputs(def *Op, n *graph.Node, opset int64) ([]*graph.Type, error) {
	if def.Infer == nil {
		if def.Expand == nil {
			return nil, nil
		}
		body, err := BodyOf(def, n, f.set, f.opsets)
		if err != nil {
			return nil, err
		}
		types := make([]*graph.Type, len(body.Body.Outputs))
		for i, v := range body.Body.Outputs {
			types[i] = v.Type
		}
		return types, nil
	}
	c := &Inference{Node: n, Opset: opset, In: make([]*graph.Type, len(n.In)), Const: make([]*graph.Tensor, len(n.In)), Sub: f.subgraph,
		infer: f}
	for i, v := range n.In {
		if v != nil {
			c.In[i], c.Const[i] = v.Type, f.constant(v, 0)
		}
	}
	return def.Infer(c)
}

// subgraph types a graph for inputs of the given types. It may be called again with other types.
func (f *inferrer) subgraph(g *graph.Graph, in []*graph.Type) ([]*graph.Type, error) {
	restore := func(v *graph.Value) {
		if v == nil {
			return
		}
		if t, ok := f.declared[v]; ok {
			v.Type = t
		} else {
			f.declared[v] = v.Type
		}
		delete(f.folded, v)
	}
	for i, v := range g.Inputs {
		if restore(v); i < len(in) {
			merged, err := MergeTypes(v.Type, in[i])
			if err != nil {
				return nil, fmt.Errorf("input %q of a subgraph: %w", v.Name, err)
			}
			v.Type = merged
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			restore(v)
		}
	}
	if err := f.graph(g); err != nil {
		return nil, err
	}
	types := make([]*graph.Type, len(g.Outputs))
	for i, v := range g.Outputs {
		types[i] = v.Type
	}
	return types, nil
}

const (
	maxFolded    = 1 << 10 // elements of a computed constant
	maxFoldDepth = 100
)

// constant returns the tensor that v always holds, nil if it is not known. Computed are shapes and the integers made from them.
func (f *inferrer) constant(v *graph.Value, depth int) *graph.Tensor {
	if v == nil || f.open[v] {
		return nil
	}
	if t := ConstantOf(v); t != nil {
		return t
	}
	if t, ok := f.folded[v]; ok {
		return t
	}
	n, index := v.Producer()
	if n == nil || n.Domain != "" || depth > maxFoldDepth || v.Type == nil || v.Type.Kind != graph.TensorKind ||
		!v.Type.DType.IsInt() && v.Type.DType != graph.Bool {
		return nil
	}
	var t *graph.Tensor
	if n.Op == "Shape" {
		t = knownShape(n)
	} else if out := f.evaluate(n, depth); index < len(out) {
		t = out[index]
	}
	f.folded[v] = t
	return t
}

// knownShape returns the result of a Shape node whose input has fixed sizes.
func knownShape(n *graph.Node) *graph.Tensor {
	if n.Input(0) == nil {
		return nil
	}
	sizes := n.In[0].Type.Sizes()
	if sizes == nil {
		return nil
	}
	from, to := shapeRange(n, len(sizes))
	if slices.Contains(sizes[from:to], -1) {
		return nil
	}
	return graph.Vector(slices.Clone(sizes[from:to])...)
}

// evaluate runs a node on constants, nil if it has none, draws random numbers, or is no small matter.
func (f *inferrer) evaluate(n *graph.Node, depth int) (out []*graph.Tensor) {
	def := f.set.Find("", n.Op, f.opsets[""])
	if def == nil || def.Eval == nil || len(n.In) == 0 || def.Name == "Bernoulli" || def.Name == "Multinomial" {
		return nil
	}
	if !n.Attrs.Subgraphs(func(*graph.Graph) bool { return false }) {
		return nil
	}
	in := make([]*graph.Tensor, len(n.In))
	for i, v := range n.In {
		if v == nil {
			continue
		}
		if in[i] = f.constant(v, depth+1); in[i] == nil || in[i].Kind != graph.TensorKind || in[i].Len() > maxFolded {
			return nil
		}
	}
	for _, v := range n.Out {
		if v != nil {
			if size, ok := graph.NumElements(v.Type.Sizes()); v.Type.Rank() < 0 || !ok || size > maxFolded {
				return nil
			}
		}
	}
	defer func() {
		if recover() != nil {
			out = nil // a node that cannot run; the run will say so
		}
	}()
	out, _ = def.Eval(&Call{Ctx: context.Background(), Node: n, Opset: f.opsets[""], In: in})
	return out
}

// ConstantOf returns the tensor that v holds unless a caller replaces it: an initializer, or the output of a Constant node.
func ConstantOf(v *graph.Value) *graph.Tensor {
	if v == nil {
		return nil
	}
	if v.Const != nil {
		return v.Const
	}
	if n, _ := v.Producer(); n != nil && n.Domain == "" && n.Op == "Constant" {
		t, _ := constantValue(n)
		return t
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
