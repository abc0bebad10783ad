package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Builder appends nodes to a graph and infers their types as it goes. It panics on a programmer's mistake (an operator that the
// set does not have at the opset, inputs that inference refuses); it is for code that writes graphs, not for files.
// A Builder serves one goroutine.
type Builder struct {
	Graph  *graph.Graph
	Opsets map[string]int64
	Target Target // what gradient rules and expansions choose their forms by
	infer  *inferrer
	names  map[string]int
	taken  map[string]bool
	consts map[string]*graph.Value
}

// NewBuilder returns a builder that appends to g with the operators of set at the given opsets. Names that g has are kept free.
func NewBuilder(g *graph.Graph, set *Set, opsets map[string]int64) *Builder {
	b := &Builder{Graph: g, Opsets: opsets, infer: newInferrer(g, set, opsets), names: map[string]int{}, taken: map[string]bool{},
		consts: map[string]*graph.Value{}}
	for _, vs := range [][]*graph.Value{g.Inputs, g.Initializers} {
		for _, v := range vs {
			b.taken[v.Name] = true
		}
	}
	g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		for _, v := range n.Out {
			if v != nil {
				b.taken[v.Name] = true
			}
		}
		return true
	})
	return b
}

// Name returns an unused value name that begins with stem.
func (b *Builder) Name(stem string) string {
	for {
		name := stem
		if k := b.names[stem]; k > 0 {
			name = fmt.Sprintf("%s_%d", stem, k)
		}
		b.names[stem]++
		if !b.taken[name] {
			b.taken[name] = true
			return name
		}
	}
}

// Op appends a node with one output and returns it. The operator is named Name or domain:Name; nil inputs are absent ones.
func (b *Builder) Op(op string, attrs graph.Attrs, in ...*graph.Value) *graph.Value {
	return b.OpN(1, op, attrs, in...)[0]
}

// OpN appends a node with n outputs.
func (b *Builder) OpN(n int, op string, attrs graph.Attrs, in ...*graph.Value) []*graph.Value {
	domain, name := splitName(op)
	out := make([]*graph.Value, n)
	for i := range out {
		out[i] = &graph.Value{Name: b.Name(name)}
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	node := graph.NewNode(domain, name, attrs, in, out)
	node.Name = out[0].Name
	b.Graph.Append(node)
	if err := b.infer.node(node); err != nil {
		panic(fmt.Sprintf("ops: building %s: %v", op, err))
	}
	return out
}

// Infer types the outputs of n, a node that was appended otherwise.
func (b *Builder) Infer(n *graph.Node) error { return b.infer.node(n) }

// Const returns a constant; equal constants are shared.
func (b *Builder) Const(t *graph.Tensor) *graph.Value {
	key := fmt.Sprintf("%s%v%q", t.DType, t.Shape, t.Raw)
	if t.DType == graph.String {
		key = fmt.Sprintf("%s%v%q", t.DType, t.Shape, t.Strings)
	}
	if v := b.consts[key]; v != nil {
		return v
	}
	v := &graph.Value{Name: b.Name("const"), Type: graph.TypeOf(t)}
	b.Graph.Append(graph.NewNode("", "Constant", graph.Attrs{"value": t}, nil, []*graph.Value{v}))
	b.consts[key] = v
	return v
}

// Ints returns an int64 vector constant.
func (b *Builder) Ints(xs ...int64) *graph.Value { return b.Const(graph.Vector(xs...)) }

// Int returns an int64 scalar constant.
func (b *Builder) Int(x int64) *graph.Value { return b.Const(graph.Scalar(x)) }

// Float returns a scalar constant of floating type d.
func (b *Builder) Float(d graph.DType, x float64) *graph.Value { return b.Const(FloatScalar(d, x)) }

// Param adds an initializer: a constant that training may change.
func (b *Builder) Param(stem string, t *graph.Tensor) *graph.Value {
	return b.Graph.NewConst(b.Name(stem), t)
}

// Reshape returns x in another shape; 0 keeps a dimension, -1 takes what is left.
func (b *Builder) Reshape(x *graph.Value, dims ...int64) *graph.Value {
	return b.Op("Reshape", nil, x, b.Ints(dims...))
}

// Transpose returns x with permuted axes.
func (b *Builder) Transpose(x *graph.Value, perm ...int64) *graph.Value {
	return b.Op("Transpose", graph.Attrs{"perm": perm}, x)
}

// Like returns the scalar x in v's element type.
func (b *Builder) Like(v *graph.Value, x float64) *graph.Value {
	if v.Type != nil && v.Type.DType.IsFloat() {
		return b.Float(v.Type.DType, x)
	}
	return b.Op("CastLike", nil, b.Float(graph.Float32, x), v)
}

// CastLike returns v in the element type of like.
func (b *Builder) CastLike(v, like *graph.Value) *graph.Value {
	if like.Type != nil && like.Type.DType.Valid() {
		if v.Type != nil && v.Type.DType == like.Type.DType {
			return v
		}
		return b.Op("Cast", graph.Attrs{"to": like.Type.DType}, v)
	}
	return b.Op("CastLike", nil, v, like)
}

// Mul, Add, Sub and Div are the operators of these names, for the many gradients that need them.
func (b *Builder) Mul(x, y *graph.Value) *graph.Value { return b.Op("Mul", nil, x, y) }

// Add is x + y.
func (b *Builder) Add(x, y *graph.Value) *graph.Value { return b.Op("Add", nil, x, y) }

// Sub is x - y.
func (b *Builder) Sub(x, y *graph.Value) *graph.Value { return b.Op("Sub", nil, x, y) }

// Div is x / y.
func (b *Builder) Div(x, y *graph.Value) *graph.Value { return b.Op("Div", nil, x, y) }

// Where selects x where cond holds, else y.
func (b *Builder) Where(cond, x, y *graph.Value) *graph.Value { return b.Op("Where", nil, cond, x, y) }
