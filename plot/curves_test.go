package plot_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/plot"
)

var (
	blue   = color.RGBA{0, 114, 178, 255}
	orange = color.RGBA{213, 94, 0, 255}
)

func drawCurves(t testing.TB, o plot.CurveOptions, curves ...plot.Curve) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := plot.Curves(&b, curves, o); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func epochs(name string, y ...float64) plot.Curve {
	c := plot.Curve{Name: name, Y: y}
	for i := range y {
		c.X = append(c.X, float64(i))
	}
	return c
}

// drawnAt reports whether a colour is within two pixels of a place.
func drawnAt(img image.Image, px, py float64, want color.RGBA) bool {
	for dy := -2; dy <= 2; dy++ {
		for dx := -2; dx <= 2; dx++ {
			if color.RGBAModel.Convert(img.At(int(px)+dx, int(py)+dy)) == want {
				return true
			}
		}
	}
	return false
}

func TestCurvesPassThroughTheirPoints(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		curves []plot.Curve
		log    bool
		middle float64 // the value half way up
	}{
		"falling": {[]plot.Curve{epochs("train", 100, 10, 1), epochs("val", 90, nan, 4, 3, nan, 2, math.Inf(1))}, true, 10},
		"factor":  {[]plot.Curve{epochs("train", 29, 15, 1), epochs("val", 20, 10)}, false, 15},
		"signs":   {[]plot.Curve{epochs("train", 100, 10, -1), epochs("val", 90, 5)}, false, 49.5},
		"zero":    {[]plot.Curve{epochs("train", 1, 1e-3, 0), epochs("val", 0.5)}, false, 0.5},
		"flat":    {[]plot.Curve{epochs("train", 7, 7, 7), epochs("val", 7)}, false, 7},
	} {
		o := plot.CurveOptions{XLabel: "epoch", YLabel: "loss", Title: name, Width: 600}
		img := drawCurves(t, o, c.curves...)
		if got := img.Bounds().Dx(); got != 600 {
			t.Errorf("%s: %d pixels wide want 600", name, got)
		}
		for i, want := range []color.RGBA{blue, orange} {
			curve := c.curves[i]
			for k := range curve.X {
				px, py, log := plot.CurvePlace(c.curves, o, curve.X[k], curve.Y[k])
				if log != c.log {
					t.Errorf("%s: logarithmic %v want %v", name, log, c.log)
				}
				drawn := curve.Y[k]-curve.Y[k] == 0 && (i == 1 || name != "flat" || k > 0) // the first dot lies under the other curve's
				if drawn && !drawnAt(img, px, py, want) {
					t.Errorf("%s: curve %d is not at its point %d, pixel %.0f, %.0f", name, i, k, px, py)
				}
			}
		}
		_, top, _ := plot.CurvePlace(c.curves, o, 0, c.curves[0].Y[0])
		_, bottom, _ := plot.CurvePlace(c.curves, o, 0, c.curves[0].Y[2])
		if _, py, _ := plot.CurvePlace(c.curves, o, 0, c.middle); math.Abs(py-(top+bottom)/2) > 0.5 {
			t.Errorf("%s: %g is at %g want half way from %g to %g", name, c.middle, py, top, bottom)
		}
	}
}

func TestCurvesHaveGaps(t *testing.T) {
	o := plot.CurveOptions{Width: 2000}
	curves := []plot.Curve{epochs("", 1, 1.5, math.NaN(), 2, 1)}
	img := drawCurves(t, o, curves...)
	for x, want := range map[float64]bool{0.5: true, 2: false, 3.5: true} {
		y := 1.5
		if x == 0.5 {
			y = 1.25
		} else if x == 2 {
			y = 1.75
		}
		px, py, _ := plot.CurvePlace(curves, o, x, y)
		if got := drawnAt(img, px, py, blue); got != want {
			t.Errorf("the curve at %g: %v want %v", x, got, want)
		}
	}
}

func TestCurveTicks(t *testing.T) {
	for _, c := range []struct {
		curve plot.Curve
		x, y  string
	}{
		{epochs("", 100, 10, 1), "0 1 2", "1 2 5 10 20 50 100"},
		{epochs("", 1e-7, 1e7), "0 1", "1e−6 0.0001 0.01 1 100 10000 1e6"},
		{epochs("", -1, -1.5, -2, -2), "0 1 2 3", "−2.0 −1.8 −1.6 −1.4 −1.2 −1.0"},
		{epochs("", 0.7), "−1 0 1", "0.4 0.5 0.6 0.7 0.8 0.9 1.0"},
		{epochs("", 1234567, 1234569), "0 1", "1234567 1234567.5 1234568 1234568.5 1234569"},
		{plot.Curve{X: []float64{0, 0.5}, Y: []float64{0, 1e-5}}, "0 0.1 0.2 0.3 0.4 0.5", "0 2e−6 4e−6 6e−6 8e−6 1e−5"},
		{epochs("", math.NaN()), "", ""},
	} {
		x, y := plot.CurveTicks([]plot.Curve{c.curve}, plot.CurveOptions{})
		if strings.Join(x, " ") != c.x || strings.Join(y, " ") != c.y {
			t.Errorf("%v: got %q and %q want %q and %q", c.curve.Y, x, y, c.x, c.y)
		}
	}
}

// The legend takes the corner without points, whichever that is.
func TestLegendHidesNoPoint(t *testing.T) {
	o := plot.CurveOptions{Width: 800}
	falling, rising := epochs("falling", 5, 4, 3, 2, 1), epochs("rising", 1, 2, 3, 4, 5)
	upper, lower := epochs("upper", 5, 5, 5, 5, 5), epochs("lower", 1, 1, 1, 1, 1)
	for _, curves := range [][]plot.Curve{{falling}, {rising}, {falling, upper}, {rising, lower}, {rising, upper}, {falling, lower}} {
		img := drawCurves(t, o, curves...)
		for _, c := range curves {
			for k := range c.X { // where two curves meet either colour will do
				px, py, _ := plot.CurvePlace(curves, o, c.X[k], c.Y[k])
				if !drawnAt(img, px, py, blue) && !drawnAt(img, px, py, orange) {
					t.Errorf("%s: point %d is hidden", c.Name, k)
				}
			}
		}
	}
}

func TestCurvesOfAnything(t *testing.T) {
	const huge = math.MaxFloat64
	for _, y := range [][]float64{nil, {math.NaN()}, {0}, {huge, -huge}, {1e299, -1e299}, {5e-324, 1e299}, {math.Inf(-1), 3}, {1, 1 + 1e-15}} {
		drawCurves(t, plot.CurveOptions{Width: 100, Title: "any", XLabel: "x", YLabel: "y"}, epochs("a", y...))
	}
	drawCurves(t, plot.CurveOptions{Width: 300}, slices.Repeat([]plot.Curve{epochs("a", 1, 2)}, 20)...)
}

func TestBadCurves(t *testing.T) {
	for want, c := range map[string]struct {
		curves []plot.Curve
		width  int
	}{
		"no curves":                           {nil, 0},
		`curve "a" has 1 places and 2 values`: {[]plot.Curve{{Name: "a", X: []float64{1}, Y: []float64{1, 2}}}, 0},
		"99 pixels wide":                      {[]plot.Curve{{}}, 99},
	} {
		var b bytes.Buffer
		err := plot.Curves(&b, c.curves, plot.CurveOptions{Width: c.width})
		if !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), want) || b.Len() > 0 {
			t.Errorf("got %v want … %s", err, want)
		}
	}
}
