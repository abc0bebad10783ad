package sht_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpix/sht"
)

func randomAlm(r *rand.Rand, fields, lmax int) []complex128 {
	alm := make([]complex128, fields*sht.Size(lmax))
	flat := make([]float64, lmax+1)
	for l := range flat {
		flat[l] = 1
		if fields > 1 && l < 2 {
			flat[l] = 0
		}
	}
	s := &sht.Spectra{TT: flat, EE: flat, BB: flat}
	if err := sht.SynalmTo(alm, s, lmax, r); err != nil {
		panic(err)
	}
	return alm
}

// A batch, whatever its size and the number of goroutines, is what its maps are alone.
func TestBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range [][2]int{{16, 47}, {5, 17}, {64, 100}} {
		p := newPlan(t, c[0], c[1])
		const maps = 26
		alm := randomAlm(r, 2, c[1])
		for len(alm) < maps*p.Size() {
			alm = append(alm, randomAlm(r, 2, c[1])...)
		}
		one, all := make([]float64, maps*p.Npix()), make([]float64, maps*p.Npix())
		oneAlm, allAlm := make([]complex128, len(alm)), make([]complex128, len(alm))
		for spin := 0; spin <= 2; spin += 2 {
			synth, analyse := (*sht.Plan).Alm2MapTo, (*sht.Plan).Map2AlmTo
			if spin == 2 {
				synth, analyse = (*sht.Plan).Alm2MapSpin2To, (*sht.Plan).Map2AlmSpin2To
			}
			step := 1 + spin/2
			for i := 0; i < maps; i += step {
				if err := synth(p.WithThreads(1), one[i*p.Npix():(i+step)*p.Npix()], alm[i*p.Size():(i+step)*p.Size()]); err != nil {
					t.Fatal(err)
				}
				if err := analyse(p.WithThreads(1), oneAlm[i*p.Size():(i+step)*p.Size()], one[i*p.Npix():(i+step)*p.Npix()], 1); err != nil {
					t.Fatal(err)
				}
			}
			for _, threads := range []int{1, 3, 40} {
				what := fmt.Sprintf("nside %d, spin %d, %d threads", c[0], spin, threads)
				if err := synth(p.WithThreads(threads), all, alm); err != nil {
					t.Fatal(err)
				}
				closeTo(t, what, all, one, 1e-12)
				if err := analyse(p.WithThreads(threads), allAlm, one, 1); err != nil {
					t.Fatal(err)
				}
				closeTo(t, what, reals(allAlm), reals(oneAlm), 1e-12)
			}
		}
	}
}

// Iterations bring back the alm of a band-limited map.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range [][2]int{{16, 32}, {17, 30}, {64, 120}} {
		p := newPlan(t, c[0], c[1])
		alm := randomAlm(r, 3, c[1])
		tqu, back := make([]float64, 3*p.Npix()), make([]complex128, len(alm))
		if err := p.Alm2MapTQU(tqu, alm); err != nil {
			t.Fatal(err)
		}
		if err := p.Map2AlmTQU(back, tqu, 20); err != nil {
			t.Fatal(err)
		}
		closeTo(t, fmt.Sprint(c), reals(back), reals(alm), 1e-9)
	}
}

// One a_lm is one harmonic: Y_11 = -sqrt(3/8π) sin θ exp(iφ), and of spin 2 a_20 of E gives Q = -sqrt(15/32π) sin²θ.
func TestSingleHarmonics(t *testing.T) {
	p := newPlan(t, 8, 5)
	g, _ := healpix.New(8, healpix.Ring)
	alm, tqu := make([]complex128, 3*p.Size()), make([]float64, 3*p.Npix())
	alm[sht.Index(5, 1, 1)] = 1i
	alm[p.Size()+sht.Index(5, 2, 0)] = 1
	if err := p.Alm2MapTQU(tqu, alm); err != nil {
		t.Fatal(err)
	}
	want := make([]float64, len(tqu))
	for pix := range p.Npix() {
		theta, phi := g.Pix2Ang(pix)
		sin := math.Sin(theta)
		want[pix] = 2 * math.Sqrt(3/(8*math.Pi)) * sin * math.Sin(phi)
		want[p.Npix()+pix] = -math.Sqrt(15/(32*math.Pi)) * sin * sin
	}
	closeTo(t, "harmonics", tqu, want, 1e-14)
}

