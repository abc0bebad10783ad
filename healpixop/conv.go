package healpixop

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/kernel"
	"github.com/astronnx/astronnx/ops"
)

// HealpixConv convolves maps with a 3×3 window on the lattice of each face, carried over the seams.
//
//	HealpixConv(X, W, B?, index?, mask?, pixels?) → Y, mask_out?
//
// X (N, Ci, P) and Y (N, Co, P_out) are maps, W (Co, Ci, 9) has its taps in tap_order, B is (Co). index [P_out, 9] is a
// table such as HealpixNeighbors makes, in the same tap_order: positions in X, and -1 or P where there is none; without
// it the windows of pixels are read. mask, [P] or [N, 1, P], is true where X is valid. pixels [P] are the ascending
// numbers of X's pixels; without it X is a full sky.
//
// A tap that reads nothing has one of three causes, tested in this order, each with its policy:
//   - missing, a hole: the sphere has no such pixel (without pixels: any entry of index that names none). zero reads 0;
//     center reads the pixel itself; hpxpad reads the mean of the taps at either side, at the 24 places that have them;
//     renorm leaves the tap out.
//   - outside, the border of a partial sky: zero, center or renorm.
//   - mask_mode, an invalid pixel: zero or renorm. Invalid is where mask is false and, with detect_unseen, where any
//     channel is NaN or within 1e-5 of unseen.
//
// With R taps left out of a window, what remains is multiplied by 9/(9-R) before the bias is added, as if the rest were
// the average; a window without taps gives the bias. A mean of two under hpxpad likewise leaves out what has policy
// renorm. mask_out, [P_out] or (N, 1, P_out), tells where any tap was valid. Where a row of index is no row of X (their
// numbers differ), the centre and the place on the sphere are unknown: then missing may be zero or renorm.
//
// With spin_pairs = S the channels 2s and 2s+1 for s < S are Q and U. Before they are weighted, those of a pixel that is
// read are carried along the great circle to the centre and so told in its frame, see [healpix.Grid.Transport]; polcconv
// is the sign of U, COSMO as HEALPix has it or IAU. The rows of index then have to be those of X, and missing is not
// hpxpad.
//
// The gradient of X gathers: over most seams the neighbour at a tap reads back by the opposite one, the rest is corrected.
// Any other index than that of HealpixNeighbors is inverted by sorting, each time the graph runs unless it is constant.
//
// Without index the nodes of one nside share one table, in the kernel and, through their bodies, in onnxruntime.
var _ = set.Define(ops.Op{
	Name: "HealpixConv", Since: 1,
	Infer:   inferConv,
	Eval:    evalConv,
	Grad:    gradConv,
	Expand:  expandConv,
	Forward: []string{"nside", "unseen"},
	Exact:   ops.Rounding,
	Grow:    ops.BySphere,
	Cases: `
		centre-first  nside=1 tap_order="nnhealpix"  [1 1 12] 0 1 2 3 4 5 6 7 8 9 10 11  [1 1 9] 1 2 3 4 5 6 7 8 9
			->  [1 1 12] 148 167 182 161 158 153 184 187 238 265 264 243
		centre-mid  nside=1 tap_order="center_mid"  [1 1 12] 0 1 2 3 4 5 6 7 8 9 10 11  [1 1 9] 1 2 3 4 5 6 7 8 9
			->  [1 1 12] 139 163 183 163 153 161 193 197 255 287 287 267
		hpxpad  nside=1 missing="hpxpad"  [1 1 12] 0 1 2 3 4 5 6 7 8 9 10 11  [1 1 9] 1 2 3 4 5 6 7 8 9
			->  [1 1 12] 174 175 216 217 319 268 313 346 402 387 396 397
		center  nside=1 missing="center"  [1 1 12] 0 1 2 3 4 5 6 7 8 9 10 11  [1 1 9] 1 2 3 4 5 6 7 8 9
			->  [1 1 12] 150 179 220 233 272 241 286 319 378 391 400 413
		renorm  nside=1 missing="renorm"  [1 1 12] 0 1 2 3 4 5 6 7 8 9 10 11  [1 1 9] 1 2 3 4 5 6 7 8 9  ->  [1 1 12]
			192.857143 217.285714 257.142857 261 298.285714 245.571429 290.571429 320.142857 383.142857 387 385.714286 389.571429
		border  nside=2 missing="renorm" outside="center"  [1 1 8] 1 -2 3 4 -5 6 7 8  [1 1 9] 1 2 3 4 5 6 7 8 9  _  _  _
			i64[8] 0 1 2 3 5 7 10 14  ->  [1 1 8] 50 7.875 100.125 113 -159.75 143 244.125 342
		border-renorm  nside=2 missing="center" outside="renorm"  [1 1 8] 1 -2 3 4 -5 6 7 8  [1 1 9] 1 2 3 4 5 6 7 8 9
			_  _  _  i64[8] 0 1 2 3 5 7 10 14  ->  [1 1 8] 38.25 52.5 79.2 95.4 -4.5 41.4 157.5 432
		spin  nside=1 spin_pairs=1  [1 2 12] 0..23  [1 2 9] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18  ->  [1 1 12]
			994.520812213 1141.0729369091 1170.181274623 1165.211840496 1759.7654206172 1650.3002244793
			1768.8149517236 1827.329678968 646.007122491 739.7507901279 680.6423867589 793.2960832452
		spin-odd  nside=1 spin_pairs=2  [1 3 12] 0*36  [1 3 9] 0*27  ->  error "takes 4 channels of Q and U: X has 3"`,
})

