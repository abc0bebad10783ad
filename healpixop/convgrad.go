package healpixop

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// gradConv writes the gradients of X, W and B. With Z = scale·dY and the windows G of X, which are made again,
//
//	dB[o] = Σ dY[n, o, p]
//	dW[o, c, k] = Σ Z[n, o, p] G[n, p, k, c]
//	dX[n, c, q] = Σ W[o, c, k] Z[n, o, p] over the taps k of p that read q.
//
// The scale depends on masks alone and counts as a constant. Nothing is added in an order that threads could change.
func gradConv(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	out := make([]*graph.Value, len(n.In))
	if dy[0] == nil {
		return out
	}
	if b.Target.Kernels && !b.Target.CUDA && ofSphere(n) && n.Input(convMask) == nil && !n.Attrs.Bool("detect_unseen", false) {
		attrs := graph.Attrs{}
		for _, name := range []string{"nside", "order", "tap_order", "missing", "outside", "spin_pairs", "polcconv"} {
			if v, given := n.Attrs[name]; given {
				attrs[name] = v
			}
		}
		x, pixels := n.In[convX], n.Input(convPixels)
		out[convX] = b.Op(Domain+":HealpixConvGradInput", attrs, x, n.In[convW], dy[0], pixels)
		out[convW] = b.Op(Domain+":HealpixConvGradWeight", attrs, x, dy[0], pixels)
	} else {
		g := newConvGrad(b, n, dy[0])
		out[convX], out[convW] = g.input(), g.weight()
	}
	if n.Input(convB) != nil {
		out[convB] = b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, dy[0], b.Ints(0, 2))
	}
	return out
}

type convGrad struct {
	*convBody
	z     *graph.Value // scale·dY, (N, Co, P_out)
	valid *graph.Value // where X counts, nil: everywhere
	index *graph.Value // what the taps of each output pixel read of rows
	rows  marked
}

func newConvGrad(b *ops.Builder, n *graph.Node, dy *graph.Value) *convGrad {
	g := &convGrad{convBody: newConvBody(b, n), z: dy}
	g.valid = g.validPixels()
	g.index, g.rows = g.read(g.valid)
	if s := g.scale(g.rows, g.index); s != nil {
		g.z = g.mul(dy, g.Transpose(s, 0, 2, 1))
	}
	return g
}

// ofConv is a convGrad for the node of one of the gradients: as for a HealpixConv of its attributes, a full sky if pixels is nil.
func ofConv(b *ops.Builder, n *graph.Node, x, w, dy, pixels *graph.Value, use func(g *convGrad) *graph.Value) []*graph.Value {
	conv := graph.NewNode(Domain, "HealpixConv", n.Attrs, []*graph.Value{x, w, nil, nil, nil, pixels}, []*graph.Value{{}})
	defer func() {
		for i := range conv.In {
			conv.SetIn(i, nil)
		}
	}()
	return []*graph.Value{use(newConvGrad(b, conv, dy))}
}

// weight is dW.
func (g *convGrad) weight() *graph.Value {
	in, out := g.width(), g.sizes(g.z, 1, 2)
	product := g.Op("MatMul", nil, g.z, g.windowed(g.rows, g.index, g.mul(in, g.Ints(taps))))
	dw := g.Op("ReduceSum", graph.Attrs{"keepdims": 0}, product, g.Ints(0))
	dw = g.Op("Reshape", graph.Attrs{"allowzero": 1}, dw, g.concat(0, out, g.Ints(taps), in))
	return g.Transpose(g.halved(dw, false), 0, 2, 1)
}

// input is dX.
func (g *convGrad) input() (dx *graph.Value) {
	if ofSphere(g.node) && g.pairs == 0 {
		dx = g.onSphere(g.valid)
	} else {
		dx = g.byTable(g.index)
	}
	if g.valid != nil {
		dx = g.where(g.valid, dx, g.like(0, g.x))
	}
	return dx
}

