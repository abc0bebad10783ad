package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/internal/kernel"
)

// layer is one convolution with everything it may come with.
type layer struct {
	n, ci, co, in, out int
	index              []int64
	layout             kernel.Layout
	w, bias            []float32
	input              kernel.ConvInput
}

func randoms(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// missing are entries that must read 0.
func missing(r *rand.Rand, in int) int64 {
	return [...]int64{-1, -7, int64(in), int64(in) + 5, math.MinInt32, math.MaxInt32 - 1}[r.IntN(6)]
}

// newLayer fills a layer of the given sizes; kinds picks the rest, so that a case's name says what it holds.
func newLayer(r *rand.Rand, n, ci, co, in, out int, kinds string) layer {
	has := func(k byte) bool {
		for i := range len(kinds) {
			if kinds[i] == k {
				return true
			}
		}
		return false
	}
	l := layer{n: n, ci: ci, co: co, in: in, out: out, w: randoms(r, co*ci*kernel.Taps)}
	l.index = make([]int64, out*kernel.Taps)
	for i := range l.index {
		near := i/kernel.Taps + i%kernel.Taps - 4
		switch {
		case in == 0 || r.IntN(20) == 0 || has('h') && i/kernel.Taps%3 == 0:
			l.index[i] = missing(r, in)
		case has('r'):
			l.index[i] = r.Int64N(int64(in))
		default:
			l.index[i] = int64(max(near, 0) % in)
		}
	}
	if has('b') {
		l.bias = randoms(r, co)
	}
	if has('f') && out > 0 && in > 0 {
		for p := 0; p < out; p += 1 + r.IntN(out) {
			l.layout.Fills = append(l.layout.Fills,
				kernel.Fill{Pixel: int64(p), Tap: r.Int64N(kernel.Taps), A: r.Int64N(int64(in)), B: r.Int64N(int64(in))})
		}
		l.input.FillValidMean = has('v')
	}
	if has('t') {
		l.layout.Tile = 1 + r.IntN(100)
	}
	maps := func(each byte) int {
		if has(each) {
			return n
		}
		return 1
	}
	l.input.N, l.input.X = n, randoms(r, n*ci*in+1)[1:] // not at a multiple of 16 bytes
	if has('m') {
		l.input.Mask = make([]bool, maps('M')*in)
		for i := range l.input.Mask {
			l.input.Mask[i] = r.IntN(3) > 0
		}
		for i := range l.input.X {
			if j := i / (ci * in) * in * (maps('M') / max(n, 1)); !l.input.Mask[min(j, len(l.input.Mask)-in)+i%in] {
				l.input.X[i] = float32(math.NaN())
			}
		}
		if n > 1 && !has('M') { // the one mask holds for all maps
			for i := range l.input.X {
				if !l.input.Mask[i%in] {
					l.input.X[i] = float32(math.Inf(1))
				}
			}
		}
	}
	if has('s') {
		l.input.Scale = randoms(r, maps('S')*out)
	}
	return l
}

// define computes the layer by its definition in float64, and for each output the sum of the absolute terms.
func (l layer) define() (y, size []float64) {
	fills := map[[2]int64]kernel.Fill{}
	for _, f := range l.layout.Fills {
		fills[[2]int64{f.Pixel, f.Tap}] = f
	}
	y, size = make([]float64, l.n*l.co*l.out), make([]float64, l.n*l.co*l.out)
	window := make([]float64, l.ci*kernel.Taps)
	for n := range l.n {
		valid := func(q int64) bool {
			return l.input.Mask == nil || l.input.Mask[(n*l.in)%len(l.input.Mask)+int(q)]
		}
		read := func(c int, q int64) float64 {
			if q < 0 || q >= int64(l.in) || !valid(q) {
				return 0
			}
			return float64(l.input.X[(n*l.ci+c)*l.in+int(q)])
		}
		for p := range l.out {
			for c := range l.ci {
				for k := range kernel.Taps {
					g := read(c, l.index[p*kernel.Taps+k])
					if f, ok := fills[[2]int64{int64(p), int64(k)}]; ok {
						g = (read(c, f.A) + read(c, f.B)) / 2
						if l.input.FillValidMean && valid(f.A) != valid(f.B) {
							g *= 2
						}
					}
					window[c*kernel.Taps+k] = g
				}
			}
			scale := 1.0
			if l.input.Scale != nil {
				scale = float64(l.input.Scale[(n*l.out)%len(l.input.Scale)+p])
			}
			for o := range l.co {
				var sum, abs float64
				for i, g := range window {
					t := scale * float64(l.w[o*len(window)+i]) * g
					sum, abs = sum+t, abs+math.Abs(t)
				}
				if l.bias != nil {
					sum, abs = sum+float64(l.bias[o]), abs+math.Abs(float64(l.bias[o]))
				}
				y[(n*l.co+o)*l.out+p], size[(n*l.co+o)*l.out+p] = sum, abs
			}
		}
	}
	return y, size
}

// run returns the kernel's output, and fails if it writes beside it.
func (l layer) run(t testing.TB, path kernel.Path, threads int, narrow bool) []float32 {
	t.Helper()
	var g *kernel.Geometry
	var err error
	if narrow {
		index := make([]int32, len(l.index))
		for i, v := range l.index {
			index[i] = int32(v)
		}
		g, err = kernel.NewGeometry(l.in, index, l.layout)
	} else {
		g, err = kernel.NewGeometry(l.in, l.index, l.layout)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w, err := kernel.NewWeights(l.co, l.ci, l.w, l.bias)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	const guard = 19
	held := make([]float32, l.n*l.co*l.out+2*guard)
	for i := range held {
		held[i] = 12345
	}
	a := l.input
	a.Path, a.Threads = path, threads
	y := held[guard : len(held)-guard : len(held)-guard]
	if err := kernel.Conv(g, w, y, a); err != nil {
		t.Fatal(err)
	}
	for i := range guard {
		if held[i] != 12345 || held[len(held)-1-i] != 12345 {
			t.Fatalf("%v path wrote outside its output", path)
		}
	}
	return y
}

// paths returns those that this build and processor have.
func paths() (have []kernel.Path) {
	for _, p := range []kernel.Path{kernel.Portable, kernel.AVX2, kernel.AVX512} {
		if p.Available() {
			have = append(have, p)
		}
	}
	return have
}

func compare(t *testing.T, l layer, got []float32, want, size []float64) {
	t.Helper()
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= 1e-5*size[i]) {
			t.Fatalf("map %d channel %d pixel %d: got %v want %v (sum of |terms| %v)",
				i/(l.co*l.out), i/l.out%l.co, i%l.out, v, want[i], size[i])
		}
	}
}

