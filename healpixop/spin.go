package healpixop

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Channels that are Q and U describe a polarisation in the frame of their pixel, and frames of neighbours differ: near a
// pole by as much as the longitudes. With α of healpix.Grid.Transport from q to p,
//
//	Q' = cos 2α Q - sin 2α U,  U' = cos 2α U + sin 2α Q
//
// are those of q in the frame of p; with the U of the IAU, α changes its sign.

// spinOf reads the attributes of pairs.
func (c *conv) spinOf(a graph.Attrs) error {
	if err := checkKind(a, graph.IntAttr, "spin_pairs"); err != nil {
		return err
	}
	sign, err := oneOf(a, "polcconv", "COSMO", "IAU")
	if err != nil {
		return err
	}
	pairs := a.Int("spin_pairs", 0)
	switch {
	case pairs < 0 || pairs > math.MaxInt32:
		return fmt.Errorf("spin_pairs is %d: expected the number of leading pairs of channels that are Q and U", pairs)
	case pairs > 0 && c.missing == "hpxpad":
		return fmt.Errorf("spin_pairs with missing %q is not supported: expected zero, center or renorm", c.missing)
	}
	c.pairs, c.iau = int(pairs), sign == "IAU"
	return nil
}

// carried is a read with the turn of its pairs.
type carried struct {
	read
	cos, sin float64 // of 2α
}

// carry turns pairs into the frame of pixel p.
func (w *windows) carry(r read, p int) carried {
	if w.pairs == 0 {
		return carried{read: r}
	}
	sin, cos := math.Sincos(2 * w.sky.grid.Transport(w.sky.id(r.from), w.sky.id(p)))
	if w.iau {
		sin = -sin
	}
	return carried{r, cos, sin}
}

// turn returns Q' if v is the Q of an even channel and other its U, U' if they are those of an odd one.
func (c carried) turn(channel int, v, other float64) float64 {
	if channel%2 == 0 {
		return c.cos*v - c.sin*other
	}
	return c.cos*v + c.sin*other
}

// In a body the pairs go twice through the rows, first as they are and, behind all channels, with Q and U changed over.
// Both are multiplied by turns, one by cos 2α and the other by ∓sin 2α, and added up by the product with the weights.

// doubled appends the pairs of maps (N, Ci, P), changed over.
func (e *convBody) doubled(x *graph.Value) *graph.Value {
	if e.pairs == 0 {
		return x
	}
	return e.concat(1, x, e.gather(x, 1, e.changed()))
}

// changed are the channels of the pairs, each U before its Q.
func (e *convBody) changed() *graph.Value {
	list := make([]int64, 2*e.pairs)
	for i := range list {
		list[i] = int64(i ^ 1)
	}
	return e.ints(list...)
}

// weights are W, those of the pairs once more for the channels that doubled appends.
func (e *convBody) weights() *graph.Value {
	w := e.node.Input(convW)
	if e.pairs == 0 {
		return w
	}
	return e.concat(1, w, e.slice(w, 1, 0, int64(2*e.pairs)))
}

// width returns the number of channels of doubled maps as a vector.
func (e *convBody) width() *graph.Value {
	ci := e.sizes(e.x, 1, 2)
	if e.pairs == 0 {
		return ci
	}
	return e.add(ci, e.Ints(int64(2*e.pairs)))
}

// halved adds what is behind the channels, the last axis of (.., .., Ci), to the pairs; changed: to the other of each.
func (e *convBody) halved(x *graph.Value, changed bool) *graph.Value {
	if e.pairs == 0 {
		return x
	}
	k := int64(2 * e.pairs)
	behind := e.slice(x, 2, -k, math.MaxInt64)
	if changed {
		behind = e.gather(behind, 2, e.changed())
	}
	return e.concat(2, e.add(e.slice(x, 2, 0, k), behind), e.slice(x, 2, k, -k))
}