func TestSynalm(t *testing.T) {
	const lmax, draws = 6, 3000
	s := &sht.Spectra{TT: make([]float64, lmax+1), EE: make([]float64, lmax+1), BB: make([]float64, lmax+1), TE: make([]float64, lmax+1),
		EB: make([]float64, lmax+1), TB: make([]float64, lmax+1)}
	for l := 2; l <= lmax; l++ {
		s.TT[l], s.EE[l], s.BB[l], s.TE[l], s.EB[l], s.TB[l] = 4, 2, float64(l), 1, -0.5, 0.25
	}
	random := rand.New(rand.NewPCG(5, 6))
	size := sht.Size(lmax)
	alm := make([]complex128, 3*size)
	var mean [6][lmax + 1]float64
	pairs := [6][2]int{{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}}
	for range draws {
		if err := sht.SynalmTo(alm, s, lmax, random); err != nil {
			t.Fatal(err)
		}
		for i, f := range pairs {
			for l, v := range sht.Alm2Cl(alm[f[0]*size:(f[0]+1)*size], alm[f[1]*size:(f[1]+1)*size]) {
				mean[i][l] += v / draws
			}
		}
	}
	all := s.All()
	for i, f := range pairs {
		for l := 2; l <= lmax; l++ {
			variance := (all[i][l]*all[i][l] + all[f[0]][l]*all[f[1]][l]) / float64(2*l+1) / draws
			if d := mean[i][l] - all[i][l]; math.Abs(d) > 4.5*math.Sqrt(variance) {
				t.Errorf("spectrum %d, l = %d: mean %v want %v ± %v", i, l, mean[i][l], all[i][l], math.Sqrt(variance))
			}
		}
	}
}

