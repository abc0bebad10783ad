package healpixop_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/ops"
)

var policies = []string{"zero", "hpxpad", "center", "renorm"}

// eval runs one operator by its definition and returns its first output.
func eval(t *testing.T, op string, a graph.Attrs, in ...*graph.Tensor) *graph.Tensor {
	t.Helper()
	c := optest.Case{Op: op, Attrs: a, In: in, Dynamic: make([]bool, len(in)), Outputs: 1}
	out, err := c.Eval()
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return out[0]
}

func float64s(t *graph.Tensor) []float64 { return graph.Data[float64](t) }

// normals returns a tensor that depends on its shape alone.
func normals(shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	x := float64s(t)
	for i := range x {
		x[i] = math.Sin(float64(3*i*i+i)) + math.Cos(float64(i))
	}
	return t
}

func constant(value float64, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range float64s(t) {
		float64s(t)[i] = value
	}
	return t
}

func npix(nside int) int64 { return int64(12 * nside * nside) }

func same(t *testing.T, what string, got, want *graph.Tensor, tol ops.Tolerance) {
	t.Helper()
	if d := optest.Different([]*graph.Tensor{got}, []*graph.Tensor{want}, tol); d != "" {
		t.Errorf("%s: %s", what, d)
	}
}

func TestConvIsTheSameInEveryOrder(t *testing.T) {
	for _, nside := range []int{1, 2, 8} {
		x, w := normals(2, 3, npix(nside)), normals(4, 3, 9)
		for _, missing := range policies {
			want := eval(t, "HealpixConv", graph.Attrs{"nside": nside, "missing": missing}, x, w)
			for _, order := range []string{"RING", "XY"} {
				y := eval(t, "HealpixReorder", graph.Attrs{"nside": nside, "to": order}, x)
				y = eval(t, "HealpixConv", graph.Attrs{"nside": nside, "missing": missing, "order": order}, y, w)
				y = eval(t, "HealpixReorder", graph.Attrs{"nside": nside, "from": order}, y)
				same(t, order+" "+missing, y, want, ops.Bitwise)
			}
		}
	}
}

// tapsAt permutes the taps of W: tap k of the result is tap from[k].
func tapsAt(w *graph.Tensor, from [9]int) *graph.Tensor {
	out := w.Clone()
	for i := range float64s(w) {
		float64s(out)[i] = float64s(w)[i/9*9+from[i%9]]
	}
	return out
}

func TestConvCommutesWithSymmetries(t *testing.T) {
	// How the taps N NE E NW C SE W SW S of a window lie after the mirror.
	ew := [9]int{0, 3, 6, 1, 4, 7, 2, 5, 8}
	ns := [9]int{8, 5, 2, 7, 4, 1, 6, 3, 0}
	for _, nside := range []int{1, 2, 4, 5} {
		x, w := normals(1, 2, npix(nside)), normals(3, 2, 9)
		for _, c := range []struct {
			attr string
			on   int
			taps *graph.Tensor
		}{{"rotate", 90, w}, {"rotate", 180, w}, {"rotate", 270, w}, {"flip_ew", 1, tapsAt(w, ew)}, {"flip_ns", 1, tapsAt(w, ns)}} {
			for _, missing := range policies {
				move := graph.Attrs{"nside": nside, "from": "XY", "to": "XY", c.attr: c.on}
				conv := graph.Attrs{"nside": nside, "missing": missing, "order": "XY"}
				want := eval(t, "HealpixReorder", move, eval(t, "HealpixConv", conv, x, w))
				got := eval(t, "HealpixConv", conv, eval(t, "HealpixReorder", move, x), c.taps)
				same(t, c.attr+" "+missing, got, want, ops.Tolerance{Rel: 1e-12, Abs: 1e-12})
			}
		}
	}
}

