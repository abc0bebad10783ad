package healpix

import "math"

// Transport returns the angle from -π to π by which the direction of a tangent vector, counted from south through east, grows when
// the vector is carried along the great circle from the centre of a pixel to that of another: the frames there differ by so much. On
// the equator and along meridians it is 0, near the north pole it nears the difference of the longitudes. Q and U in HEALPix's
// convention (COSMO) become those of the other pixel's frame by Q + iU → (Q + iU) e^{2iα}.
//
// With θ and φ of both, Napier's analogies give tan(α/2) = cos((θ+θ')/2) / cos((θ-θ')/2) · tan((φ-φ')/2).
func (g Grid) Transport(from, to int) float64 {
	z, sin, phi := g.centre(from)
	z2, sin2, phi2 := g.centre(to)
	s, c := math.Sincos((phi - phi2) / 2)
	ratio := (z + z2) / (1 + z*z2 + sin*sin2)
	return math.Remainder(2*math.Atan2(ratio*s, c), 2*math.Pi)
}
