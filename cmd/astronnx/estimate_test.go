package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/recipes"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/sky"
)

// tauNetwork trains a small network on half of the sky.
func tauNetwork(t testing.TB) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "tau")
	ok(t, append([]string{"train", "tau", "--quick", "--skies", "64", "--epochs", "1", "--fsky", "0.5", "--out", out}, engineArgs(t)...)...)
	return filepath.Join(out, "f_sky-0.5", "seed-1", "network.onnx")
}

// tauSky is Q and U of a simulated sky at nside 4, in RING order and µK.
func tauSky(t testing.TB) []float32 {
	t.Helper()
	s, err := sims.New(sims.Config{Nside: 4, Stokes: sims.QU, Len: 1, Seed: 9, Params: []sims.Param{{Name: "tau", Low: 0.05, High: 0.05}},
		Spectra: func(p []float64) (*sht.Spectra, error) { return sims.TauSpectra(p[0]) }})
	if err != nil {
		t.Fatal(err)
	}
	m, p := graph.NewTensor(graph.Float32, 1, 2, 192), graph.NewTensor(graph.Float32, 1, 1)
	if err := s.Read(t.Context(), []int{0}, []*graph.Tensor{m, p}); err != nil {
		t.Fatal(err)
	}
	return graph.Data[float32](m)
}

// written writes a map of Q and U of one nside in another, in an order and a unit of which the map's numbers are parts.
func written(t testing.TB, name string, qu []float32, nside int, order healpix.Order, unit string, parts float32) string {
	t.Helper()
	from, err := healpix.New(4, healpix.Ring)
	if err != nil {
		t.Fatal(err)
	}
	to, err := healpix.New(nside, order)
	if err != nil {
		t.Fatal(err)
	}
	m := &sky.Map{Nside: nside, Order: order, Coord: "G"}
	for c, column := range []string{"Q_POLARISATION", "U_POLARISATION"} {
		values, err := healpix.UDGrade(qu[192*c:192*(c+1)], from, to, healpix.GradeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			if !healpix.IsUnseen(values[i]) {
				values[i] *= parts
			}
		}
		m.Columns = append(m.Columns, sky.Column{Name: column, Unit: unit, Data: graph.FromSlice(values, int64(len(values)))})
	}
	return writeSky(t, filepath.Join(t.TempDir(), name), m)
}

