package plot

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// Field is what is drawn: one value a pixel of a grid.
type Field struct {
	Grid   healpix.Grid
	Pixels []int64             // ascending numbers of the pixels that have values; nil: all
	At     func(i int) float64 // value i, of pixel Pixels[i] or i; NaN and healpix.Unseen are no data. Many goroutines call it
	Unit   string
}

// FromMap returns the field of a map's column; an empty name is the first column. The field reads the map's memory.
func FromMap(m *sky.Map, column string) (Field, error) {
	if err := m.Check(); err != nil {
		return Field{}, err
	}
	if len(m.Columns) == 0 {
		return Field{}, errs.New(errs.Input, "the map has no columns: want one to plot")
	}
	c := &m.Columns[0]
	if column != "" {
		var err error
		if c, err = m.Column(column); err != nil {
			return Field{}, err
		}
	}
	grid, err := healpix.New(m.Nside, m.Order)
	if err != nil {
		return Field{}, err
	}
	f := Field{Grid: grid, Pixels: m.Pixels, Unit: c.Unit}
	if m.BadData == nil && c.Data.DType == graph.Float32 {
		data := graph.Data[float32](c.Data)
		f.At = func(i int) float64 { return float64(data[i]) }
		return f, nil
	}
	valid, err := m.Mask(c.Name)
	if err != nil {
		return Field{}, err
	}
	data := c.Float64()
	f.At = func(i int) float64 {
		if !valid[i] {
			return math.NaN()
		}
		return data[i]
	}
	return f, nil
}

// Options say how to draw. The zero value draws a picture 1200 pixels wide with galactic or other longitude 0 in the centre.
type Options struct {
	Title   string
	Unit    string   // in place of the field's
	Palette Palette  // Ember unless set
	Min     *float64 // value of the first colour; nil: found from the values
	Max     *float64 // value of the last colour

	// Central is the percentage of the values, about their median, that the colours span where Min and Max leave that open.
	// 0 means 99, so that a few bright pixels do not make the rest dark; 100 spans all.
	Central float64

	Width     int        // of the picture in pixels, 100 to 20000; 0 means 1200
	Graticule bool       // draw meridians and parallels, 30° apart
	Rotation  [3]float64 // degrees: longitude and latitude of the centre, and the turn of the picture about it
}

// Mollweide writes the whole sky as a PNG. Longitude grows to the left, as in healpy's mollview. Pixels without data are grey,
// what is not sky is white.
func Mollweide(w io.Writer, f Field, o Options) error {
	img, err := Image(f, o)
	if err != nil {
		return err
	}
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
}

// Image is Mollweide as a picture in memory.
func Image(f Field, o Options) (*image.RGBA, error) {
	if o.Width == 0 {
		o.Width = 1200
	}
	if o.Width < 100 || o.Width > 20000 {
		return nil, errs.New(errs.Input, "a picture %d pixels wide: want 100 to 20000", o.Width)
	}
	if o.Central < 0 || o.Central > 100 {
		return nil, errs.New(errs.Input, "the central %g %% of the values: want more than 0 and at most 100", o.Central)
	}
	if o.Unit == "" {
		o.Unit = f.Unit
	}
	fr := newFrame(o)
	proj := newProjection(o.Rotation[0], o.Rotation[1], o.Rotation[2])
	lim, err := limits(f, fr, &proj, o)
	if err != nil {
		return nil, err
	}
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(o.Width), vg.Length(fr.height)), vgimg.UseDPI(72)) // a point is a pixel
	img := canvas.Image().(*image.RGBA)
	paint(img, f, fr, &proj, lim, o.Palette)
	fr.decorate(&pen{draw.New(canvas), float64(fr.height)}, &proj, lim, o)
	return img, nil
}

var (
	white   = color.RGBA{255, 255, 255, 255}
	noData  = color.RGBA{168, 168, 168, 255}
	ink     = color.RGBA{38, 38, 44, 255}
	netting = color.NRGBA{30, 30, 36, 70}
)