func TestConvOfConstants(t *testing.T) {
	mean := constant(1./9, 1, 1, 9)
	for nside, holes := range map[int]int{1: 12, 2: 24, 8: 24} {
		for _, missing := range policies {
			less := 0
			y := eval(t, "HealpixConv", graph.Attrs{"nside": nside, "missing": missing}, constant(1, 1, 1, npix(nside)), mean)
			for p, v := range float64s(y) {
				low := 8. / 9
				if nside == 1 {
					low = 7. / 9
				}
				switch {
				case math.Abs(v-1) < 1e-14:
				case missing == "zero" && math.Abs(v-low) < 1e-14:
					less++
				default:
					t.Fatalf("nside %d, %s, pixel %d: got %v", nside, missing, p, v)
				}
			}
			if missing == "zero" && less != holes {
				t.Errorf("nside %d: %d pixels miss a neighbour, want %d", nside, less, holes)
			}
		}
	}
}

func TestConvOfDelta(t *testing.T) {
	w := normals(1, 1, 9)
	total := 0.0
	for _, v := range float64s(w) {
		total += v
	}
	special := map[int]bool{5: true, 10: true, 21: true, 26: true, 37: true, 42: true, 53: true, 58: true, 64: true, 79: true, 80: true,
		95: true, 96: true, 111: true, 112: true, 127: true, 133: true, 138: true, 149: true, 154: true, 165: true, 170: true, 181: true,
		186: true} // nside 4 NEST
	for p := range 192 {
		x := graph.NewTensor(graph.Float64, 1, 1, 192)
		float64s(x)[p] = 1
		touched, sum := 0, 0.0
		for _, v := range float64s(eval(t, "HealpixConv", graph.Attrs{"nside": 4}, x, w)) {
			if v != 0 {
				touched++
				sum += v
			}
		}
		if want := map[bool]int{false: 9, true: 8}[special[p]]; touched != want {
			t.Errorf("pixel %d reaches %d pixels want %d", p, touched, want)
		}
		if p == 3 && math.Abs(sum-total) > 1e-12 { // its window crosses no seam
			t.Errorf("pixel %d spreads %v want %v", p, sum, total)
		}
	}
}

func TestConvMaskedAway(t *testing.T) {
	x, w, b := constant(math.NaN(), 1, 1, 48), normals(1, 1, 9), constant(5, 1)
	mask := graph.NewTensor(graph.Bool, 48)
	for _, mode := range []string{"zero", "renorm"} {
		c := optest.Case{Op: "HealpixConv", Attrs: graph.Attrs{"nside": 2, "mask_mode": mode}, In: []*graph.Tensor{x, w, b, nil, mask},
			Dynamic: make([]bool, 5), Outputs: 2}
		out, err := c.Eval()
		if err != nil {
			t.Fatal(err)
		}
		same(t, "Y", out[0], constant(5, 1, 1, 48), ops.Bitwise)
		if slices.Contains(graph.Data[bool](out[1]), true) {
			t.Errorf("mask_mode %s: mask_out has pixels without data", mode)
		}
	}
}

// TestIndexSpellings: -1 and P both name no pixel, and a full sky is the partial sky of all pixels.
func TestIndexSpellings(t *testing.T) {
	const nside = 4
	x, w := normals(1, 2, npix(nside)), normals(2, 2, 9)
	all := graph.NewTensor(graph.Int64, npix(nside))
	for i := range graph.Data[int64](all) {
		graph.Data[int64](all)[i] = int64(i)
	}
	index := eval(t, "HealpixNeighbors", graph.Attrs{"nside": nside})
	beyond := index.Clone()
	for i, v := range graph.Data[int64](beyond) {
		if v < 0 {
			graph.Data[int64](beyond)[i] = npix(nside)
		}
	}
	for _, missing := range policies {
		a := graph.Attrs{"nside": nside, "missing": missing}
		want := eval(t, "HealpixConv", a, x, w)
		same(t, missing+" with -1", eval(t, "HealpixConv", a, x, w, nil, index), want, ops.Bitwise)
		same(t, missing+" with P", eval(t, "HealpixConv", a, x, w, nil, beyond), want, ops.Bitwise)
		same(t, missing+" with all pixels", eval(t, "HealpixConv", a, x, w, nil, nil, nil, all), want, ops.Bitwise)
	}
}

