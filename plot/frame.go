package plot

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// frame says where the parts of a picture stand, in pixels from its upper left corner.
type frame struct {
	width, height            int
	left, right, top, bottom int // the rectangle around the sky, twice as wide as high
	unit                     float64
	barLeft, barRight        float64
	barTop, barBottom        float64
}

func newFrame(o Options) frame {
	u := float64(o.Width) / 100
	f := frame{width: o.Width, unit: u, left: int(2 * u)}
	f.right = o.Width - f.left
	f.top = int(2 * u)
	if o.Title != "" {
		f.top = int(5.5 * u)
	}
	f.bottom = f.top + (f.right-f.left)/2
	f.barLeft, f.barRight = 25*u, 75*u
	f.barTop = float64(f.bottom) + 2.2*u
	f.barBottom = f.barTop + 1.7*u
	f.height = int(f.barBottom + 4.2*u)
	return f
}

// plane converts a place in the picture to the projection's plane.
func (f *frame) plane(px, py float64) (x, y float64) {
	half := float64(f.right-f.left) / 2
	return 2 * (px - float64(f.left) - half) / half, (float64(f.top) + half/2 - py) / (half / 2)
}

// pixel is the inverse of plane.
func (f *frame) pixel(x, y float64) (px, py float64) {
	half := float64(f.right-f.left) / 2
	return float64(f.left) + half + x*half/2, float64(f.top) + half/2 - y*half/2
}

// pen draws on a picture in its own pixels.
type pen struct {
	draw.Canvas
	height float64
}

func (p *pen) at(px, py float64) vg.Point {
	return vg.Point{X: vg.Length(px), Y: vg.Length(p.height - py)}
}

func (p *pen) line(c color.Color, width float64, points []vg.Point) {
	p.StrokeLines(draw.LineStyle{Color: c, Width: vg.Length(width)}, points)
}

// write puts text with its box aligned to a point: -0.5 is centred, 0 begins and -1 ends there.
func (p *pen) write(s string, size, px, py, xalign, yalign float64) {
	p.FillText(textStyle(size, xalign, yalign), p.at(px, py), s)
}

// writeUp puts text that runs upwards, centred at a point.
func (p *pen) writeUp(s string, size, px, py float64) {
	style := textStyle(size, -0.5, -0.5)
	style.Rotation = math.Pi / 2
	p.FillText(style, p.at(px, py), s)
}

func textStyle(size, xalign, yalign float64) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)},
		XAlign:  text.XAlignment(xalign),
		YAlign:  text.YAlignment(yalign),
		Handler: typesetter,
	}
}

var typesetter = text.Plain{Fonts: font.NewCache(liberation.Collection())}

// decorate draws what is not sky: outline, graticule, title and colour bar.
func (f *frame) decorate(p *pen, proj *projection, lim scale, o Options) {
	if o.Graticule {
		f.graticule(p, proj)
	}
	outline := make([]vg.Point, 721)
	for i := range outline {
		sin, cos := math.Sincos(float64(i) * math.Pi / 360)
		outline[i] = p.at(f.pixel(2*cos, sin))
	}
	p.line(ink, 0.12*f.unit, outline)
	if o.Title != "" {
		p.write(o.Title, 2.2*f.unit, float64(f.width)/2, 2.9*f.unit, -0.5, -0.5)
	}
	f.colorBar(p, lim, o)
}

// graticule draws meridians and parallels, 30° apart.
func (f *frame) graticule(p *pen, proj *projection) {
	degree := math.Pi / 180
	trace := func(at func(deg float64) (lat, lon float64), from, to float64) {
		var line []vg.Point
		lastX := 0.0
		for d := from; d <= to; d++ {
			lat, lon := at(d)
			sinLat, cosLat := math.Sincos(lat * degree)
			sinLon, cosLon := math.Sincos(lon * degree)
			x, y := proj.point([3]float64{cosLat * cosLon, cosLat * sinLon, sinLat})
			if len(line) > 0 && math.Abs(x-lastX) > 0.3 { // the line leaves the sky at one side and comes back at the other
				p.line(netting, 0.1*f.unit, line)
				line = nil
			}
			lastX = x
			line = append(line, p.at(f.pixel(x, y)))
		}
		p.line(netting, 0.1*f.unit, line)
	}
	for lon := -180.0; lon < 180; lon += 30 {
		trace(func(d float64) (float64, float64) { return d, lon }, -90, 90)
	}
	for lat := -60.0; lat <= 60; lat += 30 {
		trace(func(d float64) (float64, float64) { return lat, d }, -180, 180)
	}
}

