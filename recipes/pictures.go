package recipes

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/astronnx/astronnx/plot"
	"github.com/astronnx/astronnx/sky"
)

func cores() int { return goruntime.GOMAXPROCS(0) }

// pictures draws the first seed's estimates and the losses of all seeds.
func (s *scene) pictures(o Options, c *Case, l *lot, exact readings) ([][2]string, error) {
	network := c.Networks[0].readings[0]
	var list [][2]string
	draw := func(kind, title string, curves []plot.Curve, x, y string) error {
		name := slug(s.name) + "-" + kind + ".png"
		list = append(list, [2]string{title, name})
		return sky.WriteFile(filepath.Join(o.Folder, name), func(w io.Writer) error {
			return plot.Curves(w, curves, plot.CurveOptions{Title: s.Recipe.Name + ", " + s.name, XLabel: x, YLabel: y})
		})
	}
	for k, p := range s.params {
		diagonal := plot.Curve{Name: "truth", X: []float64{p.Low, p.High}, Y: []float64{p.Low, p.High}}
		zero := plot.Curve{Name: "truth", X: diagonal.X, Y: []float64{0, 0}}
		points := func(name string, r readings, f func(truth, got float64) float64) plot.Curve {
			v := plot.Curve{Name: name, Points: true}
			for i, truth := range l.truth {
				v.X, v.Y = append(v.X, truth[k]), append(v.Y, f(truth[k], r.Mean[i][k]))
			}
			return v
		}
		value := func(_, got float64) float64 { return got }
		residual := func(truth, got float64) float64 { return got - truth }
		suffix := ""
		if len(s.params) > 1 {
			suffix = "-" + strings.ReplaceAll(p.Name, "_", "")
		}
		err := draw("scatter"+suffix, "Estimates of "+p.Name+" against the truth", []plot.Curve{points("likelihood", exact, value),
			points("network", network, value), diagonal}, "true "+p.Name, "estimate")
		if err == nil {
			err = draw("residuals"+suffix, "Residuals of "+p.Name+" against the truth", []plot.Curve{points("likelihood", exact, residual),
				points("network", network, residual), zero}, "true "+p.Name, "estimate − truth")
		}
		if err != nil {
			return nil, err
		}
	}
	err := draw("pulls", "Pulls, (estimate − truth)/sigma", []plot.Curve{histogram("likelihood", pulls(l.truth, exact)),
		histogram("network", pulls(l.truth, network)), normal()}, "pull", "density")
	if err != nil {
		return nil, err
	}
	var curves []plot.Curve
	for _, n := range c.Networks {
		training, validation := plot.Curve{Name: fmt.Sprintf("training, seed %d", n.Seed)}, plot.Curve{Name: fmt.Sprintf("validation, seed %d", n.Seed)}
		for _, e := range n.History {
			training.X, training.Y = append(training.X, float64(e.Epoch+1)), append(training.Y, e.Loss)
			validation.X, validation.Y = append(validation.X, float64(e.Epoch+1)), append(validation.Y, e.Validation)
		}
		curves = append(curves, training, validation)
	}
	return list, draw("loss", "Loss by epoch", curves, "epoch", "log-moments loss")
}

func pulls(truth [][]float64, r readings) []float64 {
	var list []float64
	for i := range truth {
		for k := range truth[i] {
			if sd := r.Sigma[i][k]; sd > 0 {
				list = append(list, (r.Mean[i][k]-truth[i][k])/sd)
			}
		}
	}
	return list
}

// histogram is the outline of bins of a third from -5 to 5, as a density; what lies beyond is left out of the picture alone.
func histogram(name string, values []float64) plot.Curve {
	const low, width, bins = -5.0, 1.0 / 3, 30
	var count [bins]float64
	for _, v := range values {
		if b := math.Floor((v - low) / width); b >= 0 && b < bins {
			count[int(b)]++
		}
	}
	c := plot.Curve{Name: name}
	for b, n := range count {
		at, density := low+float64(b)*width, n/(width*float64(max(len(values), 1)))
		c.X, c.Y = append(c.X, at, at+width), append(c.Y, density, density)
	}
	return c
}

func normal() plot.Curve {
	c := plot.Curve{Name: "normal"}
	for i := range 101 {
		x := float64(i)/10 - 5
		c.X, c.Y = append(c.X, x), append(c.Y, math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	}
	return c
}
