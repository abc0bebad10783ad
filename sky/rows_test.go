package sky_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// pyRows writes one array in all the ways that numpy can, and a few tables.
const pyRows = `
import sys, numpy as np
dir = sys.argv[1] + "/"
a = np.arange(5 * 3 * 2).reshape(5, 3, 2)
np.save(dir + "plain.npy", a.astype("<i4"))
np.save(dir + "swapped.npy", a.astype(">i4"))
np.save(dir + "fortran.npy", np.asfortranarray(a.astype("<i4")))
np.savez(dir + "stored.npz", b=np.zeros(2), a=a.astype(">i4"))
np.savez_compressed(dir + "packed.npz", b=np.zeros(2), a=a.astype("<i4"))
np.savez(dir + "columns.npz", b=np.zeros(2), a=np.asfortranarray(a.astype("<i4")))
np.save(dir + "scalar.npy", np.float32(1))
`

func TestRowsOfWhatNumpyWrites(t *testing.T) {
	dir := t.TempDir()
	python(t, pyRows, dir)
	for _, name := range []string{"plain.npy", "swapped.npy", "fortran.npy", "stored.npz", "packed.npz", "columns.npz"} {
		list, err := sky.OpenRows(filepath.Join(dir, name), 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := list[len(list)-1]
		if r.DType != graph.Int32 || !slices.Equal(r.Shape, []int64{5, 3, 2}) || strings.HasSuffix(name, "npz") && r.Name != "a" {
			t.Errorf("%s: got %q of %s%v", name, r.Name, r.DType, r.Shape)
		}
		got := graph.NewTensor(graph.Int32, 3, 3, 2)
		err = r.Read([]int{4, 1, 4}, func(k int) []byte { return got.Raw[k*r.RowBytes() : (k+1)*r.RowBytes()] })
		want := []int32{24, 25, 26, 27, 28, 29, 6, 7, 8, 9, 10, 11, 24, 25, 26, 27, 28, 29}
		if err != nil || !slices.Equal(graph.Data[int32](got), want) {
			t.Errorf("%s: got %v, %v want %v", name, graph.Data[int32](got), err, want)
		}
		err = r.Read([]int{5}, func(int) []byte { return got.Raw })
		if !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), "row 5: the array has rows 0 to 4") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := sky.OpenRows(filepath.Join(dir, "scalar.npy"), 0); !errors.Is(err, errs.Input) {
		t.Errorf("a scalar: got %v", err)
	}
}

// What was cut, or replaced after it was opened, is an error and no wrong number.
func TestRowsOfDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.npy", "a.npz"} {
		path := filepath.Join(dir, name)
		if err := sky.WriteCube(path, graph.NewTensor(graph.Float64, 100, 10)); err != nil {
			t.Fatal(err)
		}
		list, err := sky.OpenRows(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut < len(data); cut += 97 {
			if err := os.WriteFile(path, data[:cut], 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := sky.OpenRows(path, 0); !errors.Is(err, errs.Invalid) {
				t.Fatalf("%s cut to %d bytes: got %v", name, cut, err)
			}
		}
		if err := list[0].Read([]int{99}, func(int) []byte { return make([]byte, 80) }); !errors.Is(err, errs.Invalid) && name == "a.npy" {
			t.Errorf("%s was cut: got %v", name, err)
		}
	}
}

// A row of a large file costs that row. The file has holes in place of numbers, so it takes no space either.
func TestRowsReadNoMoreThanIsAsked(t *testing.T) {
	const rows, size = 1 << 17, 1 << 13 // 1 GiB
	path := filepath.Join(t.TempDir(), "large.npy")
	if err := sky.WriteCube(path, &graph.Tensor{DType: graph.Uint8, Shape: []int64{0, size}, Raw: []byte{}}); err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shape := fmt.Sprintf("(%d, %d)", rows, size)
	head = bytes.Replace(head, fmt.Appendf(nil, "(0, %d), }%*s", size, len(shape)-len("(0, 8192)"), ""), fmt.Appendf(nil, "%s, }", shape), 1)
	if err := os.WriteFile(path, head, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(head))+rows*size); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{7}, int64(len(head))+(rows-1)*size+5); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before := testkit.ResidentBytes(t)
	list, err := sky.OpenRows(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, size)
	if err := list[0].Read([]int{rows / 2, rows - 1}, func(int) []byte { return got }); err != nil || got[5] != 7 {
		t.Errorf("got %d, %v want 7", got[5], err)
	}
	if grown := testkit.ResidentBytes(t) - before; grown > 32<<20 {
		t.Errorf("two rows of %d bytes took %d bytes of memory", size, grown)
	}
}

