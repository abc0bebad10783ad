package healpixop

import (
	"fmt"
	"maps"
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// HealpixPool brings maps to a lower resolution: each pixel of Y is made of the factor² children in it.
//
//	HealpixPool(X, mask?, pixels?) → Y, indices?, mask_out?, pixels_out?
//
// X (N, C, P) at nside becomes Y (N, C, P_out) at nside/factor, factor a power of two. mask, [P] or [N, 1, P], is true
// where X is valid; pixels [P] are the ascending numbers of X's pixels, absent for a full sky. Only valid children
// count, and those that a partial sky has.
//
// mode is max, avg or sum; a parent without valid children gets fill. power multiplies what is not fill by
// (nside_out/nside)^power, as healpy's ud_grade does. A valid NaN makes its parent NaN, a masked one does not.
//
// indices (N, C, P_out), of mode max, are the positions in X of the maxima: of equals the first child in NESTED order,
// of NaNs the first, -1 where there is none. mask_out, [P_out] or [N, 1, P_out], is true where any (valid = any) or
// each (valid = all) of the factor² children is valid. pixels_out are the numbers of Y's pixels at nside/factor,
// ascending: all parents of pixels.
var _ = set.Define(ops.Op{
	Name: "HealpixPool", Since: 1,
	Infer:   inferPool,
	Eval:    evalPool,
	Grad:    gradPool,
	Expand:  expandPool,
	Forward: []string{"nside", "factor", "power", "fill"},
	Exact:   ops.Rounding,
	Grow:    ops.BySphere,
	Cases: `
		ring-avg  nside=4 factor=4 order="RING" mode="avg"  [1 1 192] 0..191  ->  [1 1 12] 29.0625 32.4375 35.8125 39.1875
			93.75 91.75 95.75 99.75 152.0625 155.4375 158.8125 162.1875
		ring-max  nside=4 factor=4 order="RING"  [1 1 192] 0..191  ->  [1 1 12] 74 78 82 86 136 140 144 148 188 189 190 191
		partial   nside=2 mode="sum"  [1 1 5] 1 2 3 4 5  _  i64[5] 0 1 5 6 47  ->  [1 1 3] 3 7 5  _  bool[3] 1 1 1  i64[3] 0 1 11
		masked    nside=2 valid="all" fill=-1.0  [1 1 6] 3 7 7 nan 9 nan  bool[6] 1 1 1 0 1 0  i64[6] 0 1 2 3 20 24
			->  [1 1 3] 7 9 -1  i64[1 1 3] 1 4 -1  bool[3] 0 0 0
		ties      nside=2  [1 1 4] -inf -inf -inf -inf  bool[4] 0 1 1 0  i64[4] 4 5 6 7  ->  [1 1 1] -inf  i64[1 1 1] 1
		nan       nside=2  [1 2 4] 1 nan 2 nan  4 4 nan 5  _  i64[4] 4 5 6 7  ->  [1 2 1] nan nan  i64[1 2 1] 1 2
		power     nside=2 mode="avg" power=-2.0  [1 1 4] 1 2 3 4  _  i64[4] 0 1 2 3  ->  [1 1 1] 10
		odd       nside=3 order="RING"  [1 1 108] 0..107  ->  error "multiple of factor 2"
		third     nside=9 order="RING" factor=3  [1 1 972] 0..971  ->  error "power of two"
		unsorted  nside=2  [1 1 2] 0 1  _  i64[2] 5 4  ->  error "ascending"
		no-max    nside=1 factor=1 mode="avg"  [1 1 12] 0..11  ->  [1 1 12] 0..11`,
})

// Inputs and outputs of HealpixPool.
const (
	poolX = iota
	poolMask
	poolPixels

	poolIndices   = 1
	poolMaskOut   = 2
	poolPixelsOut = 3
)

// pool is what the attributes of a HealpixPool say.
type pool struct {
	mode  string
	all   bool
	scale float64
	fill  float64
}

func poolOf(a graph.Attrs) (p pool, err error) {
	if p.mode, err = oneOf(a, "mode", "max", "avg", "sum"); err != nil {
		return p, err
	}
	valid, err := oneOf(a, "valid", "any", "all")
	if err != nil {
		return p, err
	}
	if err := checkKind(a, graph.FloatAttr, "fill", "power"); err != nil {
		return p, err
	}
	p.all = valid == "all"
	p.fill = float64(a.Float("fill", 0))
	p.scale = math.Pow(float64(a.Int("factor", 2)), -float64(a.Float("power", 0)))
	return p, nil
}

// wantsOutput reports whether a node has output i.
func wantsOutput(n *graph.Node, i int) bool { return output(n, i) != nil }

// output returns output i of a node, nil if it is not connected.
func output(n *graph.Node, i int) *graph.Value {
	if i < len(n.Out) {
		return n.Out[i]
	}
	return nil
}

func inferPool(c *ops.Inference) ([]*graph.Type, error) {
	attrs, err := poolOf(c.Node.Attrs)
	if err != nil {
		return nil, err
	}
	if attrs.mode != "max" && wantsOutput(c.Node, poolIndices) {
		return nil, fmt.Errorf("mode %q has no indices: only max has", attrs.mode)
	}
	g, known, err := gridOf(c.Node.Attrs)
	if err != nil {
		return nil, err
	}
	if err := checkReal(c, poolX, "X"); err != nil {
		return nil, err
	}
	if err := checkInput(c, poolX, "X", graph.Undefined, 3); err != nil {
		return nil, err
	}
	x := c.Type(poolX)
	in, err := pixelDim(c, dim(x, 2), poolPixels, "pixels", g, known)
	if err != nil {
		return nil, err
	}
	out := graph.Sym("")
	if _, ref := c.Node.Attrs["factor"].(graph.AttrRef); known && !ref {
		factor, err := factorOf(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		fam, err := familyAbove(g, factor)
		if err != nil {
			return nil, err
		}
		if !c.Has(poolPixels) {
			out = graph.D(int64(fam.coarse.Npix()))
		} else if t := c.Constant(poolPixels); t != nil {
			out = graph.D(int64(len(fam.parents(graph.Data[int64](t)))))
		}
	}
	mask, err := maskDims(c, poolMask, dim(x, 0), in, out)
	if err != nil {
		return nil, err
	}
	y := &graph.Type{Shape: []graph.Dim{dim(x, 0), dim(x, 1), out}}
	if x != nil {
		y.DType = x.DType
	}
	return []*graph.Type{y, graph.TensorType(graph.Int64, y.Shape...), boolType(mask), graph.TensorType(graph.Int64, out)}, nil
}

func evalPool(c *ops.Call) ([]*graph.Tensor, error) {
	if err := checkCall(c, inferPool); err != nil {
		return nil, err
	}
	if c.In[poolX].DType == graph.Float64 {
		return poolMaps[float64](c)
	}
	return poolMaps[float32](c)
}

func poolMaps[T float32 | float64](c *ops.Call) ([]*graph.Tensor, error) {
	attrs, _ := poolOf(c.Node.Attrs)
	g, _, _ := gridOf(c.Node.Attrs)
	factor, _ := factorOf(c.Node.Attrs)
	fam, err := familyAbove(g, factor)
	if err != nil {
		return nil, err
	}
	s, err := newSky("pixels", g, int64s(c.Input(poolPixels)))
	if err != nil {
		return nil, err
	}
	parents := consecutive(0, fam.coarse.Npix())
	if s.ids != nil {
		parents = fam.parents(s.ids)
	}
	// positions[p] are those of the children of parent p, -1 where X has none.
	positions := make([][]int, len(parents))
	for p, id := range parents {
		positions[p] = fam.children(int(id))
		for k, child := range positions[p] {
			positions[p][k] = s.position(child)
		}
	}
	x, mask := c.In[poolX], c.Input(poolMask)
	n, ch, in, out := int(x.Shape[0]), int(x.Shape[1]), int(x.Shape[2]), len(parents)
	y := c.Output(x.DType, int64(n), int64(ch), int64(out))
	indices := c.Output(graph.Int64, y.Shape...)
	from, to, at := graph.Data[T](x), graph.Data[T](y), graph.Data[int64](indices)
	err = ops.Parallel(c, out, 64, func(lo, hi int) error {
		var kept []int
		for i := range n * (hi - lo) {
			p, i := lo+i%(hi-lo), i/(hi-lo)
			kept = kept[:0]
			for _, q := range positions[p] {
				if q >= 0 && masked(mask, i, q, in) {
					kept = append(kept, q)
				}
			}
			for j := i * ch; j < (i+1)*ch; j++ {
				v, best := reduce(from[j*in:][:in], kept, attrs.mode)
				to[j*out+p], at[j*out+p] = T(v*attrs.scale), int64(best)
				if len(kept) == 0 {
					to[j*out+p] = T(attrs.fill)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	maskOut := c.Output(graph.Bool, maskShape(mask, false, n, out)...)
	ok := graph.Data[bool](maskOut)
	for i := range ok {
		count := 0
		for _, q := range positions[i%out] {
			if q >= 0 && masked(mask, i/out, q, in) {
				count++
			}
		}
		ok[i] = count == factor*factor || count > 0 && !attrs.all
	}
	return []*graph.Tensor{y, indices, maskOut, graph.Vector(parents...)}[:max(1, len(c.Node.Out))], nil
}

// reduce pools the elements of x at positions. best is that of the maximum, -1 without positions.
func reduce[T float32 | float64](x []T, positions []int, mode string) (v float64, best int) {
	best = -1
	sum := 0.0
	for _, q := range positions {
		e := float64(x[q])
		sum += e
		if best < 0 || e > v || math.IsNaN(e) && !math.IsNaN(v) {
			v, best = e, q
		}
	}
	switch {
	case mode == "sum":
		return sum, best
	case mode == "avg":
		return sum / float64(len(positions)), best
	}
	return v, best
}

// PoolsFour reports whether n is a HealpixPool of which [HealpixPoolGrad] is the gradient.
func PoolsFour(n *graph.Node) bool {
	return n.Domain == Domain && n.Op == "HealpixPool" && n.Attrs.Str("mode", "max") != "sum" && n.Attrs.Int("factor", 2) == 2 &&
		n.Attrs.Float("power", 0) == 0 && n.Input(poolMask) == nil && n.Input(poolPixels) == nil
}

// gradPool brings dY to the children: to the valid ones, for avg divided by how many there are, or to where the maximum
// is, which is found again unless the node tells: inference does not pay for it.
func gradPool(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	dx := make([]*graph.Value, len(n.In))
	if dy[0] == nil {
		return dx
	}
	if PoolsFour(n) && n.Attrs.Str("mode", "max") == "max" && b.Target.Kernels && !b.Target.CUDA {
		attrs := graph.Attrs{"nside": n.Attrs.Int("nside", 0), "order": n.Attrs.Str("order", "NEST")}
		dx[poolX] = b.Op(Domain+":HealpixPoolGrad", attrs, n.In[poolX], dy[0])
		return dx
	}
	e := newPoolBody(b, n)
	mask, pixels := n.Input(poolMask), n.Input(poolPixels)
	attrs := maps.Clone(n.Attrs)
	delete(attrs, "valid")
	var indices *graph.Value
	if e.mode == "max" {
		if indices = output(n, poolIndices); indices == nil {
			indices = b.OpN(2, Domain+":HealpixPool", attrs, n.In...)[1]
		}
	}
	d, power := dy[0], n.Attrs.Float("power", 0)
	if e.mode == "avg" {
		if count := e.count(e.valid()); count != nil {
			d = e.div(d, e.Op("Max", nil, e.Op("CastLike", nil, count, d), e.like(1, d)))
		} else {
			power += 2 // factor² children
		}
	}
	if pixels == nil {
		up := graph.Attrs{"nside": n.Attrs.Int("nside", 0) / n.Attrs.Int("factor", 2), "factor": n.Attrs.Int("factor", 2),
			"order": n.Attrs.Str("order", "NEST"), "power": -power}
		if indices != nil {
			up["mode"] = "unpool"
		}
		d = e.Op(Domain+":HealpixUpsample", up, d, indices)
	} else {
		at := e.gather(e.positions(e.coarse.npix(), e.parents), 0, e.familyBody.parents(pixels))
		d = e.gather(e.scaled(d, graph.Attrs{"power": -power}), 2, at)
		if indices != nil {
			here := e.Op("Equal", nil, e.gather(indices, 2, at), e.rangeOf(e.size(e.x, 2)))
			d = e.where(here, d, e.like(0, d))
		}
	}
	if mask != nil && indices == nil {
		d = e.where(mask, d, e.like(0, d))
	}
	dx[poolX] = d
	return dx
}

func expandPool(b *ops.Builder, n *graph.Node) []*graph.Value { return newPoolBody(b, n).outputs() }

func newPoolBody(b *ops.Builder, n *graph.Node) *poolBody {
	attrs, err := poolOf(n.Attrs)
	if err != nil {
		panic("healpixop: " + err.Error())
	}
	order, _ := healpix.ParseOrder(n.Attrs.Str("order", "NEST"))
	l := newLattice(body{b}, n.Attrs["nside"], order)
	e := &poolBody{familyBody: familyBodyAbove(l, l.factorOf(n.Attrs)), pool: attrs, node: n, x: n.Input(poolX)}
	e.out = e.coarse.npix()
	if pixels := n.Input(poolPixels); pixels != nil {
		e.parents = e.ancestry(pixels)
		e.out = e.size(e.parents, 0)
		e.table = e.gather(e.positions(e.fine.npix(), pixels), 0, e.children(e.parents))
	} else if !e.nested() {
		e.table = e.children(nil)
	}
	return e
}

type poolBody struct {
	*familyBody
	pool
	node    *graph.Node
	x       *graph.Value // X
	parents *graph.Value // numbers of Y's pixels; nil: all
	out     *graph.Value // how many, a scalar
	table   *graph.Value // positions of the children [out, factor²], -1 for none; nil: X has them in order
}

func (e *poolBody) outputs() []*graph.Value {
	x, valid := e.grouped(e.x, e.Ints(0, 0)), e.valid()
	count := e.count(valid)
	y, indices := e.reduce(x, valid, count)
	if v, given := e.node.Attrs["power"]; given {
		base := e.Op("CastLike", nil, e.factor, e.x)
		y = e.mul(y, e.Op("Pow", nil, base, e.Op("Neg", nil, e.Op("CastLike", nil, e.attr(v), e.x))))
	}
	if count != nil {
		fill := e.like(0, e.x)
		if v, given := e.node.Attrs["fill"]; given {
			fill = e.Op("CastLike", nil, e.attr(v), e.x)
		}
		y = e.where(e.Op("Greater", nil, count, e.Int(0)), y, fill)
	}
	outs := []*graph.Value{y}
	if len(e.node.Out) > poolIndices {
		if indices == nil { // the output is not connected, since mode is not max
			indices = e.Op("Cast", graph.Attrs{"to": graph.Int64}, y)
		}
		outs = append(outs, indices)
	}
	if len(e.node.Out) > poolMaskOut {
		outs = append(outs, e.maskOut(count))
	}
	if len(e.node.Out) > poolPixelsOut {
		if e.parents == nil {
			e.parents = e.rangeOf(e.out)
		}
		outs = append(outs, e.parents)
	}
	return outs
}

// grouped brings the pixels of x (.., .., P) to (.., .., out, factor²); lead is the first two dimensions.
func (e *poolBody) grouped(x, lead *graph.Value) *graph.Value {
	if e.table == nil {
		return e.Op("Reshape", nil, x, e.concat(0, lead, e.vec(e.out), e.vec(e.area)))
	}
	if e.node.Input(poolPixels) != nil {
		x = e.padPixels(x)
	}
	return e.gather(x, 2, e.table)
}

// valid returns which children count, [1 or N, 1, out, factor²]; nil: all.
func (e *poolBody) valid() *graph.Value {
	mask := e.node.Input(poolMask)
	if mask == nil {
		if e.node.Input(poolPixels) == nil {
			return nil
		}
		return e.Op("Unsqueeze", nil, e.Op("GreaterOrEqual", nil, e.table, e.Int(0)), e.Ints(0, 1))
	}
	perMap := e.Op("Reshape", nil, mask, e.concat(0, e.Ints(-1, 1), e.sizes(e.x, 2, 3)))
	return e.grouped(perMap, e.Ints(0, 1))
}

// count returns how many children of valid count, [1 or N, 1, out]; nil: all.
func (e *poolBody) count(valid *graph.Value) *graph.Value {
	if valid == nil {
		return nil
	}
	return e.Op("ReduceSum", graph.Attrs{"keepdims": 0}, e.Op("Cast", graph.Attrs{"to": graph.Int64}, valid), e.Ints(3))
}

// reduce pools the last axis of x. indices is nil unless the node wants them.
func (e *poolBody) reduce(x, valid, count *graph.Value) (y, indices *graph.Value) {
	last := e.Ints(3)
	drop := graph.Attrs{"keepdims": 0}
	if e.mode != "max" {
		if valid != nil {
			x = e.where(valid, x, e.like(0, x))
		}
		y = e.Op("ReduceSum", drop, x, last)
		if e.mode == "avg" {
			if count == nil {
				count = e.area
			}
			y = e.div(y, e.Op("CastLike", nil, count, x))
		}
		return y, nil
	}
	if valid != nil {
		x = e.where(valid, x, e.like(math.Inf(-1), x))
	}
	// Runtimes disagree on the maximum of NaN and a number.
	nan := e.Op("IsNaN", nil, x)
	small := graph.Attrs{"to": graph.Int32}
	has := e.Op("Greater", nil, e.Op("ReduceMax", nil, e.Op("Cast", small, nan), last), e.Const(graph.Scalar(int32(0))))
	top := e.where(has, e.like(math.NaN(), x), e.Op("ReduceMax", nil, x, last))
	y = e.Op("Squeeze", nil, top, last)
	if len(e.node.Out) <= poolIndices {
		return y, nil
	}
	hit := e.Op("Or", nil, nan, e.Op("Equal", nil, x, top))
	if valid != nil {
		hit = e.Op("And", nil, hit, valid) // -inf is also what invalid children have
	}
	first := e.Op("ArgMax", graph.Attrs{"axis": 3, "keepdims": 0}, e.Op("Cast", small, hit))
	indices = e.add(e.mul(e.rangeOf(e.out), e.area), first)
	if e.table != nil {
		indices = e.gather(e.flat(e.table), 0, indices)
	}
	if count != nil {
		indices = e.where(e.Op("Greater", nil, count, e.Int(0)), indices, e.Int(-1))
	}
	return y, indices
}

// maskOut shapes the counts (1 or N, 1, out) of valid children as mask_out.
func (e *poolBody) maskOut(count *graph.Value) *graph.Value {
	shape := e.vec(e.out)
	if count == nil {
		return e.Op("Expand", nil, e.Const(graph.Scalar(true)), shape)
	}
	least := e.Int(1)
	if e.all {
		least = e.area
	}
	if mask := e.node.Input(poolMask); mask != nil {
		shape = e.concat(0, e.sizes(mask, 0, -1), shape)
	}
	return e.Op("Reshape", graph.Attrs{"allowzero": 1}, e.Op("GreaterOrEqual", nil, count, least), shape)
}
