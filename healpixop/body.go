package healpixop

import (
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// body writes function bodies: integer geometry and selections in standard operators of opset 18. nside stays a value
// of the graph, since one body serves every resolution through its attribute. Everything that depends on attributes and
// constants alone is folded by the runtime that opens the file.
type body struct{ *ops.Builder }

func (b body) add(x, y *graph.Value) *graph.Value { return b.Op("Add", nil, x, y) }
func (b body) sub(x, y *graph.Value) *graph.Value { return b.Op("Sub", nil, x, y) }
func (b body) mul(x, y *graph.Value) *graph.Value { return b.Op("Mul", nil, x, y) }
func (b body) div(x, y *graph.Value) *graph.Value { return b.Op("Div", nil, x, y) }
func (b body) mod(x, y *graph.Value) *graph.Value { return b.Op("Mod", nil, x, y) }

func (b body) less(x, y *graph.Value) *graph.Value { return b.Op("Less", nil, x, y) }
func (b body) where(cond, x, y *graph.Value) *graph.Value {
	return b.Op("Where", nil, cond, x, y)
}
func (b body) gather(x *graph.Value, axis int, index *graph.Value) *graph.Value {
	return b.Op("Gather", graph.Attrs{"axis": axis}, x, index)
}
func (b body) concat(axis int, xs ...*graph.Value) *graph.Value {
	if len(xs) == 1 {
		return xs[0]
	}
	return b.Op("Concat", graph.Attrs{"axis": axis}, xs...)
}
func (b body) flat(x *graph.Value) *graph.Value { return b.Reshape(x, -1) }

// rangeOf returns 0..n-1.
func (b body) rangeOf(n *graph.Value) *graph.Value { return b.Op("Range", nil, b.Int(0), n, b.Int(1)) }

// ints returns an int64 vector constant. A long one is joined from short ones: onnxruntime recognises equal constants,
// and so what nodes of one nside have in common, up to eight elements.
func (b body) ints(xs ...int64) *graph.Value {
	var parts []*graph.Value
	for part := range slices.Chunk(xs, 8) {
		parts = append(parts, b.Ints(part...))
	}
	return b.concat(0, parts...)
}

// size returns a dimension of x as a scalar.
func (b body) size(x *graph.Value, axis int) *graph.Value {
	return b.Op("Squeeze", nil, b.sizes(x, axis, axis+1))
}

// sizes returns the dimensions from to to-1 of x as a vector.
func (b body) sizes(x *graph.Value, from, to int) *graph.Value {
	return b.Op("Shape", graph.Attrs{"start": from, "end": to}, x)
}

// vec returns a scalar as a vector of one.
func (b body) vec(x *graph.Value) *graph.Value { return b.Reshape(x, 1) }

// like returns the constant x in the element type of y.
func (b body) like(x float64, y *graph.Value) *graph.Value {
	return b.Op("CastLike", nil, b.Const(graph.Scalar(x)), y)
}

// attr returns an attribute's value as a scalar constant: inside a function it may be a reference to the function's
// attribute.
func (b body) attr(v any) *graph.Value {
	name, d := "value_int", graph.Int64
	if graph.KindOf(v) == graph.FloatAttr {
		name, d = "value_float", graph.Float32
	}
	out := &graph.Value{Name: b.Name("attr"), Type: graph.TensorType(d)}
	b.Graph.Append(graph.NewNode("", "Constant", graph.Attrs{name: v}, nil, []*graph.Value{out}))
	return out
}

// fill returns a tensor of a shape, a vector value, in which every element is the integer x.
func (b body) fill(shape *graph.Value, x int64) *graph.Value {
	return b.Op("ConstantOfShape", graph.Attrs{"value": graph.Vector(x)}, shape)
}

// slice cuts one axis; open ends are math.MinInt64 and math.MaxInt64.
func (b body) slice(x *graph.Value, axis int, from, to int64) *graph.Value {
	return b.Op("Slice", nil, x, b.Ints(from), b.Ints(to), b.Ints(int64(axis)))
}

// invert scatters vals so that result[ids[i]] = vals[i]; ids is a permutation, or all that is read of the result lies
// on it.
func (b body) invert(ids, vals *graph.Value) *graph.Value {
	ids = b.flat(ids)
	return b.Op("ScatterElements", graph.Attrs{"axis": 0}, ids, ids, b.flat(vals))
}

// none reports which entries of an index name none of p positions. Of such values a body knows -1 and p.
func (b body) none(index, p *graph.Value) *graph.Value {
	return b.Op("Or", nil, b.less(index, b.Int(0)), b.Op("GreaterOrEqual", nil, index, p))
}

// positions returns a vector that has at each of npix pixels its position in ids, -1 where it has none, and one -1 more
// at the end, so that a lookup of the missing pixel -1 reads -1.
func (b body) positions(npix, ids *graph.Value) *graph.Value {
	none := b.fill(b.vec(b.add(npix, b.Int(1))), -1)
	return b.Op("ScatterElements", graph.Attrs{"axis": 0}, none, ids, b.rangeOf(b.size(ids, 0)))
}

// lattice is the sphere inside a body: twelve faces of n×n pixels numbered in an order.
type lattice struct {
	body
	order healpix.Order
	n     *graph.Value // scalar
	// made on first use
	axis  *coordinate
	faces *graph.Value
}

// coordinate is a value along an axis of a face, with the same value bit-spread where NESTED needs it.
type coordinate struct{ x, spread *graph.Value }

func newLattice(b body, nside any, order healpix.Order) *lattice {
	return &lattice{body: b, order: order, n: b.attr(nside)}
}

// in returns the same faces in another order.
func (l *lattice) in(order healpix.Order) *lattice {
	return &lattice{body: l.body, order: order, n: l.n}
}

// at returns faces of n×n pixels in the same order.
func (l *lattice) at(n *graph.Value) *lattice { return &lattice{body: l.body, order: l.order, n: n} }

func (l *lattice) facePixels() *graph.Value { return l.mul(l.n, l.n) }
func (l *lattice) npix() *graph.Value       { return l.mul(l.Int(12), l.facePixels()) }

// along returns 0..n-1 as coordinate.
func (l *lattice) along() coordinate {
	if l.axis == nil {
		x := l.rangeOf(l.n)
		l.axis = &coordinate{x: x}
		if l.order == healpix.Nested {
			l.axis.spread = l.spreadBits(x)
		}
	}
	return *l.axis
}

// spreadBits moves bit i of a vector's elements to bit 2i. Bitwise operators would need unsigned constants, which
// onnxruntime does not recognise as equal.
func (b body) spreadBits(x *graph.Value) *graph.Value {
	var from, to []int64
	for bit := range 30 {
		from, to = append(from, 1<<bit), append(to, 1<<(2*bit))
	}
	digits := b.mod(b.div(b.Reshape(x, -1, 1), b.ints(from...)), b.Int(2))
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.mul(digits, b.ints(to...)), b.Ints(1))
}

