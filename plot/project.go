package plot

import "math"

// projection is the Mollweide projection in its own plane, x from -2 to 2 and y from -1 to 1, seen from inside the sphere:
// longitude grows to the left. A rotation says which point of the sphere is in the centre.
type projection struct {
	rot [3][3]float64 // turns directions of the view into those of the map
}

// newProjection puts the longitude and latitude (degrees) in the centre and turns the picture by psi about it, as healpy's
// rot=(lon, lat, psi).
func newProjection(lon, lat, psi float64) projection {
	sinA, cosA := math.Sincos(lon * math.Pi / 180)
	sinB, cosB := math.Sincos(lat * math.Pi / 180)
	sinC, cosC := math.Sincos(psi * math.Pi / 180)
	rz := [3][3]float64{{cosA, -sinA, 0}, {sinA, cosA, 0}, {0, 0, 1}}
	ry := [3][3]float64{{cosB, 0, -sinB}, {0, 1, 0}, {sinB, 0, cosB}}
	rx := [3][3]float64{{1, 0, 0}, {0, cosC, -sinC}, {0, sinC, cosC}}
	return projection{product(product(rz, ry), rx)}
}

func product(a, b [3][3]float64) (c [3][3]float64) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				c[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return c
}

// direction returns the unit vector of the map at a point of the plane; false outside the sky's ellipse.
func (p *projection) direction(x, y float64) ([3]float64, bool) {
	if x*x/4+y*y >= 1 {
		return [3]float64{}, false
	}
	theta := math.Asin(y)
	cos := math.Sqrt((1 - y) * (1 + y))
	z := (2*theta + 2*y*cos) / math.Pi
	z = min(max(z, -1), 1)
	across := math.Sqrt((1 - z) * (1 + z))
	sinPhi, cosPhi := math.Sincos(-math.Pi / 2 * x / cos)
	v := [3]float64{across * cosPhi, across * sinPhi, z}
	var out [3]float64
	for i := range 3 {
		out[i] = p.rot[i][0]*v[0] + p.rot[i][1]*v[1] + p.rot[i][2]*v[2]
	}
	return out, true
}

// point is the inverse of direction.
func (p *projection) point(v [3]float64) (x, y float64) {
	var w [3]float64 // the rotation's inverse is its transpose
	for i := range 3 {
		w[i] = p.rot[0][i]*v[0] + p.rot[1][i]*v[1] + p.rot[2][i]*v[2]
	}
	theta := auxiliary(w[2])
	sin, cos := math.Sincos(theta)
	return -2 / math.Pi * math.Atan2(w[1], w[0]) * cos, sin
}

// auxiliary solves 2 theta + sin 2 theta = π z by Newton's method, z being the sine of the latitude.
func auxiliary(z float64) float64 {
	if math.Abs(z) > 1-1e-12 {
		return math.Copysign(math.Pi/2, z)
	}
	theta := math.Asin(z)
	for range 50 {
		cos := math.Cos(theta)
		step := (2*theta + math.Sin(2*theta) - math.Pi*z) / (4 * cos * cos)
		theta = min(max(theta-step, -math.Pi/2), math.Pi/2)
		if math.Abs(step) < 1e-9 {
			break
		}
	}
	return theta
}
