package sky_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"codeberg.org/sbinet/npyio/npy"
	"codeberg.org/sbinet/npyio/npz"
	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// pyArrays makes arrays with numpy and astropy and prints what is in them: a list of {path, name, shape, type, hex}.
const pyArrays = `
import sys, json, numpy as np
from astropy.io import fits
dir, manifest = sys.argv[1], []
rng = np.random.default_rng(5)
def note(path, a, name=""):
    a = np.asarray(a, order="C")
    manifest.append({"path": path, "name": name, "shape": a.shape, "type": a.dtype.name,
        "hex": a.astype(a.dtype.newbyteorder("<")).tobytes().hex()})
def noise(code, *shape):
    return (rng.normal(size=shape) * 50).astype(code)
for code in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 ?1 c8 c16".split():
    a = noise("f8", 3, 4, 5)
    a = a > 0 if code == "?1" else a.astype(code)
    np.save(dir + "/" + code[0].replace("?", "b") + code[1:] + ".npy", a)
    note(code[0].replace("?", "b") + code[1:] + ".npy", a)
a = noise("f4", 3, 4, 5)
np.save(dir + "/fortran.npy", np.asfortranarray(a)); note("fortran.npy", a)
np.save(dir + "/big.npy", a.astype(">f4")); note("big.npy", a)
np.save(dir + "/bigcomplex.npy", a.astype(">c8")); note("bigcomplex.npy", a.astype("c8"))
np.save(dir + "/scalar.npy", np.float32(3)); note("scalar.npy", np.float32(3).reshape(()))
np.save(dir + "/empty.npy", a[:0]); note("empty.npy", a[:0])
np.savez(dir + "/several.npz", x=a, y=a[0, 0]); note("several.npz", a[0, 0], "y"); note("several.npz", a, "x")
np.savez_compressed(dir + "/one.npz", only=a); note("one.npz", a)
for code in "f4 f8 u1 i2 i4 i8 u2 u4 u8 i1".split():
    a = noise("f8", 2, 3, 4).astype(code)
    fits.PrimaryHDU(a).writeto(dir + "/" + code + ".fits"); note(code + ".fits", a)
a, b = noise("f4", 6, 7), noise("f8", 5)
fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(a, name="FIRST"), fits.ImageHDU(b, name="SECOND")]).writeto(dir + "/ext.fits.gz")
note("ext.fits.gz", a); note("ext.fits.gz", b, "SECOND")
c = np.array([[1, 2], [3, -1]], "i2")
h = fits.PrimaryHDU(c); h.header["BLANK"] = -1; h.header["BSCALE"] = 0.5; h.header["BZERO"] = 10.0
h.writeto(dir + "/scaled.fits"); note("scaled.fits", np.array([[10.5, 11], [11.5, np.nan]]))
print(json.dumps(manifest))
`

