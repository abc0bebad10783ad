// Package ops defines operators once: what an operator infers, computes, differentiates to and is tested by stands in one file.
// Engines, shape inference, differentiation, export and the conformance harness all follow from these definitions.
//
// A [Set] is a group of operators; this package's own is [Standard]. Others, such as healpixop's, are made the same way.
package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
)

// Op is one version of one operator.
//
// A primitive has Infer and Eval. A composite has Expand; inference, kernel and gradient follow from its parts where it has none
// of its own.
type Op struct {
	Domain string // "" is the standard domain
	Name   string
	Since  int64 // first opset of its domain that has this version

	// Infer returns the types of the outputs, nil where nothing is known.
	Infer func(c *Inference) ([]*graph.Type, error)
	// Eval computes the outputs: the slow, obvious definition, in float32 and float64.
	Eval func(c *Call) ([]*graph.Tensor, error)
	// Grad returns the gradient of each input (nil: none) from those of the outputs (nil: none), as new graph nodes.
	// It need not undo broadcasting.
	Grad func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value
	// NoGrad says why there is no Grad.
	NoGrad string
	// Expand rewrites the operator in others.
	Expand func(b *Builder, n *graph.Node) []*graph.Value
	// Forward names the attributes that Expand passes on without looking at them: in a function body they may be references, so
	// that one body serves every value.
	Forward []string
	// Shaped says that Expand writes what holds for the types of the inputs alone: nodes of other types have another function body.
	Shaped bool

	// Exact is how close another implementation must come.
	Exact Tolerance
	// Grow says how the differ may enlarge a case; the zero value lets every dimension grow alone.
	Grow Growth
	// Cases are examples with results, in the grammar of [ParseCases].
	Cases string
}

// FullName returns domain:name, or the name alone in the standard domain.
func (o *Op) FullName() string {
	if o.Domain == "" {
		return o.Name
	}
	return o.Domain + ":" + o.Name
}

// Tolerance is how much two right results may differ: |got-want| ≤ Abs + Rel·|want|.
type Tolerance struct{ Rel, Abs float64 }

var (
	// Bitwise allows no difference.
	Bitwise = Tolerance{}
	// Rounding allows the order of sums to differ.
	Rounding = Tolerance{Rel: 1e-5, Abs: 1e-6}
)

// Growth is a rule for enlarging a case.
type Growth uint8

const (
	// Freely grows each dimension.
	Freely Growth = iota
	// BySphere multiplies pixels by 4 and 16 and nside by 2 and 4.
	BySphere
	// Fixed keeps the case as it is.
	Fixed
)

// Inference is what an operator may know before it runs.
type Inference struct {
	Node  *graph.Node
	Opset int64
	In    []*graph.Type   // nil: absent or unknown
	Const []*graph.Tensor // nil: not a constant
	// Sub infers the outputs of a subgraph of Node from its inputs' types.
	Sub func(g *graph.Graph, in []*graph.Type) ([]*graph.Type, error)

	infer *inferrer // nil in an Inference made by hand
}

// Type returns the type of input i, nil if it is absent or unknown.
func (c *Inference) Type(i int) *graph.Type {
	if i < len(c.In) {
		return c.In[i]
	}
	return nil
}

// Constant returns input i if it is constant.
func (c *Inference) Constant(i int) *graph.Tensor {
	if i < len(c.Const) {
		return c.Const[i]
	}
	return nil
}

// Has reports whether input i is connected.
func (c *Inference) Has(i int) bool { return c.Node.Input(i) != nil }

// Call is one evaluation of a node. An output may be an input or share all of its memory under another shape, but no part of it: the
// engine reuses memory by whole buffers. Eval allocates and runs subgraphs on its own goroutine; its workers do neither.
type Call struct {
	Ctx   context.Context
	Node  *graph.Node
	Opset int64
	In    []*graph.Tensor // nil: absent
	// New allocates an output; nil: graph.NewTensor.
	New func(d graph.DType, shape ...int64) *graph.Tensor
	// Spent reports whether an input's memory may be overwritten, for nobody reads it after this node; nil: never.
	Spent func(in *graph.Tensor) bool
	// Sub runs a subgraph of Node.
	Sub func(g *graph.Graph, in []*graph.Tensor) ([]*graph.Tensor, error)
}

// Input returns input i, nil if it is absent.
func (c *Call) Input(i int) *graph.Tensor {
	if i < len(c.In) {
		return c.In[i]
	}
	return nil
}

// Wants reports whether output i is connected.
func (c *Call) Wants(i int) bool { return i < len(c.Node.Out) && c.Node.Out[i] != nil }

// Output allocates a tensor for an output. Its elements are zero.
func (c *Call) Output(d graph.DType, shape ...int64) *graph.Tensor {
	if c.New != nil {
		return c.New(d, shape...)
	}
	return graph.NewTensor(d, shape...)
}

// over returns a tensor for the output of a kernel that reads element i of its inputs only to write element i of its result: in the
// memory of an input of that type and shape, if one is spent.
func (c *Call) over(d graph.DType, shape []int64, in ...*graph.Tensor) *graph.Tensor {
	for _, t := range in {
		if c.Spent != nil && t.DType == d && slices.Equal(t.Shape, shape) && c.Spent(t) {
			return withShape(t, slices.Clone(shape))
		}
	}
	return c.Output(d, shape...)
}

// Err returns the context's error, so that long kernels can stop.
func (c *Call) Err() error {
	if c.Ctx == nil {
		return nil
	}
	return c.Ctx.Err()
}

// Evaluate runs op on inputs outside any graph: for tests, for folding constants and for operators that use others.
func Evaluate(op *Op, attrs graph.Attrs, in ...*graph.Tensor) ([]*graph.Tensor, error) {
	vals := make([]*graph.Value, len(in))
	for i, t := range in {
		if t != nil {
			vals[i] = &graph.Value{Name: fmt.Sprintf("x%d", i), Type: graph.TypeOf(t), Const: t}
		}
	}
	n := graph.NewNode(op.Domain, op.Name, attrs, vals, []*graph.Value{{Name: "y"}})
	if op.Eval == nil {
		return nil, fmt.Errorf("ops: %s has no Eval", op.FullName())
	}
	return op.Eval(&Call{Ctx: context.Background(), Node: n, Opset: op.Since, In: in})
}

func splitName(name string) (domain, op string) {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}
