package healpix

import (
	"fmt"
	"math"
)

// Boundaries returns unit vectors to 4·step points on the edge of a pixel, evenly spaced on its face: from the north
// corner by way of the west, south and east ones. It panics unless step is 1 to 2^29.
func (g Grid) Boundaries(ipix, step int) [][3]float64 {
	if step < 1 || step > MaxNside {
		panic(fmt.Sprintf("healpix: boundary in %d steps: want 1 to 2^29", step))
	}
	f, x, y := g.Face(ipix)
	points := make([][3]float64, 0, 4*step)
	for _, side := range [4]struct{ x, y, dx, dy int }{{1, 1, -1, 0}, {0, 1, 0, -1}, {0, 0, 1, 0}, {1, 0, 0, 1}} {
		for i := range step {
			u := (x+side.x)*step + side.dx*i
			v := (y+side.y)*step + side.dy*i
			z, s, phi := locate(f, u, v, g.nside*step)
			sin, cos := math.Sincos(phi)
			points = append(points, [3]float64{s * cos, s * sin, z})
		}
	}
	return points
}
