package sims_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sims"
	"gonum.org/v1/gonum/mat"
)

var _ dataset.Dataset = (*sims.Sky)(nil)

func tau(p []float64) (*sht.Spectra, error) { return sims.TauSpectra(p[0]) }

func newSky(t testing.TB, c sims.Config) *sims.Sky {
	t.Helper()
	s, err := sims.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, s *sims.Sky, index ...int) (maps, params []float32) {
	t.Helper()
	var into []*graph.Tensor
	for _, f := range s.Fields() {
		into = append(into, graph.NewTensor(f.DType, append([]int64{int64(len(index))}, f.Shape...)...))
	}
	if err := s.Read(context.Background(), index, into); err != nil {
		t.Fatal(err)
	}
	return graph.Data[float32](into[0]), graph.Data[float32](into[1])
}

func planckLike(t testing.TB) sims.Config {
	mask, err := sims.BandMask(16, 0.54)
	if err != nil {
		t.Fatal(err)
	}
	template := make([]float64, 2*3072)
	for i := range template {
		template[i] = math.Sin(float64(i))
	}
	return sims.Config{
		Nside: 16, Stokes: sims.QU, Len: 100, Seed: 7, Params: []sims.Param{{Name: "tau", Low: 0.03, High: 0.08}}, Spectra: tau,
		Window:   sims.Gaussian(4*math.Pi/180, 47),
		Channels: []sims.Channel{{White: sims.White{P: 0.5}}, {White: sims.White{P: 0.8}, Template: &sims.Template{Map: template, Mean: 1, Sigma: 0.3}}},
		Mask:     mask, WithMask: true,
	}
}

// A simulation is the same to the bit alone, in a batch, out of order and twice.
func TestReadByIndex(t *testing.T) {
	s := newSky(t, planckLike(t))
	const pixels = 5 * 3072
	index := []int{3, 99, 0, 3, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70}
	maps, params := read(t, s, index...)
	for k, i := range index {
		one, p := read(t, s, i)
		if p[0] != params[k] || float32(s.Params(i)[0]) != p[0] {
			t.Errorf("simulation %d: parameter %v alone, %v in a batch", i, p[0], params[k])
		}
		for q, v := range one {
			// The sums of a batch may be taken in another order.
			if math.Abs(float64(v-maps[k*pixels+q])) > 1e-6 {
				t.Fatalf("simulation %d, pixel %d: %v alone, %v in a batch", i, q, v, maps[k*pixels+q])
			}
		}
	}
	if slices.Equal(maps[:pixels], maps[pixels:2*pixels]) {
		t.Error("two simulations are one")
	}
}

// What is added to the sky leaves it as it was, and is what was asked for.
func TestPartsAreApart(t *testing.T) {
	noisy := planckLike(t)
	quiet := noisy
	quiet.Channels = []sims.Channel{{}, {}}
	a, _ := read(t, newSky(t, noisy), 5)
	b, _ := read(t, newSky(t, quiet), 5)
	if !slices.Equal(b[:2*3072], b[2*3072:4*3072]) {
		t.Error("channels without noise see different skies")
	}
	var square [2]float64
	seen := 0
	for p, in := range noisy.Mask {
		if (a[4*3072+p] == 1) != in {
			t.Fatalf("pixel %d: the mask's channel says %v", p, a[4*3072+p])
		}
		if !in && (a[p] != 0 || a[3*3072+p] != 0) {
			t.Fatalf("masked pixel %d is %v", p, a[p])
		}
		if in {
			seen++
			square[0] += math.Pow(float64(a[p]-b[p]), 2)
			square[1] += math.Pow(float64(a[3072+p]-b[3072+p]), 2)
		}
	}
	for f, v := range square {
		if got := math.Sqrt(v / float64(seen)); math.Abs(got-0.5) > 0.5*5/math.Sqrt(2*float64(seen)) {
			t.Errorf("noise of field %d: %v want 0.5", f, got)
		}
	}
}

