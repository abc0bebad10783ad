package dataset_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// shards writes n samples as files of a few and returns their paths; a sample is [10 i, 10 i + 1] and the label i mod 3.
func shards(t testing.TB, n, each int) []string {
	t.Helper()
	dir := t.TempDir()
	for from := 0; from < n; from += each {
		m := min(each, n-from)
		x, y := graph.NewTensor(graph.Float32, int64(m), 2), graph.NewTensor(graph.Int64, int64(m))
		for k := range m {
			graph.Data[float32](x)[2*k], graph.Data[float32](x)[2*k+1] = float32(10*(from+k)), float32(10*(from+k)+1)
			graph.Data[int64](y)[k] = int64((from + k) % 3)
		}
		path := filepath.Join(dir, fmt.Sprintf("part_%02d.npz", from))
		if err := sky.WriteArrays(path, named("y", y), named("x", x), named("other", graph.NewTensor(graph.Bool, 7))); err != nil {
			t.Fatal(err)
		}
	}
	paths, err := dataset.Glob(filepath.Join(dir, "*.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestArraysInShards(t *testing.T) {
	ds, err := dataset.Arrays(shards(t, 11, 3), "x", "y")
	if err != nil {
		t.Fatal(err)
	}
	if ds.Len() != 11 || !slices.Equal(names(ds), []string{"x", "y"}) {
		t.Fatalf("%d samples of %v", ds.Len(), names(ds))
	}
	for seed := range uint64(20) {
		index := dataset.Order(11, seed, 0)[:7]
		index[3] = index[0]
		got := mustRead(t, ds, index...)
		for k, i := range index {
			x, y := graph.Data[float32](got[0])[2*k:2*k+2], graph.Data[int64](got[1])[k]
			if x[0] != float32(10*i) || x[1] != float32(10*i+1) || y != int64(i%3) {
				t.Fatalf("sample %d is %v, %d", i, x, y)
			}
		}
	}
}

func TestArraysOfOneFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npy")
	if err := sky.WriteCube(path, count("", graph.Float64, 4, 3)); err != nil {
		t.Fatal(err)
	}
	for name, given := range map[string][]string{"data": nil, "cube": {"cube"}} {
		ds, err := dataset.Arrays([]string{path}, given...)
		if err != nil {
			t.Fatal(err)
		}
		if got := graph.Data[float64](mustRead(t, ds, 2)[0]); names(ds)[0] != name || !slices.Equal(got, []float64{6, 7, 8}) {
			t.Errorf("%v: got %v want [6 7 8] of %s", names(ds), got, name)
		}
	}
}

func TestBadArrays(t *testing.T) {
	paths := shards(t, 4, 2)
	_, err := dataset.Arrays(paths)
	fails(t, err, errs.Input, `array "other" has 7 rows, array "x" has 2: want one a sample in both; name the arrays`)
	_, err = dataset.Arrays(paths, "z")
	fails(t, err, errs.Input, `no array "z"; the file has ["y" "x" "other"]`)
	_, err = dataset.Arrays(nil)
	fails(t, err, errs.Input, "no files")
	npy := filepath.Join(t.TempDir(), "x.npy")
	if err := sky.WriteCube(npy, graph.NewTensor(graph.Float32, 5, 3)); err != nil {
		t.Fatal(err)
	}
	_, err = dataset.Arrays([]string{paths[0], npy}, "x")
	fails(t, err, errs.Input, "want the same fields")
	_, err = dataset.Arrays([]string{npy}, "x", "y")
	fails(t, err, errs.Input, "holds one array")
	_, err = dataset.Glob(filepath.Join(t.TempDir(), "*.npy"))
	fails(t, err, errs.Input, "no file matches")
}

// mapFile writes a map of nside 2 whose values are base + pixel in NESTED, and base + 100 + pixel.
func mapFile(t testing.TB, name string, base float32, order healpix.Order, part []int64) string {
	t.Helper()
	m := &sky.Map{Nside: 2, Order: healpix.Nested, Pixels: part}
	for c := range 2 {
		d := make([]float32, m.Len())
		for i := range d {
			d[i] = base + float32(100*c+i)
			if part != nil {
				d[i] = base + float32(100*c) + float32(part[i])
			}
		}
		if c == 1 {
			d[0] = float32(math.NaN())
		}
		m.Columns = append(m.Columns, sky.Column{Name: string("TQ"[c]), Data: graph.FromSlice(d, int64(len(d)))})
	}
	m, err := m.Reorder(order)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := sky.WriteMap(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMaps(t *testing.T) {
	paths := []string{
		mapFile(t, "a.fits", 0, healpix.Nested, nil),
		mapFile(t, "b.fits", 1000, healpix.Ring, nil),
		mapFile(t, "c.fits.gz", 2000, healpix.Ring, []int64{3, 5, 40}),
	}
	for _, noData := range []*float32{nil, new(float32)} {
		ds, err := dataset.Maps(paths, dataset.MapOptions{NoData: noData})
		if err != nil {
			t.Fatal(err)
		}
		if f := ds.Fields()[0]; ds.Len() != 3 || f.Name != "map" || !slices.Equal(f.Shape, []int64{2, 48}) {
			t.Fatalf("%d samples of %v", ds.Len(), f)
		}
		got := graph.Data[float32](mustRead(t, ds, 2, 0, 1)[0])
		for k, i := range []int{2, 0, 1} {
			for c := range 2 {
				for p := range 48 {
					want := float32(1000*i + 100*c + p)
					if i == 2 && p != 3 && p != 5 && p != 40 {
						want = healpix.Unseen
					}
					if c == 1 && (i < 2 && p == 0 || i == 2 && p == 3) {
						want = float32(math.NaN())
					}
					if noData != nil && (want != want || want == healpix.Unseen) {
						want = 0
					}
					if v := got[(k*2+c)*48+p]; v != want && !(v != v && want != want) {
						t.Errorf("sample %d, column %d, pixel %d: got %g want %g", i, c, p, v, want)
					}
				}
			}
		}
	}
	ds, err := dataset.Maps(paths[:2], dataset.MapOptions{Field: "q", Order: healpix.Ring, Read: sky.ReadOptions{Columns: []string{"Q"}}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := healpix.New(2, healpix.Nested)
	if err != nil {
		t.Fatal(err)
	}
	got := graph.Data[float32](mustRead(t, ds, 1)[0])
	for p := 1; p < 48; p++ {
		if v := got[g.Convert(p, healpix.Ring)]; v != float32(1100+p) {
			t.Errorf("RING: pixel %d (NESTED): got %g want %d", p, v, 1100+p)
		}
	}
}

// U has one sign whatever the file's convention; no other column and no pixel without data changes.
func TestMapsPolcconv(t *testing.T) {
	column := func(name string) sky.Column {
		data := graph.NewTensor(graph.Float32, 12)
		for p, v := range []float32{1, -2, healpix.Unseen, 4} {
			graph.Data[float32](data)[p] = v
		}
		return sky.Column{Name: name, Data: data}
	}
	names := []string{"Q_POLARISATION", "U_POLARISATION", "U", "Unity", "u-1"}
	m := &sky.Map{Nside: 1, Order: healpix.Ring}
	for _, name := range names {
		m.Columns = append(m.Columns, column(name))
	}
	var paths []string
	for _, convention := range []string{"", "COSMO", "IAU"} {
		m.Polcconv = convention
		paths = append(paths, filepath.Join(t.TempDir(), convention+".fits"))
		if err := sky.WriteMap(paths[len(paths)-1], m); err != nil {
			t.Fatal(err)
		}
	}
	ds, err := dataset.Maps(paths, dataset.MapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		got := graph.Data[float32](mustRead(t, ds, i)[0])
		for c, sign := range []float32{1, -1, -1, 1, -1} {
			if i < 2 {
				sign = 1
			}
			if v, want := got[c*12:c*12+4], []float32{sign, -2 * sign, healpix.Unseen, 4 * sign}; !slices.Equal(v, want) {
				t.Errorf("file %d, column %s: got %v want %v", i, names[c], v, want)
			}
		}
	}
}

func TestBadMaps(t *testing.T) {
	big := filepath.Join(t.TempDir(), "big.fits")
	m := &sky.Map{Nside: 4, Order: healpix.Ring, Columns: []sky.Column{{Name: "T", Data: graph.NewTensor(graph.Float32, 192)}}}
	if err := sky.WriteMap(big, m); err != nil {
		t.Fatal(err)
	}
	ds, err := dataset.Maps([]string{mapFile(t, "a.fits", 0, healpix.Ring, nil), big, "missing.fits"}, dataset.MapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = read(ds, 1)
	fails(t, err, errs.Input, "big.fits has nside 4 and 1 columns: want nside 2 and 2 as in")
	_, err = read(ds, 2)
	fails(t, err, errs.Input, "missing.fits")
	_, err = dataset.Maps(nil, dataset.MapOptions{})
	fails(t, err, errs.Input, "no files")
	_, err = dataset.Maps([]string{big}, dataset.MapOptions{Order: 99})
	fails(t, err, errs.Input, "big.fits")
}

// A real map of the cosmic microwave background, as a sample.
func TestMapsOfWMAP(t *testing.T) {
	path := testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")
	ds, err := dataset.Maps([]string{path, path}, dataset.MapOptions{Order: healpix.Nested})
	if err != nil {
		t.Fatal(err)
	}
	l := loader(t, ds, 2, dataset.LoaderOptions{Augment: []dataset.Augment{
		dataset.Sphere(healpix.Nested, dataset.SphereField{Name: "map", Odd: []int{2}}),
	}}, 0, 0)
	b, err := l.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := mustRead(t, ds, 0)[0]
	n := len(want.Raw) / 4
	sum := func(d []float32) (s float64) {
		for _, v := range d {
			s += math.Abs(float64(v))
		}
		return s
	}
	a, w := sum(graph.Data[float32](b.Tensors[0])[:n]), sum(graph.Data[float32](want))
	if math.Abs(a-w) > 1e-9*w || w == 0 || ds.Fields()[0].Shape[1] != 12*32*32 {
		t.Errorf("a turned sky has the sum %g of absolute values, the sky has %g; fields %v", a, w, ds.Fields())
	}
}

func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "params.csv")
	text := "file,sim,tau,A_s,class,half\nb.fits,7,0.06,2.1,1,1\nsub/a.fits,7,0.05,2.2,0,0.5\nc.fits,8,0.07,2.3,2,2\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	table, err := dataset.ReadTable(path)
	if err != nil {
		t.Fatal(err)
	}
	matched, err := table.Match("file", []string{"x/a.fits", "c.fits"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		table          *dataset.Table
		vector, labels string
		groups         string
	}{
		"by row":  {table, "[2.1 0.06 2.2 0.05 2.3 0.07]", "[1 0 2]", "[7 7 8]"},
		"by file": {matched, "[2.2 0.05 2.3 0.07]", "[0 2]", "[7 8]"},
	} {
		v, err := c.table.Vector("params", "A_s", "tau")
		if err != nil {
			t.Fatal(err)
		}
		l, err := c.table.Labels("class", "class")
		if err != nil {
			t.Fatal(err)
		}
		both, err := dataset.Zip(v, l)
		if err != nil {
			t.Fatal(err)
		}
		got := mustRead(t, both, []int{0, 1, 2}[:both.Len()]...)
		if fmt.Sprint(graph.Data[float32](got[0])) != c.vector || fmt.Sprint(graph.Data[int64](got[1])) != c.labels {
			t.Errorf("%s: got %v and %v", name, graph.Data[float32](got[0]), graph.Data[int64](got[1]))
		}
		g, err := c.table.Groups("sim")
		if err != nil || fmt.Sprint(g) != c.groups {
			t.Errorf("%s: groups %v, %v want %s", name, g, err, c.groups)
		}
	}
	_, err = table.Vector("p", "tau", "omega")
	fails(t, err, errs.Input, `params.csv: no column "omega"; the table has ["file" "sim" "tau" "A_s" "class" "half"]`)
	_, err = table.Vector("p", "file")
	fails(t, err, errs.Input, `column "file" is string[3]: want one number a row`)
	_, err = table.Labels("l", "half")
	fails(t, err, errs.Input, `sample 1, column "half": 0.5 is no whole number`)
	_, err = table.Match("file", []string{"d.fits"})
	fails(t, err, errs.Input, `column "file" does not name "d.fits"`)
	_, err = table.Match("sim", []string{"7"})
	fails(t, err, errs.Input, `column "sim" names "7" twice`)
}

func TestCheckNamesTheSample(t *testing.T) {
	x, y := count("x", graph.Float32, 5, 2, 2), named("class", graph.Vector[int32](0, 1, 2, 1, 0))
	ctx := context.Background()
	opt := dataset.CheckOptions{Classes: map[string]int{"class": 3}}
	if err := dataset.Check(ctx, memory(t, x, y), opt); err != nil {
		t.Error(err)
	}
	opt.Classes["class"] = 2
	fails(t, dataset.Check(ctx, memory(t, x, y), opt), errs.Input, `sample 2: bad input: field "class": label 2: want 0 to 1`)
	graph.Data[int32](y)[2], graph.Data[int32](y)[1] = 0, -1
	fails(t, dataset.Check(ctx, memory(t, x, y), opt), errs.Input, `sample 1: bad input: field "class": label -1: want 0 to 1`)
	graph.Data[int32](y)[1] = 0
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	graph.Data[float32](x)[4*3+2] = nan
	fails(t, dataset.Check(ctx, memory(t, x, y), opt), errs.Input, `sample 3: bad input: field "x": NaN at [1 0]: want finite numbers`)
	opt.NaN = []string{"x"}
	if err := dataset.Check(ctx, memory(t, x, y), opt); err != nil {
		t.Error(err)
	}
	graph.Data[float32](x)[4*4] = inf
	fails(t, dataset.Check(ctx, memory(t, x, y), opt), errs.Input, `sample 4: bad input: field "x": -Inf at [0 0]`)
	fails(t, dataset.Check(ctx, memory(t, named("x", graph.NewTensor(graph.Float32, 0, 3))), dataset.CheckOptions{}), errs.Input, "the dataset is empty")
	fails(t, dataset.Check(ctx, memory(t, x), dataset.CheckOptions{Classes: map[string]int{"x": 3}}), errs.Input, `labels "x" are float32`)
	fails(t, dataset.Check(ctx, memory(t, x), dataset.CheckOptions{Classes: map[string]int{"w": 3}}), errs.Input, `no field "w"`)
}
