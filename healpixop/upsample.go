package healpixop

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// HealpixUpsample brings maps to a higher resolution.
//
//	HealpixUpsample(X, indices?, pixels?, pixels_out?) → Y
//
// X (N, C, P) at nside becomes Y (N, C, P_out) at nside·factor, factor a power of two. pixels [P] are the ascending
// numbers of X's pixels at nside, absent for a full sky; pixels_out those of Y at nside·factor, absent for all children
// of X's pixels, ascending.
//
// mode nearest copies each pixel to its factor² children, 0 where Y has a pixel whose parent X lacks: the adjoint of
// sum pooling. mode unpool writes each pixel at its position in indices (N, C, P), as HealpixPool gives them, -1 for
// nowhere, and 0 elsewhere: the adjoint of max pooling. power multiplies by (nside_out/nside)^power.
var _ = set.Define(ops.Op{
	Name: "HealpixUpsample", Since: 1,
	Infer:   inferUpsample,
	Eval:    evalUpsample,
	Grad:    gradUpsample,
	Expand:  expandUpsample,
	Forward: []string{"nside", "factor", "power"},
	Exact:   ops.Rounding,
	Grow:    ops.BySphere,
	Cases: `
		nested    nside=1  [1 1 12] 1..12  ->  [1 1 48] 1*4 2*4 3*4 4*4 5*4 6*4 7*4 8*4 9*4 10*4 11*4 12*4
		ring      nside=1 order="RING"  [1 1 12] 0..11  ->  [1 1 48]
			0 1 2 3 0 0 1 1 2 2 3 3 4 0 5 1 6 2 7 3 4 5 5 6 6 7 7 4 4 8 5 9 6 10 7 11 8 8 9 9 10 10 11 11 8 9 10 11
		partial   nside=2 power=1.0  [1 1 2] 5 7  _  i64[2] 3 40  ->  [1 1 8] 10 10 10 10 14 14 14 14
		chosen    nside=2  [1 1 2] 5 7  _  i64[2] 3 40  i64[3] 13 14 16  ->  [1 1 3] 5 5 0
		unpool    nside=1 mode="unpool"  [1 1 2] 5 7  i64[1 1 2] 2 -1  i64[2] 0 6  ->  [1 1 8] 0 0 5 0 0 0 0 0
		no-place  nside=1 mode="unpool"  [1 1 12] 0..11  ->  error "indices"`,
})

// Inputs of HealpixUpsample.
const (
	upX = iota
	upIndices
	upPixels
	upPixelsOut
)

func inferUpsample(c *ops.Inference) ([]*graph.Type, error) {
	a := c.Node.Attrs
	mode, err := oneOf(a, "mode", "nearest", "unpool")
	if err != nil {
		return nil, err
	}
	if err := checkKind(a, graph.FloatAttr, "power"); err != nil {
		return nil, err
	}
	if (mode == "unpool") != c.Has(upIndices) {
		return nil, fmt.Errorf("mode %q with input indices: expected them with mode unpool and only there", mode)
	}
	g, known, err := gridOf(a)
	if err != nil {
		return nil, err
	}
	if err := checkReal(c, upX, "X"); err != nil {
		return nil, err
	}
	if err := checkInput(c, upX, "X", graph.Undefined, 3); err != nil {
		return nil, err
	}
	if err := checkInput(c, upIndices, "indices", graph.Int64, 3); err != nil {
		return nil, err
	}
	x := c.Type(upX)
	in, err := pixelDim(c, dim(x, 2), upPixels, "pixels", g, known)
	if err != nil {
		return nil, err
	}
	for i, d := range []graph.Dim{dim(x, 0), dim(x, 1), in} {
		if _, err := agree(dim(c.Type(upIndices), i), d, "dimension %d of indices against X", i); err != nil {
			return nil, err
		}
	}
	out := graph.Sym("")
	var fam family
	if _, ref := a["factor"].(graph.AttrRef); ref {
		known = false
	}
	if known {
		factor, err := factorOf(a)
		if err != nil {
			return nil, err
		}
		if fam, err = familyBelow(g, factor); err != nil {
			return nil, err
		}
		if in.Known() {
			out = graph.D(in.Size * int64(factor) * int64(factor))
		}
	}
	if c.Has(upPixelsOut) {
		if out, err = pixelDim(c, graph.Sym(""), upPixelsOut, "pixels_out", fam.fine, known); err != nil {
			return nil, err
		}
	}
	y := &graph.Type{Shape: []graph.Dim{dim(x, 0), dim(x, 1), out}}
	if x != nil {
		y.DType = x.DType
	}
	return []*graph.Type{y}, nil
}

func evalUpsample(c *ops.Call) ([]*graph.Tensor, error) {
	if err := checkCall(c, inferUpsample); err != nil {
		return nil, err
	}
	if c.In[upX].DType == graph.Float64 {
		return upsample[float64](c)
	}
	return upsample[float32](c)
}

