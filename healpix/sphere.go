package healpix

import "math"

// The projection of Górski et al. 2005 makes each face a square of n steps a side. On it the ring through (x, y) is
// t = faceSouth n - x - y steps from the north pole, and in a cap the distance from the pole alone fixes the height.

// locate returns z = cos theta, sin theta and phi of a corner (x, y) of a face's lattice, 0 ≤ x, y ≤ n. It reckons
// in integers as far as possible, and sin theta keeps its precision close to the poles, where z has lost it.
func locate(f, x, y, n int) (z, sin, phi float64) {
	t := faceSouth[f]*n - x - y
	quarter := min(t, n, 4*n-t)
	z, sin = height(t, n)
	along := faceMiddle[f]*quarter + x - y
	if along < 0 {
		along += 8 * quarter
	}
	if quarter == 0 {
		return z, 0, 0 // the pole itself
	}
	return z, sin, float64(along) * (math.Pi / 4) / float64(quarter)
}

// height returns z and sin theta of ring t of a lattice of n steps.
func height(t, n int) (z, sin float64) {
	switch {
	case t < n:
		return capHeight(float64(t) / float64(n))
	case t > 3*n:
		z, sin = capHeight(float64(4*n-t) / float64(n))
		return -z, sin
	}
	z = float64(2*n-t) * 2 / (3 * float64(n))
	return z, math.Sqrt((1 - z) * (1 + z))
}

// capHeight returns |z| and sin theta of the ring at t < 1 from a pole, the cap being 1: 1 - |z| = t²/3.
func capHeight(t float64) (z, sin float64) {
	h := t * t / 3
	return 1 - h, math.Sqrt(h * (2 - h))
}

// Pix2Vec returns the unit vector to the centre of a pixel: x to (theta, phi) = (π/2, 0), y to (π/2, π/2), z to the
// north pole.
func (g Grid) Pix2Vec(ipix int) [3]float64 {
	z, s, phi := g.centre(ipix)
	sin, cos := math.Sincos(phi)
	return [3]float64{s * cos, s * sin, z}
}

// centre returns z = cos theta, sin theta and phi of a pixel's centre.
func (g Grid) centre(ipix int) (z, sin, phi float64) {
	i, j := g.ringAt(ipix)
	z, sin = height(i, g.nside)
	return z, sin, g.ringPhi(i, j)
}

// Pix2Ang returns the centre of a pixel, 0 < theta < π and 0 ≤ phi < 2π, to a few units in the last place of each.
func (g Grid) Pix2Ang(ipix int) (theta, phi float64) {
	i, j := g.ringAt(ipix)
	return g.ringTheta(i), g.ringPhi(i, j)
}

func (g Grid) ringAt(ipix int) (i, j int) {
	g.mustHold(ipix)
	if g.order == Ring {
		return g.ringOf(ipix)
	}
	return g.faceToRing(g.decode(ipix))
}

func (g Grid) ringTheta(i int) float64 {
	z, sin := height(i, g.nside)
	return math.Atan2(sin, z)
}

func (g Grid) ringPhi(i, j int) float64 {
	return float64(2*j+1-g.ringShift(i)) * (math.Pi / 4) / float64(g.ringQuarter(i))
}

// Ang2Pix returns the pixel that contains a direction, or -1 where theta is not in 0 to π, or theta or phi not
// finite. phi may have any number of turns.
func (g Grid) Ang2Pix(theta, phi float64) int {
	if !(theta >= 0 && theta <= math.Pi) {
		return -1
	}
	sin, z := math.Sincos(theta)
	return g.pixelAt(z, math.Abs(sin), phi)
}

// Vec2Pix returns the pixel that contains the direction of v, which may have any length; -1 where v is zero or not
// finite.
func (g Grid) Vec2Pix(v [3]float64) int {
	across := math.Hypot(v[0], v[1])
	length := math.Hypot(across, v[2])
	if !(length > 0) || math.IsInf(length, 0) {
		return -1
	}
	return g.pixelAt(v[2]/length, across/length, math.Atan2(v[1], v[0]))
}

// pixelAt finds the pixel at z = cos theta, sin theta and phi, with sin theta where z says little about it.
func (g Grid) pixelAt(z, sin, phi float64) int {
	quarters := math.Mod(phi*(2/math.Pi), 4)
	if quarters != quarters {
		return -1
	}
	if quarters < 0 {
		quarters += 4
	}
	if quarters >= 4 { // a tiny negative angle rounds up to the full circle
		quarters = 0
	}
	n := float64(g.nside)
	side := g.nside - 1
	height := math.Abs(z)
	if height <= 2.0/3 {
		// Lines of constant y fall and lines of constant x rise with phi; a is the distance across the former, b
		// across the latter.
		middle, slope := n*(0.5+quarters), n*z*0.75
		a, b := int(middle-slope), int(middle+slope)
		fa, fb := a/g.nside, b/g.nside
		f := fa&3 | 4
		switch {
		case fa < fb:
			f = fa & 3
		case fa > fb:
			f = fb&3 + 8
		}
		return g.encode(f, b%g.nside, side-a%g.nside)
	}
	edge := n * math.Sqrt(3*(1-height)) // the ring's distance from the pole, in pixels
	if height > 0.99 {
		edge = n * sin / math.Sqrt((1+height)/3)
	}
	q := min(int(quarters), 3)
	part := quarters - float64(q)
	a := min(int(part*edge), side)
	b := min(int((1-part)*edge), side)
	if z > 0 {
		return g.encode(q, side-b, side-a)
	}
	return g.encode(q+8, a, b)
}
