package healpix

import "fmt"

// Face returns the face of a pixel, 0 to 11, and its place there, 0 ≤ x, y < nside.
func (g Grid) Face(ipix int) (f, x, y int) {
	g.mustHold(ipix)
	return g.decode(ipix)
}

// Pixel returns the pixel at a place of a face; it is the inverse of Face.
func (g Grid) Pixel(f, x, y int) int {
	if uint(f) >= 12 || uint(x) >= uint(g.nside) || uint(y) >= uint(g.nside) {
		panic(fmt.Sprintf("healpix: no place (%d, %d) on face %d of %v", x, y, f, g))
	}
	return g.encode(f, x, y)
}

func (g Grid) decode(ipix int) (f, x, y int) {
	n := g.nside
	switch g.order {
	case Ring:
		i, j := g.ringOf(ipix)
		return g.ringToFace(i, j)
	case Nested:
		inFace := uint64(ipix % (n * n))
		return ipix / (n * n), int(compact(inFace)), int(compact(inFace >> 1))
	default:
		row := ipix / n
		return row / n, n - 1 - row%n, n - 1 - ipix%n
	}
}

func (g Grid) encode(f, x, y int) int {
	n := g.nside
	switch g.order {
	case Ring:
		i, j := g.faceToRing(f, x, y)
		return g.ringStart(i) + j
	case Nested:
		return f*n*n + int(spread(uint64(x))|spread(uint64(y))<<1)
	default:
		return (f*n+n-1-x)*n + n - 1 - y
	}
}

// spread puts the low 32 bits of v on the even bits of the result.
func spread(v uint64) uint64 {
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & 0x5555555555555555
}

// compact collects the even bits of v; it undoes spread and ignores the odd bits.
func compact(v uint64) uint64 {
	v &= 0x5555555555555555
	v = (v | v>>1) & 0x3333333333333333
	v = (v | v>>2) & 0x0f0f0f0f0f0f0f0f
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return (v | v>>16) & 0x00000000ffffffff
}