// shaped reshapes a coordinate for broadcasting.
func (l *lattice) shaped(c coordinate, dims ...int64) coordinate {
	c.x = l.Reshape(c.x, dims...)
	if c.spread != nil {
		c.spread = l.Reshape(c.spread, dims...)
	}
	return c
}

// image returns the pixel numbers of the faces, [12, n, n] in (face, x, y).
func (l *lattice) image() *graph.Value {
	if l.faces != nil {
		return l.faces
	}
	if l.order == healpix.Ring {
		// What belongs to a ring is worked out once for each ring of a face and then spread over its pixels.
		x := l.along().x
		y := l.Reshape(x, -1, 1)
		sums := l.rangeOf(l.sub(l.mul(l.n, l.Int(2)), l.Int(1)))
		r := l.rings(l.Reshape(l.faceNumbers(), 12, 1), sums)
		sum := l.add(y, x)
		over := func(v *graph.Value) *graph.Value { return l.gather(v, 1, sum) }
		l.faces = ringNumber(l.body, over(r.start), over(r.base), over(r.length), l.sub(y, x))
	} else {
		l.faces = l.number(l.faceNumbers(), l.shaped(l.along(), 1, -1, 1), l.shaped(l.along(), 1, 1, -1))
	}
	return l.faces
}

