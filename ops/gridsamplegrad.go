package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// gridSampleGrad gathers, for every point, the pixels that it read and weighs them again: with dy it adds them to the
// image's gradient, and with the weights' derivatives they are the grid's. Coordinates and weights of axis i are (N, 1,
// ..., taps, ..., 1, P), taps at axis i+1 and the points flat, so that all corners come from broadcasting. A rounded
// coordinate has no gradient.
func gridSampleGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x, grid := n.In[0], n.In[1]
	k := x.Type.Rank() - 2
	if k < 1 {
		k = grid.Type.Rank() - 2
	}
	if k < 1 {
		panic("ops: the gradient of GridSample needs the rank of its input")
	}
	s, err := samplerOf(n, nil)
	if err != nil {
		panic(err)
	}
	g := &gridGrad{sampler: s, b: b, like: dy[0], k: k}
	shape := b.Op("Shape", nil, x)
	weights, slopes := make([]*graph.Value, k), make([]*graph.Value, k)
	batch := b.Op("Slice", nil, shape, b.Ints(0), b.Ints(1))
	tail := b.Op("Slice", nil, shape, b.Ints(2), b.Ints(int64(k+2)))
	plane := b.Op("ReduceProd", graph.Attrs{"keepdims": 0}, tail)
	images := b.Op("Range", nil, b.Int(0), b.Op("Squeeze", nil, batch, b.Ints(0)), b.Int(1))
	index := b.Reshape(b.Mul(images, plane), slices.Concat([]int64{-1}, slices.Repeat([]int64{1}, k+1))...)
	stride := b.Int(1)
	for i := k - 1; i >= 0; i-- {
		size := b.Op("Gather", nil, shape, b.Int(int64(i+2)))
		at := b.Reshape(b.Op("Gather", graph.Attrs{"axis": -1}, grid, b.Int(int64(k-1-i))), 0, -1)
		var position *graph.Value
		position, weights[i], slopes[i] = g.axis(i, at, b.CastLike(size, dy[0]))
		index = b.Add(index, b.Mul(position, stride))
		stride = b.Mul(stride, size)
	}
	all := g.product(weights)
	corners := make([]int64, k) // axes of the taps
	for i := range corners {
		corners[i] = int64(i + 1)
	}
	d := b.Op("Unsqueeze", nil, b.Transpose(flatPlanes(b, dy[0]), 0, 2, 1), b.Ints(corners...)) // (N, 1, ..., P, C)
	channels := b.Op("Slice", nil, shape, b.Ints(1), b.Ints(2))
	pixels := b.Op("Reshape", nil, b.Transpose(flatPlanes(b, x), 0, 2, 1),
		b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(-1), channels))

	zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Shape", nil, pixels))
	last := b.Ints(-1)
	sum := b.Op("ScatterND", graph.Attrs{"reduction": "add"}, zeros, b.Op("Unsqueeze", nil, index, last),
		b.Mul(b.Op("Unsqueeze", nil, all, last), d))
	rows := b.Op("Reshape", nil, sum, b.Op("Concat", graph.Attrs{"axis": 0}, batch, b.Ints(-1), channels))
	dx := likePlanes(b, b.Transpose(rows, 0, 2, 1), x)
	if s.mode == "nearest" {
		return []*graph.Value{dx, nil}
	}
	seen := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(b.Op("Gather", nil, pixels, index), d), last)
	parts := make([]*graph.Value, k) // (N, P, 1), last axis of the image first
	for i := range k {
		with := slices.Clone(weights)
		with[i] = slopes[i]
		part := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(seen, g.product(with)), b.Ints(corners...))
		parts[k-1-i] = b.Op("Unsqueeze", nil, part, last)
	}
	return []*graph.Value{dx, likePlanes(b, b.Op("Concat", graph.Attrs{"axis": -1}, parts...), grid)}
}

// gridGrad writes the nodes of one axis.
type gridGrad struct {
	*sampler
	b    *Builder
	like *graph.Value // of the element type
	k    int
}

func (g *gridGrad) number(x float64) *graph.Value { return g.b.Like(g.like, x) }

// row is a constant that varies along the taps of axis i.
func (g *gridGrad) row(i int, xs ...float64) *graph.Value {
	shape := slices.Repeat([]int64{1}, g.k+2)
	shape[i+1] = int64(len(xs))
	return g.b.CastLike(g.b.Const(graph.FromSlice(xs, shape...)), g.like)
}

func (g *gridGrad) product(v []*graph.Value) *graph.Value {
	p := v[0]
	for _, f := range v[1:] {
		p = g.b.Mul(p, f)
	}
	return p
}

