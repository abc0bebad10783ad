package healpixop

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// expandConv gathers channels-last, which onnxruntime does several times faster than along pixels, and multiplies:
//
//	Transpose → rows → Gather(index) → MatMul → Mul(scale) → Add(B) → Transpose
//
// rows are the pixels and, behind them, zeros that entries P (outside, or a hole of a full sky) and -1 (a hole; ONNX
// counts it from the end) read; hpxpad has its 24 means between the two. Beside the rows go two marks where they are
// needed: whether a row counts, for renorm, and whether it is valid, for mask_out. Invalid pixels are selected away,
// never multiplied: 0·NaN is NaN.
func expandConv(b *ops.Builder, n *graph.Node) []*graph.Value {
	e := newConvBody(b, n)
	e.marks = len(n.Out) > 1
	return e.outputs()
}

type convBody struct {
	*lattice
	conv
	node  *graph.Node
	x     *graph.Value // X
	p     *graph.Value // its pixels, a scalar
	marks bool         // whether mask_out is wanted
	means *meanRows    // of hpxpad
}

// meanRows are the 24 rows of hpxpad: of the rows a and b each, summed and divided.
type meanRows struct{ a, b, divisor *graph.Value }

// marked are the rows that a table's entries read, (N, rows, Ci), with marks (1 or N, rows, 1) in the same element
// type: counts is 0 where a tap is to be left out, valid is 1 where there is data. nil: the mark is not needed.
type marked struct{ value, counts, valid *graph.Value }

func newConvBody(b *ops.Builder, n *graph.Node) *convBody {
	attrs, err := convOf(n.Attrs)
	if err != nil {
		panic("healpixop: " + err.Error())
	}
	order, _ := healpix.ParseOrder(n.Attrs.Str("order", "NEST"))
	l := newLattice(body{b}, n.Attrs["nside"], order)
	x := n.Input(convX)
	return &convBody{lattice: l, conv: attrs, node: n, x: x, p: l.size(x, 2)}
}

func (e *convBody) outputs() []*graph.Value {
	index, rows := e.read(e.validPixels())
	w := e.Op("Flatten", graph.Attrs{"axis": 2}, e.Transpose(e.weights(), 2, 1, 0)) // [9·Ci, Co]
	y := e.Op("MatMul", nil, e.windowed(rows, index, e.sizes(w, 0, 1)), w)
	if s := e.scale(rows, index); s != nil {
		y = e.mul(y, s)
	}
	if bias := e.node.Input(convB); bias != nil {
		y = e.add(y, bias)
	}
	outs := []*graph.Value{e.Transpose(y, 0, 2, 1)}
	if rows.valid != nil {
		outs = append(outs, e.maskOut(e.gather(rows.valid, 1, index)))
	}
	return outs
}

// read returns the rows and the table of what the taps of each output pixel read of them.
func (e *convBody) read(valid *graph.Value) (index *graph.Value, rows marked) {
	n, x := e.node, e.x
	if valid != nil {
		x = e.where(valid, x, e.like(0, x))
	}
	rows = marked{value: e.Transpose(e.doubled(x), 0, 2, 1), counts: e.counted(valid)}
	if e.marks {
		rows.valid = e.mark(valid, valid != nil)
	}
	index, kind := e.table()
	index = e.redirect(index, kind)
	partial := n.Input(convPixels) != nil
	switch {
	case e.missing == "hpxpad" && partial:
		rows = e.pad(rows, e.outside)
	case e.missing == "hpxpad":
		rows = e.pad(rows, "zero")
	case kind != nil:
		rows = e.pad(rows, e.outside)
	}
	if e.missing == "hpxpad" {
		index, rows = e.fillHoles(index, rows)
	}
	return index, e.pad(rows, e.missing)
}

// counted returns which of X's pixels count; nil: all taps do, whatever they read.
func (e *convBody) counted(valid *graph.Value) *graph.Value {
	partial := e.node.Input(convPixels) != nil
	masked := valid != nil && e.maskMode == "renorm"
	if e.missing != "renorm" && !(partial && e.outside == "renorm") && !masked {
		return nil
	}
	return e.mark(valid, masked)
}

// windowed returns the windows (N, P_out, 9·Ci) of the rows; width is the last of these.
func (e *convBody) windowed(rows marked, index, width *graph.Value) *graph.Value {
	windows := e.Op("Reshape", nil, e.gather(rows.value, 1, index), e.concat(0, e.Ints(0, 0), width))
	if e.pairs > 0 {
		windows = e.mul(windows, e.turns(index))
	}
	return windows
}

