package healpix

// Rings of equal latitude are numbered 1 to 4 nside - 1 from north to south. Rings up to nside and from 3 nside on,
// the caps, have 4 pixels times their distance in rings from the pole; those between, the belt, have 4 nside.

// A face meets ring i where x + y = faceSouth nside - i - 1, and its middle lies at phi = faceMiddle π/4.
var (
	faceSouth  = [12]int{2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4}
	faceMiddle = [12]int{1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7}
)

// ringQuarter returns a fourth of the pixels of ring i.
func (g Grid) ringQuarter(i int) int { return min(i, g.nside, 4*g.nside-i) }

// ringShift returns 1 where ring i has a pixel centred on phi = 0, and 0 where it has a pixel corner or edge there.
func (g Grid) ringShift(i int) int {
	if n := g.nside; i >= n && i <= 3*n {
		return (i - n) & 1
	}
	return 0
}

// ringStart returns the first pixel, in RING order, of ring i.
func (g Grid) ringStart(i int) int {
	n := g.nside
	switch {
	case i < n:
		return 2 * i * (i - 1)
	case i <= 3*n:
		return 2*n*(n-1) + 4*n*(i-n)
	default:
		m := 4*n - i
		return 12*n*n - 2*m*(m+1)
	}
}

// RingInfo describes ring i, 1 to 4 nside - 1 from the north pole: its first pixel in RING order, its number of pixels, the
// cosine and the sine of its colatitude, and the longitude of its first pixel's centre. Pixels follow each other eastwards.
func (g Grid) RingInfo(i int) (start, npix int, z, sin, phi float64) {
	if i < 1 || i >= 4*g.nside {
		panic("healpix: ring out of range")
	}
	z, sin = height(i, g.nside)
	return g.ringStart(i), 4 * g.ringQuarter(i), z, sin, g.ringPhi(i, 0)
}

// ringOf returns the ring of a RING pixel and its place j in the ring, from 0.
func (g Grid) ringOf(ipix int) (i, j int) {
	n := g.nside
	capPix := 2 * n * (n - 1)
	last := 12*n*n - 1
	switch {
	case ipix < capPix:
		i = (1 + isqrt(1+2*ipix)) / 2
		return i, ipix - 2*i*(i-1)
	case ipix <= last-capPix:
		d := ipix - capPix
		return n + d/(4*n), d % (4 * n)
	default:
		m := (1 + isqrt(1+2*(last-ipix))) / 2
		return 4*n - m, ipix - (last + 1 - 2*m*(m+1))
	}
}

func (g Grid) faceToRing(f, x, y int) (i, j int) {
	i = faceSouth[f]*g.nside - x - y - 1
	m := g.ringQuarter(i)
	j = (faceMiddle[f]*m + x - y - 1 + g.ringShift(i)) >> 1
	if j < 0 {
		j += 4 * m
	}
	return i, j
}

func (g Grid) ringToFace(i, j int) (f, x, y int) {
	n := g.nside
	m := g.ringQuarter(i)
	switch {
	case i < n:
		f = j / m
	case i > 3*n:
		f = 8 + j/m
	default:
		// Lines of constant y and of constant x, counted in faces: they agree on an equatorial face alone.
		d := i - n
		a := (j + n - (d+1)/2) / n
		b := (j + n - (2*n+1-d)/2) / n
		switch {
		case a == b:
			f = 4 + b&3
		case b < a:
			f = b
		default:
			f = a + 8
		}
	}
	sum := faceSouth[f]*n - 1 - i
	diff := 2*j + 1 - g.ringShift(i) - faceMiddle[f]*m
	if diff >= 2*n {
		diff -= 8 * n
	}
	return f, (sum + diff) / 2, (sum - diff) / 2
}
