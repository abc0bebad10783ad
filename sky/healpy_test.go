package sky_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// pyWrite makes maps with healpy and tables with astropy, and prints what is in them: a list of
// {path, nside, order, coord, pixels or null, columns: [{name, unit, type, hex}]}.
const pyWrite = `
import sys, json, numpy as np, healpy as hp
from astropy.io import fits
dir, manifest = sys.argv[1], []
rng = np.random.default_rng(7)
def note(name, nside, order, coord, pixels, columns):
    manifest.append({"path": name, "nside": nside, "order": order, "coord": coord,
        "pixels": None if pixels is None else [int(p) for p in pixels],
        "columns": [{"name": n, "unit": u, "type": a.dtype.name, "hex": a.astype(a.dtype.newbyteorder("<")).tobytes().hex()}
                    for n, u, a in columns]})
def healpy(name, nside, nest, coord, names, units, arrays, partial=False):
    hp.write_map(dir + "/" + name, arrays, nest=nest, coord=coord, column_names=names, column_units=units, partial=partial,
        dtype=[a.dtype for a in arrays])
    pixels = np.flatnonzero(arrays[0] > hp.UNSEEN / 2) if partial else None
    note(name, nside, "NEST" if nest else "RING", coord or "", pixels,
        [(n, units or "", a if pixels is None else a[pixels]) for n, a in zip(names, arrays)])
def noise(nside, dtype):
    a = rng.normal(size=12 * nside * nside) * 1e3
    return a.astype(dtype)
healpy("ring.fits", 32, False, "G", ["T"], "mK", [noise(32, "f4")])
healpy("nest.fits", 16, True, "C", ["T"], None, [noise(16, "f8")])
healpy("small.fits", 4, True, None, ["T"], None, [noise(4, "f4")])
healpy("iqu.fits.gz", 16, False, "E", ["I", "Q", "U"], "K", [noise(16, "f4") for _ in range(3)])
healpy("mixed.fits", 16, False, None, ["A", "B"], None, [noise(16, "f4"), noise(16, "f8")])
healpy("int32.fits", 16, False, None, ["N"], None, [noise(16, "i4")])
healpy("int64.fits", 16, True, None, ["N"], None, [noise(16, "i8")])
seen = noise(64, "f4"); seen[9000:] = hp.UNSEEN; seen[::7] = hp.UNSEEN
unseen = noise(32, "f4"); unseen[::5] = hp.UNSEEN
healpy("unseen.fits", 32, False, "G", ["T"], "mK", [unseen])
healpy("part.fits", 64, False, "G", ["T"], "mK", [seen], partial=True)
healpy("parts.fits", 64, True, None, ["T", "V"], None, [seen, np.where(seen > -1e30, seen / 3, seen)], partial=True)

def table(name, columns, header, first=None):
    t = fits.BinTableHDU.from_columns(columns)
    for k, v in header.items(): t.header[k] = v
    fits.HDUList([fits.PrimaryHDU()] + (first or []) + [t]).writeto(dir + "/" + name)
pix = rng.permutation(12 * 32 * 32)[:500]
val = rng.normal(size=500)
sort = np.argsort(pix)
table("shuffled.fits", [fits.Column("PIXEL", "K", array=pix), fits.Column("V", "D", array=val, unit="Jy")],
    {"NSIDE": 32, "ORDERING": "NESTED", "INDXSCHM": "EXPLICIT", "COORDSYS": "GALACTIC"})
note("shuffled.fits", 32, "NEST", "G", pix[sort], [("V", "Jy", val[sort])])
counts = rng.integers(0, 256, 192)
table("scaled.fits", [fits.Column("N", "B", array=counts.astype("u1"))], {"NSIDE": 4, "ORDERING": "RING", "TSCAL1": 0.5, "TZERO1": 3.0})
note("scaled.fits", 4, "RING", "", None, [("N", "", counts * 0.5 + 3)])
u2, u4, i1 = rng.integers(0, 1 << 16, 192).astype("u2"), rng.integers(0, 1 << 32, 192).astype("u4"), rng.integers(-128, 128, 192).astype("i1")
i2, yes = rng.integers(-9000, 9000, 192).astype("i2"), rng.integers(0, 2, 192).astype(bool)
table("types.fits", [fits.Column("U2", "I", bzero=1 << 15, array=u2), fits.Column("NOTE", "5A", array=["x"] * 192),
    fits.Column("U4", "J", bzero=1 << 31, array=u4), fits.Column("I1", "B", bzero=-128, array=i1), fits.Column("I2", "I", array=i2),
    fits.Column("FLAGS", "11X", array=np.zeros((192, 11), bool)), fits.Column("YES", "L", array=yes)], {"ORDERING": "NESTED"})
note("types.fits", 4, "NEST", "", None, [("U2", "", u2), ("U4", "", u4), ("I1", "", i1), ("I2", "", i2), ("YES", "", yes)])
row = noise(256, "f4")
table("onerow.fits", [fits.Column("T", str(row.size) + "E", array=row[None])], {"ORDERING": "RING"},
    [fits.ImageHDU(np.zeros((3, 5)))])
note("onerow.fits", 256, "RING", "", None, [("T", "", row)])
print(json.dumps(manifest))
`