func TestEstimate(t *testing.T) {
	net := tauNetwork(t)
	qu := tauSky(t)
	estimate := func(args ...string) mapEstimate {
		t.Helper()
		return decode[estimateReport](t, ok(t, append(append([]string{"estimate", net, "--json"}, args...), engineArgs(t)...)...).out).Maps[0]
	}
	plain := estimate(written(t, "plain.fits", qu, 4, healpix.Ring, "uK_CMB", 1))
	if len(plain.Parameters) != 1 || plain.Parameters[0].Name != "tau" || !(plain.Parameters[0].Sigma > 0) || plain.Seen != 96 || plain.Degraded != 4 {
		t.Fatalf("got %+v", plain)
	}

	// The network itself, by hand: what its mask hides is UNSEEN to it.
	n, err := readNetwork(net)
	if err != nil {
		t.Fatal(err)
	}
	mask, err := recipes.DecodeMask(n.graph.Metadata["astronnx.map.mask"], 192)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := (&engineFlags{provider: "cpu"}).config()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.open(cfg.WithEngine("reference"), 0); err != nil {
		t.Fatal(err)
	}
	defer n.close()
	x := graph.NewTensor(graph.Float32, 1, 2, 192)
	for i, v := range qu {
		graph.Data[float32](x)[i] = v
		if !mask[i%192] {
			graph.Data[float32](x)[i] = healpix.Unseen
		}
	}
	y, err := n.model.RunList(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got mapEstimate, want float64) {
		t.Helper()
		if d := math.Abs(got.Parameters[0].Value - want); !(d < 1e-5*want) {
			t.Errorf("%s: tau %v, want %v", what, got.Parameters[0].Value, want)
		}
	}
	want := float64(graph.Data[float32](y[0])[0])
	near("RING", plain, want)

	near("NESTED, mK", estimate(written(t, "nested.fits", qu, 4, healpix.Nested, "mK,thermodynamic", 1e-3)), want)
	near("nside 16", estimate(written(t, "fine.fits", qu, 16, healpix.Ring, "K", 1e-6)), want)
	near("--unit", estimate("--unit", "K", "--columns", "1,0", written(t, "swapped.fits", append(append([]float32{}, qu[192:]...), qu[:192]...),
		4, healpix.Ring, "", 1e-6)), want)
	hidden := append([]float32{}, qu...)
	for i := range hidden {
		if !mask[i%192] {
			hidden[i] = 1e6
		}
	}
	// A mask in the other order hides the same pixels, and U of the other sign convention is the same sky.
	half := func(name string, order healpix.Order) string {
		var use []float32
		for p := range 192 {
			use = append(use, map[bool]float32{true: 1}[p%3 > 0])
		}
		m, err := (&sky.Map{Nside: 4, Order: healpix.Ring, Columns: []sky.Column{{Name: "M", Data: graph.FromSlice(use, 192)}}}).Reorder(order)
		if err != nil {
			t.Fatal(err)
		}
		return writeSky(t, filepath.Join(t.TempDir(), name), m)
	}
	map1 := written(t, "masked.fits", qu, 4, healpix.Ring, "uK", 1)
	masked := estimate(map1, "--mask", half("ring.fits", healpix.Ring))
	if nested := estimate(map1, "--mask", half("nested.fits", healpix.Nested)); nested.Seen != masked.Seen || masked.Seen == 96 ||
		nested.Parameters[0] != masked.Parameters[0] {
		t.Errorf("a mask in NESTED order: %+v, in RING order: %+v", nested, masked)
	}
	iau := readSky(t, map1)
	iau.Polcconv = "IAU"
	for i, v := range graph.Data[float32](iau.Columns[1].Data) {
		graph.Data[float32](iau.Columns[1].Data)[i] = -v
	}
	near("IAU", estimate(writeSky(t, filepath.Join(t.TempDir(), "iau.fits"), iau)), want)
	near("behind the mask", estimate(written(t, "hidden.fits", hidden, 4, healpix.Ring, "uK", 1)), want)

	warned := func(r mapEstimate, text string) {
		t.Helper()
		if !strings.Contains(strings.Join(r.Warnings, "\n"), text) {
			t.Errorf("warnings %q: want %q", r.Warnings, text)
		}
	}
	loud := append([]float32{}, qu...)
	for i := range loud {
		loud[i] *= 300
	}
	warned(estimate(written(t, "loud.fits", loud, 4, healpix.Ring, "uK", 1)), "the estimate and its error mean nothing")
	holes := append([]float32{}, qu...)
	for p, in := range mask {
		if in {
			holes[p] = healpix.Unseen
			break
		}
	}
	warned(estimate(written(t, "holes.fits", holes, 4, healpix.Ring, "uK", 1)), "1 of the 96 pixels that the network was trained to see have no data")
}

