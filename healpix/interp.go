package healpix

import "math"

// Interpolate returns four pixels and their weights, which add up to 1, for bilinear interpolation of a map at a
// direction: two neighbours in phi on the ring above, two on the ring below, as healpy's get_interp_weights. Beyond
// the first or last ring all four pixels around the pole take part. It returns ok = false where Ang2Pix returns -1.
func (g Grid) Interpolate(theta, phi float64) (pix [4]int, weights [4]float64, ok bool) {
	if !(theta >= 0 && theta <= math.Pi) || math.IsInf(phi, 0) || phi != phi {
		return pix, weights, false
	}
	if phi = math.Mod(phi, 2*math.Pi); phi < 0 {
		phi += 2 * math.Pi
	}
	n := g.nside
	above := g.ringAbove(theta)
	var thetas [2]float64 // of the two rings
	for row, i := range [2]int{above, above + 1} {
		if i == 0 || i == 4*n {
			continue
		}
		thetas[row] = g.ringTheta(i)
		length := 4 * g.ringQuarter(i)
		place := phi*float64(length)/(2*math.Pi) - 0.5*float64(1-g.ringShift(i))
		j := int(math.Floor(place))
		part := place - float64(j)
		start := g.ringStart(i)
		pix[2*row], weights[2*row] = start+(j+length)%length, 1-part
		pix[2*row+1], weights[2*row+1] = start+(j+1+length)%length, part
	}
	switch {
	case above == 0:
		g.overPole(&pix, &weights, 0, 2, theta/thetas[1])
	case above == 4*n-1:
		g.overPole(&pix, &weights, 2, 0, (math.Pi-theta)/(math.Pi-thetas[0]))
	default:
		part := (theta - thetas[0]) / (thetas[1] - thetas[0])
		weights[0] *= 1 - part
		weights[1] *= 1 - part
		weights[2] *= part
		weights[3] *= part
	}
	if g.order != Ring {
		ring := Grid{n, Ring}
		for i, p := range pix {
			pix[i] = g.encode(ring.decode(p))
		}
	}
	return pix, weights, true
}

// overPole fills the places at and at+1 with the pixels opposite to those at from and from+1, on the ring of four
// around a pole. The pole's value is the mean of the four; part is the distance from the pole in units of the
// ring's.
func (g Grid) overPole(pix *[4]int, weights *[4]float64, at, from int, part float64) {
	start := pix[from] &^ 3 // the last ring starts at a multiple of four as well
	quarter := (1 - part) / 4
	for i := range 2 {
		pix[at+i] = start + (pix[from+i]+2)&3
		weights[at+i] = quarter
		weights[from+i] = weights[from+i]*part + quarter
	}
}

// ringAbove returns the ring at or next above a colatitude, 0 to 4 nside - 1.
func (g Grid) ringAbove(theta float64) int {
	n := float64(g.nside)
	z := math.Cos(theta)
	switch {
	case z > 2.0/3: // 1 - z = 2 sin²(theta/2) keeps its precision
		return int(n * math.Sqrt(6) * math.Sin(theta/2))
	case z < -2.0/3:
		return 4*g.nside - 1 - int(n*math.Sqrt(6)*math.Cos(theta/2))
	}
	return int(n * (2 - 1.5*z))
}
