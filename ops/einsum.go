package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
)

// Einsum sums products of elements over the indices that its equation names on the left and not on the right; ...
// stands for axes that broadcast. Without an arrow the result has the indices that occur once, in alphabetical order.
// https://onnx.ai/onnx/operators/onnx__Einsum.html
var _ = define(Op{
	Name: "Einsum", Since: 12,
	Infer: inferEinsum,
	Eval:  widened(evalEinsum),
	Grad:  einsumGrad,
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		product equation="ij,jk->ik"  [2 2] 1 2 3 4  [2 1] 5 6  ->  [2 1] 17 39
		batch   equation="...ij,...jk"  [2 1 2] 1 2 3 4  [2 1] 1 -1  ->  [2 1 1] -1 -1
		trace   equation="ii"  [2 2] 1 2 3 4  ->  [] 5
		line    equation="iji->ji"  [2 1 2] 1 2 3 4  ->  [1 2] 1 4
		sum     equation="i, j -> j"  [2] 1 2  [2] 3 4  ->  [2] 9 12
		three   equation="a,ab,b->"  [2] 1 2  [2 2] 1 2 3 4  [2] 1 -1  ->  [] -3
		ints    equation="i,i->i"  i32[2] 3 4  i32[2] 5 -6  ->  i32[2] 15 -24
		sizes   equation="ij,jk"  [1 2] 1 2  [3 1] 1 2 3  ->  error "index j"
		arrow   equation="i->j"  [1] 1  ->  error "index j"`,
})

// equation is a sum of products with an index for every axis of every term. Indices are letters, and runes from dots on
// for the axes that ... stands for, counted from the last.
type equation struct {
	terms [][]rune
	out   []rune
}

const dots = 0x100

func parseEquation(text string, ranks []int) (e equation, err error) {
	left, right, arrow := strings.Cut(strings.ReplaceAll(text, " ", ""), "->")
	parts := strings.Split(left, ",")
	if len(parts) != len(ranks) {
		return e, fmt.Errorf("equation %q has %d terms for %d inputs", text, len(parts), len(ranks))
	}
	widest := 0
	for i, part := range parts {
		term, wide, err := parseTerm(part, ranks[i])
		if err != nil {
			return e, fmt.Errorf("equation %q: %w", text, err)
		}
		widest = max(widest, wide)
		e.terms = append(e.terms, term)
	}
	if arrow {
		if e.out, _, err = parseTerm(right, len(strings.ReplaceAll(right, "...", ""))+widest); err != nil {
			return e, fmt.Errorf("equation %q: %w", text, err)
		}
	} else {
		e.out = onceOnly(e.terms, widest)
	}
	for i, r := range e.out {
		if slices.Contains(e.out[:i], r) || !slices.Contains(slices.Concat(e.terms...), r) {
			return e, fmt.Errorf("equation %q: index %c is twice on the right or not on the left", text, r)
		}
	}
	return e, nil
}

// parseTerm also returns how many axes ... stands for.
func parseTerm(text string, rank int) (term []rune, wide int, err error) {
	before, after, has := strings.Cut(text, "...")
	for _, r := range before + after {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return nil, 0, fmt.Errorf("term %q, want letters and at most one ellipsis", text)
		}
	}
	if has {
		wide = rank - len(before) - len(after)
	}
	if wide < 0 || len(before)+len(after)+wide != rank {
		return nil, 0, fmt.Errorf("term %q for rank %d", text, rank)
	}
	term = []rune(before)
	for k := range wide {
		term = append(term, rune(dots+wide-1-k))
	}
	return append(term, []rune(after)...), wide, nil
}

func onceOnly(terms [][]rune, widest int) []rune {
	count := map[rune]int{}
	for _, t := range terms {
		for _, r := range t {
			count[r]++
		}
	}
	var out, letters []rune
	for k := range widest {
		out = append(out, rune(dots+widest-1-k))
	}
	for r, n := range count {
		if n == 1 && r < dots {
			letters = append(letters, r)
		}
	}
	slices.Sort(letters)
	return append(out, letters...)
}

func inferEinsum(c *Inference) ([]*graph.Type, error) {
	t := withoutShape(c.Type(0).Clone())
	ranks := make([]int, len(c.In))
	for i := range c.In {
		if ranks[i] = c.Type(i).Rank(); ranks[i] < 0 {
			return []*graph.Type{t}, nil
		}
	}
	e, err := parseEquation(c.Node.Attrs.Str("equation", ""), ranks)
	if err != nil {
		return nil, err
	}
	sizes := map[rune]graph.Dim{}
	for i, term := range e.terms {
		for k, r := range term {
			d := c.Type(i).Shape[k]
			old, seen := sizes[r]
			switch {
			case !seen || old.Size == 1 || d.Known() && d.Size != 1 && !old.Known():
				sizes[r] = d
			case d.Known() && old.Known() && d.Size != 1 && d.Size != old.Size:
				return nil, fmt.Errorf("index %c has sizes %d and %d", r, old.Size, d.Size)
			case !d.Known() && !old.Known() && d != old:
				sizes[r] = graph.Sym("")
			}
		}
	}
	t.Shape = []graph.Dim{}
	for _, r := range e.out {
		t.Shape = append(t.Shape, sizes[r])
	}
	return []*graph.Type{t}, nil
}

func evalEinsum(c *Call) ([]*graph.Tensor, error) {
	ranks := make([]int, len(c.In))
	for i, t := range c.In {
		if ranks[i] = len(t.Shape); t.DType != c.In[0].DType {
			return nil, fmt.Errorf("operands are %s and %s", c.In[0], t)
		}
	}
	e, err := parseEquation(c.Node.Attrs.Str("equation", ""), ranks)
	if err != nil {
		return nil, err
	}
	sizes := map[rune]int64{}
	for i, term := range e.terms {
		for k, r := range term {
			d := c.In[i].Shape[k]
			if old, seen := sizes[r]; !seen || old == 1 {
				sizes[r] = d
			} else if d != 1 && d != old {
				return nil, fmt.Errorf("index %c has sizes %d and %d", r, old, d)
			}
		}
	}
	inner := *c
	inner.New = nil
	x := contraction{&inner, sizes}
	acc := factor{tensor: graph.NewTensor(c.In[0].DType)}
	for i, term := range e.terms {
		f, err := x.operand(c.In[i], term)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			acc = f
			continue
		}
		needed := slices.Clone(e.out)
		for _, later := range e.terms[i+1:] {
			needed = append(needed, later...)
		}
		if acc, err = x.product(acc, f, needed); err != nil {
			return nil, err
		}
	}
	if acc, err = x.keep(acc, e.out); err != nil {
		return nil, err
	}
	y, err := castTensor(x.arranged(acc, e.out).tensor, c.In[0].DType)
	return []*graph.Tensor{y}, err
}

// factor is a tensor with an index for each axis, all different.
type factor struct {
	tensor  *graph.Tensor
	indices []rune
}

type contraction struct {
	*Call
	sizes map[rune]int64
}

// operand takes the diagonal where an index occurs twice and repeats axes of size 1 to the size of their index. Small
// integers become int64.
func (x contraction) operand(t *graph.Tensor, term []rune) (factor, error) {
	if t.DType.IsInt() && t.DType.Bits() < 32 {
		wide, err := castTensor(t, graph.Int64)
		if err != nil {
			return factor{}, err
		}
		t = wide
	}
	var f factor
	var strides []int
	for k, r := range term {
		step := Strides(t.Shape)[k]
		if t.Shape[k] == 1 {
			step = 0
		}
		if at := slices.Index(f.indices, r); at >= 0 {
			strides[at] += step
		} else {
			f.indices, strides = append(f.indices, r), append(strides, step)
		}
	}
	y, err := outputOf(x.Call, t.DType, x.shape(f.indices))
	if err != nil {
		return factor{}, err
	}
	gatherStrided(y, t, strides, 0)
	f.tensor = y
	return f, nil
}

func (x contraction) shape(indices []rune) []int64 {
	shape := make([]int64, len(indices))
	for i, r := range indices {
		shape[i] = x.sizes[r]
	}
	return shape
}

// keep sums over the indices that are not needed.
func (x contraction) keep(f factor, needed []rune) (factor, error) {
	over := make([]bool, len(f.indices))
	for i, r := range f.indices {
		over[i] = !slices.Contains(needed, r)
	}
	if !slices.Contains(over, true) {
		return f, nil
	}
	y, err := foldSum.over(x.Call, f.tensor, over)
	if err != nil {
		return f, err
	}
	indices := removeAxes(f.indices, over)
	return factor{withShape(y, x.shape(indices)), indices}, nil
}

// arranged permutes the axes to the given order.
func (x contraction) arranged(f factor, indices []rune) factor {
	if slices.Equal(f.indices, indices) {
		return f
	}
	strides, own := make([]int, len(indices)), Strides(f.tensor.Shape)
	for i, r := range indices {
		strides[i] = own[slices.Index(f.indices, r)]
	}
	y := graph.NewTensor(f.tensor.DType, x.shape(indices)...)
	gatherStrided(y, f.tensor, strides, 0)
	return factor{y, indices}
}

// product multiplies two factors as stacks of matrices and sums over the indices that are not needed.
func (x contraction) product(a, b factor, needed []rune) (factor, error) {
	a, err := x.keep(a, append(slices.Clone(needed), b.indices...))
	if err != nil {
		return a, err
	}
	if b, err = x.keep(b, append(slices.Clone(needed), a.indices...)); err != nil {
		return b, err
	}
	var stack, summed, rows, cols []rune
	for _, r := range a.indices {
		switch {
		case !slices.Contains(b.indices, r):
			rows = append(rows, r)
		case slices.Contains(needed, r):
			stack = append(stack, r)
		default:
			summed = append(summed, r)
		}
	}
	for _, r := range b.indices {
		if !slices.Contains(a.indices, r) {
			cols = append(cols, r)
		}
	}
	size := func(indices []rune) int64 {
		n, _ := graph.NumElements(x.shape(indices))
		return n
	}
	left := x.arranged(a, slices.Concat(stack, rows, summed)).tensor
	right := x.arranged(b, slices.Concat(stack, summed, cols)).tensor
	y, err := matMul(x.Call, withShape(left, []int64{size(stack), size(rows), size(summed)}),
		withShape(right, []int64{size(stack), size(summed), size(cols)}))
	if err != nil {
		return factor{}, err
	}
	indices := slices.Concat(stack, rows, cols)
	return factor{withShape(y, x.shape(indices)), indices}, nil
}

// einsumGrad gives each input the sum of products of dY and the other inputs with the input's indices on the right. An
// index that stands twice in the input is told apart there and tied by a unit matrix; one that stands nowhere else is
// repeated.
func einsumGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	ranks := make([]int, len(n.In))
	for i, v := range n.In {
		if ranks[i] = v.Type.Rank(); ranks[i] < 0 {
			panic("ops: the gradient of Einsum needs the ranks of its inputs")
		}
	}
	e, err := parseEquation(n.Attrs.Str("equation", ""), ranks)
	if err != nil {
		panic("ops: " + err.Error())
	}
	e.spell()
	grads := make([]*graph.Value, len(n.In))
	for i, v := range n.In {
		terms, values := []string{string(e.out)}, []*graph.Value{dy[0]}
		for k, other := range n.In {
			if k != i {
				terms, values = append(terms, string(e.terms[k])), append(values, other)
			}
		}
		want, free := []rune{}, e.spare()
		for k, r := range e.terms[i] {
			if slices.Contains(want, r) {
				terms, values = append(terms, string([]rune{r, free[0]})), append(values, unitMatrix(b, v, k))
				r, free = free[0], free[1:]
			}
			want = append(want, r)
		}
		have, missing := []rune{}, []int64{}
		for k, r := range want {
			if strings.ContainsRune(strings.Join(terms, ""), r) {
				have = append(have, r)
			} else {
				missing = append(missing, int64(k))
			}
		}
		d := b.Op("Einsum", graph.Attrs{"equation": strings.Join(terms, ",") + "->" + string(have)}, values...)
		if len(missing) > 0 {
			d = b.Op("Expand", nil, b.Op("Unsqueeze", nil, d, b.Ints(missing...)), b.Op("Shape", nil, v))
		}
		grads[i] = d
	}
	return grads
}

// spell replaces the indices of ... by letters.
func (e *equation) spell() {
	free := e.spare()
	for _, term := range append(slices.Clone(e.terms), e.out) {
		for k, r := range term {
			if r >= dots {
				term[k] = free[r-dots]
			}
		}
	}
}

// spare are the letters that the equation does not use.
func (e *equation) spare() []rune {
	var free []rune
	used := append(slices.Concat(e.terms...), e.out...)
	for _, r := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		if !slices.Contains(used, r) {
			free = append(free, r)
		}
	}
	return free
}

// unitMatrix has the size of an axis of v.
func unitMatrix(b *Builder, v *graph.Value, axis int) *graph.Value {
	size := b.Op("Squeeze", nil, b.Op("Shape", graph.Attrs{"start": axis, "end": axis + 1}, v), b.Ints(0))
	numbers := b.Op("Range", nil, b.Int(0), size, b.Int(1))
	return b.CastLike(b.Op("Equal", nil, numbers, b.Op("Unsqueeze", nil, numbers, b.Ints(1))), v)
}
