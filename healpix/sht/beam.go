package sht

import "math"

// GaussBeam returns the window functions b_l, l = 0 to lmax, of a Gaussian beam of a full width at half maximum in radians:
// exp(-l(l+1)σ²/2) of temperature, and exp(2σ²) times that of E and B (Challinor et al. 2000, PRD 62, 123002).
func GaussBeam(fwhm float64, lmax int) (t, p []float64) {
	sigma := fwhm / math.Sqrt(8*math.Ln2)
	t, p = make([]float64, lmax+1), make([]float64, lmax+1)
	for l := range t {
		t[l] = math.Exp(-0.5 * float64(l) * float64(l+1) * sigma * sigma)
		p[l] = t[l] * math.Exp(2*sigma*sigma)
	}
	return t, p
}

// CosineBeam returns the window functions that are 1 up to l = low, fall as half a cosine wave and are 0 from l = high on
// (Benabed et al. 2009, MNRAS 400, 219). Temperature and polarisation share it.
func CosineBeam(low, high, lmax int) []float64 {
	b := make([]float64, lmax+1)
	for l := range b {
		switch {
		case l <= low:
			b[l] = 1
		case l < high:
			b[l] = 0.5 * (1 + math.Cos(math.Pi*float64(l-low)/float64(high-low)))
		}
	}
	return b
}

// SmoothTo convolves maps [batch][npix] of temperature with a window function b_l, 0 beyond its end, into out, which may be
// maps itself; alm are taken with iter iterations.
func (p *Plan) SmoothTo(out, maps []float64, window []float64, iter int) error {
	return p.smooth(out, maps, window, iter, p.Map2AlmTo, p.Alm2MapTo)
}

// SmoothSpin2To convolves maps [batch][2][npix] of Q and U as SmoothTo does.
func (p *Plan) SmoothSpin2To(out, maps []float64, window []float64, iter int) error {
	return p.smooth(out, maps, window, iter, p.Map2AlmSpin2To, p.Alm2MapSpin2To)
}

func (p *Plan) smooth(out, maps, window []float64, iter int, analyse func([]complex128, []float64, int) error,
	synth func([]float64, []complex128) error) error {
	alm := make([]complex128, len(maps)/p.Npix()*p.Size())
	if err := analyse(alm, maps, iter); err != nil {
		return err
	}
	for at := 0; at < len(alm); at += p.Size() {
		Almxfl(alm[at:at+p.Size()], window)
	}
	return synth(out, alm)
}