func TestPoolUndoesUpsample(t *testing.T) {
	for _, order := range []string{"NEST", "RING", "XY"} {
		for _, factor := range []int{1, 2, 4} {
			x := normals(2, 2, npix(2))
			up := eval(t, "HealpixUpsample", graph.Attrs{"nside": 2, "order": order, "factor": factor}, x)
			for _, mode := range []string{"max", "avg"} {
				y := eval(t, "HealpixPool", graph.Attrs{"nside": 2 * factor, "order": order, "factor": factor, "mode": mode}, up)
				same(t, order+" "+mode, y, x, ops.Tolerance{Rel: 1e-15})
			}
		}
	}
}

// TestUnpoolPutsMaximaBack: unpooling the maxima and pooling again gives them.
func TestUnpoolPutsMaximaBack(t *testing.T) {
	for _, order := range []string{"NEST", "RING", "XY"} {
		a := graph.Attrs{"nside": 4, "order": order}
		x := normals(1, 2, npix(4))
		for i, v := range float64s(x) {
			float64s(x)[i] = v + 5 // unpooled zeros must not win
		}
		c := optest.Case{Op: "HealpixPool", Attrs: a, In: []*graph.Tensor{x}, Dynamic: []bool{true}, Outputs: 2}
		out, err := c.Eval()
		if err != nil {
			t.Fatal(err)
		}
		up := eval(t, "HealpixUpsample", graph.Attrs{"nside": 2, "order": order, "mode": "unpool"}, out[0], out[1])
		for i, at := range graph.Data[int64](out[1]) {
			if c := i / 48; float64s(up)[c*192+int(at)] != float64s(x)[c*192+int(at)] {
				t.Fatalf("%s: maximum %d is not back at %d", order, i, at)
			}
		}
		same(t, order, eval(t, "HealpixPool", a, up), out[0], ops.Bitwise)
	}
}