// Maps of a channel each are the sky that one map of all columns is, whatever their order, unit, sign of U and part of the sky.
func TestEstimateChannels(t *testing.T) {
	out := filepath.Join(t.TempDir(), "planck")
	ok(t, append([]string{"train", "tau-planck", "--quick", "--skies", "64", "--epochs", "1", "--fsky", "0.5", "--out", out}, engineArgs(t)...)...)
	found, err := filepath.Glob(filepath.Join(out, "*", "seed-1", "network.onnx"))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v (%v)", found, err)
	}
	net := found[0]
	estimate := func(args ...string) []mapEstimate {
		t.Helper()
		return decode[estimateReport](t, ok(t, append(append([]string{"estimate", net, "--json"}, args...), engineArgs(t)...)...).out).Maps
	}
	qu := tauSky(t)
	other := make([]float32, len(qu))
	for i, v := range qu {
		other[i] = 1.5*v + 0.01*float32(i%7)
	}
	a := written(t, "a.fits", qu, 4, healpix.Ring, "uK", 1)
	b := written(t, "b.fits", other, 4, healpix.Nested, "mK", 1e-3)
	whole := readSky(t, a)
	second, err := readSky(t, b).Reorder(healpix.Ring)
	if err != nil {
		t.Fatal(err)
	}
	whole.Columns = append(whole.Columns, second.Columns...)
	for i, name := range []string{"Q_1", "U_1", "Q_2", "U_2"} {
		whole.Columns[i].Name = name
	}
	want := estimate(writeSky(t, filepath.Join(t.TempDir(), "whole.fits"), whole))[0].Parameters[0]

	iau := readSky(t, b)
	iau.Polcconv = "IAU"
	for i, v := range graph.Data[float32](iau.Columns[1].Data) {
		graph.Data[float32](iau.Columns[1].Data)[i] = -v
	}
	turned := writeSky(t, filepath.Join(t.TempDir(), "iau.fits"), iau)
	same := func(what string, got mapEstimate) {
		t.Helper()
		if p := got.Parameters[0]; !(math.Abs(p.Value-want.Value) < 1e-5*want.Value && math.Abs(p.Sigma-want.Sigma) < 1e-5*want.Sigma) {
			t.Errorf("%s: got %+v want %+v", what, p, want)
		}
	}
	list := estimate("--channels", a, b, a, turned)
	if len(list) != 2 || !strings.HasSuffix(list[0].Map, "a.fits + "+b) {
		t.Fatalf("got %+v", list)
	}
	same("two maps", list[0])
	same("IAU", list[1])
	if got := estimate("--channels", b, a)[0].Parameters[0]; got == want {
		t.Errorf("the order of the channels changes nothing: %+v", got)
	}
	part := readSky(t, a)
	for p := range int64(192) {
		if p%5 > 0 {
			part.Pixels = append(part.Pixels, p)
		}
	}
	for i := range part.Columns {
		held := graph.NewTensor(graph.Float32, int64(len(part.Pixels)))
		for k, p := range part.Pixels {
			graph.Data[float32](held)[k] = graph.Data[float32](part.Columns[i].Data)[p]
		}
		part.Columns[i].Data = held
	}
	if got := estimate("--channels", writeSky(t, filepath.Join(t.TempDir(), "part.fits"), part), b)[0]; got.Seen >= list[0].Seen || got.Seen < 60 {
		t.Errorf("%d pixels are seen where one channel lacks a fifth of %d", got.Seen, list[0].Seen)
	}

	run := func(args ...string) result {
		return call(t, append(append([]string{"estimate"}, args...), engineArgs(t)...)...)
	}
	fails(t, run(net, "--channels", a), exitUsage, "reads 2 channels, and 1 maps were given")
	fails(t, run(net, a, b), exitInput, "Q_1", "--channels")
	fails(t, run(net, "--channels", a, written(t, "fine.fits", qu, 8, healpix.Ring, "uK", 1)), exitInput, "fine.fits has nside 8", "4: expected channels of one nside")
	fails(t, run(net, "--channels", "--columns", "Q", a, b), exitInput, "--columns names 1 columns, a channel of the network has 2 (Q, U)")
	celestial := readSky(t, b)
	celestial.Coord = "C"
	fails(t, run(net, "--channels", a, writeSky(t, filepath.Join(t.TempDir(), "c.fits"), celestial)), exitInput, "coordinates C")
	fails(t, run(tauNetwork(t), "--channels", a), exitUsage, "the network reads one channel (Q, U)")
}