// colorBar draws the scale with ticks; an end is an arrow where values lie beyond it.
func (f *frame) colorBar(p *pen, lim scale, o Options) {
	for px := f.barLeft; px < f.barRight; px++ {
		c := o.Palette.At((px + 0.5 - f.barLeft) / (f.barRight - f.barLeft))
		right := min(px+1.5, f.barRight) // overlaps the next, so that no seam shows
		p.FillPolygon(c, []vg.Point{p.at(px, f.barTop), p.at(right, f.barTop), p.at(right, f.barBottom), p.at(px, f.barBottom)})
	}
	middle, reach := (f.barTop+f.barBottom)/2, 1.3*f.unit
	outline := []vg.Point{p.at(f.barRight, f.barTop)}
	end := func(here bool, px, tip, from, to float64, x float64) {
		if here {
			corners := []vg.Point{p.at(px, from), p.at(px+tip, middle), p.at(px, to)}
			p.FillPolygon(o.Palette.At(x), corners)
			outline = append(outline, corners[1])
		}
		outline = append(outline, p.at(px, to))
	}
	end(lim.above, f.barRight, reach, f.barTop, f.barBottom, 1)
	outline = append(outline, p.at(f.barLeft, f.barBottom))
	end(lim.below, f.barLeft, -reach, f.barBottom, f.barTop, 0)
	outline = append(outline, outline[0])
	p.line(ink, 0.1*f.unit, outline)

	size := 1.65 * f.unit
	if lim.empty {
		p.write("no data", size, (f.barLeft+f.barRight)/2, f.barBottom+1.9*f.unit, -0.5, -0.5)
		return
	}
	values, labels, power := ticks(lim.lo, lim.hi)
	for i, v := range values {
		px := f.barLeft + (v-lim.lo)/(lim.hi-lim.lo)*(f.barRight-f.barLeft)
		p.line(ink, 0.1*f.unit, []vg.Point{p.at(px, f.barBottom), p.at(px, f.barBottom+0.6*f.unit)})
		p.write(labels[i], size, px, f.barBottom+1.9*f.unit, -0.5, -0.5)
	}
	px := f.barRight + 2.4*f.unit
	if power != 0 {
		p.write("×10", size, px, middle, 0, -0.5)
		px += float64(p.width("×10", size))
		exponent := strconv.Itoa(power)
		if power < 0 {
			exponent = "−" + exponent[1:]
		}
		p.write(exponent, 0.7*size, px, middle-0.6*f.unit, 0, -0.5)
		px += float64(p.width(exponent, 0.7*size)) + 0.5*f.unit
	}
	p.write(o.Unit, size, px, middle, 0, -0.5)
}

func (p *pen) width(s string, size float64) vg.Length {
	face := typesetter.Fonts.Lookup(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Length(size))
	return face.Width(s)
}

// ticks returns round values in [lo, hi], three to eight, with labels that stand for value / 10^power.
func ticks(lo, hi float64) (values []float64, labels []string, power int) {
	rough := (hi - lo) / 7.5
	decade := math.Floor(math.Log10(rough))
	step := 0.0
	exponent := int(decade)
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		step = m * math.Pow(10, decade)
		if step >= rough*0.999 {
			if m == 2.5 {
				exponent--
			} else if m == 10 {
				exponent++
			}
			break
		}
	}
	largest := int(math.Floor(math.Log10(max(math.Abs(lo), math.Abs(hi)))))
	if largest < -2 || largest > 4 {
		power = largest
	}
	decimals := max(power-exponent, 0)
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+1e-9*step; k++ {
		v := k * step
		s := fmt.Sprintf("%.*f", decimals, v/math.Pow(10, float64(power)))
		if k == 0 {
			s = "0"
		}
		if s[0] == '-' {
			s = "−" + s[1:]
		}
		values, labels = append(values, v), append(labels, s)
	}
	return values, labels, power
}