func TestSynalmKeepsLargeScales(t *testing.T) {
	flat := make([]float64, 40)
	for l := range flat {
		flat[l] = 1
	}
	s := &sht.Spectra{TT: flat}
	small, large := make([]complex128, sht.Size(10)), make([]complex128, sht.Size(39))
	for lmax, alm := range map[int][]complex128{10: small, 39: large} {
		if err := sht.SynalmTo(alm, s, lmax, rand.New(rand.NewPCG(7, 8))); err != nil {
			t.Fatal(err)
		}
	}
	cut, err := sht.ResizeAlm(large, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range small {
		if cut[i] != small[i] {
			t.Fatalf("alm %d: %v of lmax 39, %v of lmax 10", i, cut[i], small[i])
		}
	}
}

// A turned field has at r(v) what the field has at v.
func TestRotateAlm(t *testing.T) {
	const lmax = 24
	p := newPlan(t, 32, lmax)
	g, _ := healpix.New(32, healpix.Ring)
	alm := randomAlm(rand.New(rand.NewPCG(9, 10)), 1, lmax)
	for _, r := range []sht.Rotation{sht.Euler(0.4, 1.1, -2), sht.Euler(1, 0, 0), sht.Euler(2, math.Pi, 0), coordinates(t, "G", "C")} {
		turned := append([]complex128(nil), alm...)
		if err := sht.RotateAlm(turned, r); err != nil {
			t.Fatal(err)
		}
		m := make([]float64, p.Npix())
		if err := p.Alm2MapTo(m, turned); err != nil {
			t.Fatal(err)
		}
		for _, pix := range []int{0, 77, 3000, 6200, 12287} {
			v := r.Inverse().Apply(g.Pix2Vec(pix))
			if want := evaluate(alm, lmax, v); math.Abs(m[pix]-want) > 1e-11*math.Sqrt(lmax) {
				t.Errorf("pixel %d: got %v want %v", pix, m[pix], want)
			}
		}
	}
}

// evaluate sums the harmonics at v, with the plainest recursion.
func evaluate(alm []complex128, lmax int, v [3]float64) float64 {
	x, s, phi := v[2], math.Hypot(v[0], v[1]), math.Atan2(v[1], v[0])
	sum, mm := 0.0, math.Sqrt(1/(4*math.Pi))
	for m := 0; m <= lmax; m++ {
		if m > 0 {
			mm *= -s * math.Sqrt(float64(2*m+1)/float64(2*m))
		}
		sin, cos := math.Sincos(float64(m) * phi)
		before, y := 0.0, mm
		for l := m; l <= lmax; l++ {
			a := alm[sht.Index(lmax, l, m)]
			w := 2.0
			if m == 0 {
				w = 1
			}
			sum += w * y * (real(a)*cos - imag(a)*sin)
			up := func(l int) float64 { return math.Sqrt(float64(4*l*l-1) / float64(l*l-m*m)) }
			next := up(l+1) * x * y
			if l > m {
				next -= up(l+1) / up(l) * before
			}
			before, y = y, next
		}
	}
	return sum
}

func TestWigner(t *testing.T) {
	const lmax = 30
	for _, beta := range []float64{0, 1e-4, 0.3, 1.5, 2.9, math.Pi} {
		x := math.Cos(beta)
		for name, c := range map[string]struct {
			m, s, l int
			want    float64
		}{
			"d2_00":  {0, 0, 2, (3*x*x - 1) / 2},
			"d2_20":  {2, 0, 2, math.Sqrt(6) / 4 * (1 - x*x)},
			"d2_22":  {2, 2, 2, (1 + x) * (1 + x) / 4},
			"d2_2-2": {2, -2, 2, (1 - x) * (1 - x) / 4},
			"d3_22":  {2, 2, 3, (1 + x) * (1 + x) / 4 * (3*x - 2)},
			"d3_2-2": {2, -2, 3, (1 - x) * (1 - x) / 4 * (3*x + 2)},
			"d4_00":  {0, 0, 4, (35*x*x*x*x - 30*x*x + 3) / 8},
		} {
			w, d, unit := sht.NewWigner(lmax, c.m, c.s), make([]float64, lmax+1), make([]float64, lmax+1)
			w.To(d, x)
			unit[c.l] = 1
			if got := w.Sum(unit, x); math.Abs(d[c.l]-c.want) > 1e-13 || got != d[c.l] {
				t.Errorf("%s(%v): got %v and %v want %v", name, beta, d[c.l], got, c.want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	p := newPlan(t, 4, 8)
	flat := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1}
	for name, f := range map[string]func() error{
		"nside":             func() error { _, err := sht.NewPlan(0, 3); return err },
		"lmax":              func() error { _, err := sht.NewPlan(4, -1); return err },
		"weights":           func() error { _, err := p.WithRingWeights(make([]float64, 7)); return err },
		"short map":         func() error { return p.Alm2MapTo(make([]float64, 191), make([]complex128, p.Size())) },
		"alm of another":    func() error { return p.Map2AlmTo(make([]complex128, 44), make([]float64, 192), 0) },
		"Q without U":       func() error { return p.Alm2MapSpin2To(make([]float64, 192), make([]complex128, p.Size())) },
		"negative iter":     func() error { return p.Map2AlmTo(make([]complex128, p.Size()), make([]float64, 192), -1) },
		"no alm":            func() error { return sht.RotateAlm(make([]complex128, 4), sht.Rotation{}) },
		"coordinates":       func() error { _, err := sht.Coordinates("G", "H"); return err },
		"short spectrum":    func() error { return sht.SynalmTo(make([]complex128, 55), &sht.Spectra{TT: flat}, 9, nil) },
		"negative spectrum": func() error { return sht.SynalmTo(make([]complex128, 3), &sht.Spectra{TT: []float64{-1, 1}}, 1, nil) },
		"too much TE": func() error {
			return sht.SynalmTo(make([]complex128, 9), &sht.Spectra{TT: flat, EE: flat, TE: []float64{2, 2, 2}}, 1, rand.New(rand.NewPCG(1, 1)))
		},
		"cross of different": func() error { _, err := p.Cross(make([]float64, 192), make([]float64, 576), 0); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