// scale returns 9 by the number of taps that count, (1 or N, P_out, 1); nil: it is 1.
func (e *convBody) scale(rows marked, index *graph.Value) *graph.Value {
	if rows.counts == nil {
		return nil
	}
	count := e.Op("ReduceSum", graph.Attrs{"keepdims": 0}, e.gather(rows.counts, 1, index), e.Ints(2))
	some := e.Op("Greater", nil, count, e.like(0, e.x))
	return e.where(some, e.div(e.like(taps, e.x), count), e.like(0, e.x))
}

// validPixels returns where X counts, broadcastable to it; nil if everywhere.
func (e *convBody) validPixels() *graph.Value {
	mask := e.node.Input(convMask)
	if !e.detect {
		return mask
	}
	var mark *graph.Value
	if v, given := e.node.Attrs["unseen"]; given {
		mark = e.Op("CastLike", nil, e.attr(v), e.x)
	} else {
		mark = e.like(unseenValue, e.x)
	}
	near := e.add(e.mul(e.Op("Abs", nil, mark), e.like(1e-5, e.x)), e.like(1e-8, e.x))
	lost := e.Op("Or", nil, e.Op("IsNaN", nil, e.x),
		e.Op("LessOrEqual", nil, e.Op("Abs", nil, e.sub(e.x, mark)), near))
	count := e.Op("ReduceSum", nil, e.Op("Cast", graph.Attrs{"to": graph.Int64}, lost), e.Ints(1))
	valid := e.Op("Equal", nil, count, e.Int(0))
	if mask != nil {
		valid = e.Op("And", nil, valid, mask)
	}
	return valid
}

// mark returns a mark of X's pixels: their validity, or 1.
func (e *convBody) mark(valid *graph.Value, masked bool) *graph.Value {
	one := e.Ints(1)
	if !masked {
		return e.Op("Expand", nil, e.like(1, e.x), e.concat(0, one, e.vec(e.p), one))
	}
	perMap := e.Op("Reshape", nil, valid, e.concat(0, e.Ints(-1), e.vec(e.p), one))
	return e.Op("CastLike", nil, perMap, e.x)
}

// pad appends a row of zeros, for what finds nothing and has this policy.
func (e *convBody) pad(r marked, policy string) marked {
	behind := func(x, value *graph.Value) *graph.Value {
		if x == nil {
			return nil
		}
		return e.Op("Pad", nil, x, e.Ints(0, 0, 0, 0, 1, 0), value)
	}
	counts := 1.0
	if policy == "renorm" {
		counts = 0
	}
	return marked{behind(r.value, nil), behind(r.counts, e.like(counts, e.x)), behind(r.valid, nil)}
}

// table returns the index and, where holes and the border of a partial sky have different policies, the kinds of its
// entries.
func (e *convBody) table() (index, kind *graph.Value) {
	pixels := e.node.Input(convPixels)
	index = e.node.Input(convIndex)
	attrs := graph.Attrs{"nside": e.node.Attrs["nside"]}
	for _, name := range []string{"order", "tap_order"} {
		if v, given := e.node.Attrs[name]; given {
			attrs[name] = v
		}
	}
	op := Domain + ":HealpixNeighbors"
	switch {
	case pixels != nil && e.missing != e.outside:
		both := e.OpN(2, op, attrs, pixels, pixels)
		if index == nil {
			index = both[0]
		}
		return index, both[1]
	case index == nil:
		index = e.Op(op, attrs, pixels, pixels)
	}
	return index, nil
}

// redirect lets entries without a pixel read the row of zeros of their policy, or the centre.
func (e *convBody) redirect(index, kind *graph.Value) *graph.Value {
	p := e.p
	if e.missing == "center" || e.outside == "center" {
		p = e.size(index, 0) // the same, but of the table, so that layers share what comes of it
	}
	target := func(policy string, zeros *graph.Value) *graph.Value {
		if policy == "center" {
			return e.Op("Unsqueeze", nil, e.rangeOf(p), e.Ints(1))
		}
		return zeros
	}
	if kind == nil {
		switch {
		case e.missing != "center":
			return index
		case e.node.Input(convIndex) == nil && e.node.Input(convPixels) == nil:
			at := e.corners() // the only holes, so there is no need to go through the table
			return e.Op("ScatterND", nil, index, e.places(at, func(h hole) int { return h.tap }), at)
		}
		return e.where(e.none(index, p), target(e.missing, nil), index)
	}
	none := e.none(index, p)
	hole := e.Op("And", nil, none, e.Op("Equal", nil, e.Op("Cast", graph.Attrs{"to": graph.Int64}, kind), e.Int(kindHole)))
	return e.where(hole, target(e.missing, e.Int(-1)), e.where(none, target(e.outside, p), index))
}