func TestWeReadNumpyAndAstropy(t *testing.T) {
	dir := t.TempDir()
	var manifest []struct {
		Path, Name, Type, Hex string
		Shape                 []int64
	}
	if err := json.Unmarshal(python(t, pyArrays, dir), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, want := range manifest {
		got, err := sky.ReadCube(filepath.Join(dir, want.Path), sky.CubeOptions{Name: want.Name, HDUName: want.Name})
		if err != nil {
			t.Errorf("%s: %v", want.Path, err)
			continue
		}
		if got.DType.String() != want.Type || !slices.Equal(got.Shape, want.Shape) || hexOf(got.Raw) != want.Hex {
			t.Errorf("%s %s: got %s want %s%v, or other values", want.Path, want.Name, got, want.Type, want.Shape)
		}
	}
	all, err := sky.ReadArrays(filepath.Join(dir, "several.npz"), 0)
	if err != nil || len(all) != 2 || all[0].Name != "x" || all[1].Name != "y" || all[1].Len() != 5 {
		t.Errorf("several.npz: got %v, %v", all, err)
	}
}

const pyReadArrays = `
import sys, json, numpy as np
from astropy.io import fits
out = []
for path in sys.argv[1:]:
    a = np.load(path) if path.endswith(".npy") else np.load(path)["arr_0"] if path.endswith(".npz") else fits.getdata(path)
    a = np.asarray(a)
    out.append({"shape": a.shape, "type": a.dtype.name, "hex": np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<")).tobytes().hex()})
print(json.dumps(out))
`

// numbers returns a tensor whose elements differ in every byte.
func numbers(d graph.DType, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(d, shape...)
	for i := range t.Raw {
		t.Raw[i] = byte(i*7 + 1)
		if d == graph.Bool {
			t.Raw[i] &= 1
		}
	}
	return t
}

func TestNumpyAndAstropyReadWhatWeWrite(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	var want []*graph.Tensor
	add := func(name string, x *graph.Tensor) {
		path := filepath.Join(dir, name)
		if err := sky.WriteCube(path, x); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := sky.ReadCube(path, sky.CubeOptions{})
		if err != nil || !back.Equal(x) {
			t.Errorf("%s: got %v, %v want %v", name, back, err, x)
		}
		paths, want = append(paths, path), append(want, x)
	}
	for _, d := range append(slices.Clone(everyType), graph.Float16, graph.Complex64, graph.Complex128) {
		add(d.String()+".npy", numbers(d, 2, 3, 4))
		add(d.String()+".npz", numbers(d, 5))
		if d.IsFloat() && d != graph.Float16 || d.IsInt() {
			add(d.String()+".fits", numbers(d, 2, 3, 4))
		}
	}
	add("scalar.npy", graph.Scalar[float32](2))
	add("empty.npy", graph.NewTensor(graph.Float32, 3, 0, 2))
	add("vector.fits.gz", numbers(graph.Float32, 999))
	var got []struct {
		Type, Hex string
		Shape     []int64
	}
	if err := json.Unmarshal(python(t, pyReadArrays, paths...), &got); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got[i].Type != w.DType.String() || !slices.Equal(got[i].Shape, w.Shape) || got[i].Hex != hexOf(w.Raw) {
			t.Errorf("%s: read as %s%v, or other values", filepath.Base(paths[i]), got[i].Type, got[i].Shape)
		}
	}
}

// npyio reads what we write and the reverse, without Python.
func TestNpyio(t *testing.T) {
	want := []float64{1, 2, 3, 4, 5, 6}
	var b bytes.Buffer
	if err := sky.WriteNpyTo(&b, graph.FromSlice(want, 2, 3)); err != nil {
		t.Fatal(err)
	}
	var got []float64
	if err := npy.Read(&b, &got); err != nil || !slices.Equal(got, want) {
		t.Errorf("npyio reads %v, %v", got, err)
	}
	path := filepath.Join(t.TempDir(), "a.npz")
	if err := npz.Write(path, map[string]any{"a": want, "b": []int32{7}}); err != nil {
		t.Fatal(err)
	}
	a, err := sky.ReadCube(path, sky.CubeOptions{Name: "b"})
	if err != nil || a.DType != graph.Int32 || graph.Data[int32](a)[0] != 7 {
		t.Errorf("got %v, %v", a, err)
	}
	if err := sky.WriteArrays(path, graph.Vector(float16.Fromfloat32(1.5)), &graph.Tensor{Name: "n", DType: graph.Int8, Shape: []int64{1}, Raw: []byte{9}}); err != nil {
		t.Fatal(err)
	}
	var n []int8
	r, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Read("n.npy", &n); err != nil || n[0] != 9 || !slices.Equal(r.Keys(), []string{"arr_0.npy", "n.npy"}) {
		t.Errorf("npyio reads %v of %v, %v", n, r.Keys(), err)
	}
}

func npyFile(dict string, data int) []byte {
	head := "\x93NUMPY\x01\x00" + string([]byte{byte(len(dict)), byte(len(dict) >> 8)}) + dict
	return append([]byte(head), make([]byte, data)...)
}

