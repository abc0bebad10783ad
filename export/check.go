package export

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// Tolerance is how much an output of the file may differ from the network's, relative to its largest value. Both are compared before
// post-processing, in the units of the network, where channels of different parameters are alike.
const Tolerance = 1e-5

// Check is how an output compared on an engine, over all samples.
type Check struct {
	Engine     string  `json:"engine"` // with its version, and how it ran operators outside the standard
	Output     string  `json:"output"`
	Difference float64 `json:"difference"` // largest, relative to the largest value
	Tolerance  float64 `json:"tolerance"`
}

// compare runs the network and the file on every engine.
func compare(source, file *graph.Model, o Options, tolerance float64) (checks []Check, notes []string, err error) {
	samples := o.Samples
	if len(samples) == 0 {
		if samples, err = generate(file, o); err != nil {
			return nil, nil, err
		}
	}
	c := comparison{o: o, file: file, tolerance: tolerance}
	inputs := make([]runtime.Inputs, len(samples))
	for k, s := range samples {
		if inputs[k], err = c.normalised(s); err != nil {
			return nil, nil, err
		}
	}
	base := o.Engine.WithOps(healpixop.Set().With(ops.Fused()))
	ways := []way{{"", base.WithEngine("reference")}, {"", base.WithEngine("onnxruntime")}}
	if len(file.Functions) > 0 {
		ways = append(ways, way{", function bodies", base.WithEngine("onnxruntime").WithFunctionBodies(true)})
	}
	for _, w := range ways {
		found, err := c.on(w, source, samples, inputs)
		if errors.Is(err, engine.ErrNoLibrary) {
			notes = append(notes, "not compared on onnxruntime: its library was not found, or this build cannot load one")
			break
		}
		if err != nil {
			return nil, nil, err
		}
		checks = append(checks, found...)
	}
	return checks, notes, nil
}

// way is an engine and how it runs.
type way struct {
	how string
	cfg runtime.Config
}

type comparison struct {
	o         Options
	file      *graph.Model
	tolerance float64
	truth     []runtime.Outputs // the network's results on the reference engine, which is the first
}

// normalised returns what the network reads for a sample.
func (c *comparison) normalised(s runtime.Inputs) (runtime.Inputs, error) {
	out := runtime.Inputs{}
	for name, t := range s {
		p := c.o.Inputs[name].marked(c.file, name)
		out[name] = t
		if t == nil || !p.active() {
			continue
		}
		z, err := p.Normalise(t)
		if err != nil {
			return nil, errs.New(errs.Input, "sample of %q: %w", name, err)
		}
		out[name] = z
	}
	return out, nil
}

func (c *comparison) on(w way, source *graph.Model, samples, inputs []runtime.Inputs) ([]Check, error) {
	got, report, err := results(c.file, w.cfg, samples)
	if err != nil {
		return nil, err
	}
	want, _, err := results(source, w.cfg, inputs)
	switch {
	case c.truth == nil && err != nil:
		return nil, err
	case c.truth == nil:
		c.truth = want
	case err != nil: // the network itself is not for this engine, as one of a newer opset
		want = c.truth
	}
	name := report.Engine + w.how
	if report.Version != "" {
		name = report.Engine + " " + report.Version + w.how
	}
	var checks []Check
	for _, v := range c.file.Graph.Outputs {
		check := Check{Engine: name, Output: v.Name, Tolerance: c.tolerance}
		for k := range samples {
			d, err := c.difference(v.Name, got[k][v.Name], want[k][v.Name])
			if err != nil {
				return nil, errs.New(errs.Engine, "the file differs from the network on %s: output %q, sample %d: %w", name, v.Name, k, err).
					WithHint("nothing was written")
			}
			check.Difference = max(check.Difference, d)
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// results runs a model over samples.
func results(m *graph.Model, cfg runtime.Config, samples []runtime.Inputs) ([]runtime.Outputs, runtime.Report, error) {
	model, err := runtime.Compile(m, cfg)
	if err != nil {
		return nil, runtime.Report{}, err
	}
	defer model.Close()
	out := make([]runtime.Outputs, len(samples))
	for k, s := range samples {
		if out[k], err = model.Run(context.Background(), s); err != nil {
			return nil, runtime.Report{}, err
		}
	}
	return out, model.Report(), nil
}

// rounding is what float32 may lose of a result after post-processing, relative to it.
const rounding = 1. / (1 << 22)

// difference compares an output of the file with the network's, and returns the largest difference relative to the largest value.
func (c *comparison) difference(name string, got, want *graph.Tensor) (float64, error) {
	if got == nil || want == nil || got.Kind != want.Kind || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		return 0, fmt.Errorf("it is %s, the network's %s", got, want)
	}
	x, y := floats(got), floats(want)
	if x == nil {
		if !got.Equal(want) {
			return 0, fmt.Errorf("elements of %s differ", got)
		}
		return 0, nil
	}
	p := c.o.Outputs[name]
	mark := p.Map.Unseen
	if mark == nil {
		mark = markOf(c.file, name)
	}
	plain := func(v float64) bool {
		return !math.IsNaN(v) && !math.IsInf(v, 0) && (mark == nil || !isMark(v, *mark))
	}
	most := 0.0
	for _, v := range y {
		if plain(v) {
			most = max(most, math.Abs(v))
		}
	}
	inverse, scale := p.inverse(got.Shape), byChannel(p.Scale, 1, got.Shape)
	worst := 0.0
	for i, v := range y {
		if !plain(v) {
			a := x[i]
			if math.IsNaN(v) != math.IsNaN(a) || math.IsInf(v, 0) && a != v && !p.active() ||
				mark != nil && isMark(v, *mark) && !isMark(a, *mark) {
				return 0, fmt.Errorf("element %d is %g, the network's is %g", i, a, v)
			}
			continue
		}
		u := inverse(i, x[i])
		allowed := c.tolerance * most
		if p.active() {
			size := math.Abs(x[i])
			if p.Exp {
				size = 1 + math.Abs(math.Log(x[i]))
			}
			allowed += rounding * size / math.Abs(scale(i))
		}
		d := math.Abs(u - v)
		if !(d <= allowed) {
			return 0, fmt.Errorf("element %d differs by %.3g of the largest value, %.3g: at most %.3g is allowed", i, d/most, most,
				c.tolerance)
		}
		if most > 0 {
			worst = max(worst, d/most)
		}
	}
	return worst, nil
}

// floats returns the elements of a float32 or float64 tensor, nil for any other.
func floats(t *graph.Tensor) []float64 {
	if t.Kind != graph.TensorKind {
		return nil
	}
	switch t.DType {
	case graph.Float64:
		return graph.Data[float64](t)
	case graph.Float32:
		x := make([]float64, t.Len())
		for i, v := range graph.Data[float32](t) {
			x[i] = float64(v)
		}
		return x
	}
	return nil
}
