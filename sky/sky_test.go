package sky_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
path, out = sys.argv[1:3]
maps, h = hp.read_map(path, field=None, nest=None, h=True)
h = dict((k, v) for k, v in h if k)
cols = fits.open(path)[1].columns
maps = [maps] if len(cols) - (h["INDXSCHM"] == "EXPLICIT") == 1 else maps
np.savez(out, *maps)
print(json.dumps({"nside": h["NSIDE"], "ordering": h["ORDERING"], "coord": h["COORDSYS"], "names": cols.names,
    "units": cols.units, "types": [np.asarray(m).dtype.name for m in maps],
    "hex": [np.asarray(m).astype(np.asarray(m).dtype.newbyteorder("<")).tobytes().hex() for m in maps]}))
`

func TestHealpyReadsWhatWeWrite(t *testing.T) {
	for name, m := range map[string]*sky.Map{
		"ring":        sample(32, healpix.Ring, graph.Float32),
		"nested":      sample(32, healpix.Nested, graph.Float64),
		"int32":       sample(8, healpix.Ring, graph.Int32),
		"int64":       sample(16, healpix.Nested, graph.Int64),
		"three":       sample(16, healpix.Ring, graph.Float32, graph.Float32, graph.Float32),
		"partial":     part(sample(16, healpix.Nested, graph.Float32)),
		"partial f64": part(sample(16, healpix.Ring, graph.Float64, graph.Float64)),
		"gz.fits.gz":  sample(16, healpix.Ring, graph.Float32),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.Coord = "E"
			if f := m.Columns[0].Data; f.DType == graph.Float32 {
				graph.Data[float32](f)[3] = healpix.Unseen
			}
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.Base(name))
			if err := sky.WriteMap(path, m); err != nil {
				t.Fatal(err)
			}
			var got struct {
				Nside                    int
				Ordering, Coord          string
				Names, Units, Types, Hex []string
			}
			if err := json.Unmarshal(python(t, pyRead, path, filepath.Join(dir, "o.npz")), &got); err != nil {
				t.Fatal(err)
			}
			full, err := m.Full(healpix.Unseen)
			if err != nil {
				t.Fatal(err)
			}
			skip := len(got.Names) - len(got.Types)
			if got.Nside != m.Nside || got.Coord != "E" || got.Ordering[:4] != m.Order.String()[:4] {
				t.Errorf("healpy sees nside %d %s %s", got.Nside, got.Ordering, got.Coord)
			}
			for i, c := range full.Columns {
				if got.Types[i] != c.Data.DType.String() || got.Names[i+skip] != c.Name || got.Units[i+skip] != "mK" {
					t.Errorf("healpy sees %s %s in %s", got.Types[i], got.Names[i+skip], got.Units[i+skip])
				}
				if hexOf(c.Data.Raw) != got.Hex[i] {
					t.Errorf("column %d: healpy reads other values", i)
				}
			}
		})
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(b))
	for _, x := range b {
		out = append(out, digits[x>>4], digits[x&15])
	}
	return string(out)
}

func TestMissingOrdering(t *testing.T) {
	b := write(t, sample(2, healpix.Ring, graph.Float32))
	b = bytes.Replace(b, []byte("ORDERING"), []byte("ORDERLES"), 1)
	_, err := sky.ReadMapFrom(bytes.NewReader(b), sky.ReadOptions{})
	if !errors.Is(err, errs.Input) {
		t.Errorf("got %v want errs.Input", err)
	}
	m, err := sky.ReadMapFrom(bytes.NewReader(b), sky.ReadOptions{Order: healpix.Nested})
	if err != nil || m.Order != healpix.Nested {
		t.Errorf("with an order: got %v, %v", m, err)
	}
}

// BenchmarkReadMap reads 50 million pixels, in turns with healpy, and reports the ratio of speeds.
func BenchmarkReadMap(b *testing.B) {
	path := filepath.Join(b.TempDir(), "m.fits")
	if err := sky.WriteMap(path, sample(2048, healpix.Ring, graph.Float32)); err != nil {
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
	if err := json.Unmarshal(python(b, `
import sys, time, healpy as hp
hp.read_map(sys.argv[1], nest=None)
t = []
for _ in range(5):
    s = time.perf_counter(); hp.read_map(sys.argv[1], nest=None); t.append(time.perf_counter() - s)
print(sorted(t)[2])
`, path), &theirs); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(theirs/ours, "healpy-speeds")
	b.ReportMetric(theirs*1e9, "healpy-ns/op")
}
