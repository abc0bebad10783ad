package stats

import (
	"math"

	"github.com/astronnx/astronnx/internal/errs"
	"gonum.org/v1/gonum/interp"
)

// scans is the number of intervals in which Maximum looks for the best model.
const scans = 40

// Maximum returns the x from low to high at which a likelihood is largest, minus2 being its -2 ln L, and the standard deviation
// that the curvature there gives; NaN where the maximum is an end of the range. It looks at some 80 models.
func Maximum(minus2 func(x float64) (float64, error), low, high float64) (x, sigma float64, err error) {
	if !(low < high) {
		return 0, 0, errs.New(errs.Input, "stats: a range from %v to %v", low, high)
	}
	var failure error
	f := func(x float64) float64 {
		v, err := minus2(x)
		if err != nil && failure == nil {
			failure = err
		}
		return v
	}
	step := (high - low) / scans
	best, least := 0, math.Inf(1)
	for i := range scans + 1 {
		if v := f(low + float64(i)*step); v < least {
			best, least = i, v
		}
	}
	a, b := low+float64(max(best-1, 0))*step, low+float64(min(best+1, scans))*step
	x = golden(f, a, b, 1e-9*(high-low))
	if failure != nil {
		return 0, 0, failure
	}
	return x, curvature(f, x, low, high, step), failure
}

// golden returns the minimum of f between a and b to a tolerance, by golden sections.
func golden(f func(float64) float64, a, b, tolerance float64) float64 {
	ratio := (math.Sqrt(5) - 1) / 2
	x, y := b-ratio*(b-a), a+ratio*(b-a)
	fx, fy := f(x), f(y)
	for b-a > tolerance {
		if fx <= fy {
			b, y, fy = y, x, fx
			x = b - ratio*(b-a)
			fx = f(x)
		} else {
			a, x, fx = x, y, fy
			y = a + ratio*(b-a)
			fy = f(y)
		}
	}
	return (a + b) / 2
}

// curvature returns the σ of the parabola through -2 ln L at x and a fraction of σ aside.
func curvature(f func(float64) float64, x, low, high, step float64) float64 {
	h := step
	for range 4 { // h approaches σ/2
		h = min(h, x-low, high-x)
		if !(h > 1e-6*step) {
			return math.NaN()
		}
		second := (f(x+h) - 2*f(x) + f(x-h)) / (h * h)
		if !(second > 0) {
			return math.NaN()
		}
		sigma := math.Sqrt(2 / second)
		if h <= 0.6*sigma && h >= 0.1*sigma {
			return sigma
		}
		h = sigma / 2
	}
	h = min(h, x-low, high-x)
	return math.Sqrt(2 * h * h / (f(x+h) - 2*f(x) + f(x-h)))
}

// MaximumOnGrid is Maximum of a likelihood that is known at a grid of x, ascending, 4 at least: between them it is interpolated
// by cubic splines. Where a likelihood is costly, as Pixels is, many maps share the models of a grid.
func MaximumOnGrid(x, minus2 []float64) (best, sigma float64, err error) {
	if len(x) < 4 || len(x) != len(minus2) {
		return 0, 0, errs.New(errs.Input, "stats: a grid of %d models and %d likelihoods: want 4 or more", len(x), len(minus2))
	}
	for i := 1; i < len(x); i++ {
		if !(x[i] > x[i-1]) {
			return 0, 0, errs.New(errs.Input, "stats: the grid's %v is followed by %v: want ascending", x[i-1], x[i])
		}
	}
	var spline interp.NotAKnotCubic
	if err := spline.Fit(x, minus2); err != nil {
		return 0, 0, errs.New(errs.Input, "stats: %w", err)
	}
	return Maximum(func(x float64) (float64, error) { return spline.Predict(x), nil }, x[0], x[len(x)-1])
}