// faceNumbers returns 0..11, [12, 1, 1].
func (b body) faceNumbers() *graph.Value { return b.Reshape(b.rangeOf(b.Int(12)), 12, 1, 1) }

// corners returns the pixel numbers of the 24 holes.
func (l *lattice) corners() *graph.Value {
	var faces, cx, cy []int64
	for _, h := range holes {
		faces, cx, cy = append(faces, int64(h.face)), append(cx, int64(h.cx)), append(cy, int64(h.cy))
	}
	last := l.sub(l.n, l.Int(1))
	end := func(c []int64) coordinate {
		at := l.ints(c...)
		out := coordinate{x: l.mul(at, last)}
		if l.order == healpix.Nested { // the spread of n-1, all bits set, is (n²-1)/3
			out.spread = l.mul(at, l.div(l.sub(l.facePixels(), l.Int(1)), l.Int(3)))
		}
		return out
	}
	return l.number(l.ints(faces...), end(cx), end(cy))
}

// number returns the pixel numbers at coordinates of faces; the three broadcast.
func (l *lattice) number(face *graph.Value, x, y coordinate) *graph.Value {
	base := l.mul(face, l.facePixels())
	switch l.order {
	case healpix.Nested:
		return l.add(l.add(x.spread, l.mul(y.spread, l.Int(2))), base)
	case healpix.XY:
		last := l.sub(l.n, l.Int(1))
		return l.add(base, l.add(l.mul(l.sub(last, x.x), l.n), l.sub(last, y.x)))
	}
	r := l.rings(face, l.add(x.x, y.x))
	return ringNumber(l.body, r.start, r.base, r.length, l.sub(x.x, y.x))
}

// circles are what the pixels of a face with one x+y share: the number of their ring from the north pole, 1 to 4n-1, a
// quarter m of its pixels, and middle, such that (middle + x - y)/m is the longitude in units of 45°.
type circles struct{ ring, quarter, middle *graph.Value }

func (l *lattice) circles(face, sum *graph.Value) circles {
	one, two, four, n := l.Int(1), l.Int(2), l.Int(4), l.n
	band := l.div(face, four)
	row := l.add(band, two) // the centre of the face, in units of n and n/2
	column := l.where(l.Op("Equal", nil, band, one), l.Int(0), one)
	column = l.add(column, l.mul(l.mod(face, four), two))
	i := l.sub(l.sub(l.mul(row, n), one), sum)
	m := l.Op("Min", nil, i, n, l.sub(l.mul(n, four), i))
	return circles{i, m, l.mul(column, m)}
}

// rings are the parts of RING numbers that the pixels of a face with one x+y share: the ring's first pixel and length,
// and base, such that (base + x - y)/2, counted round the ring, is the place on it. Górski et al. 2005, section 4,
// written for faces as in package healpix.
type rings struct{ start, base, length *graph.Value }

func (l *lattice) rings(face, sum *graph.Value) rings {
	one, two, four, n := l.Int(1), l.Int(2), l.Int(4), l.n
	c := l.circles(face, sum)
	i, m := c.ring, c.quarter
	n2, n4 := l.mul(n, two), l.mul(n, four)
	polar := l.mul(n2, l.sub(n, one))
	north := l.less(i, n)
	south := l.Op("Greater", nil, i, l.mul(n, l.Int(3)))
	belt := l.sub(i, n)
	start := l.where(north, l.mul(l.mul(i, two), l.sub(i, one)),
		l.where(south, l.sub(l.npix(), l.mul(l.mul(m, two), l.add(m, one))), l.add(polar, l.mul(n4, belt))))
	shift := l.where(l.Op("Or", nil, north, south), l.Int(0), l.mod(belt, two))
	return rings{start, l.add(l.sub(c.middle, one), shift), l.mul(m, four)}
}

// ringNumber returns the number of a pixel with x-y = diff.
func ringNumber(b body, start, base, length, diff *graph.Value) *graph.Value {
	return b.add(start, b.mod(b.div(b.add(base, diff), b.Int(2)), length))
}