// value returns the value in a direction; NaN where there is no data.
func (f *Field) value(v [3]float64) float64 {
	i := f.Grid.Vec2Pix(v)
	if f.Pixels != nil {
		at, found := slices.BinarySearch(f.Pixels, int64(i))
		if !found {
			return math.NaN()
		}
		i = at
	}
	x := f.At(i)
	if healpix.IsUnseen(x) {
		return math.NaN()
	}
	return x
}

// scale is the range of values that the colours span.
type scale struct {
	lo, hi       float64
	below, above bool // values lie outside
	empty        bool // there are no values at all
}

// limits finds the scale from the values at the middles of the picture's pixels.
func limits(f Field, fr frame, proj *projection, o Options) (scale, error) {
	rows := make([][]float64, fr.bottom-fr.top)
	parallel(len(rows), func(row int) {
		for px := fr.left; px < fr.right; px++ {
			v, ok := proj.direction(fr.plane(float64(px)+0.5, float64(fr.top+row)+0.5))
			if !ok {
				continue
			}
			if x := f.value(v); x-x == 0 {
				rows[row] = append(rows[row], x)
			}
		}
	})
	values := slices.Concat(rows...)
	slices.Sort(values)
	s := scale{lo: 0, hi: 1, empty: len(values) == 0}
	if !s.empty {
		central := o.Central
		if central == 0 {
			central = 99
		}
		cut := int((1 - central/100) / 2 * float64(len(values)-1))
		s.lo, s.hi = values[cut], values[len(values)-1-cut]
		if o.Palette.diverging {
			s.hi = max(math.Abs(s.lo), math.Abs(s.hi))
			s.lo = -s.hi
		}
		if s.lo == s.hi {
			d := math.Abs(s.lo) / 2
			if d == 0 {
				d = 1
			}
			s.lo, s.hi = s.lo-d, s.hi+d
		}
	}
	switch {
	case o.Min != nil && o.Max != nil:
		s.lo, s.hi = *o.Min, *o.Max
	case o.Min != nil:
		s.lo = *o.Min
		if o.Palette.diverging {
			s.hi = -s.lo
		}
	case o.Max != nil:
		s.hi = *o.Max
		if o.Palette.diverging {
			s.lo = -s.hi
		}
	}
	if !(s.lo < s.hi) || math.IsInf(s.hi-s.lo, 0) {
		return s, errs.New(errs.Input, "colours from %g to %g: want finite limits, the lower one first", s.lo, s.hi)
	}
	if !s.empty {
		s.below, s.above = values[0] < s.lo, values[len(values)-1] > s.hi
	}
	return s, nil
}

// samples is the number of points, along each axis, whose colours make up one pixel of the picture.
const samples = 3

// paint draws the sky and the white around it.
func paint(img *image.RGBA, f Field, fr frame, proj *projection, lim scale, p Palette) {
	p = p.orEmber()
	parallel(img.Rect.Dy(), func(py int) {
		line := img.Pix[py*img.Stride : (py+1)*img.Stride]
		for px := range img.Rect.Dx() {
			c := white
			if px >= fr.left && px < fr.right && py >= fr.top && py < fr.bottom {
				c = f.blend(px, py, fr, proj, lim, p)
			}
			line[4*px], line[4*px+1], line[4*px+2], line[4*px+3] = c.R, c.G, c.B, c.A
		}
	})
}

// blend returns the mean colour of a pixel's samples.
func (f *Field) blend(px, py int, fr frame, proj *projection, lim scale, p Palette) color.RGBA {
	var r, g, b int
	for i := range samples * samples {
		x := float64(px) + (float64(i%samples)+0.5)/samples
		y := float64(py) + (float64(i/samples)+0.5)/samples
		c := white
		if v, ok := proj.direction(fr.plane(x, y)); ok {
			c = noData
			if val := f.value(v); val == val {
				c = p.At((val - lim.lo) / (lim.hi - lim.lo))
			}
		}
		r, g, b = r+int(c.R), g+int(c.G), b+int(c.B)
	}
	const n = samples * samples
	return color.RGBA{uint8((r + n/2) / n), uint8((g + n/2) / n), uint8((b + n/2) / n), 255}
}

// parallel calls work on 0 to n-1, on all cores.
func parallel(n int, work func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	wg.Wait()
}