// ofSphere reports whether the table is that of X's own pixels: without index, or with one from HealpixNeighbors.
func ofSphere(n *graph.Node) bool {
	index := n.Input(convIndex)
	if index == nil {
		return true
	}
	from, k := index.Producer()
	if from == nil || k != 0 || from.Domain != Domain || from.Op != "HealpixNeighbors" {
		return false
	}
	return from.Attrs.Int("nside", 0) == n.Attrs.Int("nside", 0) &&
		from.Attrs.Str("order", "NEST") == n.Attrs.Str("order", "NEST") &&
		from.Attrs.Str("tap_order", "lattice") == n.Attrs.Str("tap_order", "lattice") &&
		from.Input(0) == n.Input(convPixels) && from.Input(1) == n.Input(convPixels)
}

// onSphere makes dX by convolving Z once more. Inside a face and over most seams a pixel that is at tap t of another
// has that one at the opposite tap 8-t, so that opposite weights do. Where they do not, and where policies read for
// holes and for what a partial sky lacks, the difference is added: these few pixels are known beforehand and each is
// added to once.
func (g *convGrad) onSphere(valid *graph.Value) *graph.Value {
	w := g.node.Input(convW)
	opposite := make([]int64, taps)
	for k, tap := range g.tapOrder {
		opposite[k] = int64(g.slotOf(taps - 1 - tap))
	}
	attrs := graph.Attrs{"nside": g.node.Attrs["nside"]}
	for _, name := range []string{"order", "tap_order"} {
		if v, given := g.node.Attrs[name]; given {
			attrs[name] = v
		}
	}
	pixels := g.node.Input(convPixels)
	turned := g.gather(g.Transpose(w, 1, 0, 2), 2, g.ints(opposite...))
	dx := g.Op(Domain+":HealpixConv", attrs, g.z, turned, nil, nil, nil, pixels)

	at, add := g.irregular(valid)
	at = g.Op("Expand", nil, at, g.Op("Shape", nil, add))
	return g.Op("ScatterElements", graph.Attrs{"axis": 2, "reduction": "add"}, dx, at, add)
}

// irregular returns the positions in X, distinct, of pixels that are not read by opposite taps alone, and what dX has
// there beside the convolution by these, (N, Ci, positions).
func (g *convGrad) irregular(valid *graph.Value) (at, add *graph.Value) {
	var position *graph.Value // in X, of each pixel and behind them of -1; nil: the pixel
	if pixels := g.node.Input(convPixels); pixels != nil {
		position = g.positions(g.npix(), pixels)
	}
	find := func(ids *graph.Value) *graph.Value {
		if position == nil {
			return ids
		}
		return g.gather(position, 0, ids)
	}
	sources := g.distinct(g.suspects(find), g.npix())
	if position != nil {
		there := g.Op("GreaterOrEqual", nil, find(sources), g.Int(0))
		sources = g.gather(sources, 0, g.flat(g.Op("NonZero", nil, there)))
	}
	lattice := tapOrders["lattice"]
	readers := g.windows(lattice, sources) // [A, 9]: only neighbours read a pixel
	how := g.readings(sources, readers, find, valid)

	// Z at the readers, (N, Co, A, 9), and by way of how at the taps, (N, A, Co, 9).
	from := find(readers)
	z := g.where(g.Op("GreaterOrEqual", nil, from, g.Int(0)), g.gather(g.z, 2, from), g.like(0, g.x))
	z = g.Op("MatMul", nil, g.Transpose(z, 0, 2, 1, 3), how)
	slots := make([]int64, taps)
	for tap := range slots {
		slots[tap] = int64(g.slotOf(tap))
	}
	w := g.gather(g.node.Input(convW), 2, g.ints(slots...))
	w = g.Op("Reshape", graph.Attrs{"allowzero": 1}, g.Transpose(w, 0, 2, 1),
		g.concat(0, g.mul(g.sizes(w, 0, 1), g.Ints(taps)), g.sizes(w, 1, 2))) // [Co·9, Ci]
	z = g.Op("Reshape", graph.Attrs{"allowzero": 1}, z, g.concat(0, g.sizes(z, 0, 2), g.sizes(w, 0, 1)))
	return find(sources), g.Transpose(g.Op("MatMul", nil, z, w), 0, 2, 1)
}

