package plot

import (
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/astronnx/astronnx/internal/errs"
)

// Curve is a named series of points. A point with a value that is not finite is a gap.
type Curve struct {
	Name   string
	X, Y   []float64
	Points bool // draw the points and no line between them
}

// CurveOptions say how to draw curves. The zero value draws a picture 1200 pixels wide without titles.
type CurveOptions struct {
	Title, XLabel, YLabel string
	Width                 int // of the picture in pixels, 100 to 20000; 0 means 1200
}

// Curves writes curves over a common axis as a PNG: losses over epochs, say. The vertical axis is logarithmic where all values are
// above 0 and span more than a factor of 30, else linear. The legend stands in the corner with the fewest points. For a file that is
// written wholly or not at all call it in sky.WriteFile.
func Curves(w io.Writer, curves []Curve, o CurveOptions) error {
	if o.Width == 0 {
		o.Width = 1200
	}
	if o.Width < 100 || o.Width > 20000 {
		return errs.New(errs.Input, "a picture %d pixels wide: want 100 to 20000", o.Width)
	}
	if len(curves) == 0 {
		return errs.New(errs.Input, "no curves: want at least one")
	}
	for _, c := range curves {
		if len(c.X) != len(c.Y) {
			return errs.New(errs.Input, "curve %q has %d places and %d values: want as many", c.Name, len(c.X), len(c.Y))
		}
	}
	a := newAxes(curves, o)
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(o.Width), vg.Length(a.height)), vgimg.UseDPI(72)) // a point is a pixel
	p := &pen{draw.New(canvas), a.height}
	a.grid(p, o)
	for i, c := range curves {
		a.curve(p, c, i)
	}
	a.legend(p, curves)
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, canvas.Image())
}

// axes is the rectangle of a diagram, in pixels from the picture's upper left corner, and the ranges that it shows.
type axes struct {
	width, height, unit      float64
	left, right, top, bottom float64
	x, y                     [2]float64
	whole                    bool // x is of whole numbers, as epochs are
	log                      bool // y holds logarithms to the base of ten
	empty                    bool
}

func newAxes(curves []Curve, o CurveOptions) *axes {
	u := float64(o.Width) / 100
	a := &axes{width: float64(o.Width), height: math.Round(62 * u), unit: u, left: 9 * u, right: 97.5 * u, top: 2.5 * u}
	if o.Title != "" {
		a.top = 5.5 * u
	}
	a.bottom = a.height - 4.5*u
	if o.XLabel != "" {
		a.bottom -= 2.5 * u
	}
	if o.YLabel != "" {
		a.left += 2.5 * u
	}
	a.whole = true
	x, y := [2]float64{math.Inf(1), math.Inf(-1)}, [2]float64{math.Inf(1), math.Inf(-1)}
	for _, c := range curves {
		for i := range c.X {
			if c.drawn(i) {
				a.whole = a.whole && c.X[i] == math.Trunc(c.X[i])
				x = [2]float64{min(x[0], c.X[i]), max(x[1], c.X[i])}
				y = [2]float64{min(y[0], c.Y[i]), max(y[1], c.Y[i])}
			}
		}
	}
	if a.empty = x[0] > x[1]; a.empty {
		x, y = [2]float64{0, 1}, [2]float64{0, 1}
	}
	if a.log = y[0] > 0 && y[1]/y[0] > 30; a.log {
		y = [2]float64{math.Log10(y[0]), math.Log10(y[1])}
	}
	a.x, a.y = widen(x, 0.02), widen(y, 0.05)
	return a
}

// drawn reports whether point i is no gap. Values whose difference overflows are left out too.
func (c *Curve) drawn(i int) bool { return math.Abs(c.X[i]) < 1e300 && math.Abs(c.Y[i]) < 1e300 }

// widen adds a part of a range on both sides, so that no curve runs along the frame; a single value gets a range around it.
func widen(r [2]float64, part float64) [2]float64 {
	d := part * (r[1] - r[0])
	if size := math.Max(math.Abs(r[0]), math.Abs(r[1])); d < 1e-12*size || size == 0 {
		d = max(size/2, 1e-300)
		if size == 0 || size == math.Trunc(size) && size < 10 {
			d = 1
		}
	}
	return [2]float64{r[0] - d, r[1] + d}
}

