package plot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/plot"
	"github.com/astronnx/astronnx/sky"
)

func grid(t testing.TB, nside int, order healpix.Order) healpix.Grid {
	t.Helper()
	g, err := healpix.New(nside, order)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func draw(t testing.TB, f plot.Field, o plot.Options) *image.RGBA {
	t.Helper()
	img, err := plot.Image(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// spot returns the colour at a place of the projection's plane.
func spot(img *image.RGBA, o plot.Options, x, y float64) color.RGBA {
	best, at := math.Inf(1), image.Point{}
	for py := range img.Rect.Dy() {
		for px := range img.Rect.Dx() {
			u, v := plot.Plane(o, float64(px)+0.5, float64(py)+0.5)
			if d := math.Hypot(u-x, v-y); d < best {
				best, at = d, image.Point{X: px, Y: py}
			}
		}
	}
	return img.RGBAAt(at.X, at.Y)
}

// What healpy's projector finds under the picture's pixels: [rotation, px, py, pixel or -1 outside], where the pixel's
// surroundings are all of one kind.
const pyProject = `
import sys, json, numpy as np, healpy as hp, healpy.projector
nside, width, height, left, top, half = json.loads(sys.argv[1])
out = []
for k, rot in enumerate(json.loads(sys.argv[2])):
    proj = hp.projector.MollweideProj(rot=rot)
    def under(px, py):
        x, y = (px - left) / half * 2 - 2, 1 - (py - top) / half * 2
        p = np.full(x.shape, -1)
        ok = x * x / 4 + y * y < 1
        v = proj.xy2vec(x[ok], y[ok])
        p[ok] = hp.vec2pix(nside, *v)
        return p
    px, py = [a.ravel() for a in np.meshgrid(np.arange(3, width - 3, 5), np.arange(3, height - 3, 5))]
    c = under(px + .5, py + .5)
    same = np.ones(c.shape, bool)
    for dx in (-.2, 1.2):
        for dy in (-.2, 1.2):
            same &= under(px + dx, py + dy) == c
    out += [[k, int(a), int(b), int(p)] for a, b, p in zip(px[same], py[same], c[same])]
print(json.dumps(out))
`

func TestAgreesWithHealpy(t *testing.T) {
	const nside, width = 4, 500
	rotations := [][3]float64{{0, 0, 0}, {90, 0, 0}, {0, 60, 0}, {0, 0, 25}, {-130, 40, 70}}
	geometry := []float64{nside, width, 240 + 20, 10, 10, 240}
	a, err := json.Marshal(geometry)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(rotations)
	if err != nil {
		t.Fatal(err)
	}
	data, err := exec.Command(testkit.Python(t, "healpy", "numpy"), "-c", pyProject, string(a), string(b)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var places [][4]int
	if err := json.Unmarshal(data, &places); err != nil {
		t.Fatal(err)
	}
	if len(places) < 10000 {
		t.Fatalf("healpy gives %d places only", len(places))
	}
	// Neighbouring numbers have unlike colours.
	colorOf := func(p int) float64 { return float64(p*37%192) / 191 }
	var pictures []*image.RGBA
	for _, r := range rotations {
		f := plot.Field{Grid: grid(t, nside, healpix.Ring), At: colorOf}
		pictures = append(pictures, draw(t, f, plot.Options{Width: width, Rotation: r, Central: 100}))
	}
	wrong := 0
	for _, p := range places {
		want := color.RGBA{255, 255, 255, 255}
		if p[3] >= 0 {
			want = plot.Ember.At(colorOf(p[3]))
		}
		x, y := plot.Plane(plot.Options{Width: width}, float64(p[1])+0.5, float64(p[2])+0.5)
		if math.Abs(math.Hypot(x/2, y)-1) < 0.02 {
			continue // the outline
		}
		if got := pictures[p[0]].RGBAAt(p[1], p[2]); got != want {
			if wrong++; wrong < 5 {
				t.Errorf("rotation %v, place %d,%d, pixel %d: got %v want %v", rotations[p[0]], p[1], p[2], p[3], got, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d places differ", wrong, len(places))
	}
}

// near is 1 within 20° of a direction, 0 elsewhere.
func near(g healpix.Grid, lonDeg, latDeg float64) func(int) float64 {
	lon, lat := lonDeg*math.Pi/180, latDeg*math.Pi/180
	c := [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
	return func(p int) float64 {
		v := g.Pix2Vec(p)
		if v[0]*c[0]+v[1]*c[1]+v[2]*c[2] > math.Cos(20*math.Pi/180) {
			return 1
		}
		return 0
	}
}

func TestOrientation(t *testing.T) {
	o := plot.Options{Width: 300, Min: new(0.0), Max: new(1.0)}
	high, low := plot.Ember.At(1), plot.Ember.At(0)
	for _, order := range []healpix.Order{healpix.Ring, healpix.Nested, healpix.XY} {
		g := grid(t, 16, order)
		left := draw(t, plot.Field{Grid: g, At: near(g, 90, 0)}, o)
		if got := spot(left, o, -1, 0); got != high {
			t.Errorf("%v: longitude 90 is not left of the centre: got %v", order, got)
		}
		if got := spot(left, o, 1, 0); got != low {
			t.Errorf("%v: right of the centre: got %v want %v", order, got, low)
		}
		up := draw(t, plot.Field{Grid: g, At: near(g, 0, 80)}, o)
		if got := spot(up, o, 0, 0.95); got != high {
			t.Errorf("%v: north is not up: got %v", order, got)
		}
		turned := o
		turned.Rotation = [3]float64{200, -30, 0}
		centre := draw(t, plot.Field{Grid: g, At: near(g, 200, -30)}, turned)
		if got := spot(centre, o, 0, 0); got != high {
			t.Errorf("%v: the rotation's point is not in the centre: got %v", order, got)
		}
	}
}

func TestNoData(t *testing.T) {
	g := grid(t, 16, healpix.Nested)
	hole := near(g, 0, 0)
	o := plot.Options{Width: 300}
	var pixels []int64
	for p := range g.Npix() {
		if hole(p) == 0 {
			pixels = append(pixels, int64(p))
		}
	}
	mapOf := func(bad float64) *sky.Map {
		data := make([]float32, g.Npix())
		for p := range data {
			if data[p] = float32(p); hole(p) == 1 {
				data[p] = float32(bad)
			}
		}
		return &sky.Map{Nside: 16, Order: healpix.Nested, Columns: []sky.Column{{Name: "T", Unit: "K", Data: graph.FromSlice(data, int64(len(data)))}}}
	}
	declared := mapOf(-999)
	declared.BadData = new(-999.0)
	for name, m := range map[string]*sky.Map{"UNSEEN": mapOf(healpix.Unseen), "NaN": mapOf(math.NaN()), "BAD_DATA": declared} {
		f, err := plot.FromMap(m, "")
		if err != nil {
			t.Fatal(err)
		}
		img := draw(t, f, o)
		if got := spot(img, o, 0, 0); got != plot.NoData {
			t.Errorf("%s: got %v want grey", name, got)
		}
		if got := spot(img, o, 1, 0); got == plot.NoData {
			t.Errorf("%s: a pixel with data is grey", name)
		}
		if got := spot(img, o, 1.9, 0.9); got != (color.RGBA{255, 255, 255, 255}) {
			t.Errorf("%s: outside the sky: got %v want white", name, got)
		}
	}
	whole := draw(t, plot.Field{Grid: g, At: func(p int) float64 {
		if hole(p) == 1 {
			return math.NaN()
		}
		return float64(p)
	}}, o)
	part := draw(t, plot.Field{Grid: g, Pixels: pixels, At: func(i int) float64 { return float64(pixels[i]) }}, o)
	if !bytes.Equal(whole.Pix, part.Pix) {
		t.Error("a partial sky and a full sky without data there differ")
	}
	nothing := draw(t, plot.Field{Grid: g, At: func(int) float64 { return healpix.Unseen }}, o)
	if got := spot(nothing, o, 1, 0.2); got != plot.NoData {
		t.Errorf("a map without data: got %v want grey", got)
	}
}

func TestLimits(t *testing.T) {
	g := grid(t, 16, healpix.Ring)
	bright := near(g, 0, 0)
	values := func(p int) float64 { return 1 + 100*bright(p) }
	o := plot.Options{Width: 300, Palette: plot.BlueRed}
	for _, c := range []struct {
		name string
		o    plot.Options
		x    float64 // place in the plane
		want float64 // of the palette
	}{
		{"symmetric", o, 1, 0.5 + 0.5/101},
		{"upper end", o, 0, 1},
		{"given", plot.Options{Width: 300, Palette: plot.BlueRed, Min: new(-4.0), Max: new(4.0)}, 1, 0.625},
		{"one given", plot.Options{Width: 300, Palette: plot.BlueRed, Max: new(2.0)}, 1, 0.75},
		{"central", plot.Options{Width: 300, Palette: plot.Ember, Central: 80}, 1, 0.5},
		{"all", plot.Options{Width: 300, Palette: plot.Ember, Central: 100}, 1, 0},
	} {
		img := draw(t, plot.Field{Grid: g, At: values}, c.o)
		if got, want := spot(img, c.o, c.x, 0), c.o.Palette.At(c.want); got != want {
			t.Errorf("%s: got %v want %v", c.name, got, want)
		}
	}
	for text, o := range map[string]plot.Options{
		"want 100 to 20000": {Width: 5}, "lower one first": {Min: new(2.0), Max: new(1.0)}, "central": {Central: 101},
	} {
		if _, err := plot.Image(plot.Field{Grid: g, At: values}, o); !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v want … %s", err, text)
		}
	}
	if _, err := plot.FromMap(&sky.Map{Nside: 1, Order: healpix.Ring}, ""); !errors.Is(err, errs.Input) {
		t.Errorf("a map without columns: got %v", err)
	}
}

func TestDecorations(t *testing.T) {
	g := grid(t, 8, healpix.Ring)
	f := plot.Field{Grid: g, At: func(p int) float64 { return float64(p) }, Unit: "mK"}
	o := plot.Options{Width: 400, Title: "Sky"}
	var b bytes.Buffer
	if err := plot.Mollweide(&b, f, o); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	size := img.Bounds().Size()
	dark := func(img image.Image, r image.Rectangle) int {
		n := 0
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if c := color.GrayModel.Convert(img.At(x, y)).(color.Gray); c.Y < 170 {
					n++
				}
			}
		}
		return n
	}
	title := image.Rect(150, 0, 250, 20)
	labels := image.Rect(90, size.Y-14, 310, size.Y)
	unit := image.Rect(307, size.Y-30, 390, size.Y-14)
	for name, r := range map[string]image.Rectangle{"title": title, "labels": labels, "unit": unit} {
		if n := dark(img, r); n < 10 {
			t.Errorf("%s: %d dark pixels", name, n)
		}
	}
	plain := draw(t, f, plot.Options{Width: 400})
	if n := dark(plain, image.Rect(150, 0, 250, 6)); n > 0 {
		t.Errorf("no title: %d dark pixels", n)
	}
	net := draw(t, f, plot.Options{Width: 400, Graticule: true})
	changed := 0
	for i := range net.Pix {
		if net.Pix[i] != plain.Pix[i] {
			changed++
		}
	}
	if changed < 3000 || changed > len(net.Pix)/4 {
		t.Errorf("the graticule changes %d of %d bytes", changed, len(net.Pix))
	}
}

func TestPalettes(t *testing.T) {
	for _, p := range []plot.Palette{plot.Ember, plot.BlueRed} {
		colors := p.Colors()
		var steps []float64
		for i := 32; i < len(colors); i += 32 {
			a, b := colors[i-32], colors[i]
			steps = append(steps, math.Sqrt((a[0]-b[0])*(a[0]-b[0])+(a[1]-b[1])*(a[1]-b[1])+(a[2]-b[2])*(a[2]-b[2])))
		}
		half := steps
		if p.String() == "bluered" {
			half = steps[:len(steps)/2]
			mid := colors[len(colors)/2]
			if mid[0] < 0.95 || colors[0][0] > 0.4 || colors[len(colors)-1][0] > 0.4 {
				t.Errorf("%v: lightness %g, %g, %g: want dark, light, dark", p, colors[0][0], mid[0], colors[len(colors)-1][0])
			}
		} else if !slices.IsSortedFunc(colors, func(a, b [3]float64) int {
			if a[0] < b[0]-0.006 { // eight-bit colours
				return -1
			}
			return 0
		}) {
			t.Errorf("%v: lightness does not grow", p)
		}
		if lo, hi := slices.Min(half), slices.Max(half); hi > 1.25*lo {
			t.Errorf("%v: steps of colour from %g to %g: want equal ones", p, lo, hi)
		}
		if q, err := plot.PaletteNamed(p.String()); err != nil || q.At(0.3) != p.At(0.3) {
			t.Errorf("PaletteNamed(%v): %v", p, err)
		}
	}
	if _, err := plot.PaletteNamed("jet"); err == nil {
		t.Error("jet: want an error")
	}
	if plot.Ember.At(math.Inf(1)) != plot.Ember.At(1) || plot.Ember.At(-3) != plot.Ember.At(0) {
		t.Error("values beyond the ends do not get the ends' colours")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		labels string
		power  int
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1.0", 0},
		{-0.18, 0.18, "−0.15 −0.10 −0.05 0 0.05 0.10 0.15", 0},
		{-3, 5, "−2 0 2 4", 0},
		{0, 4e-6, "0 1 2 3 4", -6},
		{-2.4e-5, 2.4e-5, "−2 −1 0 1 2", -5},
		{1e6, 2e6, "1.0 1.2 1.4 1.6 1.8 2.0", 6},
		{2.7250, 2.7258, "2.7250 2.7252 2.7254 2.7256 2.7258", 0},
		{0, 100, "0 20 40 60 80 100", 0},
	} {
		values, labels, power := plot.Ticks(c.lo, c.hi)
		if got := strings.Join(labels, " "); got != c.labels || power != c.power {
			t.Errorf("%g to %g: got %s ×10^%d want %s ×10^%d", c.lo, c.hi, got, power, c.labels, c.power)
		}
		for _, v := range values {
			if v < c.lo-1e-9*(c.hi-c.lo) || v > c.hi+1e-9*(c.hi-c.lo) {
				t.Errorf("%g to %g: tick at %g", c.lo, c.hi, v)
			}
		}
	}
}

func TestProjectionInverts(t *testing.T) {
	for _, rotation := range [][3]float64{{}, {100, -50, 30}} {
		inside := 0
		for i := range 4000 {
			x, y := float64(i%80)/20-1.9771, float64(i/80)/25-0.9913
			u, v, ok := plot.ThereAndBack(rotation, x, y)
			if !ok {
				continue
			}
			inside++
			if math.Hypot(u-x, v-y) > 1e-6 {
				t.Fatalf("rotation %v: %g, %g comes back as %g, %g", rotation, x, y, u, v)
			}
		}
		if inside < 3000 {
			t.Errorf("%d places inside the ellipse", inside)
		}
	}
}
