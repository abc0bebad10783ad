package export

import (
	"errors"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// trained is PyTorch's network of strided convolutions with BatchNormalization.
func trained(t *testing.T) *graph.Model {
	t.Helper()
	m, err := onnxio.LoadFile("../train/testdata/strided.onnx", onnxio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// edit replaces the elements of an initializer by a copy that change has been over.
func edit(t *testing.T, m *graph.Model, name string, change func(x []float32, shape []int64)) {
	t.Helper()
	for _, v := range m.Graph.Initializers {
		if v.Name == name {
			v.Const = v.Const.Clone()
			change(graph.Data[float32](v.Const), v.Const.Shape)
			return
		}
	}
	t.Fatalf("no initializer %s", name)
}

// TestPlantedFaults plants faults in files; the comparison finds each and says where.
func TestPlantedFaults(t *testing.T) {
	swapped := Options{Inputs: map[string]Input{"x": {Offset: []float64{0.5}, Scale: []float64{2}}},
		Outputs: map[string]Output{"y": {Scale: []float64{2, 3}, Offset: []float64{5, 7}}}}
	for name, c := range map[string]struct {
		o     Options
		plant func(p *prepared, o *Options)
	}{
		"none": {swapped, func(*prepared, *Options) {}},
		"epsilon": {Options{}, func(p *prepared, _ *Options) { // fold a model that says another one
			other := trained(t)
			for _, n := range other.Graph.Nodes {
				if n.Op == "BatchNormalization" {
					n.Attrs["epsilon"] = float32(1e-4)
				}
			}
			q, err := prepare(other, Options{})
			if err != nil {
				t.Fatal(err)
			}
			p.file = q.file
		}},
		"channels of weights": {Options{}, func(p *prepared, _ *Options) {
			edit(t, p.file, "0.weight", func(x []float32, shape []int64) {
				size := len(x) / int(shape[0])
				for i := range size {
					x[i], x[size+i] = x[size+i], x[i]
				}
			})
		}},
		"one weight": {Options{}, func(p *prepared, _ *Options) {
			edit(t, p.file, "0.weight", func(x []float32, _ []int64) { x[3] *= 1.001 })
		}},
		"offset of the input": {swapped, func(_ *prepared, o *Options) {
			o.Inputs = map[string]Input{"x": {Offset: []float64{0.501}, Scale: []float64{2}}}
		}},
		"channels of the output": {swapped, func(_ *prepared, o *Options) {
			o.Outputs = map[string]Output{"y": {Scale: []float64{3, 2}, Offset: []float64{7, 5}}}
		}},
		"unit of the output": {swapped, func(_ *prepared, o *Options) {
			o.Outputs = map[string]Output{"y": {Scale: []float64{2, 3}, Offset: []float64{5, 7.001}}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := prepare(trained(t), c.o)
			if err != nil {
				t.Fatal(err)
			}
			c.plant(p, &c.o)
			if err := p.finish(); err != nil {
				t.Fatal(err)
			}
			c.o.Engine = c.o.Engine.WithThreads(1)
			_, _, err = compare(p.source, p.file, c.o, Tolerance)
			if name == "none" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, errs.Engine) || !strings.Contains(err.Error(), `on reference: output "y", sample 0`) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestMarks compares where values are missing or not finite.
func TestMarks(t *testing.T) {
	inf := float32(1e38)
	inf *= 10
	nan := inf - inf
	c := comparison{file: &graph.Model{Metadata: map[string]string{"astronnx.y.unseen": "-1.6375e+30"}}, tolerance: Tolerance}
	const unseen = -1.6375e30
	for name, k := range map[string]struct {
		got, want []float32
		ok        bool
	}{
		"same":            {[]float32{1, nan, inf, unseen}, []float32{1, nan, inf, unseen}, true},
		"close":           {[]float32{1.000001, 0, -1}, []float32{1, 0, -1}, true},
		"far":             {[]float32{1.0001, unseen}, []float32{1, unseen}, false}, // however large the mark is
		"mark lost":       {[]float32{1, 0}, []float32{1, unseen}, false},
		"mark added":      {[]float32{1, unseen}, []float32{1, 0}, false},
		"NaN added":       {[]float32{1, nan}, []float32{1, 0}, false},
		"NaN lost":        {[]float32{1, 0}, []float32{1, nan}, false},
		"other infinity":  {[]float32{1, inf}, []float32{1, -inf}, false},
		"all zero":        {[]float32{0, 0}, []float32{0, 0}, true},
		"almost all zero": {[]float32{0, 1e-9}, []float32{0, 0}, false},
	} {
		_, err := c.difference("y", graph.Vector(k.got...), graph.Vector(k.want...))
		if (err == nil) != k.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