// Inputs and outputs of HealpixConv.
const (
	convX = iota
	convW
	convB
	convIndex
	convMask
	convPixels
)

// conv is what the attributes of a HealpixConv say.
type conv struct {
	missing, outside, maskMode string
	tapOrder                   []int
	detect                     bool
	unseen                     float64
	pairs                      int  // of channels that are Q and U
	iau                        bool // whether U has the sign of the IAU
}

// unseenValue marks pixels without data in HEALPix maps.
const unseenValue = -1.6375e30

func convOf(a graph.Attrs) (c conv, err error) {
	if err := window3(a); err != nil {
		return c, err
	}
	if err := checkKind(a, graph.IntAttr, "detect_unseen"); err != nil {
		return c, err
	}
	if err := checkKind(a, graph.FloatAttr, "unseen"); err != nil {
		return c, err
	}
	if err := onlyInt(a, "group", 1); err != nil {
		return c, err
	}
	if c.missing, err = oneOf(a, "missing", "zero", "hpxpad", "center", "renorm"); err != nil {
		return c, err
	}
	if c.outside, err = oneOf(a, "outside", "zero", "center", "renorm"); err != nil {
		return c, err
	}
	if c.maskMode, err = oneOf(a, "mask_mode", "zero", "renorm"); err != nil {
		return c, err
	}
	tapOrder, err := oneOf(a, "tap_order", "lattice", "nnhealpix", "center_mid")
	if err != nil {
		return c, err
	}
	c.tapOrder = tapOrders[tapOrder]
	c.detect = a.Bool("detect_unseen", false)
	c.unseen = float64(a.Float("unseen", unseenValue))
	err = c.spinOf(a)
	return c, err
}

// slotOf returns the position of a lattice tap in the tap order.
func (c conv) slotOf(tap int) int {
	for k, t := range c.tapOrder {
		if t == tap {
			return k
		}
	}
	panic("healpixop: no such tap")
}

