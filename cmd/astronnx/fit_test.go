package main

import (
	"math"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/sky"
)

// ramp returns a full-sky map whose column c holds 1000·c + the NESTED number of the pixel.
func ramp(t testing.TB, nside int, order healpix.Order, columns ...string) *sky.Map {
	t.Helper()
	grid, err := healpix.New(nside, order)
	if err != nil {
		t.Fatal(err)
	}
	m := &sky.Map{Nside: nside, Order: order, Coord: "G"}
	for c, name := range columns {
		data := make([]float32, grid.Npix())
		for p := range data {
			data[p] = float32(1000*c + grid.Convert(p, healpix.Nested))
		}
		m.Columns = append(m.Columns, sky.Column{Name: name, Unit: "mK", Data: graph.FromSlice(data, int64(len(data)))})
	}
	return m
}

// part keeps the given pixels of a full-sky map.
func part(m *sky.Map, pixels ...int64) *sky.Map {
	out := *m
	out.Pixels = pixels
	out.Columns = slices.Clone(m.Columns)
	for i, c := range m.Columns {
		var data []float32
		for _, p := range pixels {
			data = append(data, graph.Data[float32](c.Data)[p])
		}
		out.Columns[i].Data = graph.FromSlice(data, int64(len(data)))
	}
	return &out
}

func floats(t testing.TB, c sky.Column) []float32 {
	t.Helper()
	return graph.Data[float32](c.Data)
}