func (a *axes) at(x, y float64) (px, py float64) {
	if a.log {
		y = math.Log10(y)
	}
	return a.left + (x-a.x[0])/(a.x[1]-a.x[0])*(a.right-a.left), a.bottom - (y-a.y[0])/(a.y[1]-a.y[0])*(a.bottom-a.top)
}

var gridding = color.NRGBA{30, 30, 36, 28}

// grid draws what does not depend on the curves but by their range.
func (a *axes) grid(p *pen, o CurveOptions) {
	u, size := a.unit, 1.65*a.unit
	p.FillPolygon(white, []vg.Point{p.at(0, 0), p.at(a.width, 0), p.at(a.width, a.height), p.at(0, a.height)})
	for _, t := range a.xTicks() {
		px, _ := a.at(t.value, 1)
		p.line(gridding, 0.12*u, []vg.Point{p.at(px, a.top), p.at(px, a.bottom)})
		p.write(t.label, size, px, a.bottom+1.6*u, -0.5, -0.5)
	}
	for _, t := range a.yTicks() {
		_, py := a.at(0, t.value)
		p.line(gridding, 0.12*u, []vg.Point{p.at(a.left, py), p.at(a.right, py)})
		p.write(t.label, size, a.left-0.8*u, py, -1, -0.45)
	}
	p.line(ink, 0.12*u, []vg.Point{p.at(a.left, a.top), p.at(a.right, a.top), p.at(a.right, a.bottom), p.at(a.left, a.bottom),
		p.at(a.left, a.top)})
	middle := (a.left + a.right) / 2
	if o.Title != "" {
		p.write(o.Title, 2.2*u, middle, 2.9*u, -0.5, -0.5)
	}
	if o.XLabel != "" {
		p.write(o.XLabel, 1.9*u, middle, a.height-2*u, -0.5, -0.5)
	}
	if o.YLabel != "" {
		p.writeUp(o.YLabel, 1.9*u, 2*u, (a.top+a.bottom)/2)
	}
	if a.empty {
		p.write("no data", 1.9*u, middle, (a.top+a.bottom)/2, -0.5, -0.5)
	}
}

type tick struct {
	value float64
	label string
}

func (a *axes) xTicks() []tick {
	if a.empty {
		return nil
	}
	list := roundTicks(a.x[0], a.x[1])
	if !a.whole {
		return list
	}
	var whole []tick
	for _, t := range list {
		if n := math.Round(t.value); math.Abs(t.value-n) < 1e-9 {
			whole = append(whole, tick{n, number(n, 17)})
		}
	}
	return whole
}

func (a *axes) yTicks() []tick {
	switch {
	case a.empty:
		return nil
	case a.log:
		return decades(a.y[0], a.y[1])
	}
	return roundTicks(a.y[0], a.y[1])
}

// roundTicks labels round values. Where they are large or small each carries its own power of ten, and the digits that tell them apart.
func roundTicks(lo, hi float64) []tick {
	values, labels, power := ticks(lo, hi)
	list := make([]tick, len(values))
	for i, v := range values {
		list[i] = tick{v, labels[i]}
	}
	if power == 0 {
		return list
	}
	for digits := 1; digits <= 17; digits++ {
		apart := true
		for i, v := range values {
			if math.Abs(v) < 1e-9*(hi-lo) { // rounding errors
				v = 0
			}
			list[i] = tick{v, number(v, digits)}
			back, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
			apart = apart && math.Abs(back-v) <= 1e-6*(hi-lo)
		}
		if apart {
			break
		}
	}
	return list
}

// decades labels powers of ten between two logarithms, or 1, 2 and 5 times such where there are few.
func decades(lo, hi float64) []tick {
	factors := []float64{1}
	if hi-lo < 3 {
		factors = []float64{1, 2, 5}
	}
	step := math.Ceil((hi - lo) / 8)
	var list []tick
	for k := step * math.Floor(lo/step); k <= hi; k += step {
		for _, f := range factors {
			v := f * math.Pow(10, k)
			if l := math.Log10(v); l >= lo && l <= hi {
				list = append(list, tick{v, number(v, 1)})
			}
		}
	}
	return list
}

