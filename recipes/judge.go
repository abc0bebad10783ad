package recipes

import (
	"math"
	"slices"
	"time"
)

var start = time.Now()

// clock is a number of seconds that only grows.
func clock() float64 { return time.Since(start).Seconds() }

// Score is how an estimator does on skies of parameters from the prior, over all parameters.
type Score struct {
	Mean   float64 `json:"mean_percent"` // of |estimate - truth| / truth
	Median float64 `json:"median_percent"`
	RMS    float64 `json:"rms_percent"`
	Bias   float64 `json:"bias"`          // mean of estimate - truth, in the standard deviation of the errors
	Slope  float64 `json:"slope"`         // of the estimate against the truth, in the middle three fifths of the prior
	Pull   float64 `json:"pull"`          // standard deviation of (estimate - truth)/sigma; 0: it tells no sigma
	Untold int     `json:"without_sigma"` // readings of which it tells none
}

// score judges readings.
func (s *scene) score(truth [][]float64, r readings) Score {
	var relative, pulls []float64
	out := Score{}
	for k, p := range s.params {
		var errors, x, y []float64
		for i := range truth {
			d := r.Mean[i][k] - truth[i][k]
			errors = append(errors, d)
			relative = append(relative, 100*math.Abs(d)/truth[i][k])
			switch {
			case r.Sigma == nil:
			case r.Sigma[i][k] > 0:
				pulls = append(pulls, d/r.Sigma[i][k])
			default:
				out.Untold++
			}
			if part := (truth[i][k] - p.Low) / (p.High - p.Low); part >= 0.2 && part <= 0.8 {
				x, y = append(x, truth[i][k]), append(y, r.Mean[i][k])
			}
		}
		n := float64(len(s.params))
		mean, sd := moments(errors)
		if sd > 0 {
			out.Bias += mean / sd / n
		}
		out.Slope += slope(x, y) / n
	}
	out.Mean, _ = moments(relative)
	out.Median = median(relative)
	for _, v := range relative {
		out.RMS += v * v / float64(len(relative))
	}
	out.RMS = math.Sqrt(out.RMS)
	_, out.Pull = moments(pulls)
	return out
}

// constant is the estimator that has learned nothing: it always says what is best to say of the prior by the mean error, √(low high).
func (s *scene) constant(n int) readings {
	r := readings{}
	for range n {
		var v []float64
		for _, p := range s.params {
			v = append(v, math.Sqrt(p.Low*p.High))
		}
		r.Mean = append(r.Mean, v)
	}
	return r
}

// Point is how an estimator does on skies of one parameter.
type Point struct {
	At     float64 `json:"at"`
	Skies  int     `json:"skies"`
	Bias   float64 `json:"bias"`   // mean of estimate - truth
	Spread float64 `json:"spread"` // standard deviation of the estimates
	Sigma  float64 `json:"sigma"`  // mean of what it says itself
	Pull   float64 `json:"pull"`   // standard deviation of (estimate - truth)/sigma
}

// pointsOf judges the lots of one parameter.
func pointsOf(lots []*lot, r []readings) []Point {
	var list []Point
	for i, l := range lots {
		if math.IsNaN(l.at) {
			continue
		}
		var errors, sigmas, pulls []float64
		for k := range l.n {
			d := r[i].Mean[k][0] - l.at
			errors = append(errors, d)
			if sd := r[i].Sigma[k][0]; sd > 0 {
				sigmas, pulls = append(sigmas, sd), append(pulls, d/sd)
			}
		}
		p := Point{At: l.at, Skies: l.n}
		p.Bias, p.Spread = moments(errors)
		p.Sigma, _ = moments(sigmas)
		_, p.Pull = moments(pulls)
		list = append(list, p)
	}
	return list
}

func moments(x []float64) (mean, sd float64) {
	n := float64(len(x))
	if n == 0 {
		return 0, 0
	}
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean) / max(n-1, 1)
	}
	return mean, math.Sqrt(sd)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// slope is that of the line of least squares; 0 where x does not vary.
func slope(x, y []float64) float64 {
	mx, _ := moments(x)
	my, _ := moments(y)
	xx, xy := 0.0, 0.0
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		xy += (x[i] - mx) * (y[i] - my)
	}
	if xx == 0 {
		return 0
	}
	return xy / xx
}