func inferConv(c *ops.Inference) ([]*graph.Type, error) {
	attrs, err := convOf(c.Node.Attrs)
	if err != nil {
		return nil, err
	}
	g, known, err := gridOf(c.Node.Attrs)
	if err != nil {
		return nil, err
	}
	x, w := c.Type(convX), c.Type(convW)
	if err := checkReal(c, convX, "X"); err != nil {
		return nil, err
	}
	var t graph.DType
	if x != nil {
		t = x.DType
	}
	for _, in := range []struct {
		i, rank int
		name    string
	}{{convX, 3, "X"}, {convW, 3, "W"}, {convB, 1, "B"}} {
		if err := checkInput(c, in.i, in.name, t, in.rank); err != nil {
			return nil, err
		}
	}
	if err := checkInput(c, convIndex, "index", graph.Int64, 2); err != nil {
		return nil, err
	}
	if _, err := agree(dim(w, 2), graph.D(taps), "taps of W"); err != nil {
		return nil, err
	}
	if _, err := agree(dim(w, 1), dim(x, 1), "channels of W %s against those of X %s", w, x); err != nil {
		return nil, err
	}
	if _, err := agree(dim(c.Type(convB), 0), dim(w, 0), "length of B against the outputs of W %s", w); err != nil {
		return nil, err
	}
	if channels := dim(x, 1); channels.Known() && channels.Size < int64(2*attrs.pairs) {
		return nil, fmt.Errorf("spin_pairs is %d, which takes %d channels of Q and U: X has %d", attrs.pairs, 2*attrs.pairs, channels.Size)
	}
	in, err := pixelDim(c, dim(x, 2), convPixels, "pixels", g, known)
	if err != nil {
		return nil, err
	}
	out := in
	if c.Has(convIndex) {
		index := c.Type(convIndex)
		if _, err := agree(dim(index, 1), graph.D(taps), "columns of index"); err != nil {
			return nil, err
		}
		out = dim(index, 0)
		if in.Known() && out.Known() && in.Size != out.Size {
			if err := attrs.checkUncentred(c.Has(convPixels), int(in.Size), int(out.Size)); err != nil {
				return nil, err
			}
		}
	}
	mask, err := maskDims(c, convMask, dim(x, 0), in, out)
	if err != nil {
		return nil, err
	}
	if attrs.detect {
		mask = []graph.Dim{dim(x, 0), graph.D(1), out}
	}
	return []*graph.Type{graph.TensorType(t, dim(x, 0), dim(w, 0), out), boolType(mask)}, nil
}

// checkUncentred refuses policies that need the place of a row of index where the rows are not those of X.
func (c conv) checkUncentred(partial bool, in, out int) error {
	if c.missing == "center" || c.missing == "hpxpad" || partial && c.missing != c.outside {
		return fmt.Errorf("index has %d rows for %d input pixels, so that no row has a known centre: missing %q with "+
			"outside %q cannot be told; use zero or renorm for both", out, in, c.missing, c.outside)
	}
	if c.pairs > 0 {
		return fmt.Errorf("index has %d rows for %d input pixels, so that no row has a known centre to carry the spin_pairs to", out, in)
	}
	return nil
}

// read is one pixel that a tap reads, with its weight. from is -1 for a zero; counted is false if the tap is to do
// without it.
type read struct {
	from    int
	weight  float64
	counted bool
}

// windows finds what taps read.
type windows struct {
	conv
	sky   *sky
	index []int64           // nil: the windows of the sky
	in    int               // pixels of X
	rows  int               // pixels of Y
	place map[[2]int][2]int // by pixel and tap of the 24 holes, the taps that fill it
}

func newWindows(c conv, s *sky, index *graph.Tensor, in int) *windows {
	w := &windows{conv: c, sky: s, index: int64s(index), in: in, rows: in, place: map[[2]int][2]int{}}
	if index != nil {
		w.rows = int(index.Shape[0])
	}
	last := s.grid.Nside() - 1
	for _, h := range holes {
		p := s.grid.Pixel(h.face, h.cx*last, h.cy*last)
		w.place[[2]int{p, c.slotOf(h.tap)}] = [2]int{c.slotOf(h.fill[0]), c.slotOf(h.fill[1])}
	}
	return w
}

// entry returns the position in X that tap k of row p names, -1 if none.
func (w *windows) entry(p, k int, window []int) int {
	if w.index == nil {
		return w.sky.position(window[w.tapOrder[k]])
	}
	if e := w.index[p*taps+k]; e >= 0 && e < int64(w.in) {
		return int(e)
	}
	return -1
}