// turns returns what the windows of doubled channels are multiplied by, [P_out, 9·(Ci + 2 pairs)].
func (e *convBody) turns(index *graph.Value) *graph.Value {
	cos, sin := e.doubleAngle(index)
	minus := e.Op("Neg", nil, sin)
	if e.iau {
		sin, minus = minus, sin
	}
	column := func(x *graph.Value) *graph.Value {
		return e.Op("Unsqueeze", nil, e.Op("CastLike", nil, x, e.x), e.Ints(2))
	}
	pair := e.Ints(1, 1, int64(2*e.pairs))
	rest := e.sub(e.sizes(e.x, 1, 2), e.Ints(int64(2*e.pairs)))
	all := e.concat(2, e.Op("Expand", nil, column(cos), pair),
		e.Op("Expand", nil, e.like(1, e.x), e.concat(0, e.sizes(index, 0, 2), rest)),
		e.Op("Tile", nil, e.concat(2, column(minus), column(sin)), e.Ints(1, 1, int64(e.pairs))))
	return e.Op("Flatten", nil, all)
}

// doubleAngle returns cos 2α and sin 2α of what the taps read, [P_out, 9] in float64; where they read no pixel, of none.
func (e *convBody) doubleAngle(index *graph.Value) (cos, sin *graph.Value) {
	p := e.size(index, 0)
	to := e.Op("Unsqueeze", nil, e.rangeOf(p), e.Ints(1))
	from := e.where(e.none(index, p), to, index)
	if pixels := e.node.Input(convPixels); pixels != nil {
		from, to = e.gather(pixels, 0, from), e.gather(pixels, 0, to)
	}
	at := e.centres()
	of := func(x *graph.Value) (a, b *graph.Value) { return e.gather(x, 0, from), e.gather(x, 0, to) }
	z, z2 := of(at.z)
	s, s2 := of(at.sin)
	phi, phi2 := of(at.phi)
	one, two := e.real(1), e.real(2)
	half := e.div(e.sub(phi, phi2), two)
	ratio := e.div(e.add(z, z2), e.add(one, e.add(e.mul(z, z2), e.mul(s, s2))))
	// x and y are along cos α/2 and sin α/2. Of opposite places, where α is any and here is 0, both could be 0. (onnxruntime
	// leaves out what is 0 in float32.)
	x, y := e.add(e.Op("Cos", nil, half), e.real(1e-30)), e.mul(ratio, e.Op("Sin", nil, half))
	double := func() {
		norm := e.add(e.mul(x, x), e.mul(y, y))
		x, y = e.div(e.sub(e.mul(x, x), e.mul(y, y)), norm), e.div(e.mul(two, e.mul(x, y)), norm)
	}
	double()
	double()
	return x, y
}

// centres are where pixels lie: z = cos θ, sin θ and φ, each [npix] in float64.
type centres struct{ z, sin, phi *graph.Value }

// centres reckons as package healpix does, by rings.
func (l *lattice) centres() centres {
	double := func(x *graph.Value) *graph.Value { return l.Op("Cast", graph.Attrs{"to": graph.Float64}, x) }
	x := l.along().x
	y := l.Reshape(x, -1, 1)
	sums := l.rangeOf(l.sub(l.mul(l.n, l.Int(2)), l.Int(1)))
	c := l.circles(l.Reshape(l.faceNumbers(), 12, 1), sums)
	i, m, n := double(c.ring), double(c.quarter), double(l.n)
	one, two, three := l.real(1), l.real(2), l.real(3)
	polar, north := l.less(m, n), l.less(i, l.mul(two, n))
	h := l.div(l.mul(m, m), l.mul(three, l.mul(n, n))) // 1 - |z| in a cap
	height := l.sub(one, h)
	z := l.where(polar, l.where(north, height, l.Op("Neg", nil, height)),
		l.div(l.mul(l.sub(l.mul(two, n), i), two), l.mul(three, n)))
	square := l.where(polar, l.mul(h, l.sub(two, h)), l.mul(l.sub(one, z), l.add(one, z)))

	sum := l.add(y, x)
	place := l.invert(l.image(), l.rangeOf(l.npix())) // in the image, of each pixel
	over := func(v *graph.Value) *graph.Value { return l.gather(v, 1, sum) }
	pixels := func(v *graph.Value) *graph.Value { return l.gather(l.flat(v), 0, place) }
	along := l.add(over(c.middle), l.sub(y, x))
	phi := l.mul(l.div(double(along), over(m)), l.real(math.Pi/4))
	return centres{pixels(over(z)), pixels(over(l.Op("Sqrt", nil, square))), pixels(phi)}
}

// real is a constant in float64.
func (b body) real(x float64) *graph.Value { return b.Const(graph.Scalar(x)) }
