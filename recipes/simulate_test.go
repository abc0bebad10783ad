package recipes_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/recipes"
	"github.com/astronnx/astronnx/sky"
	"github.com/astronnx/astronnx/train"
)

// simulate writes skies, and returns them as they are read from the files and as they are made.
func simulate(t testing.TB, name string, o recipes.SetOptions) (files, stream dataset.Dataset, mask []bool, about map[string]any) {
	t.Helper()
	o.Folder = t.TempDir()
	m, err := find(t, name).Simulate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.About, &about); err != nil {
		t.Fatal(err)
	}
	paths, err := dataset.Glob(filepath.Join(o.Folder, "*."+m.Format))
	if err != nil {
		t.Fatal(err)
	}
	if o.FITS {
		files, err = dataset.Maps(paths, dataset.MapOptions{})
	} else {
		files, err = dataset.Arrays(paths)
	}
	if err != nil {
		t.Fatal(err)
	}
	if stream, mask, err = recipes.Skies(find(t, name), o); err != nil {
		t.Fatal(err)
	}
	return files, stream, mask, about
}

// Shards hold the bits that the recipe streams, 0 behind the mask, and the manifest names what they are.
func TestSimulate(t *testing.T) {
	for _, name := range []string{"peak", "tau-planck"} {
		for _, fits := range []bool{false, true} {
			o := recipes.SetOptions{Skies: 7, Shard: 3, Noise: 0.5, Fsky: 0.54, Quick: true, Seed: 9, FITS: fits, Version: "v1", Template: name != "peak"}
			files, stream, mask, about := simulate(t, name, o)
			want, err := dataset.ReadAll(t.Context(), stream)
			if err != nil {
				t.Fatal(err)
			}
			read, err := dataset.ReadAll(t.Context(), files)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range read {
				if !got.Equal(want[i]) {
					t.Errorf("%s: field %d of the files is not the stream's", name, i)
				}
			}
			zeros := 0
			for i, v := range graph.Data[float32](want[0]) {
				if seen := mask[i%192]; seen == (v == 0) {
					t.Fatalf("%s: pixel %d, seen %v, is %v", name, i%192, seen, v)
				} else if !seen {
					zeros++
				}
			}
			if zeros == 0 {
				t.Errorf("%s: no pixel is masked", name)
			}
			if about["recipe"] != name || about["seed"] != 9.0 || about["noise"] != 0.5 || about["f_sky"] != 0.54 || about["nside"] != 4.0 ||
				about["ordering"] != "RING" || about["version"] != "v1" || about["mask"] != recipes.EncodeMask(mask) {
				t.Errorf("%s: the manifest says %v", name, about)
			}
		}
	}
	o := recipes.SetOptions{Skies: 3, Noise: 1, Fsky: 1, Quick: true, Folder: t.TempDir(), FITS: true}
	if _, err := find(t, "tau").Simulate(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	m, err := sky.ReadMap(filepath.Join(o.Folder, "sky-000002.fits"), sky.ReadOptions{})
	if err != nil || m.Columns[0].Name != "Q" || m.Columns[1].Name != "U" || m.Columns[1].Unit != "uK_CMB" || m.Polcconv != "COSMO" {
		t.Errorf("%+v, %v", m, err)
	}
}

// Other settings and other seeds are other skies.
func TestSimulateRefuses(t *testing.T) {
	o := recipes.SetOptions{Skies: 3, Fsky: 1, Quick: true, Folder: t.TempDir()}
	if _, err := find(t, "peak").Simulate(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(o *recipes.SetOptions)
		code   errs.Code
	}{
		"noise":    {func(o *recipes.SetOptions) { o.Noise = 1 }, errs.Output},
		"seed":     {func(o *recipes.SetOptions) { o.Seed = 1 }, errs.Output},
		"version":  {func(o *recipes.SetOptions) { o.Version = "v2" }, errs.Output},
		"negative": {func(o *recipes.SetOptions) { o.Noise = -1 }, errs.Input},
		"f_sky":    {func(o *recipes.SetOptions) { o.Fsky = 0 }, errs.Input},
		"none":     {func(o *recipes.SetOptions) { o.Skies = 0 }, errs.Input},
	} {
		one := o
		c.change(&one)
		if _, err := find(t, "peak").Simulate(t.Context(), one); !errors.Is(err, c.code) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A training reads the same from shards as from the simulation, to the bits of its weights.
func TestTrainOnShards(t *testing.T) {
	files, stream, _, _ := simulate(t, "peak", recipes.SetOptions{Skies: 40, Shard: 16, Noise: 5, Fsky: 0.5, Quick: true})
	var losses [2][]train.Epoch
	var weights [2]*graph.Model
	for i, ds := range []dataset.Dataset{files, stream} {
		net, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Maps: 1, Outputs: 1, Filters: 4, Hidden: 8, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if ds, err = dataset.Rename(ds, map[string]string{"params": "target"}); err != nil {
			t.Fatal(err)
		}
		fit := train.New(net, train.MSE(), train.Adam(1e-3))
		r, err := fit.Run(t.Context(), ds, train.Options{Epochs: 2, Batch: 8, Seed: 3, Engine: quick(t).Engine})
		if err != nil {
			t.Fatal(err)
		}
		losses[i], weights[i] = r.History, fit.Best()
	}
	if len(losses[0]) != 2 || losses[0][1].Loss != losses[1][1].Loss || losses[0][0].Loss == losses[0][1].Loss {
		t.Errorf("losses %v from shards, %v from the stream", losses[0], losses[1])
	}
	for i, v := range weights[0].Graph.Initializers {
		if !v.Const.Equal(weights[1].Graph.Initializers[i].Const) {
			t.Errorf("weights of %s differ", v.Name)
		}
	}
}
