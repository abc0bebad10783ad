package main

import (
	"image"
	"image/color"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/healpix"
)

func openPNG(t testing.TB, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, form, err := image.Decode(f)
	if err != nil || form != "png" {
		t.Fatalf("%s: %v %s", path, err, form)
	}
	return img
}

// greys counts pixels that are neither coloured nor black or white.
func greys(img image.Image) int {
	n := 0
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			if c.R == c.G && c.G == c.B && c.R > 100 && c.R < 230 {
				n++
			}
		}
	}
	return n
}

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	pictures := map[string]image.Image{}
	for name, in := range map[string]string{"full.png": wmap(t), "masked.png": wmapMasked(t)} {
		out := filepath.Join(dir, name)
		r := decode[plotReport](t, ok(t, "plot", in, "-o", out, "--column", "I", "--width", "300", "--json").out)
		if r.Column != "I_STOKES" || r.Nside != 32 || r.Pixels != 12288 || (r.Masked > 0) != (name == "masked.png") {
			t.Errorf("%s: %+v", name, r)
		}
		pictures[name] = openPNG(t, out)
		if w := pictures[name].Bounds().Dx(); w != 300 {
			t.Errorf("%s is %d wide", name, w)
		}
	}
	full, masked := greys(pictures["full.png"]), greys(pictures["masked.png"])
	if masked < full+500 {
		t.Errorf("%d grey pixels with a mask, %d without", masked, full)
	}
	r := ok(t, "plot", wmap(t), "-o", filepath.Join(dir, "full.png"), "--overwrite", "--width", "200")
	if !strings.Contains(r.out, "12,288") {
		t.Errorf("printed %q", r.out)
	}
}

func TestPlotFlags(t *testing.T) {
	dir := t.TempDir()
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 8, healpix.Ring, "I", "Q"))
	centre := func(args ...string) color.RGBA {
		t.Helper()
		out := filepath.Join(dir, "out.png")
		ok(t, append([]string{"plot", in, "-o", out, "--overwrite", "--width", "200"}, args...)...)
		img := openPNG(t, out)
		b := img.Bounds()
		return color.RGBAModel.Convert(img.At((b.Min.X+b.Max.X)/2, b.Min.Y+b.Dy()/2)).(color.RGBA)
	}
	ends := map[bool]color.RGBA{} // of the palette, by whether it is the last colour
	for last, args := range map[bool][]string{false: {"--min", "5000", "--max", "6000"}, true: {"--min", "-2", "--max", "-1"}} {
		ends[last] = centre(args...)
	}
	dark, bright := ends[false], ends[true]
	if int(dark.R)+int(dark.G)+int(dark.B) >= int(bright.R)+int(bright.G)+int(bright.B) {
		t.Errorf("below --min: %v, above --max: %v", dark, bright)
	}
	if got := centre("--column", "Q", "--min", "-2", "--max", "999"); got != bright {
		t.Errorf("--column Q, all above --max: %v, want %v", got, bright)
	}
	if got := centre("--palette", "bluered", "--min", "5000", "--max", "6000"); got == dark {
		t.Errorf("--palette changes nothing: %v", got)
	}
}

func TestPlotRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := ramp(t, 1, healpix.Ring, "T")
	for i := range floats(t, empty.Columns[0]) {
		floats(t, empty.Columns[0])[i] = healpix.Unseen
	}
	writeSky(t, filepath.Join(dir, "empty.fits"), empty)
	writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 1, healpix.Ring, "T"))
	t.Chdir(dir)
	before := entries(t, dir)
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"in.fits", exitUsage, []string{"-o map.png"}},
		{"in.fits -o out.jpg", exitUsage, []string{"-o out.jpg", ".png"}},
		{"in.fits -o none/out.png", exitOutput, []string{"none/out.png cannot be written"}},
		{"none.fits -o out.png", exitInput, []string{"none.fits", "no such file"}},
		{"in.fits -o out.png --column Q", exitInput, []string{"in.fits", `no column "Q"`, "the map has T"}},
		{"in.fits -o out.png --palette jet", exitUsage, []string{"--palette jet", "ember or bluered"}},
		{"in.fits -o out.png --width 5", exitUsage, []string{"--width 5", "100 to 20000"}},
		{"in.fits -o out.png --min 2 --max 1", exitUsage, []string{"--min 2 is not below --max 1"}},
		{"in.fits -o out.png --min NaN", exitUsage, []string{"finite"}},
		{"in.fits -o out.png --central 0", exitUsage, []string{"--central 0"}},
		{"in.fits -o out.png --rotation 1,2,3,4", exitUsage, []string{"up to 3 angles"}},
		{"empty.fits -o out.png", exitInput, []string{"empty.fits", "no data to draw"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			fails(t, call(t, append([]string{"plot"}, strings.Fields(c.args)...)...), c.code, c.want...)
			if after := entries(t, dir); !slices.Equal(after, before) {
				t.Errorf("the failed run left %v", after)
			}
		})
	}
}