// Every path agrees with the definition for all channel counts around the vectors' widths, every tail of pixels, and with masks,
// scales, fills and tiles of any size.
func TestConvDefinition(t *testing.T) {
	channels := []int{1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 32, 33, 48, 50, 64}
	kinds := []string{"", "b", "br", "mb", "mMr", "sb", "msSMb", "fb", "fmv", "fmMvr", "tb", "trms", "tfms", "h", "hmM"}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 160 {
		kind := kinds[i%len(kinds)]
		ci, co := channels[r.IntN(len(channels))], channels[(i/3)%len(channels)]
		n, out := []int{1, 3, 1, 2}[i%4], 1+r.IntN(150)
		if i%10 == 0 {
			n, ci, out = 1, min(ci, 5), 1000+r.IntN(2200) // more than one tile
		}
		in := out
		if i%5 == 4 {
			in = 1 + r.IntN(2*out)
		}
		l := newLayer(r, n, ci, co, in, out, kind)
		want, size := l.define()
		for _, path := range paths() {
			t.Run(fmt.Sprintf("%d/%s/%v/n%d-%dto%d-in%d-out%d", i, kind, path, n, ci, co, in, out), func(t *testing.T) {
				got := l.run(t, path, 1, i%2 == 0)
				compare(t, l, got, want, size)
			})
		}
	}
}

// Input channels beyond a cache's worth come in blocks, whose sums are added.
func TestConvManyChannels(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{{97, 16}, {200, 70}, {193, 257}} {
		l := newLayer(r, 2, size[0], size[1], 37, 37, "bsm")
		want, abs := l.define()
		for _, path := range paths() {
			t.Run(fmt.Sprintf("%v/%dto%d", path, size[0], size[1]), func(t *testing.T) {
				compare(t, l, l.run(t, path, 1, true), want, abs)
			})
		}
	}
}

