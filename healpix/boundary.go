package healpix

import (
	"fmt"
	"math"
)

// Boundaries returns unit vectors to 4·step points on the edge of a pixel, evenly spaced on its face: from the north corner
// by way of the west, south and east ones. It panics if step is less than 1.
func (g Grid) Boundaries(ipix, step int) [][3]float64 {
	if step < 1 {
		panic(fmt.Sprintf("healpix: boundary in %d steps: want at least 1", step))
	}
	f, x, y := g.Face(ipix)
	n := float64(g.nside)
	points := make([][3]float64, 0, 4*step)
	for _, corner := range [4]struct{ u, v, du, dv float64 }{
		{1, 1, -1, 0}, {0, 1, 0, -1}, {0, 0, 1, 0}, {1, 0, 0, 1},
	} {
		for i := range step {
			part := float64(i) / float64(step)
			u := (float64(x) + corner.u + corner.du*part) / n
			v := (float64(y) + corner.v + corner.dv*part) / n
			z, s, phi := locate(f, u, v)
			sin, cos := math.Sincos(phi)
			points = append(points, [3]float64{s * cos, s * sin, z})
		}
	}
	return points
}
