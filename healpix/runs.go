package healpix

import (
	"math"
	"slices"
)

// NoTap is the offset, in a Run, of a tap without a pixel.
const NoTap = math.MinInt

// Run is a range of consecutive pixels whose taps all lie at the same distances in memory: tap t of pixel p is p +
// Offset[t], for First ≤ p < First+Len, or missing where Offset[t] is NoTap. A stencil over a run is shifted
// contiguous loads, no gather.
type Run struct {
	First, Len int
	Offset     []int
}

// Runs returns the maximal runs of the k×k window, in the order of their pixels; taps are ordered as in Window. For
// k = 3 and nside ≥ 3 they are 28 nside - 9 in RING and 44 nside - 24 in XY. In NESTED there is a run for nearly
// each pixel: gather there. The error is CheckWindow's.
func (g Grid) Runs(k, dilation int) ([]Run, error) {
	if err := g.CheckWindow(k, dilation); err != nil {
		return nil, err
	}
	var runs []Run
	emit := func(first, length int, offset []int) {
		if last := len(runs) - 1; last >= 0 && slices.Equal(runs[last].Offset, offset) {
			runs[last].Len += length
			return
		}
		runs = append(runs, Run{first, length, slices.Clone(offset)})
	}
	steps := windowSteps(k, dilation)
	if g.order == Nested {
		offset := make([]int, len(steps))
		for p := range g.Npix() {
			g.offsets(offset, p, steps)
			emit(p, 1, offset)
		}
		return runs, nil
	}
	g.eachRun(0, g.rows(), steps, emit)
	return runs, nil
}

// offsets writes the distances of the taps of pixel p.
func (g Grid) offsets(dst []int, p int, steps []step) {
	f, x, y := g.decode(p)
	for t, s := range steps {
		dst[t] = NoTap
		if q := g.reach(f, x+s.dx, y+s.dy); q >= 0 {
			dst[t] = q - p
		}
	}
}

// rows returns the number of rows of a RING or XY grid: rings, or rows of faces.
func (g Grid) rows() int {
	if g.order == Ring {
		return 4*g.nside - 1
	}
	return 12 * g.nside
}

// eachRun calls emit with ranges of constant offset that make up the rows [lo, hi) of a RING or XY grid, in order.
// The ranges need not be maximal; offset is valid during the call.
func (g Grid) eachRun(lo, hi int, steps []step, emit func(first, length int, offset []int)) {
	n := g.nside
	reach := reachOf(steps)
	offset := make([]int, len(steps))
	single := func(first, length int) {
		for p := first; p < first+length; p++ {
			g.offsets(offset, p, steps)
			emit(p, 1, offset)
		}
	}
	// Only taps of pixels close to the ends of a stretch inside one face can leave the face or pass the end of the
	// row.
	stretch := func(first, length int) {
		if length <= 2*reach {
			single(first, length)
			return
		}
		single(first, reach)
		g.offsets(offset, first+reach, steps)
		emit(first+reach, length-2*reach, offset)
		single(first+length-reach, reach)
	}
	for row := lo; row < hi; row++ {
		if g.order == XY {
			if h := row % n; h < reach || h >= n-reach {
				single(row*n, n) // taps in a face whose rows may run across ours
			} else {
				stretch(row*n, n)
			}
			continue
		}
		i := row + 1
		start, length := g.ringStart(i), 4*g.ringQuarter(i)
		for j := 0; j < length; {
			_, x, y := g.ringToFace(i, j)
			inFace := min(min(n-1-x, y)+1, length-j)
			stretch(start+j, inFace)
			j += inFace
		}
	}
}

func reachOf(steps []step) int {
	reach := 0
	for _, s := range steps {
		reach = max(reach, s.dx, -s.dx, s.dy, -s.dy)
	}
	return reach
}
