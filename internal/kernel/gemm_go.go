//go:build !cgo || purego

package kernel

// gemmPath computes blocks of a product its own way.
type gemmPath[T Float] struct {
	strip, width int // the most rows of a strip; columns worked on together
	// tile adds alpha times the product of a, k x rows with `strip` elements from row to row, and b, k x width, to c. It may take
	// fewer rows than asked for, and says how many.
	tile func(rows, k, strip int, alpha T, a, b, c []T, cStride int) int
}

func gemmPathOf[T Float](p Path) (gemmPath[T], bool) {
	if v, ok := vectors[T](); ok && p == Auto {
		return v, true
	}
	return gemmPath[T]{strip: 64, width: 4, tile: goTile[T]}, p == Auto || p == Portable
}

// GemmVectors says whether Gemm computes with the processor's vectors; where it does not, gonum's BLAS may be faster.
func GemmVectors[T Float]() bool {
	_, ok := vectors[T]()
	return ok
}

// strips packs m rows of a, k long: [m / strip][k][strip], the last strip as narrow as it is.
func (p gemmPath[T]) strips(m, k, strip int, a Matrix[T], to []T) {
	for i := 0; i < m; i += strip {
		rows := min(strip, m-i)
		part := to[i*k:][:rows*k]
		for l := 0; l < k; l += 16 {
			for r := range rows {
				from := a.Data[(i+r)*a.RowStride:]
				for q := l; q < min(l+16, k); q++ {
					part[q*rows+r] = from[q*a.ColStride]
				}
			}
		}
	}
}

// block adds alpha times the product of a block to its c.
func (p gemmPath[T]) block(b *block[T]) {
	packed, edge := b.scratch[:b.k*p.width], make([]T, b.strip*p.width)
	for j := 0; j < b.n; j += p.width {
		cols := min(p.width, b.n-j)
		p.columns(packed, b, j, cols)
		for i := 0; i < b.m; i += b.strip {
			rows := min(b.strip, b.m-i)
			a := b.a[i*b.k:][:rows*b.k]
			c := b.c.Data[i*b.c.RowStride+j*b.c.ColStride:]
			if cols == p.width && b.c.ColStride == 1 {
				p.tiles(rows, b.k, b.alpha, a, packed, c, b.c.RowStride)
				continue
			}
			clear(edge)
			p.tiles(rows, b.k, b.alpha, a, packed, edge, p.width)
			for r := range rows {
				for q := range cols {
					c[r*b.c.RowStride+q*b.c.ColStride] += edge[r*p.width+q]
				}
			}
		}
	}
}

func (p gemmPath[T]) tiles(rows, k int, alpha T, a, b, c []T, cStride int) {
	for i := 0; i < rows; {
		i += p.tile(rows-i, k, rows, alpha, a[i:], b, c[i*cStride:], cStride)
	}
}

// columns packs `cols` columns of b from column j on: [k][width], what is missing being 0.
func (p gemmPath[T]) columns(to []T, b *block[T], j, cols int) {
	if cols < p.width {
		clear(to)
	}
	m := b.b
	if m.RowAt != nil {
		at := m.ColAt[j:][:cols]
		if at[cols-1] == at[0]+int64(cols-1) && consecutive(at) {
			for l, row := range m.RowAt {
				copy(to[l*p.width:][:cols], m.Data[row+at[0]:])
			}
			return
		}
		for l, row := range m.RowAt {
			line := to[l*p.width:][:cols]
			for q := range line {
				line[q] = m.Data[row+at[q]]
			}
		}
		return
	}
	m.Data = m.Data[j*m.ColStride:]
	if m.ColStride == 1 {
		for l := range b.k {
			copy(to[l*p.width:][:cols], m.Data[l*m.RowStride:])
		}
		return
	}
	for l := 0; l < b.k; l += 16 {
		for q := range cols {
			from := m.Data[q*m.ColStride:]
			for i := l; i < min(l+16, b.k); i++ {
				to[i*p.width+q] = from[i*m.RowStride]
			}
		}
	}
}

func consecutive(at []int64) bool {
	for i, v := range at {
		if v != at[0]+int64(i) {
			return false
		}
	}
	return true
}

// goTile is a tile of 2 x 4, or 1 x 4: as many sums as sixteen registers hold beside their factors.
func goTile[T Float](rows, k, strip int, alpha T, a, b, c []T, cStride int) int {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	if rows == 1 {
		for l := range k {
			f, x := a[l*strip], b[4*l:4*l+4:4*l+4]
			s00 += f * x[0]
			s01 += f * x[1]
			s02 += f * x[2]
			s03 += f * x[3]
		}
		c = c[:4:4]
		c[0] += alpha * s00
		c[1] += alpha * s01
		c[2] += alpha * s02
		c[3] += alpha * s03
		return 1
	}
	for l := 0; l < k; l++ {
		f, x := a[l*strip:l*strip+2:l*strip+2], b[4*l:4*l+4:4*l+4]
		f0, f1 := f[0], f[1]
		x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
		s00 += f0 * x0
		s01 += f0 * x1
		s02 += f0 * x2
		s03 += f0 * x3
		s10 += f1 * x0
		s11 += f1 * x1
		s12 += f1 * x2
		s13 += f1 * x3
	}
	d := c[cStride:][:4:4]
	c = c[:4:4]
	c[0] += alpha * s00
	c[1] += alpha * s01
	c[2] += alpha * s02
	c[3] += alpha * s03
	d[0] += alpha * s10
	d[1] += alpha * s11
	d[2] += alpha * s12
	d[3] += alpha * s13
	return 2
}