// suspects lists, with repetitions, all pixels that may be irregular: those along the seams of polar faces, those round
// the holes if the policy reads pixels for these, and the border of a partial sky if the centre is read for what lies
// beyond.
func (g *convGrad) suspects(find func(*graph.Value) *graph.Value) *graph.Value {
	n, last, full := g.along(), g.sub(g.n, g.Int(1)), g.sub(g.facePixels(), g.Int(1))
	var list []*graph.Value
	for _, hemisphere := range [][]int64{{0, 1, 2, 3}, {8, 9, 10, 11}} {
		side := coordinate{x: g.Ints(0)}
		if hemisphere[0] == 0 {
			side.x = last
		}
		if g.order == healpix.Nested {
			side.spread = g.Ints(0)
			if hemisphere[0] == 0 {
				side.spread = g.div(full, g.Int(3))
			}
		}
		faces := g.Reshape(g.ints(hemisphere...), 4, 1)
		list = append(list, g.flat(g.number(faces, side, n)), g.flat(g.number(faces, n, side)))
	}
	lattice := tapOrders["lattice"]
	if g.missing == "center" || g.missing == "hpxpad" {
		corners := g.corners()
		round := g.windows(lattice, corners)
		round = g.where(g.less(round, g.Int(0)), g.Reshape(corners, -1, 1), round)
		list = append(list, g.flat(round))
	}
	if pixels := g.node.Input(convPixels); pixels != nil && g.outside == "center" {
		window := g.windows(lattice, pixels)
		beyond := g.Op("And", nil, g.Op("GreaterOrEqual", nil, window, g.Int(0)), g.less(find(window), g.Int(0)))
		count := g.Op("Cast", graph.Attrs{"to": graph.Int64}, beyond)
		count = g.Op("ReduceSum", graph.Attrs{"keepdims": 0}, count, g.Ints(1))
		list = append(list, g.gather(pixels, 0, g.flat(g.Op("NonZero", nil, count))))
	}
	return g.concat(0, list...)
}

// filled[tap] are the taps that hpxpad reads for a hole at tap, the first and the second, in the north and the south.
func filled(which int, south bool) []int64 {
	taken := consecutive(0, taps)
	for _, h := range holes {
		if polar := h.face/4 != 1; !polar || south == (h.face >= 8) {
			taken[h.tap] = int64(h.fill[which])
		}
	}
	return taken
}

// readings returns how sources are read by their readers, [A, 9, 9] or (1 or N, A, 9, 9) by reader and its tap: the
// weight, less 1 at the opposite tap. All taps are in lattice order.
func (g *convGrad) readings(sources, readers *graph.Value, find func(*graph.Value) *graph.Value,
	valid *graph.Value) *graph.Value {
	centre := g.Reshape(readers, -1, 1)
	window := g.windows(tapOrders["lattice"], g.flat(readers)) // [A·9, 9]
	hole := g.less(window, g.Int(0))
	north := g.less(centre, g.div(g.npix(), g.Int(2))) // polar faces only are asked
	ids := [2]*graph.Value{window, window}             // what a tap reads half of each
	for i := range ids {
		switch g.missing {
		case "center":
			ids[i] = g.where(hole, centre, window)
		case "hpxpad":
			side := func(south bool) *graph.Value { return g.gather(window, 1, g.ints(filled(i, south)...)) }
			ids[i] = g.where(hole, g.where(north, side(false), side(true)), window)
		}
		if g.node.Input(convPixels) != nil && g.outside == "center" {
			beyond := g.Op("And", nil, g.Op("GreaterOrEqual", nil, ids[i], g.Int(0)), g.less(find(ids[i]), g.Int(0)))
			ids[i] = g.where(beyond, centre, ids[i])
		}
	}
	byReader := g.concat(0, g.sizes(readers, 0, 1), g.Ints(taps, taps))
	hits := func(i int) *graph.Value {
		tapped := g.Op("Reshape", graph.Attrs{"allowzero": 1}, ids[i], byReader)
		return g.Op("CastLike", nil, g.Op("Equal", nil, tapped, g.Reshape(sources, -1, 1, 1)), g.x)
	}
	divisor := g.divisor(nil)
	if counts := g.counted(valid); counts != nil && g.missing == "hpxpad" {
		counts = g.pad(marked{counts: counts}, g.outside).counts
		both := g.add(g.gather(counts, 1, find(ids[0])), g.gather(counts, 1, find(ids[1]))) // (1 or N, A·9, 9, 1)
		divisor = g.divisor(g.Op("Reshape", graph.Attrs{"allowzero": 1}, both, g.concat(0, g.sizes(both, 0, 1), byReader)))
	}
	opposite := make([]float64, taps*taps)
	for k := range taps {
		opposite[k*taps+taps-1-k] = 1
	}
	mirror := g.Op("CastLike", nil, g.Const(graph.FromSlice(opposite, taps, taps)), g.x)
	return g.sub(g.div(g.add(hits(0), hits(1)), divisor), mirror)
}

