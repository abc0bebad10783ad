package plot

import (
	"fmt"
	"image/color"
	"math"
	"strings"
)

// Palette maps the numbers 0 to 1 to colours. The zero Palette is Ember.
type Palette struct {
	name      string
	diverging bool
	colors    []color.RGBA
}

var (
	// Ember runs from near black over violet and red to pale yellow. Equal steps look equal, and lightness only grows, so that
	// it survives printing in grey.
	Ember = makePalette("ember", false, "0b0724", "2d1160", "721f81", "b5367a", "ee5d5e", "fe9f6d", "fdf3b8")

	// BlueRed runs from blue over near white to red, in equal steps on both sides. Colour limits that are found from the
	// values lie symmetric about 0 with it. It suits residuals and bands.
	BlueRed = makePalette("bluered", true, "0a2f6b", "2f78b7", "93c0dd", "f6f4f1", "f0a98a", "cb4a42", "6b0a22")

	palettes = []Palette{Ember, BlueRed}
)

// PaletteNamed returns the palette of a name, "ember" or "bluered".
func PaletteNamed(name string) (Palette, error) {
	var names []string
	for _, p := range palettes {
		if strings.EqualFold(p.name, name) {
			return p, nil
		}
		names = append(names, p.name)
	}
	return Palette{}, fmt.Errorf("plot: no palette %q: want %s", name, strings.Join(names, " or "))
}

// String returns the palette's name.
func (p Palette) String() string { return p.orEmber().name }

func (p Palette) orEmber() Palette {
	if p.colors == nil {
		return Ember
	}
	return p
}

// At returns the colour of x, 0 to 1; what lies outside gets the colour of the nearer end.
func (p Palette) At(x float64) color.RGBA {
	colors := p.orEmber().colors
	return colors[int(min(max(x, 0), 1)*float64(len(colors)-1)+0.5)]
}

const paletteSize = 1024

// makePalette lays a smooth curve through the anchors in the Oklab space, whose distances are those that people see (Björn
// Ottosson, 2020), and cuts it into steps of equal length: on both sides of the middle on their own if it is diverging.
func makePalette(name string, diverging bool, anchors ...string) Palette {
	points := make([][3]float64, len(anchors))
	for i, hex := range anchors {
		var r, g, b uint8
		if _, err := fmt.Sscanf(hex, "%02x%02x%02x", &r, &g, &b); err != nil {
			panic("plot: palette anchor " + hex)
		}
		points[i] = toOklab(r, g, b)
	}
	p := Palette{name: name, diverging: diverging}
	halves := [][][3]float64{curve(points)}
	if diverging {
		fine := halves[0]
		halves = [][][3]float64{fine[:len(fine)/2+1], fine[len(fine)/2:]}
	}
	for _, half := range halves {
		for _, lab := range equalSteps(half, paletteSize/len(halves)) {
			p.colors = append(p.colors, fromOklab(lab))
		}
	}
	return p
}

// curve is the Catmull-Rom spline through points, in many small steps; an odd number of them, the middle point in the middle.
func curve(points [][3]float64) [][3]float64 {
	const steps = 200
	last := len(points) - 1
	var out [][3]float64
	for i := range last {
		a, b, c, d := points[max(i-1, 0)], points[i], points[i+1], points[min(i+2, last)]
		for s := range steps {
			t := float64(s) / steps
			var p [3]float64
			for k := range p {
				p[k] = b[k] + t/2*(c[k]-a[k]+t*(2*a[k]-5*b[k]+4*c[k]-d[k]+t*(3*(b[k]-c[k])+d[k]-a[k])))
			}
			out = append(out, p)
		}
	}
	return append(out, points[last])
}

// equalSteps returns n points of a polyline, its ends among them, at equal distances along it.
func equalSteps(line [][3]float64, n int) [][3]float64 {
	length := make([]float64, len(line))
	for i := 1; i < len(line); i++ {
		var d float64
		for k := range 3 {
			d += (line[i][k] - line[i-1][k]) * (line[i][k] - line[i-1][k])
		}
		length[i] = length[i-1] + math.Sqrt(d)
	}
	out := make([][3]float64, n)
	at := 0
	for i := range out {
		want := length[len(length)-1] * float64(i) / float64(n-1)
		for at < len(line)-2 && length[at+1] < want {
			at++
		}
		t := (want - length[at]) / (length[at+1] - length[at])
		for k := range 3 {
			out[i][k] = line[at][k] + t*(line[at+1][k]-line[at][k])
		}
	}
	return out
}

// toOklab and fromOklab convert between sRGB and Oklab: bottosson.github.io/posts/oklab.
func toOklab(r, g, b uint8) [3]float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	x, y, z := linear(r), linear(g), linear(b)
	l := math.Cbrt(0.4122214708*x + 0.5363325363*y + 0.0514459929*z)
	m := math.Cbrt(0.2119034982*x + 0.6806995451*y + 0.1073969566*z)
	s := math.Cbrt(0.0883024619*x + 0.2817188376*y + 0.6299787005*z)
	return [3]float64{
		0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

func fromOklab(c [3]float64) color.RGBA {
	l := c[0] + 0.3963377774*c[1] + 0.2158037573*c[2]
	m := c[0] - 0.1055613458*c[1] - 0.0638541728*c[2]
	s := c[0] - 0.0894841775*c[1] - 1.2914855480*c[2]
	l, m, s = l*l*l, m*m*m, s*s*s
	gamma := func(x float64) uint8 {
		if x <= 0.0031308 {
			x *= 12.92
		} else {
			x = 1.055*math.Pow(x, 1/2.4) - 0.055
		}
		return uint8(min(max(x, 0), 1)*255 + 0.5)
	}
	return color.RGBA{
		gamma(4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		gamma(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		gamma(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s),
		255,
	}
}