// TestRingChildren: the first parents' children from nside 16 to 8, as NNhealpix's dgrade table has them.
func TestRingChildren(t *testing.T) {
	x := graph.NewTensor(graph.Float64, 1, 1, npix(8))
	for i := range float64s(x) {
		float64s(x)[i] = float64(i)
	}
	up := float64s(eval(t, "HealpixUpsample", graph.Attrs{"nside": 8, "order": "RING"}, x))
	for parent, want := range [][]int{{0, 4, 5, 13}, {1, 6, 7, 16}, {2, 8, 9, 19}, {3, 10, 11, 22}, {12, 24, 25, 41}, {14, 26, 27, 43}} {
		var got []int
		for p, v := range up {
			if v == []float64{0, 1, 2, 3, 4, 5}[parent] {
				got = append(got, p)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("children of %d: got %v want %v", parent, got, want)
		}
	}
}

func TestFits(t *testing.T) {
	fit := func(op string, d graph.DType, a graph.Attrs) bool {
		x := &graph.Value{Name: "x", Type: graph.TensorType(d, graph.D(1), graph.D(1), graph.D(12))}
		ok, reason := healpixop.Fits(graph.NewNode(healpixop.Domain, op, a, []*graph.Value{x}, []*graph.Value{{Name: "y"}}))
		if ok == (reason != "") {
			t.Errorf("%s: fits %v, but the reason is %q", op, ok, reason)
		}
		return ok
	}
	for _, op := range []string{"HealpixConv", "HealpixPool", "HealpixUpsample", "HealpixReorder"} {
		if !fit(op, graph.Float32, graph.Attrs{"nside": 1}) || fit(op, graph.Float64, graph.Attrs{"nside": 1}) {
			t.Errorf("%s: want float32 to fit and float64 not to", op)
		}
	}
	if fit("HealpixNeighbors", graph.Int64, graph.Attrs{"nside": 1}) || fit("HealpixConv", graph.Float32, graph.Attrs{"kernel": 5}) {
		t.Error("want HealpixNeighbors and a 5×5 window not to fit")
	}
	if !fit("HealpixConv", graph.Float32, graph.Attrs{"spin_pairs": 24}) || fit("HealpixConv", graph.Float32, graph.Attrs{"spin_pairs": 25}) ||
		fit("HealpixConvGradInput", graph.Float32, graph.Attrs{"spin_pairs": 1}) {
		t.Error("want pairs to fit up to 24, and none the gradient of X")
	}
}

func TestRefusals(t *testing.T) {
	x := graph.NewTensor(graph.Float32, 1, 2, 48)
	w := graph.NewTensor(graph.Float32, 3, 2, 9)
	for _, c := range []struct {
		name, op, want string
		a              graph.Attrs
		in             []*graph.Tensor
	}{
		{"another nside", "HealpixConv", "expected 192, got 48", graph.Attrs{"nside": 4}, []*graph.Tensor{x, w}},
		{"its name", "HealpixConv", "which is nside 2", graph.Attrs{"nside": 4}, []*graph.Tensor{x, w}},
		{"no nside", "HealpixConv", "nside is missing", nil, []*graph.Tensor{x, w}},
		{"order", "HealpixConv", `order is "nested"`, graph.Attrs{"nside": 2, "order": "nested"}, []*graph.Tensor{x, w}},
		{"nested 3", "HealpixConv", "nside", graph.Attrs{"nside": 3}, []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 2, 108), w}},
		{"huge", "HealpixConv", "2^29", graph.Attrs{"nside": 1 << 40}, []*graph.Tensor{x, w}},
		{"policy", "HealpixConv", `missing is "wrap"`, graph.Attrs{"nside": 2, "missing": "wrap"}, []*graph.Tensor{x, w}},
		{"window", "HealpixConv", "kernel is 5", graph.Attrs{"nside": 2, "kernel": 5}, []*graph.Tensor{x, w}},
		{"channels", "HealpixConv", "channels", graph.Attrs{"nside": 2}, []*graph.Tensor{x, graph.NewTensor(graph.Float32, 3, 1, 9)}},
		{"taps", "HealpixConv", "taps", graph.Attrs{"nside": 2}, []*graph.Tensor{x, graph.NewTensor(graph.Float32, 3, 2, 25)}},
		{"rank", "HealpixConv", "rank 3", graph.Attrs{"nside": 2}, []*graph.Tensor{graph.NewTensor(graph.Float32, 2, 48), w}},
		{"type", "HealpixConv", "float32 or float64", graph.Attrs{"nside": 2}, []*graph.Tensor{graph.NewTensor(graph.Int32, 1, 2, 48), w}},
		{"mixed", "HealpixConv", "expected float32", graph.Attrs{"nside": 2}, []*graph.Tensor{x, graph.NewTensor(graph.Float64, 3, 2, 9)}},
		{"mask", "HealpixConv", "pixels of mask", graph.Attrs{"nside": 2}, []*graph.Tensor{x, w, nil, nil, graph.NewTensor(graph.Bool, 12)}},
		{"twice", "HealpixPool", "repeats pixel 7", graph.Attrs{"nside": 2},
			[]*graph.Tensor{graph.NewTensor(graph.Float32, 1, 1, 2), nil, graph.Vector[int64](7, 7)}},
		{"outside", "HealpixPool", "expected 0 to 47", graph.Attrs{"nside": 2},
			[]*graph.Tensor{graph.NewTensor(graph.Float32, 1, 1, 2), nil, graph.Vector[int64](7, 48)}},
		{"uncentred", "HealpixConv", "no row has a known centre", graph.Attrs{"nside": 2, "missing": "center"},
			[]*graph.Tensor{x, w, nil, graph.NewTensor(graph.Int64, 3, 9)}},
		{"too fine", "HealpixUpsample", "2^29", graph.Attrs{"nside": 1 << 28, "factor": 4}, []*graph.Tensor{nil}},
	} {
		c := c
		t.Run(c.name, func(t *testing.T) {
			_, _, err := optest.Case{Op: c.op, Attrs: c.a, In: c.in, Dynamic: make([]bool, len(c.in)), Outputs: 1}.Model()
			wantError(t, err, c.want)
		})
	}
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v want one with %q", err, text)
	}
}