// identity is the result of a network that gives back what it reads.
func identity(t testing.TB, f *fitted) *graph.Tensor {
	t.Helper()
	x, err := f.tensor(graph.Float32)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestFitReordersThereAndBack(t *testing.T) {
	m := ramp(t, 4, healpix.Ring, "I_STOKES", "Q_STOKES", "U_STOKES")
	f, err := fit(m, need{channels: 2, nside: 4, order: healpix.Nested}, fitting{columns: []string{"u", "0"}, unseen: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	x := identity(t, f)
	if !slices.Equal(x.Shape, []int64{1, 2, 192}) {
		t.Fatalf("shape %v", x.Shape)
	}
	for p, v := range graph.Data[float32](x) {
		if want := float32(2000*(1-p/192) + p%192); v != want {
			t.Fatalf("element %d of the network's input is %g, want %g", p, v, want)
		}
	}
	back, err := f.back(x, 4, facts{})
	if err != nil {
		t.Fatal(err)
	}
	if back.Order != healpix.Ring || back.Coord != "G" || back.Columns[0].Name != "U_STOKES" || back.Columns[0].Unit != "mK" {
		t.Errorf("back: %v %q %q %q", back.Order, back.Coord, back.Columns[0].Name, back.Columns[0].Unit)
	}
	if !slices.Equal(floats(t, back.Columns[0]), floats(t, m.Columns[2])) {
		t.Error("the column did not come back as it was")
	}
}

func TestFitPartialSky(t *testing.T) {
	full := ramp(t, 4, healpix.Ring, "T")
	m := part(full, 3, 17, 100)
	n := need{channels: 1, nside: 4, order: healpix.Nested}
	if _, err := fit(m, n, fitting{unseen: "auto"}); exitCode(err) != exitInput {
		t.Errorf("a partial sky without a policy: got %v", err)
	}
	f, err := fit(m, n, fitting{unseen: "zero"})
	if err != nil {
		t.Fatal(err)
	}
	if f.masked != 0 {
		t.Errorf("%d masked pixels, want 0: those it has are all good", f.masked)
	}
	x := graph.Data[float32](identity(t, f))
	sum := float32(0)
	for _, v := range x {
		sum += v
	}
	want := floats(t, m.Columns[0])
	if sum != want[0]+want[1]+want[2] {
		t.Errorf("the network reads a sum of %g, want %g", sum, want[0]+want[1]+want[2])
	}
	back, err := f.back(identity(t, f), 4, facts{units: []string{"µK"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Pixels, m.Pixels) || !slices.Equal(floats(t, back.Columns[0]), want) {
		t.Errorf("back: pixels %v values %v", back.Pixels, floats(t, back.Columns[0]))
	}
	if back.Columns[0].Unit != "µK" {
		t.Errorf("unit %q, want that of the network", back.Columns[0].Unit)
	}
}

func TestFitDegrades(t *testing.T) {
	m := ramp(t, 8, healpix.Ring, "T")
	grid, _ := healpix.New(8, healpix.Ring)
	for _, c := range grid.Children(0, 1) {
		floats(t, m.Columns[0])[c] = healpix.Unseen
	}
	n := need{channels: 1, nside: 4, order: healpix.Nested}
	if _, err := fit(m, n, fitting{unseen: "zero"}); exitCode(err) != exitInput {
		t.Errorf("without --degrade: got %v", err)
	}
	if _, err := fit(m, need{channels: 1, nside: 16, order: healpix.Nested}, fitting{degrade: true}); exitCode(err) != exitInput {
		t.Errorf("a map that is too coarse: got %v", err)
	}
	f, err := fit(m, n, fitting{unseen: "auto", degrade: true})
	if err != nil {
		t.Fatal(err)
	}
	for p, v := range graph.Data[float32](identity(t, f)) {
		want := float32(4*p) + 1.5
		if v != want && !(p == int(grid.Convert(0, healpix.Nested))/4) {
			t.Fatalf("pixel %d is %g, want the mean of its children, %g", p, v, want)
		}
	}
	if f.masked != 1 {
		t.Errorf("%d masked pixels, want 1", f.masked)
	}
}

func TestFitPolicies(t *testing.T) {
	m := ramp(t, 1, healpix.Nested, "T")
	floats(t, m.Columns[0])[3] = healpix.Unseen
	floats(t, m.Columns[0])[5] = float32(math.NaN())
	mean := float32(0+1+2+4+6+7+8+9+10+11) / 10
	n := need{channels: 1, order: healpix.Nested}
	t.Run("float64", func(t *testing.T) {
		f, err := fit(m, need{channels: 1, order: healpix.Nested, dtype: graph.Float64}, fitting{unseen: "mean"})
		if err != nil {
			t.Fatal(err)
		}
		x, err := f.tensor(graph.Float64)
		if err != nil {
			t.Fatal(err)
		}
		if v := graph.Data[float64](x); v[3] != 5.8 || v[5] != 5.8 || v[4] != 4 {
			t.Errorf("the network reads %v", v)
		}
	})
	for _, c := range []struct {
		policy string
		masked bool
		want3  float32
	}{
		{"zero", false, 0}, {"mean", false, mean}, {"keep", false, healpix.Unseen}, {"auto", true, healpix.Unseen},
	} {
		n.masked = c.masked
		f, err := fit(m, n, fitting{unseen: c.policy})
		if err != nil {
			t.Fatalf("%s: %v", c.policy, err)
		}
		x := graph.Data[float32](identity(t, f))
		if x[3] != c.want3 {
			t.Errorf("%s: the network reads %g for UNSEEN, want %g", c.policy, x[3], c.want3)
		}
		if (c.policy == "zero" || c.policy == "mean") && x[5] != c.want3 {
			t.Errorf("%s: the network reads %g for NaN, want %g", c.policy, x[5], c.want3)
		}
		if f.joint[3] || f.joint[5] || !f.joint[4] {
			t.Errorf("%s: mask %v", c.policy, f.joint)
		}
		back, err := f.back(graph.FromSlice(make([]float32, 12), 1, 1, 12), 1, facts{})
		if err != nil {
			t.Fatal(err)
		}
		got := floats(t, back.Columns[0])
		if got[3] != healpix.Unseen || got[5] != healpix.Unseen || got[4] != 0 {
			t.Errorf("%s: results where there were no data: %g %g, want UNSEEN", c.policy, got[3], got[5])
		}
	}
}

func TestFitMaskFile(t *testing.T) {
	m := ramp(t, 2, healpix.Ring, "T")
	maskGrid, _ := healpix.New(2, healpix.Nested)
	use := make([]bool, maskGrid.Npix())
	for p := range use {
		use[p] = p != 7
	}
	f, err := fit(m, need{channels: 1, order: healpix.Ring}, fitting{unseen: "zero", mask: use, maskIn: maskGrid})
	if err != nil {
		t.Fatal(err)
	}
	out := maskGrid.Convert(7, healpix.Ring)
	for p, ok := range f.joint {
		if ok != (p != out) {
			t.Errorf("pixel %d: used %v", p, ok)
		}
	}
	coarse, _ := healpix.New(1, healpix.Nested)
	_, err = fit(m, need{channels: 1, order: healpix.Ring}, fitting{mask: make([]bool, 12), maskIn: coarse})
	if exitCode(err) != exitInput {
		t.Errorf("a mask of another nside: got %v", err)
	}
}

func TestBackOnOtherNsides(t *testing.T) {
	m := ramp(t, 2, healpix.Ring, "T")
	grid, _ := healpix.New(2, healpix.Ring)
	for _, p := range []int{0, 1, 2} { // three of the four children of one coarse pixel, or parts of several
		floats(t, m.Columns[0])[p] = healpix.Unseen
	}
	f, err := fit(m, need{channels: 1, order: healpix.Nested}, fitting{unseen: "zero"})
	if err != nil {
		t.Fatal(err)
	}
	for _, nside := range []int{1, 4} {
		other, _ := healpix.New(nside, healpix.Ring)
		back, err := f.back(graph.NewTensor(graph.Float32, 1, 1, int64(other.Npix())), nside, facts{})
		if err != nil {
			t.Fatal(err)
		}
		for p, v := range floats(t, back.Columns[0]) {
			good := false
			if nside == 1 {
				for _, c := range other.Children(p, 2) {
					good = good || c > 2
				}
			} else {
				good = other.Parent(p, 2) > 2
			}
			if (v == 0) != good {
				t.Errorf("nside %d, pixel %d of %v: %g, want data %v", nside, p, grid, v, good)
			}
		}
	}
}

func TestColumnNames(t *testing.T) {
	m := ramp(t, 1, healpix.Ring, "TEMPERATURE", "Q_POLARISATION", "N_OBS")
	for name, want := range map[string]string{
		"I": "TEMPERATURE", "q": "Q_POLARISATION", "2": "N_OBS", "n_obs": "N_OBS", "temperature": "TEMPERATURE",
	} {
		if c, err := column(m, name); err != nil || c.Name != want {
			t.Errorf("%s: got %v %v, want %s", name, c, err, want)
		}
	}
	for _, name := range []string{"U", "3", "-1", "obs"} {
		if _, err := column(m, name); exitCode(err) != exitInput {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBackKeepsTypes(t *testing.T) {
	m := ramp(t, 1, healpix.Ring, "T")
	floats(t, m.Columns[0])[3] = healpix.Unseen
	f, err := fit(m, need{channels: 1, order: healpix.Ring}, fitting{unseen: "zero"})
	if err != nil {
		t.Fatal(err)
	}
	for dtype, want := range map[graph.DType]graph.DType{
		graph.Float16: graph.Float32, graph.BFloat16: graph.Float32, graph.Float64: graph.Float64, graph.Int64: graph.Int64,
		graph.Int32: graph.Int32,
	} {
		back, err := f.back(graph.NewTensor(dtype, 1, 1, 12), 1, facts{})
		if err != nil {
			t.Errorf("%v: %v", dtype, err)
			continue
		}
		mask, err := back.Mask()
		if err != nil {
			t.Fatal(err)
		}
		if back.Columns[0].Data.DType != want || mask[3] || !mask[4] {
			t.Errorf("%v: column of %v, mask %v", dtype, back.Columns[0].Data.DType, mask)
		}
	}
	if _, err := f.back(graph.NewTensor(graph.Complex64, 1, 1, 12), 1, facts{}); exitCode(err) != exitOutput {
		t.Errorf("complex: got %v", err)
	}
}

func TestBackHeedsWhatTheNetworkSays(t *testing.T) {
	m := ramp(t, 2, healpix.Ring, "I", "Q")
	f, err := fit(m, need{channels: 2, order: healpix.Nested}, fitting{unseen: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	// A result in RING, although the network reads NESTED.
	data := make([]float32, 48)
	for p := range data {
		data[p] = float32(p)
	}
	says := facts{order: healpix.Ring, columns: []string{"TAU"}, units: []string{"1"}}
	back, err := f.back(graph.FromSlice(data, 1, 1, 48), 2, says)
	if err != nil {
		t.Fatal(err)
	}
	if c := back.Columns[0]; c.Name != "TAU" || c.Unit != "1" || !slices.Equal(floats(t, c), data) {
		t.Errorf("got %s in %q: %v", c.Name, c.Unit, floats(t, c))
	}
	back, err = f.back(graph.FromSlice(data, 1, 1, 48), 2, facts{})
	if err != nil {
		t.Fatal(err)
	}
	if c := back.Columns[0]; c.Name != "CHANNEL_0" || c.Unit != "" || slices.Equal(floats(t, c), data) {
		t.Errorf("a result that nothing is said about: %s in %q", c.Name, c.Unit)
	}
}