func TestConvEmpty(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, path := range paths() {
		for _, size := range [][3]int{{0, 10, 10}, {2, 10, 0}} {
			if got := newLayer(r, size[0], 3, 5, size[1], size[2], "b").run(t, path, 1, true); len(got) != 0 {
				t.Errorf("%v: got %d values for sizes %v", path, len(got), size)
			}
		}
		for _, l := range []layer{newLayer(r, 2, 3, 5, 0, 21, "b"), newLayer(r, 2, 3, 20, 7, 21, "b")} {
			for i := range l.index {
				l.index[i] = missing(r, l.in)
			}
			for i, v := range l.run(t, path, 1, true) { // windows without a pixel
				if want := l.bias[i/l.out%l.co]; v != want {
					t.Fatalf("%v: got %v want the bias %v", path, v, want)
				}
			}
		}
	}
}

// The result is the same to the last bit for any number of threads, and for any size of tile.
func TestConvReproducible(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, ci := range []int{3, 20, 100} {
		l := newLayer(r, 2, ci, 33, 2500, 2500, "bms")
		for _, path := range paths() {
			want := l.run(t, path, 1, true)
			same := func(how string, got []float32) {
				t.Helper()
				for i := range got {
					if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
						t.Fatalf("%v, %d channels, %s: value %d is %v, was %v", path, ci, how, i, got[i], want[i])
					}
				}
			}
			same("two threads", l.run(t, path, 2, true))
			same("seven threads", l.run(t, path, 7, true))
			tiled := l
			tiled.layout = kernel.Layout{Tile: 300}
			same("other tiles", tiled.run(t, path, 2, true))
		}
	}
}

func TestConvRefuses(t *testing.T) {
	index, w := make([]int32, 2*kernel.Taps), make([]float32, 3*kernel.Taps)
	g, err := kernel.NewGeometry(4, index, kernel.Layout{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := kernel.NewWeights(3, 1, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	geometry := func(in int, index []int32, l kernel.Layout) error {
		_, err := kernel.NewGeometry(in, index, l)
		return err
	}
	weights := func(co, ci, w, b int) error {
		_, err := kernel.NewWeights(co, ci, make([]float32, w), make([]float32, b))
		return err
	}
	conv := func(y int, a kernel.ConvInput) error { return kernel.Conv(g, f, make([]float32, y), a) }
	x := make([]float32, 4)
	for name, err := range map[string]error{
		"a row of eight":           geometry(4, index[:8], kernel.Layout{}),
		"negative input":           geometry(-1, index, kernel.Layout{}),
		"fill outside the outputs": geometry(4, index, kernel.Layout{Fills: []kernel.Fill{{Pixel: 2}}}),
		"fill outside the inputs":  geometry(4, index, kernel.Layout{Fills: []kernel.Fill{{A: 4}}}),
		"fill of tap 9":            geometry(4, index, kernel.Layout{Fills: []kernel.Fill{{Tap: 9}}}),
		"fill given twice":         geometry(4, index, kernel.Layout{Fills: []kernel.Fill{{B: 1}, {A: 1}}}),
		"huge tile":                geometry(4, index, kernel.Layout{Tile: 4096}),
		"no channels":              weights(1, 0, 0, 1),
		"weights too few":          weights(2, 2, 27, 2),
		"bias too short":           weights(2, 1, 18, 1),
		"input too short":          conv(6, kernel.ConvInput{N: 1, X: x[:3]}),
		"output too short":         conv(5, kernel.ConvInput{N: 1, X: x}),
		"negative maps":            conv(0, kernel.ConvInput{N: -1}),
		"mask too short":           conv(6, kernel.ConvInput{N: 1, X: x, Mask: make([]bool, 3)}),
		"scale too long":           conv(6, kernel.ConvInput{N: 1, X: x, Scale: make([]float32, 3)}),
		"unknown path":             conv(6, kernel.ConvInput{N: 1, X: x, Path: 9}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := conv(6, kernel.ConvInput{N: 1, X: x}); err != nil {
		t.Error(err)
	}
	for _, path := range []kernel.Path{kernel.AVX2, kernel.AVX512} {
		if err := conv(6, kernel.ConvInput{N: 1, X: x, Path: path}); (err == nil) != path.Available() {
			t.Errorf("path %v: available %v, error %v", path, path.Available(), err)
		}
	}
}
