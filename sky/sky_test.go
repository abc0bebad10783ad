package sky_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// python runs a script with arguments and returns what it prints.
func python(t testing.TB, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(testkit.Python(t, "healpy", "numpy", "astropy"), append([]string{"-c", script}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.Bytes())
	}
	return out
}

// sample returns a full sky of one column for every element type, with values that use all their bits.
func sample(nside int, order healpix.Order, types ...graph.DType) *sky.Map {
	m := &sky.Map{Nside: nside, Order: order}
	for i, d := range types {
		t := graph.NewTensor(d, int64(m.Len()))
		size := d.Bits() / 8
		for p := range m.Len() {
			x := uint64(p+i+1) * 0x9e3779b97f4a7c15
			if d.IsFloat() {
				x &^= 1 << (d.Bits() - 2) // no NaN, whose payload a float unit may change
			}
			if d == graph.Bool {
				x >>= 63
			}
			for b := range size {
				t.Raw[p*size+b] = byte(x >> (8 * b))
			}
		}
		m.Columns = append(m.Columns, sky.Column{Name: fmt.Sprintf("C%d_%s", i, d), Unit: "mK", Data: t})
	}
	return m
}

func write(t testing.TB, m *sky.Map) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sky.WriteMapTo(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func same(t testing.TB, got, want *sky.Map) {
	t.Helper()
	if got.Nside != want.Nside || got.Order != want.Order || got.Coord != want.Coord || got.Polcconv != want.Polcconv {
		t.Errorf("got nside %d %v %q %q want %d %v %q %q", got.Nside, got.Order, got.Coord, got.Polcconv, want.Nside, want.Order,
			want.Coord, want.Polcconv)
	}
	if len(got.Pixels) != len(want.Pixels) || (got.Pixels == nil) != (want.Pixels == nil) {
		t.Fatalf("got %d pixels want %d", len(got.Pixels), len(want.Pixels))
	}
	for i := range got.Pixels {
		if got.Pixels[i] != want.Pixels[i] {
			t.Fatalf("pixel at %d: got %d want %d", i, got.Pixels[i], want.Pixels[i])
		}
	}
	if len(got.Columns) != len(want.Columns) {
		t.Fatalf("got %d columns want %d", len(got.Columns), len(want.Columns))
	}
	for i, c := range got.Columns {
		w := want.Columns[i]
		if c.Name != w.Name || c.Unit != w.Unit {
			t.Errorf("column %d: got %q in %q want %q in %q", i, c.Name, c.Unit, w.Name, w.Unit)
		}
		if (c.Null == nil) != (w.Null == nil) || c.Null != nil && *c.Null != *w.Null {
			t.Errorf("column %q: null differs", c.Name)
		}
		if !c.Data.Equal(w.Data) {
			t.Errorf("column %q: values differ", c.Name)
		}
	}
}

var everyType = []graph.DType{
	graph.Float32, graph.Float64, graph.Uint8, graph.Int8, graph.Uint16, graph.Int16, graph.Uint32, graph.Int32, graph.Uint64,
	graph.Int64, graph.Bool,
}

// part returns the map on every third pixel.
func part(m *sky.Map) *sky.Map {
	out := *m
	out.Columns = append([]sky.Column(nil), m.Columns...)
	for p := 1; p < m.Len(); p += 3 {
		out.Pixels = append(out.Pixels, int64(p))
	}
	for i, c := range m.Columns {
		size := c.Data.DType.Bits() / 8
		t := graph.NewTensor(c.Data.DType, int64(len(out.Pixels)))
		for j, p := range out.Pixels {
			copy(t.Raw[j*size:(j+1)*size], c.Data.Raw[int(p)*size:])
		}
		out.Columns[i].Data = t
	}
	return &out
}

func TestRoundTrip(t *testing.T) {
	for _, nside := range []int{1, 4, 16, 64} {
		for _, order := range []healpix.Order{healpix.Ring, healpix.Nested} {
			m := sample(nside, order, everyType...)
			m.Coord, m.Polcconv = "G", "COSMO"
			m.BadData = new(-1.5e30)
			m.Columns[7].Null = new(int64(-7))
			m.Columns[4].Null = new(int64(65535))
			m.Columns[8].Null = new(int64(1))
			m.Extra = []sky.Card{{Name: "TELESCOP", Value: "O'Hara's \"dish\"", Comment: "who"}, {Name: "FREQ", Value: 93.5}}
			for _, m := range []*sky.Map{m, part(m)} {
				got, err := sky.ReadMapFrom(bytes.NewReader(write(t, m)), sky.ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, m)
				if *got.BadData != *m.BadData || len(got.Extra) != 2 || got.Extra[0] != m.Extra[0] || got.Extra[1].Value != 93.5 {
					t.Errorf("got BAD_DATA %v, cards %v", *got.BadData, got.Extra)
				}
			}
		}
	}
}

const pyRead = `
import sys, json, numpy as np, healpy as hp
from astropy.io import fits
out = {}
for path in sys.argv[1:]:
    maps, h = hp.read_map(path, field=None, nest=None, h=True)
    h = dict((k, v) for k, v in h if k)
    cols = fits.open(path)[1].columns[int(h["INDXSCHM"] == "EXPLICIT"):]
    maps = [maps] if len(cols) == 1 else maps
    out[path] = {"nside": h["NSIDE"], "ordering": h["ORDERING"], "coord": h["COORDSYS"], "names": cols.names,
        "units": cols.units, "types": [m.dtype.name for m in maps],
        "hex": [m.astype(m.dtype.newbyteorder("<")).tobytes().hex() for m in maps]}
print(json.dumps(out))
`

func TestHealpyReadsWhatWeWrite(t *testing.T) {
	dir := t.TempDir()
	maps := map[string]*sky.Map{}
	var paths []string
	for name, m := range map[string]*sky.Map{
		"ring.fits":    sample(32, healpix.Ring, graph.Float32),
		"nested.fits":  sample(32, healpix.Nested, graph.Float64),
		"int32.fits":   sample(8, healpix.Ring, graph.Int32),
		"int64.fits":   sample(16, healpix.Nested, graph.Int64),
		"three.fits":   sample(16, healpix.Ring, graph.Float32, graph.Float32, graph.Float32),
		"part.fits":    part(sample(16, healpix.Nested, graph.Float32)),
		"parts.fits":   part(sample(16, healpix.Ring, graph.Float64, graph.Float64)),
		"gzip.fits.gz": sample(16, healpix.Ring, graph.Float32),
	} {
		m.Coord = "E"
		if f := m.Columns[0].Data; f.DType == graph.Float32 {
			graph.Data[float32](f)[3] = healpix.Unseen
		}
		path := filepath.Join(dir, name)
		if err := sky.WriteMap(path, m); err != nil {
			t.Fatal(err)
		}
		maps[path], paths = m, append(paths, path)
	}
	var seen map[string]struct {
		Nside                    int
		Ordering, Coord          string
		Names, Units, Types, Hex []string
	}
	if err := json.Unmarshal(python(t, pyRead, paths...), &seen); err != nil {
		t.Fatal(err)
	}
	for path, m := range maps {
		name, got := filepath.Base(path), seen[path]
		full, err := m.Full(healpix.Unseen)
		if err != nil {
			t.Fatal(err)
		}
		if got.Nside != m.Nside || got.Coord != "E" || got.Ordering[:4] != m.Order.String()[:4] {
			t.Errorf("%s: healpy sees nside %d %s %s", name, got.Nside, got.Ordering, got.Coord)
		}
		for i, c := range full.Columns {
			if got.Types[i] != c.Data.DType.String() || got.Names[i] != c.Name || got.Units[i] != "mK" {
				t.Errorf("%s: healpy sees %s %s in %s", name, got.Types[i], got.Names[i], got.Units[i])
			}
			if hexOf(c.Data.Raw) != got.Hex[i] {
				t.Errorf("%s, column %d: healpy reads other values", name, i)
			}
		}
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func TestOrderOption(t *testing.T) {
	b := write(t, sample(2, healpix.Ring, graph.Float32))
	b = bytes.Replace(b, []byte("ORDERING"), []byte("ORDERLES"), 1)
	m, err := sky.ReadMapFrom(bytes.NewReader(b), sky.ReadOptions{Order: healpix.Nested})
	if err != nil || m.Order != healpix.Nested {
		t.Errorf("got %v, %v want NESTED", m, err)
	}
}

// FIRSTPIX and LASTPIX make an implicit map a part of the sky.
func TestImplicitRange(t *testing.T) {
	m := sample(1, healpix.Ring, graph.Float32)
	b := setCard(setCard(setCard(write(t, m), "NSIDE", "3"), "FIRSTPIX", "5"), "LASTPIX", "16")
	got, err := sky.ReadMapFrom(bytes.NewReader(setCard(b, "OBJECT", "'M31'")), sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m.Nside, m.Pixels = 3, []int64{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	same(t, got, m)
}

func TestReadColumns(t *testing.T) {
	want := sample(16, healpix.Ring, everyType...)
	m, err := sky.ReadMapFrom(bytes.NewReader(write(t, want)), sky.ReadOptions{Columns: []string{"c9_INT64", "c0_float32"}})
	if err != nil {
		t.Fatal(err)
	}
	want.Columns = []sky.Column{want.Columns[9], want.Columns[0]}
	same(t, m, want)
}

func TestTensorAndMask(t *testing.T) {
	nan := float32(math.NaN())
	m := &sky.Map{Nside: 1, Order: healpix.Ring, BadData: new(-1000.0), Columns: []sky.Column{
		{Name: "T", Data: graph.Vector(0, 1, 2, 3, nan, healpix.Unseen, healpix.Unseen*1.000001, -1000, -1000.001, -999, 10, 11)},
		{Name: "N", Null: new(int64(7)), Data: graph.Vector[int16](0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)},
		{Name: "OK", Data: graph.Vector(true, false, true, true, true, true, true, true, true, true, true, true)},
	}}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		columns []string
		bad     []int
	}{{[]string{"t"}, []int{4, 5, 6, 7, 8}}, {[]string{"N"}, []int{7}}, {nil, []int{4, 5, 6, 7, 8}}, {[]string{"OK"}, nil}} {
		mask, err := m.Mask(c.columns...)
		if err != nil {
			t.Fatal(err)
		}
		for p, ok := range mask {
			if ok == slices.Contains(c.bad, p) {
				t.Errorf("mask of %v at %d: got %t", c.columns, p, ok)
			}
		}
	}
	x, err := m.Tensor("N", "T")
	if err != nil || !slices.Equal(x.Shape, []int64{1, 2, 12}) || x.DType != graph.Float32 {
		t.Fatalf("got %v, %v want float32[1 2 12]", x, err)
	}
	u := float32(healpix.Unseen)
	want := []float32{0, 1, 2, 3, 4, 5, 6, u, 8, 9, 10, 11, 0, 1, 2, 3, nan, u, u, u, u, -999, 10, 11}
	for i, v := range graph.Data[float32](x) {
		if v != want[i] && (v == v || want[i] == want[i]) {
			t.Errorf("element %d: got %g want %g", i, v, want[i])
		}
	}
	if _, err := m.Tensor("T", "X"); !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), `no column "X"; the map has T, N, OK`) {
		t.Errorf("got %v", err)
	}
}

func TestHoldsU(t *testing.T) {
	for name, want := range map[string]bool{"U": true, "u": true, "U_POLARISATION": true, "U_2": true, " U-POL ": true, "U1": true,
		"": false, " ": false, "Q": false, "UU_COV": false, "Unity": false, "QU_COV": false, "TEMPERATURE": false} {
		if got := sky.HoldsU(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

func TestFull(t *testing.T) {
	m := part(sample(2, healpix.Nested, graph.Float32, graph.Uint8))
	if _, err := m.Full(healpix.Unseen); !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), "uint8 cannot hold the fill value") {
		t.Errorf("got %v", err)
	}
	full, err := m.Full(200)
	if err != nil {
		t.Fatal(err)
	}
	if full.Pixels != nil || full.Check() != nil {
		t.Fatalf("got %d pixels, %v", len(full.Pixels), full.Check())
	}
	for i, c := range full.Columns {
		held := m.Columns[i].Float64()
		for p, v := range c.Float64() {
			want := 200.0
			if p%3 == 1 {
				want = held[p/3]
			}
			if v != want {
				t.Errorf("column %d, pixel %d: got %g want %g", i, p, v, want)
			}
		}
	}
}

// BenchmarkReadMap reads 50 million pixels, beside healpy on the same file, and reports the ratio of speeds.
func BenchmarkReadMap(b *testing.B) {
	for name, m := range map[string]*sky.Map{
		"nside2048":         sample(2048, healpix.Ring, graph.Float32),
		"nside1024 x4":      sample(1024, healpix.Ring, graph.Float32, graph.Float32, graph.Float32, graph.Float64),
		"nside1024 partial": part(sample(1024, healpix.Ring, graph.Float32)),
	} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "m.fits")
			if err := sky.WriteMap(path, m); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			for b.Loop() {
				if _, err := sky.ReadMap(path, sky.ReadOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			ours := b.Elapsed().Seconds() / float64(b.N)
			var theirs float64
			if err := json.Unmarshal(python(b, pyTime, path), &theirs); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(theirs/ours, "healpy-speeds")
			b.ReportMetric(theirs*1e9, "healpy-ns/op")
		})
	}
}

const pyTime = `
import sys, time, healpy as hp
hp.read_map(sys.argv[1], nest=None, field=None)
t = []
for _ in range(5):
    s = time.perf_counter()
    hp.read_map(sys.argv[1], nest=None, field=None)
    t.append(time.perf_counter() - s)
print(sorted(t)[2])
`
