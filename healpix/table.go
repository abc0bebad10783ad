package healpix

import (
	"fmt"
	"math"
)

// NeighbourTable returns Neighbours of every pixel, [npix, 8] in row-major order. It is an error if T cannot hold
// the pixel numbers or the table an address space. All cores work on it.
func NeighbourTable[T Index](g Grid) ([]T, error) {
	table, err := makeTable[T](g, 8)
	if err == nil {
		fillTable(table, g, slotSteps[:])
	}
	return table, err
}

// NeighbourTableTo writes the table of NeighbourTable to dst, which has 8 npix elements. At large nside clearing and
// first use of new memory cost more than the table itself, so that reuse pays.
func NeighbourTableTo[T Index](dst []T, g Grid) error {
	if len(dst) != 8*g.Npix() {
		return fmt.Errorf("healpix: neighbour table of %v: want %d elements, got %d", g, 8*g.Npix(), len(dst))
	}
	if err := fits[T](g); err != nil {
		return err
	}
	fillTable(dst, g, slotSteps[:])
	return nil
}

// WindowTable returns Window of every pixel, [npix, k·k] in row-major order. Errors are those of CheckWindow and
// NeighbourTable.
func WindowTable[T Index](g Grid, k, dilation int) ([]T, error) {
	if err := g.CheckWindow(k, dilation); err != nil {
		return nil, err
	}
	table, err := makeTable[T](g, k*k)
	if err == nil {
		fillTable(table, g, windowSteps(k, dilation))
	}
	return table, err
}

func makeTable[T Index](g Grid, width int) ([]T, error) {
	if err := fits[T](g); err != nil {
		return nil, err
	}
	if width > math.MaxInt/16/g.Npix() {
		return nil, fmt.Errorf("healpix: a table of %d entries for each pixel of %v is too large", width, g)
	}
	return make([]T, g.Npix()*width), nil
}

func fillTable[T Index](table []T, g Grid, steps []step) {
	if g.order == Nested {
		parallel(g.Npix(), pixelGrain, func(lo, hi int) { fillNested(table, g, steps, lo, hi) })
		return
	}
	parallel(g.rows(), 8, func(lo, hi int) {
		g.eachRun(lo, hi, steps, func(first, length int, offset []int) { fillRun(table, first, length, offset) })
	})
}

// fillRun writes the table rows of one run.
func fillRun[T Index](table []T, first, length int, offset []int) {
	width := len(offset)
	rows := table[first*width : (first+length)*width]
	whole := true
	for t, d := range offset {
		rows[t] = -1
		if d != NoTap {
			rows[t] = T(first + d)
		} else {
			whole = false
		}
	}
	if whole && width == len(slotSteps) {
		countUp8(rows)
		return
	}
	for i := width; i < len(rows); i += width {
		before, row := rows[i-width:i], rows[i:i+width]
		for t, q := range before {
			if q >= 0 {
				q++
			}
			row[t] = q
		}
	}
}

// countUp8 makes each row of eight one more than the row before. It is the loop over nearly all of a neighbour
// table, and this form keeps the row in registers.
func countUp8[T Index](rows []T) {
	r := (*[8]T)(rows)
	a, b, c, d, e, f, g, h := r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	for rows = rows[8:]; len(rows) >= 8; rows = rows[8:] {
		r = (*[8]T)(rows)
		a, b, c, d, e, f, g, h = a+1, b+1, c+1, d+1, e+1, f+1, g+1, h+1
		r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7] = a, b, c, d, e, f, g, h
	}
}

// fillNested writes the table rows of the pixels [lo, hi). The bits of x and y are summed where they stand: a carry
// runs through the other coordinate's bits if those are all set, and is masked from them afterwards.
func fillNested[T Index](table []T, g Grid, steps []step, lo, hi int) {
	n, width, reach := g.nside, len(steps), reachOf(steps)
	inFace := uint64(n)*uint64(n) - 1
	xBits, yBits := 0x5555555555555555&inFace, 0xaaaaaaaaaaaaaaaa&inFace
	low, high := spread(uint64(reach)), spread(uint64(max(n-reach, 0))) // spread keeps order
	type added struct{ x, y uint64 }
	add := make([]added, width)
	for t, s := range steps {
		add[t] = added{spread(uint64(s.dx+n) % uint64(n)), spread(uint64(s.dy+n)%uint64(n)) << 1}
	}
	for p := lo; p < hi; p++ {
		row := table[p*width : (p+1)*width]
		x, y := uint64(p)&xBits, uint64(p)&yBits
		if x >= low && x < high && y>>1 >= low && y>>1 < high {
			face := uint64(p) &^ inFace
			if width == len(slotSteps) { // no window has eight taps
				back, forth := face|(x-1)&xBits, face|(x|yBits+1)&xBits
				down, up := (y-2)&yBits, (y|xBits+2)&yBits
				x |= face
				slot := (*[8]T)(row)
				slot[SW], slot[W], slot[NW], slot[N] = T(back|y), T(back|up), T(x|up), T(forth|up)
				slot[NE], slot[E], slot[SE], slot[S] = T(forth|y), T(forth|down), T(x|down), T(back|down)
				continue
			}
			for t, d := range add {
				row[t] = T(face | (x|yBits+d.x)&xBits | (y|xBits+d.y)&yBits)
			}
			continue
		}
		f, fx, fy := g.decode(p)
		for t, s := range steps {
			row[t] = T(g.reach(f, fx+s.dx, fy+s.dy))
		}
	}
}