// reads returns what tap k of row p reads, before masks. window is the row's window on the sphere in lattice order, nil
// if the row has no place.
func (w *windows) reads(p, k int, window []int) []read {
	partial := w.sky.ids != nil
	e := w.entry(p, k, window)
	switch {
	case e >= 0:
		return []read{{e, 1, true}}
	case partial && (window == nil || window[w.tapOrder[k]] >= 0):
		return []read{w.lost(w.outside, p, 1)}
	case w.missing != "hpxpad":
		return []read{w.lost(w.missing, p, 1)}
	}
	fill, ok := w.place[[2]int{w.sky.id(p), k}]
	if !ok {
		return []read{{-1, 1, true}}
	}
	var rs []read
	for _, slot := range fill {
		switch e := w.entry(p, slot, window); {
		case e >= 0:
			rs = append(rs, read{e, 0.5, true})
		case partial:
			rs = append(rs, w.lost(w.outside, p, 0.5))
		default:
			rs = append(rs, read{-1, 0.5, true})
		}
	}
	return rs
}

// lost is the read that a policy puts in the place of one that finds no pixel.
func (w *windows) lost(policy string, p int, weight float64) read {
	if policy == "center" {
		return read{p, weight, true}
	}
	return read{-1, weight, policy != "renorm"}
}

// row is what one output pixel reads: for each tap pixels with weights that add up to 1, or to 0 if policies leave the
// tap out.
type row struct {
	taps  [taps][]carried
	scale float64 // of the sum over the taps that are left
	any   bool    // whether any read is valid
}

// row applies the masks to the reads of an output pixel.
func (w *windows) row(p int, valid []bool) row {
	var window []int
	if w.rows == w.in {
		window = make([]int, taps)
		w.sky.grid.Window(window, w.sky.id(p), 3, 1)
	}
	var r row
	left := 0
	for k := range r.taps {
		total := 0.0
		var kept []read
		for _, rd := range w.reads(p, k, window) {
			if rd.from >= 0 && !valid[rd.from] {
				rd.from, rd.counted = -1, w.maskMode != "renorm"
			}
			if rd.counted {
				total += rd.weight
			}
			if rd.from >= 0 {
				kept = append(kept, rd)
			}
		}
		if total == 0 {
			continue
		}
		left++
		for _, rd := range kept {
			rd.weight /= total
			r.taps[k] = append(r.taps[k], w.carry(rd, p))
			r.any = true
		}
	}
	if left > 0 {
		r.scale = taps / float64(left)
	}
	return r
}

func evalConv(c *ops.Call) ([]*graph.Tensor, error) {
	if err := checkCall(c, inferConv); err != nil {
		return nil, err
	}
	if c.In[convX].DType == graph.Float64 {
		return convolve[float64](c)
	}
	return convolve[float32](c)
}