func upsample[T float32 | float64](c *ops.Call) ([]*graph.Tensor, error) {
	a := c.Node.Attrs
	g, _, _ := gridOf(a)
	factor, _ := factorOf(a)
	fam, err := familyBelow(g, factor)
	if err != nil {
		return nil, err
	}
	coarse, err := newSky("pixels", g, int64s(c.Input(upPixels)))
	if err != nil {
		return nil, err
	}
	ids := int64s(c.Input(upPixelsOut))
	if ids == nil && coarse.ids != nil {
		ids = fam.offspring(coarse.ids)
	}
	fine, err := newSky("pixels_out", fam.fine, ids)
	if err != nil {
		return nil, err
	}
	x := c.In[upX]
	in, out := int(x.Shape[2]), fine.size()
	y := c.Output(x.DType, x.Shape[0], x.Shape[1], int64(out))
	from, to := graph.Data[T](x), graph.Data[T](y)
	scale := math.Pow(float64(factor), float64(a.Float("power", 0)))
	if indices := int64s(c.Input(upIndices)); indices != nil {
		for i, v := range from {
			switch at := indices[i]; {
			case at < -1 || at >= int64(out):
				return nil, fmt.Errorf("indices[%d] is %d: expected -1 to %d", i, at, out-1)
			case at >= 0:
				to[i/in*out+int(at)] = T(float64(v) * scale)
			}
		}
		return []*graph.Tensor{y}, nil
	}
	for p := range out {
		if q := coarse.position(fam.parent(fine.id(p))); q >= 0 {
			for m := range int(x.Shape[0] * x.Shape[1]) {
				to[m*out+p] = T(float64(from[m*in+q]) * scale)
			}
		}
	}
	return []*graph.Tensor{y}, nil
}

// gradUpsample sums the children of each pixel, or takes what unpooling wrote, from where it wrote it.
func gradUpsample(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	dx := make([]*graph.Value, len(n.In))
	f := familyBelowNode(b, n)
	if indices := n.Input(upIndices); indices != nil {
		nowhere := f.less(indices, f.Int(0))
		d := b.Op("GatherElements", graph.Attrs{"axis": 2}, dy[0], f.where(nowhere, f.Int(0), indices))
		dx[upX] = f.where(nowhere, f.like(0, d), f.scaled(d, n.Attrs))
		return dx
	}
	pixels, out := n.Input(upPixels), n.Input(upPixelsOut)
	var d *graph.Value
	if pixels == nil && out == nil {
		factor := n.Attrs.Int("factor", 2)
		d = b.Op(Domain+":HealpixPool", graph.Attrs{"nside": n.Attrs.Int("nside", 0) * factor, "factor": factor, "mode": "sum",
			"order": n.Attrs.Str("order", "NEST"), "power": -n.Attrs.Float("power", 0)}, dy[0])
	} else {
		if out == nil {
			out = f.offspring(pixels)
		}
		children := f.gather(f.positions(f.fine.npix(), out), 0, f.children(pixels))
		d = f.gather(f.padPixels(dy[0]), 2, children)
		d = f.scaled(f.Op("ReduceSum", graph.Attrs{"keepdims": 0}, d, f.Ints(3)), n.Attrs)
	}
	dx[upX] = d
	return dx
}

func expandUpsample(b *ops.Builder, n *graph.Node) []*graph.Value {
	f := familyBelowNode(b, n)
	x := f.scaled(n.Input(upX), n.Attrs)
	switch pixels := n.Input(upPixelsOut); {
	case n.Attrs.Str("mode", "nearest") == "unpool":
		size := f.mul(f.size(x, 2), f.area)
		if pixels != nil {
			size = f.size(pixels, 0)
		}
		return []*graph.Value{f.unpool(x, n.Input(upIndices), size)}
	case f.nested() && pixels == nil:
		return []*graph.Value{f.repeat(x)}
	default:
		return []*graph.Value{f.nearest(x, n.Input(upPixels), pixels)}
	}
}

func familyBelowNode(b *ops.Builder, n *graph.Node) *familyBody {
	order, _ := healpix.ParseOrder(n.Attrs.Str("order", "NEST"))
	l := newLattice(body{b}, n.Attrs["nside"], order)
	return familyBodyBelow(l, l.factorOf(n.Attrs))
}

// scaled multiplies by factor^power.
func (f *familyBody) scaled(x *graph.Value, a graph.Attrs) *graph.Value {
	v, given := a["power"]
	if !given {
		return x
	}
	base, power := f.Op("CastLike", nil, f.factor, x), f.Op("CastLike", nil, f.attr(v), x)
	return f.mul(x, f.Op("Pow", nil, base, power))
}

// repeat copies each pixel factor² times: in NESTED, to its children.
func (f *familyBody) repeat(x *graph.Value) *graph.Value {
	one := f.Ints(1)
	four := f.Op("Expand", nil, f.Op("Unsqueeze", nil, x, f.Ints(3)), f.concat(0, one, one, one, f.vec(f.area)))
	return f.Op("Reshape", nil, four, f.concat(0, f.Ints(0, 0), f.mul(f.sizes(x, 2, 3), f.area)))
}

// nearest gathers the parents of out, which is all children of the coarse pixels if nil.
func (f *familyBody) nearest(x, pixels, out *graph.Value) *graph.Value {
	if out == nil && pixels != nil {
		out = f.offspring(pixels)
	}
	at := f.parents(out)
	if pixels != nil {
		at = f.gather(f.positions(f.coarse.npix(), pixels), 0, at)
	}
	return f.gather(f.padPixels(x), 2, at)
}

// unpool writes x at indices of maps of size pixels; what has index -1 goes to one pixel more, which is cut off.
func (f *familyBody) unpool(x, indices, size *graph.Value) *graph.Value {
	shape := f.concat(0, f.sizes(x, 0, 2), f.vec(f.add(size, f.Int(1))))
	zeros := f.Op("Expand", nil, f.like(0, x), shape)
	indices = f.where(f.less(indices, f.Int(0)), size, indices)
	return f.slice(f.Op("ScatterElements", graph.Attrs{"axis": 2}, zeros, indices, x), 2, 0, -1)
}