// The skies have the spectra that were asked for, beam included.
func TestSpectraOfSkies(t *testing.T) {
	const nside, lmax, n = 16, 32, 400
	c := sims.Config{Nside: nside, Lmax: lmax, Stokes: sims.TQU, Len: n, Seed: 3, Window: sims.Gaussian(0.1, lmax),
		Spectra: func([]float64) (*sht.Spectra, error) { return sims.TauSpectra(0.06) }}
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	maps, _ := read(t, newSky(t, c), index...)
	plan, err := sht.NewPlan(nside, lmax)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := sims.TauSpectra(0.06)
	mean := make([]float64, 4*(lmax+1))
	m := make([]float64, 3*3072)
	for i := range n {
		for p := range m {
			m[p] = float64(maps[i*len(m)+p])
		}
		s, err := plan.Anafast(m, 3)
		if err != nil {
			t.Fatal(err)
		}
		for k, cl := range [][]float64{s.TT, s.EE, s.TE, s.BB} {
			for l, v := range cl {
				mean[k*(lmax+1)+l] += v / n
			}
		}
	}
	for k, cl := range [][]float64{want.TT, want.EE, want.TE, want.BB} {
		for l := 2; l <= lmax; l++ {
			b := c.Window.T[l]
			p := c.Window.P[l]
			w := []float64{b * b, p * p, b * p, p * p}[k]
			a, bb := want.TT[l], want.EE[l]
			variance := 2 * cl[l] * cl[l]
			if k == 2 {
				variance = cl[l]*cl[l] + a*bb
			}
			sigma := w * math.Sqrt(variance/float64(2*l+1)/n)
			if d := mean[k*(lmax+1)+l] - w*cl[l]; math.Abs(d) > 5*sigma+1e-3*w*want.EE[l]*float64(k/3) {
				t.Errorf("spectrum %d, l = %d: %v want %v ± %v", k, l, mean[k*(lmax+1)+l], w*cl[l], sigma)
			}
		}
	}
}

func TestDense(t *testing.T) {
	cov := mat.NewSymDense(3, []float64{2, 1, 0, 1, 3, -0.5, 0, -0.5, 1})
	d, err := sims.NewDense(5, []int{4, 0, 2}, cov)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	const n = 20000
	var sum [5][5]float64
	for range n {
		m := make([]float64, 5)
		d.Add(m, r)
		for i, v := range m {
			for j, w := range m {
				sum[i][j] += v * w / n
			}
		}
	}
	at := map[int]int{4: 0, 0: 1, 2: 2}
	for i := range 5 {
		for j := range 5 {
			want, sigma := 0.0, 0.0
			a, okA := at[i]
			b, okB := at[j]
			if okA && okB {
				want = cov.At(a, b)
				sigma = math.Sqrt((cov.At(a, a)*cov.At(b, b) + want*want) / n)
			}
			if math.Abs(sum[i][j]-want) > 5*sigma {
				t.Errorf("covariance %d, %d: got %v want %v ± %v", i, j, sum[i][j], want, sigma)
			}
		}
	}
	if _, err := sims.NewDense(2, nil, mat.NewSymDense(2, []float64{1, 2, 2, 1})); err == nil {
		t.Error("a covariance that is not positive definite: no error")
	}
}

func TestMasks(t *testing.T) {
	for _, fsky := range []float64{0, 0.05, 0.2, 0.5, 1} {
		for name, f := range map[string]func() ([]bool, error){
			"band":   func() ([]bool, error) { return sims.BandMask(16, fsky) },
			"disc":   func() ([]bool, error) { return sims.DiscMask(16, fsky, [3]float64{1, 0, 0}) },
			"random": func() ([]bool, error) { return sims.RandomMask(16, fsky, 4) },
		} {
			mask, err := f()
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, in := range mask {
				if in {
					seen++
				}
			}
			if seen != int(math.Round(fsky*3072)) {
				t.Errorf("%s, f_sky %v: sees %d of 3072", name, fsky, seen)
			}
		}
	}
	band, _ := sims.BandMask(8, 0.5)
	if !band[0] || !band[767] || band[384] {
		t.Error("a band mask sees the equator and not the poles")
	}
	a, _ := sims.RandomMask(16, 0.3, 1)
	b, _ := sims.RandomMask(16, 0.3, 2)
	if slices.Equal(a, b) {
		t.Error("two seeds, one mask")
	}
}

func TestReadWindow(t *testing.T) {
	path := testkit.Sky(t, "pixel_window_n0016.fits")
	w, err := sims.ReadWindow(path, 47)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(w.T[0]-1) > 1e-9 || w.P[1] != 0 || len(w.T) != 48 || !(w.T[47] > 0.6 && w.T[47] < w.T[46]) {
		t.Errorf("window %v", w)
	}
	if _, err := sims.ReadWindow(path, 65); !errors.Is(err, errs.Input) {
		t.Errorf("too short: error %v", err)
	}
}

