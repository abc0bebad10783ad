package pass

import (
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// BatchNorm folds BatchNormalization with constant parameters into the constant weights and bias of what computes its input: Conv,
// ConvTranspose, Gemm, MatMul and HealpixConv, also with an addition of constants in between. The input must be read by nothing else. It
// works on the main graph, in float64.
var BatchNorm = Pass{"batchnorm", func(m *graph.Model, set *ops.Set) (changes []string, err error) {
	f := folder{m: m, out: outputs(m), names: ops.NewBuilder(m.Graph, set, m.Opsets)}
	for _, n := range find(m.Graph, "BatchNormalization") {
		what := label(m.Graph, n)
		if into := f.fold(n); into != "" {
			changes = append(changes, what+" folded into "+into)
		}
	}
	return changes, nil
}}

type folder struct {
	m     *graph.Model
	out   map[*graph.Value]bool
	names *ops.Builder
}

// fold returns the label of the node that took n in, or nothing.
func (f *folder) fold(n *graph.Node) string {
	a, _, ok := affineOf(f.m, n)
	if !ok {
		return ""
	}
	x := n.In[0]
	p := f.owner(x)
	var added *graph.Node
	if p != nil && p.OpName() == "Add" && len(p.In) == 2 {
		for i, v := range p.In {
			other := p.In[1-i]
			if bias := channels(constant(f.m, v), len(a.factor), x.Type.Rank()); bias != nil && f.owner(other) != nil {
				for c, b := range bias {
					a.shift[c] += a.factor[c] * b
				}
				added, p = p, f.owner(other)
				break
			}
		}
	}
	if p == nil || added == nil && p.OpName() == "Add" {
		return ""
	}
	l, ok := linears[p.OpName()]
	if !ok || !f.scale(p, l, a, n, added) {
		return ""
	}
	y := n.Out[0]
	n.SetOut(0, nil)
	f.m.Graph.Remove(n)
	if p.OpName() == "MatMul" { // it has no bias: the addition stays and gives the result
		added.SetOut(0, y)
		return label(f.m.Graph, p)
	}
	if added != nil {
		added.SetOut(0, nil)
		f.m.Graph.Remove(added)
	}
	p.SetOut(0, y)
	return label(f.m.Graph, p)
}

// owner returns the node of the main graph that computes v for one reader alone.
func (f *folder) owner(v *graph.Value) *graph.Node {
	p, k := v.Producer()
	if p == nil || k != 0 || len(v.Uses()) != 1 || f.out[v] || !slices.Contains(f.m.Graph.Nodes, p) {
		return nil
	}
	return p
}

// channels returns a constant that is added to (N, C, ...) of the given rank as one number a channel, nil if it is no such.
func channels(t *graph.Tensor, c, rank int) []float64 {
	x := float64s(t)
	if len(x) == 1 && c > 1 && len(t.Shape) <= rank {
		return slices.Repeat(x, c)
	}
	if len(x) != c || rank < 2 || len(t.Shape) > rank {
		return nil
	}
	for i, d := range t.Shape {
		want := int64(1)
		if i+rank-len(t.Shape) == 1 {
			want = int64(c)
		}
		if d != want {
			return nil
		}
	}
	return x
}

// linear is an operator that is linear in its input 0 and in its weights.
type linear struct {
	weight, bias int // positions of the inputs
	// channel returns the output channel of each block of elements that follow each other in the weights; ok is false where the
	// node has no such form.
	channel func(n *graph.Node, shape []int64) (of func(block int) int, block int, ok bool)
}

// linears names the operators, also those of the sphere, whose package is above this one.
var linears = map[string]linear{
	"Conv":                            {1, 2, firstAxis},
	"ai.astronnx.healpix:HealpixConv": {1, 2, firstAxis},
	"ConvTranspose": {1, 2, func(n *graph.Node, s []int64) (func(int) int, int, bool) { // (Ci, Co/group, ...)
		if len(s) < 3 || s[0] == 0 || s[1] == 0 {
			return nil, 0, false
		}
		size, _ := graph.NumElements(s[2:])
		per, group := int(s[1]), int(n.Attrs.Int("group", 1))
		each := int(s[0]) / max(group, 1) // input channels of a group
		return func(b int) int { return b/per/max(each, 1)*per + b%per }, int(size), group > 0 && int(s[0])%group == 0
	}},
	"Gemm": {1, 2, func(n *graph.Node, s []int64) (func(int) int, int, bool) {
		if n.Attrs.Bool("transB", false) {
			return firstAxis(n, s)
		}
		return lastAxis(n, s)
	}},
	"MatMul": {1, -1, lastAxis},
}

func firstAxis(_ *graph.Node, s []int64) (func(int) int, int, bool) {
	if len(s) < 2 {
		return nil, 0, false
	}
	size, _ := graph.NumElements(s[1:])
	return func(b int) int { return b }, int(size), true
}

func lastAxis(_ *graph.Node, s []int64) (func(int) int, int, bool) {
	if len(s) != 2 || s[1] == 0 {
		return nil, 0, false
	}
	return func(b int) int { return b % int(s[1]) }, 1, true
}

// scale multiplies the weights of p, adds to its bias and reports whether it could. A product without a bias leaves that to added,
// the addition between p and bn.
func (f *folder) scale(p *graph.Node, l linear, a affine, bn, added *graph.Node) bool {
	w := constant(f.m, p.Input(l.weight))
	if w == nil || w.DType != graph.Float32 && w.DType != graph.Float64 || p.In[0] == p.In[l.weight] {
		return false
	}
	of, block, ok := l.channel(p, w.Shape)
	if !ok {
		return false
	}
	if l.bias < 0 && (added == nil || bn.In[0].Type.Rank() != 2) {
		return false
	}
	shift := slices.Clone(a.shift)
	if l.bias >= 0 && p.Input(l.bias) != nil {
		old := float64s(biasVector(constant(f.m, p.In[l.bias]), len(shift)))
		if old == nil {
			return false
		}
		beta := 1.0
		if p.Op == "Gemm" {
			beta = float64(p.Attrs.Float("beta", 1))
		}
		for c := range shift {
			shift[c] += a.factor[c] * beta * old[c%len(old)]
		}
	}
	x := slices.Clone(float64s(w))
	for i := range x {
		c := of(i / max(block, 1))
		if c >= len(a.factor) {
			return false
		}
		x[i] *= a.factor[c]
	}
	scaled, err := cast(graph.FromSlice(x, w.Shape...), w.DType)
	if err != nil {
		return false
	}
	moved, err := cast(graph.Vector(shift...), w.DType)
	if err != nil {
		return false
	}
	stem := strings.TrimSuffix(p.In[l.weight].Name, ".weight")
	f.put(p, l.weight, scaled, stem)
	if l.bias < 0 {
		at := slices.IndexFunc(added.In, func(v *graph.Value) bool { return constant(f.m, v) != nil })
		f.put(added, at, moved, stem+".bias")
		return true
	}
	for len(p.In) < l.bias {
		p.SetIn(len(p.In), nil)
	}
	delete(p.Attrs, "beta")
	f.put(p, l.bias, moved, stem+".bias")
	return true
}

// biasVector returns t if it is one number a channel, or one number: the addend of Gemm may have other shapes.
func biasVector(t *graph.Tensor, c int) *graph.Tensor {
	if t == nil || t.Len() != 1 && (t.Len() != int64(c) || t.Shape[len(t.Shape)-1] != int64(c)) {
		return nil
	}
	return t
}

// put makes t input i of n: in the constant that is there, if n alone reads it, else in a new one.
func (f *folder) put(n *graph.Node, i int, t *graph.Tensor, stem string) {
	if v := n.Input(i); v != nil && v.Const != nil && len(v.Uses()) == 1 && !f.out[v] && slices.Contains(f.m.Graph.Initializers, v) {
		t.Name = v.Name
		v.Const, v.Type = t, graph.TypeOf(t)
		return
	}
	v := f.names.Param(stem, t)
	t.Name = v.Name
	n.SetIn(i, v)
}