// fillHoles appends the 24 means of hpxpad to the rows P, behind the row of zeros, and lets the holes read them.
func (e *convBody) fillHoles(index *graph.Value, rows marked) (*graph.Value, marked) {
	p := e.size(index, 0)
	at := e.corners()
	pixels := e.node.Input(convPixels)
	if pixels != nil {
		// A corner that the sky lacks is at -1: a row that is dropped again.
		at = e.gather(e.positions(e.npix(), pixels), 0, at)
		index = e.concat(0, index, e.fill(e.Ints(1, taps), -1))
	}
	entries := func(tap func(hole) int) *graph.Value { return e.Op("GatherND", nil, index, e.places(at, tap)) }
	a, b := entries(func(h hole) int { return h.fill[0] }), entries(func(h hole) int { return h.fill[1] })
	pair := func(x *graph.Value, f func(x, y *graph.Value) *graph.Value) *graph.Value {
		if x == nil {
			return nil
		}
		return f(e.gather(x, 1, a), e.gather(x, 1, b))
	}
	counts := pair(rows.counts, e.add)
	e.means = &meanRows{a: a, b: b, divisor: e.divisor(counts)}
	means := marked{
		value: e.div(pair(rows.value, e.add), e.means.divisor),
		valid: pair(rows.valid, func(x, y *graph.Value) *graph.Value { return e.Op("Max", nil, x, y) }),
	}
	if counts != nil {
		means.counts = e.Op("Min", nil, counts, e.like(1, e.x))
	}
	own := func(h hole) int { return h.tap }
	hole := entries(own)
	mean := e.add(p, e.ints(consecutive(1, len(holes))...))
	index = e.Op("ScatterND", nil, index, e.places(at, own), e.where(e.none(hole, p), mean, hole))
	if pixels != nil {
		index = e.slice(index, 0, 0, -1)
	}
	join := func(x, y *graph.Value) *graph.Value {
		if x == nil {
			return nil
		}
		return e.concat(1, x, y)
	}
	return index, marked{join(rows.value, means.value), join(rows.counts, means.counts), join(rows.valid, means.valid)}
}

// divisor returns what a sum of two reads is divided by for their mean; counts says how many of the two count, nil:
// both.
func (e *convBody) divisor(counts *graph.Value) *graph.Value {
	if counts == nil {
		return e.like(2, e.x)
	}
	return e.Op("Max", nil, counts, e.like(1, e.x))
}

// places returns the entries of a table, [24, 2], that one of each hole's taps has in the rows at.
func (e *convBody) places(at *graph.Value, tap func(hole) int) *graph.Value {
	slots := make([]int64, len(holes))
	for i, h := range holes {
		slots[i] = int64(e.slotOf(tap(h)))
	}
	return e.concat(1, e.Reshape(at, -1, 1), e.Reshape(e.ints(slots...), -1, 1))
}

// maskOut reduces the valid marks of taps (.., P_out, 9, 1) to mask_out.
func (e *convBody) maskOut(marks *graph.Value) *graph.Value {
	most := e.Op("ReduceMax", graph.Attrs{"keepdims": 0}, marks, e.Ints(2, 3)) // (.., P_out)
	some := e.Op("Greater", nil, most, e.like(0, e.x))
	rows := e.sizes(some, 1, 2)
	mask := e.node.Input(convMask)
	switch {
	case e.detect:
		rows = e.concat(0, e.sizes(e.x, 0, 1), e.Ints(1), rows)
	case mask != nil: // [P] or [N, 1, P]
		rows = e.concat(0, e.sizes(mask, 0, -1), rows)
	}
	return e.Op("Reshape", graph.Attrs{"allowzero": 1}, some, rows)
}

func consecutive(from, n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(from + i)
	}
	return s
}
