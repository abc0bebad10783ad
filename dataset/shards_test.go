package dataset_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// skies are maps of two channels at nside 1 with two parameters; made counts them.
func skies(t testing.TB, n int, made func()) dataset.Dataset {
	t.Helper()
	ds, err := dataset.Generate(n, []dataset.Field{
		{Name: "map", DType: graph.Float32, Shape: []int64{2, 12}}, {Name: "params", DType: graph.Float32, Shape: []int64{2}},
	}, func(_ context.Context, i int, into []*graph.Tensor) error {
		if made != nil {
			made()
		}
		r := dataset.RNG(uint64(i))
		for _, t := range into {
			for k := range graph.Data[float32](t) {
				graph.Data[float32](t)[k] = r.Float32()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func npzShards() dataset.ShardOptions {
	return dataset.ShardOptions{Size: 4, About: map[string]any{"noise": 5, "prior": []int{5, 20}}}
}

func fitsShards() dataset.ShardOptions {
	o := npzShards()
	o.FITS = &sky.Map{Nside: 1, Order: healpix.Nested, Columns: []sky.Column{{Name: "Q", Unit: "uK"}, {Name: "U", Unit: "uK"}}}
	o.Params = []string{"tau", "r"}
	return o
}

// contents are a folder's files by name.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

func readArrays(t testing.TB, dir string) dataset.Dataset {
	t.Helper()
	paths, err := dataset.Glob(filepath.Join(dir, "*.npz"))
	if err != nil {
		t.Fatal(err)
	}
	ds, err := dataset.Arrays(paths)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func readMaps(t testing.TB, dir string, params ...string) dataset.Dataset {
	t.Helper()
	paths, err := dataset.Glob(filepath.Join(dir, "*.fits"))
	if err != nil {
		t.Fatal(err)
	}
	maps, err := dataset.Maps(paths, dataset.MapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := dataset.ReadTable(filepath.Join(dir, dataset.ParamsFile))
	if err != nil {
		t.Fatal(err)
	}
	if table, err = table.Match("file", paths); err != nil {
		t.Fatal(err)
	}
	numbers, err := table.Vector("params", params...)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := dataset.Zip(maps, numbers)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// What is written reads back as the same numbers, and the manifest tells it all.
func TestShards(t *testing.T) {
	ten := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	want := mustRead(t, skies(t, 10, nil), ten...)
	for format, o := range map[string]dataset.ShardOptions{"npz": npzShards(), "fits": fitsShards()} {
		dir := filepath.Join(t.TempDir(), "made")
		progress := 0
		o.Progress = func(n int) { progress = n }
		m, err := dataset.WriteShards(t.Context(), skies(t, 10, nil), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		var ds dataset.Dataset
		files := 3
		if format == "npz" {
			ds = readArrays(t, dir)
		} else {
			ds, files = readMaps(t, dir, "tau", "r"), 10
		}
		for i, got := range mustRead(t, ds, ten...) {
			if !got.Equal(want[i]) {
				t.Errorf("%s: field %d is not what was written", format, i)
			}
		}
		var read dataset.Manifest
		all := contents(t, dir)
		if err := json.Unmarshal([]byte(all[dataset.ManifestFile]), &read); err != nil {
			t.Fatal(err)
		}
		var about bytes.Buffer
		if err := json.Compact(&about, read.About); err != nil || about.String() != `{"noise":5,"prior":[5,20]}` {
			t.Errorf("%s: about %s, %v", format, read.About, err)
		}
		n := 0
		for _, e := range read.Files {
			n += e.Samples
			if sum := sha256.Sum256([]byte(all[e.File])); hex.EncodeToString(sum[:]) != e.SHA256 {
				t.Errorf("%s: the manifest has another checksum of %s", format, e.File)
			}
		}
		if n != 10 || len(read.Files) != files || read.Format != format || read.Samples != 10 || read.Shard != 4 || m.Kept != 0 || progress != 10 {
			t.Errorf("%s: %d samples, progress %d, manifest %+v", format, n, progress, read)
		}
		if f := read.Fields; len(f) != 2 || f[0].Name != "map" || f[0].Type != "float32" || !slices.Equal(f[0].Shape, []int64{2, 12}) {
			t.Errorf("%s: fields %+v", format, f)
		}
	}
}

// Units, names and numbering of FITS maps are those asked for.
func TestShardsOfMaps(t *testing.T) {
	dir := t.TempDir()
	if _, err := dataset.WriteShards(t.Context(), skies(t, 2, nil), dir, fitsShards()); err != nil {
		t.Fatal(err)
	}
	m, err := sky.ReadMap(filepath.Join(dir, "sky-000001.fits"), sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Order != healpix.Nested || len(m.Columns) != 2 || m.Columns[1].Name != "U" || m.Columns[1].Unit != "uK" {
		t.Errorf("got %+v", m)
	}
}

// A run that is interrupted goes on where it was: what is complete is not made again, and all comes to the same bytes.
func TestShardsInterrupted(t *testing.T) {
	for format, o := range map[string]dataset.ShardOptions{"npz": npzShards(), "fits": fitsShards()} {
		whole, dir := t.TempDir(), t.TempDir()
		if _, err := dataset.WriteShards(t.Context(), skies(t, 10, nil), whole, o); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var made atomic.Int64
		count := func() {
			if made.Add(1) == 6 {
				cancel()
			}
		}
		m, err := dataset.WriteShards(ctx, skies(t, 10, count), dir, o)
		if !errors.Is(err, errs.Canceled) || !strings.Contains(err.Error(), "4 of 10") || m == nil {
			t.Fatalf("%s: got %v", format, err)
		}
		if files := contents(t, dir); len(files) >= len(contents(t, whole)) {
			t.Errorf("%s: %d files after the interruption", format, len(files))
		}
		made.Store(100)
		m, err = dataset.WriteShards(t.Context(), skies(t, 10, count), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if n := made.Load() - 100; m.Kept != 4 || n != 6 || len(m.Damaged) > 0 {
			t.Errorf("%s: %d samples were made, %d kept, damaged %v", format, n, m.Kept, m.Damaged)
		}
		want, got := contents(t, whole), contents(t, dir)
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: %s is another", format, name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d files, want %d", format, len(got), len(want))
		}
	}
}

// A shard that is not as its checksum says is made again, alone.
func TestShardsDamaged(t *testing.T) {
	for format, file := range map[string]string{"npz": "shard-00001.npz", "fits": "sky-000006.fits"} {
		o := npzShards()
		if format == "fits" {
			o = fitsShards()
		}
		dir := t.TempDir()
		if _, err := dataset.WriteShards(t.Context(), skies(t, 10, nil), dir, o); err != nil {
			t.Fatal(err)
		}
		want := contents(t, dir)
		for damage, bytes := range map[string][]byte{"a bit": []byte(want[file]), "cut": []byte(want[file][:100]), "lost": nil} {
			switch {
			case bytes == nil:
				if err := os.Remove(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
			default:
				bytes[len(bytes)/2] ^= 1
				if err := os.WriteFile(filepath.Join(dir, file), bytes, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m, err := dataset.WriteShards(t.Context(), skies(t, 10, nil), dir, o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Damaged, []string{file}) || m.Kept != 6 {
				t.Errorf("%s, %s: damaged %v, %d kept", format, damage, m.Damaged, m.Kept)
			}
			if got := contents(t, dir); got[file] != want[file] || got[dataset.ManifestFile] != want[dataset.ManifestFile] {
				t.Errorf("%s, %s: the file is not what it was", format, damage)
			}
		}
	}
}

func TestBadShards(t *testing.T) {
	dir := t.TempDir()
	if _, err := dataset.WriteShards(t.Context(), skies(t, 10, nil), dir, npzShards()); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	foreign, broken := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{filepath.Join(foreign, "mine.npz"): "PK", filepath.Join(broken, dataset.ManifestFile): "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := func(o dataset.ShardOptions, dir string, n int) error {
		_, err := dataset.WriteShards(t.Context(), skies(t, n, nil), dir, o)
		return err
	}
	change := func(f func(o *dataset.ShardOptions)) dataset.ShardOptions {
		o := npzShards()
		f(&o)
		return o
	}
	for want, err := range map[string]error{
		"noise is 5 there, 0 here":             one(change(func(o *dataset.ShardOptions) { o.About = map[string]any{"noise": 0, "prior": []int{5, 20}} }), dir, 10),
		"prior is [5,20] there, not told here": one(change(func(o *dataset.ShardOptions) { o.About = map[string]any{"noise": 5} }), dir, 10),
		"shard is 4 there, 5 here":             one(change(func(o *dataset.ShardOptions) { o.Size = 5 }), dir, 10),
		"samples is 10 there, 11 here":         one(npzShards(), dir, 11),
		`format is "npz" there, "fits" here`:   one(fitsShards(), dir, 10),
		"no manifest.json tells":               one(npzShards(), foreign, 10),
		"no manifest of samples":               one(npzShards(), broken, 10),
	} {
		if !errors.Is(err, errs.Output) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for name, got := range contents(t, dir) {
		if got != before[name] {
			t.Errorf("a refused run changed %s", name)
		}
	}
	for want, err := range map[string]error{
		"shards of -1": one(change(func(o *dataset.ShardOptions) { o.Size = -1 }), t.TempDir(), 10),
		"0 samples":    one(npzShards(), t.TempDir(), 0),
		"float32[1]":   one(change(func(o *dataset.ShardOptions) { o.FITS, o.Params = fitsShards().FITS, []string{"tau"} }), t.TempDir(), 10),
		"[2, 48]": one(change(func(o *dataset.ShardOptions) {
			o.FITS, o.Params = &sky.Map{Nside: 2, Columns: make([]sky.Column, 2)}, []string{"a", "b"}
		}), t.TempDir(), 10),
		"what the sample": one(change(func(o *dataset.ShardOptions) { o.About = func() {} }), t.TempDir(), 10),
	} {
		if !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