func TestEstimateRefuses(t *testing.T) {
	net := tauNetwork(t)
	qu := tauSky(t)
	plain := written(t, "plain.fits", qu, 4, healpix.Ring, "uK", 1)
	mask := func(nside int, order healpix.Order) string {
		m := ramp(t, nside, order, "M")
		clear(m.Columns[0].Data.Raw)
		return writeSky(t, filepath.Join(t.TempDir(), "mask.fits"), m)
	}
	run := func(args ...string) result {
		return call(t, append(append([]string{"estimate"}, args...), engineArgs(t)...)...)
	}
	fails(t, run(net, plain, "--mask", mask(4, healpix.Nested)), exitInput, "no pixel is left of the 96")
	fails(t, run(net, plain, "--mask", mask(8, healpix.Ring)), exitInput, "the mask has nside 8, the map 4")
	none := make([]float32, 2*192)
	for i := range none {
		none[i] = healpix.Unseen
	}
	fails(t, run(net, written(t, "none.fits", none, 4, healpix.Ring, "uK", 1)), exitInput, "no pixel is left of the 96", "has no data there")
	fails(t, run(net, written(t, "coarse.fits", qu, 2, healpix.Ring, "uK", 1)), exitInput, "nside 4, this map has nside 2", "cannot gain resolution")
	fails(t, run(net, written(t, "no-unit.fits", qu, 4, healpix.Ring, "", 1)), exitInput, "Q_POLARISATION does not say its unit", "--unit")
	fails(t, run(net, written(t, "jy.fits", qu, 4, healpix.Ring, "MJy/sr", 1)), exitInput, `"MJy/sr"`)
	fails(t, run(net, plain, "--unit", "furlong"), exitUsage, "furlong")
	fails(t, run(toy{order: "RING"}.write(t, t.TempDir()), plain), exitInput, "does not say what it measures")
	fails(t, run(net, writeSky(t, filepath.Join(t.TempDir(), "t.fits"), ramp(t, 4, healpix.Ring, "T"))), exitInput, "Q")
}

// A real map whose noise is far above the sky's: it is measured, and said to tell nothing.
func TestEstimateWMAP(t *testing.T) {
	in := wmap(t)
	r := ok(t, append([]string{"estimate", tauNetwork(t), in, "--unit", "mK"}, engineArgs(t)...)...)
	for _, want := range []string{"32 → 4", " 96 ", " ± ", "warning: the map's rms is", "mean nothing"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
}

func TestWithError(t *testing.T) {
	for _, c := range []struct {
		v, sigma float64
		want     string
	}{{0.05791, 0.0082, "0.0579 ± 0.0082"}, {12.34, 0.456, "12.34 ± 0.46"}, {123, 45, "123 ± 45"}, {1, math.NaN(), "1 ± NaN"},
		{0.67961, 8.3e-19, "0.6796 ± 8.3e-19"}} {
		if got := withError(c.v, c.sigma); got != c.want {
			t.Errorf("got %s want %s", got, c.want)
		}
	}
}

// A number that the training cannot vouch for is said to be one.
func TestEstimateBeyondThePrior(t *testing.T) {
	prior := [2]float64{0.03, 0.08}
	for _, c := range []struct {
		value, sigma float64
		want         string
	}{
		{0.05, 0.004, ""},
		{0.085, 0.004, "tau = 0.085 is outside of 0.03 to 0.08"},
		{math.NaN(), 0.004, "outside of 0.03 to 0.08"},
		{0.078, 0.004, "tau = 0.0780 ± 0.0040 reaches an end of 0.03 to 0.08"},
		{0.033, 0.004, "reaches an end"},
		{0.055, 0.014, "the map tells hardly more of tau"},
	} {
		var r mapEstimate
		r.judge(numberAndErr{"tau", c.value, c.sigma}, &prior)
		text := strings.Join(r.Warnings, "\n")
		if !strings.Contains(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%v ± %v: warnings %q, want %q", c.value, c.sigma, text, c.want)
		}
	}
}