// crossing is a step out of a face: the band (0 north, 1 equator, 2 south) and the turn, in faces, of where it leads,
// and how the frame changes.
type crossing struct{ band, turn, change int }

// Changes of frame, applied in this order.
const (
	flipX = 1 << iota // x → n-1-x
	flipY             // y → n-1-y
	swap              // x ↔ y
)

var nowhere = crossing{band: -1}

// crossings[band][3*(cy+1)+cx+1] is the step (cx, cy) out of a face of the band.
var crossings = [3][9]crossing{
	{
		{2, 0, 0}, {1, 1, 0}, nowhere,
		{1, 0, 0}, {0, 0, 0}, {0, 1, flipX | swap},
		nowhere, {0, 3, flipY | swap}, {0, 2, flipX | flipY},
	},
	{
		nowhere, {2, 0, 0}, {1, 1, 0},
		{2, 3, 0}, {1, 0, 0}, {0, 0, 0},
		{1, 3, 0}, {0, 3, 0}, nowhere,
	},
	{
		{2, 2, flipX | flipY}, {2, 1, flipY | swap}, nowhere,
		{2, 3, flipX | swap}, {2, 0, 0}, {1, 1, 0},
		nowhere, {1, 0, 0}, {0, 0, 0},
	},
}

// haloed returns the image with a border of one pixel of the neighbouring faces, [12, n+2, n+2], -1 where there is
// none. It moves whole edges, a band of four faces at a time, since arithmetic on each pixel costs ten times as much to
// fold.
func (l *lattice) haloed() *graph.Value {
	image := l.image()
	var bands, swapped [3]*graph.Value
	for i := range bands {
		bands[i] = l.slice(image, 0, int64(4*i), int64(4*i+4))
	}
	none := l.Const(graph.FromSlice([]int64{-1, -1, -1, -1}, 4, 1, 1))
	block := func(band, cx, cy int) *graph.Value {
		c := crossings[band][3*(cy+1)+cx+1]
		if c.band < 0 {
			return none
		}
		src := bands[c.band]
		if c.change&swap != 0 {
			if swapped[c.band] == nil {
				swapped[c.band] = l.Transpose(src, 0, 2, 1)
			}
			src = swapped[c.band]
		}
		return l.turn(l.edge(src, cx, cy, c.change), c.turn)
	}
	rows := make([]*graph.Value, 3)
	for band := range rows {
		var cols [3]*graph.Value
		for cx := -1; cx <= 1; cx++ {
			cols[cx+1] = l.concat(2, block(band, cx, -1), block(band, cx, 0), block(band, cx, 1))
		}
		rows[band] = l.concat(1, cols[:]...)
	}
	return l.concat(0, rows...)
}

// edge cuts from faces [.., n, n] what a step (cx, cy) reads, in the frame of the face it left.
func (b body) edge(faces *graph.Value, cx, cy, change int) *graph.Value {
	var from, to, axes, steps []int64
	cut := func(axis int64, c int, flip bool) {
		f, t, step := int64(0), int64(math.MaxInt64), int64(1)
		switch {
		case c == 0 && !flip:
			return
		case c == 0:
			f, t, step = -1, math.MinInt64, -1
		case (c > 0) != flip:
			t = 1 // one step beyond the last is the first
		default:
			f = -1
		}
		from, to, axes, steps = append(from, f), append(to, t), append(axes, axis), append(steps, step)
	}
	cut(1, cx, change&flipX != 0)
	cut(2, cy, change&flipY != 0)
	if axes == nil {
		return faces
	}
	return b.Op("Slice", nil, faces, b.Ints(from...), b.Ints(to...), b.Ints(axes...), b.Ints(steps...))
}

// turn takes face k+by in place of face k of a band.
func (b body) turn(band *graph.Value, by int) *graph.Value {
	if by == 0 {
		return band
	}
	k := int64(by)
	return b.gather(band, 0, b.Ints(k%4, (k+1)%4, (k+2)%4, (k+3)%4))
}