// axis returns, for grid coordinates (N, P) along axis i of the given size, the positions that are read, their weights and the
// weights' derivatives in the grid coordinate.
func (g *gridGrad) axis(i int, at, size *graph.Value) (position, weight, slope *graph.Value) {
	b, one := g.b, g.number(1)
	var axes []int64
	for j := range g.k {
		axes = append(axes, int64(j+1))
	}
	at = b.Add(b.Op("Unsqueeze", nil, at, b.Ints(axes...)), one)
	factor := b.Div(size, g.number(2))
	x := b.Sub(b.Mul(at, factor), g.number(0.5))
	if g.align {
		factor = b.Div(b.Sub(size, one), g.number(2))
		x = b.Mul(at, factor)
	}
	if g.mode == "nearest" {
		x = b.Op("Round", nil, x)
	}
	x, turn := g.pad(x, size)
	first := b.Op("Floor", nil, x)
	var q *graph.Value
	switch g.mode {
	case "nearest":
		q, weight = first, one
	case "linear":
		q = b.Add(first, g.row(i, 0, 1))
		weight = b.Sub(one, b.Op("Abs", nil, b.Sub(x, q)))
		slope = g.row(i, -1, 1)
	case "cubic":
		q = b.Add(first, g.row(i, -1, 0, 1, 2))
		weight, slope = g.cubic(i, b.Op("Abs", nil, b.Sub(x, q)))
	}
	if slope != nil {
		slope = b.Mul(b.Mul(slope, factor), turn)
	}
	end := b.Sub(size, one)
	inside := b.Op("Min", nil, b.Op("Max", nil, q, g.number(0)), end)
	if g.padding == "zeros" {
		seen := b.CastLike(b.Op("Equal", nil, q, inside), g.like)
		weight = b.Mul(weight, seen)
		if slope != nil {
			slope = b.Mul(slope, seen)
		}
	} else if g.padding == "reflection" {
		q, _ = g.pad(q, size)
		inside = b.Op("Round", nil, b.Op("Min", nil, b.Op("Max", nil, q, g.number(0)), end))
	}
	return b.Op("Cast", graph.Attrs{"to": graph.Int64}, inside), weight, slope
}

// pad is [sampler.pad] with its derivative.
func (g *gridGrad) pad(x, size *graph.Value) (padded, turn *graph.Value) {
	b, one := g.b, g.number(1)
	low, high := g.number(-0.5), b.Sub(size, g.number(0.5))
	if g.align {
		low, high = g.number(0), b.Sub(size, one)
	}
	switch g.padding {
	case "border":
		padded = b.Op("Min", nil, b.Op("Max", nil, x, low), high)
		kept := b.Op("Equal", nil, x, padded)
		clamped := b.Op("Min", nil, b.Op("Max", nil, x, g.number(0)), b.Sub(size, one))
		padded = b.Where(kept, x, clamped)
		if g.mode == "linear" { // as in PyTorch the outermost centres themselves count as outside
			kept = b.Op("And", nil, b.Op("Greater", nil, x, g.number(0)), b.Op("Less", nil, x, b.Sub(size, one)))
		}
		return padded, b.CastLike(kept, g.like)
	case "reflection":
		span := b.Op("Max", nil, b.Sub(high, low), g.number(0.5)) // less only where there is one pixel
		from := b.Sub(x, low)
		far := b.Op("Abs", nil, from)
		n := b.Op("Floor", nil, b.Div(far, span))
		r := b.Sub(far, b.Mul(n, span))
		half := b.Mul(n, g.number(0.5))
		even := b.Op("Equal", nil, half, b.Op("Floor", nil, half))
		sign := b.Op("Sign", nil, from)
		return b.Where(even, b.Add(low, r), b.Sub(high, r)), b.Where(even, sign, b.Op("Neg", nil, sign))
	}
	return x, one
}

// cubic is [keys] and its derivative at the four distances of a row: the polynomials of the outer, inner, inner and
// outer pixel.
func (g *gridGrad) cubic(i int, d *graph.Value) (weight, slope *graph.Value) {
	const a = -0.75
	b := g.b
	row := func(outer, inner float64) *graph.Value { return g.row(i, outer, inner, inner, outer) }
	weight = b.Add(b.Mul(b.Add(b.Mul(b.Add(b.Mul(row(a, a+2), d), row(-5*a, -(a+3))), d), row(8*a, 0)), d), row(-4*a, 1))
	slope = b.Add(b.Mul(b.Add(b.Mul(row(3*a, 3*(a+2)), d), row(-10*a, -2*(a+3))), d), row(8*a, 0))
	return weight, b.Mul(slope, g.row(i, 1, 1, -1, -1))
}