func convolve[T float32 | float64](c *ops.Call) ([]*graph.Tensor, error) {
	attrs, _ := convOf(c.Node.Attrs)
	g, _, _ := gridOf(c.Node.Attrs)
	s, err := newSky("pixels", g, int64s(c.Input(convPixels)))
	if err != nil {
		return nil, err
	}
	x, weights := graph.Data[T](c.In[convX]), graph.Data[T](c.In[convW])
	n, ci, in := int(c.In[convX].Shape[0]), int(c.In[convX].Shape[1]), int(c.In[convX].Shape[2])
	co := int(c.In[convW].Shape[0])
	w := newWindows(attrs, s, c.Input(convIndex), in)
	y := c.Output(c.In[convX].DType, int64(n), int64(co), int64(w.rows))
	to := graph.Data[T](y)
	valid := validity[T](c.In[convX], c.Input(convMask), attrs)
	maskOut := c.Output(graph.Bool, maskShape(c.Input(convMask), attrs.detect, n, w.rows)...)
	okTo := graph.Data[bool](maskOut)
	reads := ci * taps // of a window
	ws := make([]float64, co*reads)
	for i := range ws {
		ws[i] = float64(weights[i])
	}
	filter := kernel.Matrix[float64]{Data: ws, RowStride: 1, ColStride: reads}
	chunk := max(1, 256/max(1, n)) // pixels
	err = ops.Parallel(c, w.rows, chunk, func(lo, hi int) error {
		// A line for each pixel and map: what its window reads, and the sums of all outputs.
		lines := (hi - lo) * n
		window, sums, scale := make([]float64, lines*reads), make([]float64, lines*co), make([]float64, lines)
		for p := lo; p < hi; p++ {
			var r row
			for i := range max(n, len(valid)) {
				if i < len(valid) {
					r = w.row(p, valid.of(i))
					if len(okTo) > 0 {
						okTo[i*w.rows+p] = r.any
					}
				}
				if i >= n {
					break
				}
				line := (p-lo)*n + i
				scale[line] = r.scale
				for k, reads := range r.taps {
					for _, rd := range reads {
						for ch := range ci {
							v := float64(x[(i*ci+ch)*in+rd.from])
							if ch < 2*attrs.pairs {
								v = rd.turn(ch, v, float64(x[(i*ci+(ch^1))*in+rd.from]))
							}
							window[(line*ci+ch)*taps+k] += rd.weight * v
						}
					}
				}
			}
		}
		err := kernel.Gemm(lines, co, reads, 1, kernel.Matrix[float64]{Data: window, RowStride: reads, ColStride: 1}, filter,
			kernel.Matrix[float64]{Data: sums, RowStride: co, ColStride: 1}, kernel.GemmOptions{})
		if err != nil {
			return err
		}
		for line, s := range scale {
			p, i := lo+line/n, line%n
			for o := range co {
				sum := s * sums[line*co+o]
				if b := c.Input(convB); b != nil {
					sum += float64(graph.Data[T](b)[o])
				}
				to[(i*co+o)*w.rows+p] = T(sum)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []*graph.Tensor{y, maskOut}[:max(1, len(c.Node.Out))], nil
}

// masks are the valid pixels of each map, or once for all maps.
type masks [][]bool

func (m masks) of(i int) []bool { return m[i%len(m)] }

// validity returns which pixels of x count: where the mask has them and, if attrs detects, where every channel has a
// value.
func validity[T float32 | float64](x, mask *graph.Tensor, attrs conv) masks {
	n, ci, in := int(x.Shape[0]), int(x.Shape[1]), int(x.Shape[2])
	m := make(masks, 1)
	if n > 0 && len(maskShape(mask, attrs.detect, n, in)) == 3 {
		m = make(masks, n)
	}
	for i := range m {
		m[i] = make([]bool, in)
		for p := range m[i] {
			m[i][p] = masked(mask, i, p, in)
			if attrs.detect && i < n {
				m[i][p] = m[i][p] && !lost(graph.Data[T](x)[i*ci*in+p:], ci, in, attrs.unseen)
			}
		}
	}
	return m
}

// masked reports whether a mask, [P] or [N, 1, P] or nil, has pixel p of map i.
func masked(mask *graph.Tensor, i, p, pixels int) bool {
	switch {
	case mask == nil:
		return true
	case len(mask.Shape) == 1:
		return graph.Data[bool](mask)[p]
	}
	return mask.Shape[0] > 0 && graph.Data[bool](mask)[i*pixels+p]
}

// lost reports whether one of the channels, stride elements apart, has no value.
func lost[T float32 | float64](x []T, channels, stride int, unseen float64) bool {
	for ch := range channels {
		v := float64(x[ch*stride])
		if math.IsNaN(v) || math.Abs(v-unseen) <= 1e-5*math.Abs(unseen)+1e-8 {
			return true
		}
	}
	return false
}

// maskShape is the shape of a mask_out of p pixels: like the mask, or with one for each of n maps where values are
// looked at.
func maskShape(mask *graph.Tensor, perMap bool, n, p int) []int64 {
	if perMap || mask != nil && len(mask.Shape) == 3 {
		return []int64{int64(n), 1, int64(p)}
	}
	return []int64{int64(p)}
}
