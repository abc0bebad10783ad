package plot

// Plane returns where a place of the picture lies in the projection's plane.
func Plane(o Options, px, py float64) (x, y float64) {
	f := newFrame(o)
	return f.plane(px, py)
}

// NoData is the colour of pixels without data.
var NoData = noData

var Ticks = ticks

// Colors returns a palette's table.
func (p Palette) Colors() [][3]float64 {
	var out [][3]float64
	for _, c := range p.colors {
		out = append(out, toOklab(c.R, c.G, c.B))
	}
	return out
}

// ThereAndBack projects a place of the plane to the sphere and back.
func ThereAndBack(rotation [3]float64, x, y float64) (u, v float64, ok bool) {
	p := newProjection(rotation[0], rotation[1], rotation[2])
	d, ok := p.direction(x, y)
	if ok {
		u, v = p.point(d)
	}
	return u, v, ok
}

// CurvePlace returns where a point stands in the picture of curves, and whether the vertical axis is logarithmic.
func CurvePlace(curves []Curve, o CurveOptions, x, y float64) (px, py float64, log bool) {
	a := newAxes(curves, o)
	px, py = a.at(x, y)
	return px, py, a.log
}

// CurveTicks returns the labels of both axes.
func CurveTicks(curves []Curve, o CurveOptions) (x, y []string) {
	a := newAxes(curves, o)
	for _, t := range a.xTicks() {
		x = append(x, t.label)
	}
	for _, t := range a.yTicks() {
		y = append(y, t.label)
	}
	return x, y
}