func TestBadCubes(t *testing.T) {
	var image, table bytes.Buffer
	if err := sky.WriteImageTo(&image, numbers(graph.Int16, 100, 100)); err != nil {
		t.Fatal(err)
	}
	if err := sky.WriteMapTo(&table, sample(1, 1, graph.Float32)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pair := filepath.Join(dir, "pair.npz")
	if err := sky.WriteArrays(pair, numbers(graph.Uint8, 5000), numbers(graph.Uint8, 9)); err != nil {
		t.Fatal(err)
	}
	zipped, err := os.ReadFile(pair)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		opt  sky.CubeOptions
		code errs.Code
		text string
	}{
		{"empty", nil, sky.CubeOptions{}, errs.Invalid, "want a FITS, .npy or .npz file"},
		{"other", []byte("hello there"), sky.CubeOptions{}, errs.Invalid, "want a FITS, .npy or .npz file"},
		{"truncated image", image.Bytes()[:9000], sky.CubeOptions{}, errs.Invalid, "truncated FITS file: HDU 0 wants 20000 bytes"},
		{"a map", table.Bytes(), sky.CubeOptions{}, errs.Input, "read HEALPix maps with ReadMap"},
		{"the map's HDU", table.Bytes(), sky.CubeOptions{HDU: 1}, errs.Input, "is of kind BINTABLE"},
		{"bitpix", setCard(image.Bytes(), "BITPIX", "17"), sky.CubeOptions{}, errs.Invalid, "BITPIX = 17"},
		{"huge axis", setCard(image.Bytes(), "NAXIS2", "1125899906842624"), sky.CubeOptions{}, errs.Limit, "larger than any file"},
		{"npy header", []byte("\x93NUMPY\x01\x00"), sky.CubeOptions{}, errs.Invalid, "the header is truncated"},
		{"npy version", []byte("\x93NUMPY\x09\x00\x05\x00....."), sky.CubeOptions{}, errs.Invalid, "version 9.0: want 1 or 2"},
		{"npy header size", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff....."), sky.CubeOptions{}, errs.Invalid, "want at most 65536"},
		{"npy dictionary", npyFile("{'shape': (3,)}\n", 12), sky.CubeOptions{}, errs.Invalid, "want the type of plain numbers"},
		{"npy objects", npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\n", 24), sky.CubeOptions{}, errs.Input, "element type |O"},
		{"npy records", npyFile("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }\n", 24), sky.CubeOptions{}, errs.Invalid, "plain numbers"},
		{"npy truncated", npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n", 47), sky.CubeOptions{}, errs.Invalid, "float32[3 4] takes 48 bytes, the file has 47"},
		{"npy overflow", npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n", 4), sky.CubeOptions{}, errs.Limit, "larger than any file"},
		{"npz truncated", zipped[:len(zipped)/2], sky.CubeOptions{}, errs.Invalid, ".npz"},
		{"npz which", zipped, sky.CubeOptions{}, errs.Input, "2 arrays: say which one by name; the file has arr_0, arr_1"},
		{"npz none", zipped, sky.CubeOptions{Name: "z"}, errs.Input, `no array "z"; the file has arr_0, arr_1`},
		{"npz limit", zipped, sky.CubeOptions{Name: "arr_0", Limit: 1000}, errs.Limit, "unpack to more than the limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := sky.ReadCubeFrom(bytes.NewReader(c.file), c.opt)
			if got != nil || !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v\nwant %v: … %s", err, c.code, c.text)
			}
		})
	}
	for name, x := range map[string]*graph.Tensor{
		"a.fits": numbers(graph.Bool, 4), "b.fits": graph.Scalar[float32](1), "c.npy": graph.FromStrings([]string{"x"}, 1),
		"d.npy": numbers(graph.BFloat16, 4), "e.txt": numbers(graph.Float32, 4), "f.npz": numbers(graph.BFloat16, 4),
	} {
		if err := sky.WriteCube(filepath.Join(dir, name), x); !errors.Is(err, errs.Input) && !errors.Is(err, errs.Output) {
			t.Errorf("%s: got %v want an error", name, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("failed writes left %v, %v", entries, err)
	}
}

func FuzzReadCube(f *testing.F) {
	var image bytes.Buffer
	if err := sky.WriteImageTo(&image, numbers(graph.Uint16, 3, 4)); err != nil {
		f.Fatal(err)
	}
	f.Add(image.Bytes(), uint16(4), "BLANK   = 5")
	f.Add(setCard(image.Bytes(), "NAXIS2", "0"), uint16(99), "")
	f.Add(npyFile("{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }\n", 24), uint16(999), "")
	path := filepath.Join(f.TempDir(), "a.npz")
	if err := sky.WriteArrays(path, numbers(graph.Float32, 2)); err != nil {
		f.Fatal(err)
	}
	zipped, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(zipped, uint16(999), "")
	f.Fuzz(func(t *testing.T, data []byte, at uint16, card string) {
		x, err := sky.ReadCubeFrom(bytes.NewReader(overlay(data, at, card)), sky.CubeOptions{Limit: 1 << 20})
		if err != nil {
			var e *errs.Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *errs.Error: %v", err)
			}
		} else if err := x.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