// byTable makes dX for any table: of its entries, sorted by what they read, each row takes its own.
func (g *convGrad) byTable(index *graph.Value) *graph.Value {
	w := g.Op("Flatten", nil, g.Transpose(g.weights(), 0, 2, 1)) // [Co, 9·Ci]
	read := g.Op("MatMul", nil, g.Transpose(g.z, 0, 2, 1), w)
	if g.pairs > 0 {
		read = g.mul(read, g.turns(index))
	}
	read = g.Op("Reshape", graph.Attrs{"allowzero": 1}, read, g.concat(0, g.sizes(read, 0, 1),
		g.mul(g.sizes(read, 1, 2), g.Ints(taps)), g.width())) // (N, P_out·9, Ci)
	rows := g.p
	if g.means != nil {
		rows = g.add(rows, g.Int(int64(1+len(holes))))
	}
	dx := g.sumBy(g.flat(index), read, rows)
	if m := g.means; m != nil {
		half := g.div(g.Op("Slice", nil, dx, g.vec(g.add(g.p, g.Int(1))), g.vec(rows), g.Ints(1)), m.divisor)
		dx = g.Op("Slice", nil, dx, g.Ints(0), g.vec(g.p), g.Ints(1))
		dx = g.add(dx, g.sumBy(g.concat(0, m.a, m.b), g.concat(1, half, half), g.p))
	}
	return g.Transpose(g.halved(dx, true), 0, 2, 1)
}

// sumBy adds up values (N, E, C) of equal keys [E] and returns the sums of the keys 0 to rows-1, (N, rows, C), in the
// order of E. Keys that are negative, p or not below rows are none.
func (g *convGrad) sumBy(keys, values, rows *graph.Value) *graph.Value {
	none := g.Op("Or", nil, g.none(keys, rows), g.Op("Equal", nil, keys, g.p))
	kept := g.flat(g.Op("NonZero", nil, g.Op("Not", nil, none)))
	// A stable sort, with one key more at the end so that there is one.
	unsorted := g.concat(0, g.gather(keys, 0, kept), g.vec(rows))
	count := g.sizes(unsorted, 0, 1)
	both := g.OpN(2, "TopK", graph.Attrs{"largest": 0}, unsorted, count)
	sorted, order := both[0], both[1]
	entry := g.gather(g.concat(0, kept, g.Ints(-1)), 0, order)
	// The first of each key, and from there on the place among its equals.
	place := g.rangeOf(g.size(unsorted, 0))
	before := g.concat(0, g.Ints(-1), g.slice(sorted, 0, 0, -1))
	starts := g.flat(g.Op("NonZero", nil, g.Op("Not", nil, g.Op("Equal", nil, sorted, before))))
	first := g.Op("ScatterElements", graph.Attrs{"axis": 0}, g.fill(g.vec(g.add(rows, g.Int(1))), 0),
		g.gather(sorted, 0, starts), starts)
	rank := g.sub(place, g.gather(first, 0, sorted))
	most := g.add(g.Op("ReduceMax", graph.Attrs{"keepdims": 0}, rank), g.Int(1))
	table := g.fill(g.concat(0, g.vec(g.add(rows, g.Int(1))), g.vec(most)), -1)
	table = g.Op("ScatterND", nil, table, g.concat(1, g.Reshape(sorted, -1, 1), g.Reshape(rank, -1, 1)), entry)
	values = g.Op("Pad", nil, values, g.Ints(0, 0, 0, 0, 1, 0)) // -1 reads the zeros behind
	return g.Op("ReduceSum", graph.Attrs{"keepdims": 0}, g.gather(values, 1, g.slice(table, 0, 0, -1)), g.Ints(2))
}