func TestWeReadWhatHealpyWrites(t *testing.T) {
	dir := t.TempDir()
	var manifest []struct {
		Path, Order, Coord string
		Nside              int
		Pixels             []int64
		Columns            []struct{ Name, Unit, Type, Hex string }
	}
	if err := json.Unmarshal(python(t, pyWrite, dir), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, want := range manifest {
		t.Run(want.Path, func(t *testing.T) {
			m, err := sky.ReadMap(filepath.Join(dir, want.Path), sky.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Nside != want.Nside || m.Order.String() != want.Order || m.Coord != want.Coord {
				t.Errorf("got nside %d %v %q want %d %s %q", m.Nside, m.Order, m.Coord, want.Nside, want.Order, want.Coord)
			}
			if (m.Pixels == nil) != (want.Pixels == nil) || len(m.Pixels) != len(want.Pixels) {
				t.Fatalf("got %d pixels want %d", len(m.Pixels), len(want.Pixels))
			}
			for i, p := range want.Pixels {
				if m.Pixels[i] != p {
					t.Fatalf("pixel at %d: got %d want %d", i, m.Pixels[i], p)
				}
			}
			if len(m.Columns) != len(want.Columns) {
				t.Fatalf("got %d columns want %d", len(m.Columns), len(want.Columns))
			}
			for i, c := range m.Columns {
				w := want.Columns[i]
				if c.Name != w.Name || c.Unit != w.Unit || c.Data.DType.String() != w.Type || hexOf(c.Data.Raw) != w.Hex {
					t.Errorf("got column %s in %q of %s want %s in %q of %s, or other values", c.Name, c.Unit, c.Data.DType, w.Name,
						w.Unit, w.Type)
				}
			}
			if err := m.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The figures are those that healpy computes from the same file: W band, standard deviations of I, Q and U.
func TestWMAP(t *testing.T) {
	m, err := sky.ReadMap(testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits"), sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Nside != 32 || m.Order != healpix.Ring || m.Pixels != nil || len(m.Columns) != 3 {
		t.Fatalf("got nside %d %v, %d columns", m.Nside, m.Order, len(m.Columns))
	}
	for i, want := range []float64{0.24558, 0.009392, 0.009273} {
		data := m.Columns[i].Float64()
		var sum, square float64
		for _, v := range data {
			sum += v
			square += v * v
		}
		n := float64(len(data))
		if got := square/n - sum/n*(sum/n); got < want*want*0.9998 || got > want*want*1.0002 {
			t.Errorf("variance of %s: got %g want %g", m.Columns[i].Name, got, want*want)
		}
	}
	masked, err := sky.ReadMap(testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_masked.fits"), sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mask, err := masked.Mask()
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for _, ok := range mask {
		if !ok {
			bad++
		}
	}
	if got := float64(bad) / float64(len(mask)); got < 0.38125 || got > 0.38135 {
		t.Errorf("masked part: got %g want 0.3813", got)
	}
}

func TestReorder(t *testing.T) {
	ring := sample(16, healpix.Ring, graph.Float32, graph.Float64, graph.Uint8, graph.Int16)
	for _, m := range []*sky.Map{ring, part(ring)} {
		nested, err := m.Reorder(healpix.Nested)
		if err != nil {
			t.Fatal(err)
		}
		if err := nested.Check(); err != nil || nested.Order != healpix.Nested {
			t.Fatalf("got %v, %v", nested.Order, err)
		}
		back, err := nested.Reorder(healpix.Ring)
		if err != nil {
			t.Fatal(err)
		}
		same(t, back, m)

		// Reordering a part and the whole agree.
		a, err := nested.Full(0)
		if err != nil {
			t.Fatal(err)
		}
		full, err := m.Full(0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := full.Reorder(healpix.Nested)
		if err != nil {
			t.Fatal(err)
		}
		same(t, a, b)
	}
	grid, err := healpix.New(16, healpix.Ring)
	if err != nil {
		t.Fatal(err)
	}
	nested, err := ring.Reorder(healpix.Nested)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []int{0, 1, 777, ring.Len() - 1} {
		got, want := nested.Columns[1].Float64()[grid.Convert(p, healpix.Nested)], ring.Columns[1].Float64()[p]
		if got != want {
			t.Errorf("pixel %d: got %g want %g", p, got, want)
		}
	}
}
