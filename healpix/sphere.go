package healpix

import "math"

// The projection of Górski et al. 2005 makes each face a square. Here a place on a face is (u, v), 0 to 1 along x and y; the
// distance of its ring from the north pole in units of nside is t = faceSouth - u - v, from 0 to 4.

// locate returns z = cos theta, sin theta and phi of a place on a face. sin theta keeps its precision close to the poles, where
// z has lost it.
func locate(f int, u, v float64) (z, sin, phi float64) {
	t := float64(faceSouth[f]) - u - v
	quarter := 1.0 // length of the ring in units of nside pixels per quarter
	switch {
	case t < 1:
		z, sin = capHeight(t)
		quarter = t
	case t > 3:
		quarter = 4 - t
		z, sin = capHeight(quarter)
		z = -z
	default:
		z = (2 - t) * 2 / 3
		sin = math.Sqrt((1 - z) * (1 + z))
	}
	if quarter < 1e-15 {
		return z, sin, 0 // the pole itself
	}
	along := float64(faceMiddle[f])*quarter + u - v
	if along < 0 {
		along += 8
	}
	return z, sin, along * math.Pi / 4 / quarter
}

// capHeight returns z and sin theta of the ring at t < 1 from a pole: 1 - |z| = t²/3.
func capHeight(t float64) (z, sin float64) {
	h := t * t / 3
	return 1 - h, math.Sqrt(h * (2 - h))
}

// Pix2Vec returns the unit vector to the centre of a pixel: x to (theta, phi) = (π/2, 0), y to (π/2, π/2), z to the north pole.
func (g Grid) Pix2Vec(ipix int) [3]float64 {
	i, j := g.ringAt(ipix)
	z, s := g.ringHeight(i)
	sin, cos := math.Sincos(g.ringPhi(i, j))
	return [3]float64{s * cos, s * sin, z}
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

func (g Grid) ringHeight(i int) (z, sin float64) {
	n := float64(g.nside)
	switch {
	case i < g.nside:
		return capHeight(float64(i) / n)
	case i > 3*g.nside:
		z, sin = capHeight(float64(4*g.nside-i) / n)
		return -z, sin
	}
	z = float64(2*g.nside-i) * 2 / (3 * n)
	return z, math.Sqrt((1 - z) * (1 + z))
}

func (g Grid) ringTheta(i int) float64 {
	z, sin := g.ringHeight(i)
	return math.Atan2(sin, z)
}

func (g Grid) ringPhi(i, j int) float64 {
	return float64(2*j+1-g.ringShift(i)) * (math.Pi / 4) / float64(g.ringQuarter(i))
}

// Ang2Pix returns the pixel that contains a direction, or -1 where theta is not in 0 to π, or theta or phi not finite. phi may
// have any number of turns.
func (g Grid) Ang2Pix(theta, phi float64) int {
	if !(theta >= 0 && theta <= math.Pi) {
		return -1
	}
	sin, z := math.Sincos(theta)
	return g.pixelAt(z, math.Abs(sin), phi)
}

// Vec2Pix returns the pixel that contains the direction of v, which may have any length; -1 where v is zero or not finite.
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
		// Lines of constant y fall and lines of constant x rise with phi; a is the distance across the former, b across the latter.
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