// number writes v with some digits, plainly from 0.001 to a million.
func number(v float64, digits int) string {
	if v == 0 {
		return "0"
	}
	s := strconv.FormatFloat(v, 'g', digits, 64)
	if m := math.Abs(v); m >= 0.000999 && m < 1e6 {
		rounded, _ := strconv.ParseFloat(s, 64)
		s = strconv.FormatFloat(rounded, 'f', -1, 64)
	} else if mantissa, exponent, ok := strings.Cut(s, "e"); ok {
		n, _ := strconv.Atoi(exponent)
		s = fmt.Sprintf("%se%d", mantissa, n)
	}
	return strings.ReplaceAll(s, "-", "−")
}

// Colours that people with any colour vision tell apart: Okabe and Ito, Color Universal Design, 2008.
var curveColors = []color.Color{
	color.RGBA{0, 114, 178, 255}, color.RGBA{213, 94, 0, 255}, color.RGBA{0, 158, 115, 255}, color.RGBA{204, 121, 167, 255},
	color.RGBA{230, 159, 0, 255}, color.RGBA{86, 180, 233, 255}, ink,
}

func (a *axes) style(i int) draw.LineStyle {
	s := draw.LineStyle{Color: curveColors[i%len(curveColors)], Width: vg.Length(0.22 * a.unit)}
	if i >= len(curveColors) {
		s.Dashes = []vg.Length{vg.Length(a.unit), vg.Length(0.6 * a.unit)}
	}
	return s
}

// curve draws the lines between points and, where they are few or alone, the points.
func (a *axes) curve(p *pen, c Curve, i int) {
	style := a.style(i)
	var run []vg.Point
	flush := func() {
		if len(run) > 1 && !c.Points {
			p.StrokeLines(style, run)
		}
		if len(run) == 1 || len(c.X) <= 40 || c.Points {
			radius := 0.4 * a.unit
			if len(c.X) > 40 {
				radius = 0.22 * a.unit
			}
			for _, at := range run {
				p.DrawGlyph(draw.GlyphStyle{Color: style.Color, Radius: vg.Length(radius), Shape: draw.CircleGlyph{}}, at)
			}
		}
		run = nil
	}
	for k := range c.X {
		if !c.drawn(k) {
			flush()
			continue
		}
		run = append(run, p.at(a.at(c.X[k], c.Y[k])))
	}
	flush()
}

// legend names the curves in a box in the corner that hides fewest points.
func (a *axes) legend(p *pen, curves []Curve) {
	u, size, row := a.unit, 1.7*a.unit, 2.5*a.unit
	wide := 0.0
	for _, c := range curves {
		wide = max(wide, float64(p.width(c.Name, size)))
	}
	if wide == 0 {
		return
	}
	w, h := wide+6.5*u, row*float64(len(curves))+0.8*u
	best, left, top := math.MaxInt, 0.0, 0.0
	for _, corner := range [][2]float64{
		{a.right - w - u, a.top + u}, {a.left + u, a.top + u}, {a.right - w - u, a.bottom - h - u}, {a.left + u, a.bottom - h - u},
	} {
		hidden := 0
		for _, c := range curves {
			for k := range c.X {
				px, py := a.at(c.X[k], c.Y[k])
				if c.drawn(k) && px > corner[0]-u && px < corner[0]+w+u && py > corner[1]-u && py < corner[1]+h+u {
					hidden++
				}
			}
		}
		if hidden < best {
			best, left, top = hidden, corner[0], corner[1]
		}
	}
	p.FillPolygon(color.NRGBA{255, 255, 255, 220}, []vg.Point{p.at(left, top), p.at(left+w, top), p.at(left+w, top+h), p.at(left, top+h)})
	for i, c := range curves {
		y := top + 0.4*u + row*(float64(i)+0.5)
		if c.Points {
			p.DrawGlyph(draw.GlyphStyle{Color: a.style(i).Color, Radius: vg.Length(0.4 * u), Shape: draw.CircleGlyph{}}, p.at(left+2.5*u, y))
		} else {
			p.StrokeLines(a.style(i), []vg.Point{p.at(left+u, y), p.at(left+4*u, y)})
		}
		p.write(c.Name, size, left+5*u, y, 0, -0.45)
	}
}