func TestConfigRefusals(t *testing.T) {
	for name, change := range map[string]func(c *sims.Config){
		"stokes":         func(c *sims.Config) { c.Stokes = 0 },
		"nside":          func(c *sims.Config) { c.Nside = 0 },
		"length":         func(c *sims.Config) { c.Len = 0 },
		"spectra":        func(c *sims.Config) { c.Spectra = nil },
		"prior":          func(c *sims.Config) { c.Params[0].Low = 1 },
		"window":         func(c *sims.Config) { c.Window = sims.Gaussian(0.1, 40) },
		"noise":          func(c *sims.Config) { c.Channels[0].White.P = -1 },
		"template":       func(c *sims.Config) { c.Channels[1].Template.Map = make([]float64, 3072) },
		"mask":           func(c *sims.Config) { c.Mask = make([]bool, 12) },
		"none seen":      func(c *sims.Config) { c.Mask = make([]bool, 3072) },
		"no mask":        func(c *sims.Config) { c.Mask = nil },
		"short spectrum": func(c *sims.Config) { c.Nside, c.Lmax, c.Mask, c.WithMask, c.Channels = 128, 200, nil, false, nil },
	} {
		c := planckLike(t)
		change(&c)
		if _, err := sims.New(c); !errors.Is(err, errs.Input) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	s := newSky(t, planckLike(t))
	bad := []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 5, 3072), graph.NewTensor(graph.Float32, 1, 1)}
	for name, err := range map[string]error{
		"index":  s.Read(context.Background(), []int{100}, bad),
		"shape":  s.Read(context.Background(), []int{1, 2}, bad),
		"number": s.Read(context.Background(), []int{1}, bad[:1]),
	} {
		if !errors.Is(err, errs.Input) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Read(ctx, []int{1}, bad); !errors.Is(err, errs.Canceled) {
		t.Errorf("canceled: error %v", err)
	}
}

// What Apart takes apart is the same sky: noise of the same spread on the seen pixels of the clean one, 0 elsewhere.
func TestApart(t *testing.T) {
	mask, err := sims.BandMask(8, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	template := make([]float64, 2*768)
	for i := range template {
		template[i] = 1
	}
	cfg := sims.Config{
		Nside: 8, Stokes: sims.QU, Len: 3, Seed: 4, Mask: mask,
		Params:  []sims.Param{{Name: "tau", Low: 0.03, High: 0.08}},
		Spectra: func(p []float64) (*sht.Spectra, error) { return sims.TauSpectra(p[0]) },
		Channels: []sims.Channel{{White: sims.White{P: 0.5}}, {White: sims.White{P: 2}},
			{Template: &sims.Template{Map: template, Mean: 7}}},
	}
	observed, err := sims.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Channels, cfg.Mask = make([]sims.Channel, 3), nil
	bare, err := sims.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	clean, observe := observed.Apart()
	read := func(s *sims.Sky) (m, p *graph.Tensor) {
		m, p = graph.NewTensor(graph.Float32, 1, 6, 768), graph.NewTensor(graph.Float32, 1, 1)
		if err := s.Read(t.Context(), []int{2}, []*graph.Tensor{m, p}); err != nil {
			t.Fatal(err)
		}
		return m, p
	}
	m, p := read(clean)
	want, q := read(bare)
	if !slices.Equal(m.Raw, want.Raw) || !slices.Equal(p.Raw, q.Raw) {
		t.Error("the clean sky is another than that of no noise and no mask")
	}
	if err := observe(dataset.RNG(1), []*graph.Tensor{m, p}); err != nil {
		t.Fatal(err)
	}
	got, sky := graph.Data[float32](m), graph.Data[float32](want)
	for ch, sigma := range []float64{0.5, 2, 0} {
		square, n := 0.0, 0.0
		for i := ch * 1536; i < (ch+1)*1536; i++ {
			if !mask[i%768] {
				if got[i] != 0 {
					t.Fatalf("channel %d, pixel %d is %v behind the mask", ch, i, got[i])
				}
				continue
			}
			d := float64(got[i] - sky[i])
			if ch == 2 {
				d -= 7
			}
			square, n = square+d*d, n+1
		}
		// 768 numbers tell σ to 1/√(2·768), 2.6 %.
		if rms := math.Sqrt(square / n); math.Abs(rms-sigma) > 4*0.026*sigma+1e-5 {
			t.Errorf("channel %d: noise of %v want %v", ch, rms, sigma)
		}
	}
}
