package healpix

import "slices"

// The 12-face padding of earth2grid and DLWP-HPX surrounds every face by a border of its neighbours' pixels, so that
// an image convolution may run on it. Where a face has no neighbour at a corner the border is made from the two
// faces beside it: from a single pixel, or on the diagonal from the mean of two. Everywhere else the border is what
// Window finds.

// padSources returns the two pixels whose mean the padding has at (x, y) as seen from face f, a < b, or a = b for a
// single one. The place may lie up to nside beyond any edge of the face.
func (g Grid) padSources(f, x, y int) (a, b int) {
	if q := g.reach(f, x, y); q >= 0 {
		return q, q
	}
	// The sides of the missing face, seen from f.
	const toSE, toSW, toNE, toNW = 1, 3, 5, 7
	side := func(row, x, y int) int { return g.encode(int(acrossFace[row][f]), x, y) }
	n := g.nside
	if band := f >> 2; band != 1 { // a polar face lacks its east and west
		east, west := toNE, toNW
		if band == 2 {
			east, west = toSE, toSW
		}
		row := east
		if x < 0 {
			row = west
		}
		a = side(row, (x+n)%n, (y+n)%n)
		return a, a
	}
	if x >= n { // an equatorial face lacks its north
		u, v := x-n, y-n
		switch {
		case v < u:
			a = side(toNE, u, n-u+v)
			b = a
		case u < v:
			a = side(toNW, n-v+u, v)
			b = a
		default:
			a, b = side(toNE, u, n-1), side(toNW, n-1, u)
		}
	} else { // and its south
		u, v := -1-x, -1-y
		switch {
		case u < v:
			a = side(toSE, v-1-u, n-1-v)
			b = a
		case v < u:
			a = side(toSW, n-1-u, u-1-v)
			b = a
		default:
			a, b = side(toSW, n-1-u, 0), side(toSE, 0, n-1-u)
		}
	}
	return min(a, b), max(a, b)
}

// PadWindow writes to dst[:2·k·k] what the padding gives as the window around ipix: a pair of pixels for each tap of
// Window, whose mean is the tap's value. Pairs are ascending; a single source stands twice. It panics where
// CheckWindow gives an error.
func (g Grid) PadWindow(dst []int, ipix, k, dilation int) {
	g.mustFit(k, dilation)
	f, x, y := g.Face(ipix)
	for t, s := range windowSteps(k, dilation) {
		dst[2*t], dst[2*t+1] = g.padSources(f, x+s.dx, y+s.dy)
	}
}

// PadTable returns PadWindow of every pixel, [npix, k·k, 2] in row-major order. Errors are those of WindowTable.
func PadTable[T Index](g Grid, k, dilation int) ([]T, error) {
	if err := g.CheckWindow(k, dilation); err != nil {
		return nil, err
	}
	table, err := makeTable[T](g, 2*k*k)
	if err != nil {
		return nil, err
	}
	steps := windowSteps(k, dilation)
	width := len(steps)
	parallel(g.Npix(), pixelGrain, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			f, x, y := g.decode(p)
			row := table[2*width*p : 2*width*(p+1)]
			for t, s := range steps {
				a, b := g.padSources(f, x+s.dx, y+s.dy)
				row[2*t], row[2*t+1] = T(a), T(b)
			}
		}
	})
	return table, nil
}

// Fill is a neighbour that a pixel lacks: Slot of pixel Ipix, which the padding takes as the mean of A and B, A ≤ B.
type Fill struct {
	Ipix, Slot, A, B int
}

// Fills returns the missing neighbours, in the order of pixels and slots: 24, at as many pixels unless nside is 1.
func (g Grid) Fills() []Fill {
	last := g.nside - 1
	var fills []Fill
	add := func(f, x, y, slot int) {
		a, b := g.padSources(f, x+slotSteps[slot].dx, y+slotSteps[slot].dy)
		fills = append(fills, Fill{g.encode(f, x, y), slot, a, b})
	}
	for f := range 12 {
		if f>>2 == 1 {
			add(f, last, last, N)
			add(f, 0, 0, S)
		} else {
			add(f, 0, last, W)
			add(f, last, 0, E)
		}
	}
	slices.SortFunc(fills, func(p, q Fill) int {
		if p.Ipix != q.Ipix {
			return p.Ipix - q.Ipix
		}
		return p.Slot - q.Slot
	})
	return fills
}