func FuzzOpenRows(f *testing.F) {
	for _, name := range []string{"a.npy", "a.npz"} {
		path := filepath.Join(f.TempDir(), name)
		if err := sky.WriteCube(path, graph.NewTensor(graph.Bool, 3, 2)); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		list, err := sky.OpenRows(path, 1<<20)
		if err != nil {
			return
		}
		for _, r := range list {
			if r.RowBytes() > 1<<20 || r.Len() == 0 {
				continue
			}
			r.Read([]int{0, r.Len() - 1}, func(int) []byte { return make([]byte, r.RowBytes()) })
		}
	})
}

// pyTable writes a binary table with astropy and prints what is in it.
const pyTable = `
import sys, json, numpy as np
from astropy.io import fits
rng = np.random.default_rng(3)
tau, pair = rng.normal(size=6), rng.normal(size=(6, 2)).astype("f4")
name = ["sim_%d.fits" % i for i in range(5)] + ["a longer name"]
t = fits.BinTableHDU.from_columns([fits.Column("FILE", "20A", array=name), fits.Column("tau", "D", unit="1", array=tau),
    fits.Column("PAIR", "2E", array=pair), fits.Column("N", "J", array=np.arange(6))])
fits.HDUList([fits.PrimaryHDU(), t]).writeto(sys.argv[1])
print(json.dumps([name, tau.tolist(), pair.astype("f8").ravel().tolist()]))
`

func TestTableOfWhatAstropyWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.fits")
	out := python(t, pyTable, path)
	var names []string
	var tau, pair []float64
	if err := json.Unmarshal(out, &[]any{&names, &tau, &pair}); err != nil {
		t.Fatal(err)
	}
	got, err := sky.ReadTable(path, sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || !slices.Equal(got[0].Data.Strings, names) || !slices.Equal(got[1].Data.Shape, []int64{6}) ||
		!slices.Equal(got[1].Float64(), tau) || got[1].Unit != "1" || !slices.Equal(got[2].Data.Shape, []int64{6, 2}) ||
		!slices.Equal(got[2].Float64(), pair) || got[3].Data.DType != graph.Int32 {
		t.Errorf("got %v", got)
	}
	got, err = sky.ReadTable(path, sky.ReadOptions{Columns: []string{"n", "file"}})
	if err != nil || len(got) != 2 || got[0].Name != "N" || got[1].Name != "FILE" {
		t.Errorf("got %v, %v want N and FILE", got, err)
	}
	if _, err := sky.ReadTable(path, sky.ReadOptions{Columns: []string{"A_s"}}); !errors.Is(err, errs.Input) {
		t.Errorf("got %v want no column A_s", err)
	}
}

func TestTextTables(t *testing.T) {
	for name, text := range map[string]string{
		"commas":   "\ufeffsim, file,tau,empty,none\r\n# a comment\r\n3, \"a,b.fits\",0.5,,\r\n-4,c.fits, 1e-3 ,2,\r\n",
		"blanks":   "# sim  file tau empty none\n3 a,b.fits .5 nan \"\"\n\n# more\n-4 c.fits 1e-3 2 \"\"",
		"no blank": "#sim,file,tau,empty,none\n3,\"a,b.fits\",5e-1,NaN,\n-4,c.fits,0.001,2,\n",
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := sky.ReadTable(path, sky.ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got) != 5 || !slices.Equal(graph.Data[int64](got[0].Data), []int64{3, -4}) ||
			!slices.Equal(got[1].Data.Strings, []string{"a,b.fits", "c.fits"}) || !slices.Equal(got[2].Float64(), []float64{0.5, 0.001}) ||
			fmt.Sprint(got[3].Float64()) != "[NaN 2]" || got[4].Data.DType != graph.String || got[4].Name != "none" {
			t.Errorf("%s: got %v", name, got)
		}
		got, err = sky.ReadTable(path, sky.ReadOptions{Columns: []string{"TAU"}})
		if err != nil || len(got) != 1 || got[0].Name != "tau" {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                   "an empty first line",
		"\n1,2\n":            "an empty first line",
		"0.1 0.2\n0.3 0.4\n": "the first line has the number 0.1: want the columns' names",
		"a b\n1 2\n3\n":      "line 3 has 1 values: want 2",
		"a,b\n1,2\n3\n":      "line 3",
		"a,a\n1,2\n":         `two columns are named "a"`,
		"a,b\n1,\"2\n":       `"`,
		"\x7fELF\x00\x01\n":  "want a FITS table or text",
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := sky.ReadTable(path, sky.ReadOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v want %s", text, err, want)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	var file bytes.Buffer
	if err := sky.WriteMapTo(&file, sample(1, 1, graph.Int16)); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte("a,b\n1,x\n"))
	f.Add([]byte("# a b\n1 x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		columns, err := sky.ReadTable(path, sky.ReadOptions{Limit: 1 << 20})
		if err != nil {
			return
		}
		for _, c := range columns {
			if err := c.Data.Check(); err != nil {
				t.Errorf("column %q: %v", c.Name, err)
			}
		}
	})
}
