package ops_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// generator is a network of DCGAN's kind (Radford et al. 2015): transposed convolutions that double the map from single pixels on,
// the first for free, and tanh at the end. Its outputs are the sum of the images times themselves, and gradients of its inputs.
func generator(t *testing.T, d graph.DType, axes int) (m *graph.Model, shapes [][]int64) {
	m = &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{Name: "g"}}
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	input := func(channels int64, more int64, k int64) *graph.Value {
		shape, ty := []int64{channels, more}, graph.TensorType(d, graph.D(channels), graph.D(more))
		for range axes {
			shape, ty.Shape = append(shape, k), append(ty.Shape, graph.D(k))
		}
		shapes = append(shapes, shape)
		return m.Graph.NewInput(fmt.Sprint("x", len(shapes)), ty)
	}
	window := func(stride, pad int64) graph.Attrs {
		a := graph.Attrs{"strides": []int64{}, "pads": []int64{}}
		for range axes {
			a["strides"] = append(a["strides"].([]int64), stride)
			a["pads"] = append(a["pads"].([]int64), pad, pad)
		}
		return a
	}
	x := []*graph.Value{input(2, 6, 1), input(6, 5, 4), input(5, 4, 4), input(4, 2, 3)}
	y := b.Op("LeakyRelu", graph.Attrs{"alpha": float32(0.2)}, b.Op("ConvTranspose", window(1, 0), x[0], x[1]))
	y = b.Op("Relu", nil, b.Op("ConvTranspose", window(2, 1), y, x[2]))
	y = b.Op("Tanh", nil, b.Op("ConvTranspose", window(1, 1), y, x[3]))
	loss := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(y, y))
	grads, err := train.Gradient(m, ops.Standard(), []*graph.Value{loss}, []*graph.Value{nil}, x, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Outputs = append([]*graph.Value{loss}, grads...)
	return m, shapes
}

func generatorInputs(shapes [][]int64) (in []*graph.Tensor) {
	for i, shape := range shapes {
		x := normals(uint64(i+1), shape)
		for k := range graph.Data[float64](x) {
			graph.Data[float64](x)[k] *= 0.25
		}
		in = append(in, x)
	}
	return in
}

// Gradients of a generator agree with central differences.
func TestGeneratorGradients(t *testing.T) {
	for _, axes := range []int{2, 3} {
		m, shapes := generator(t, graph.Float64, axes)
		in := generatorInputs(shapes)
		dx := runForms(t, reference.Engine{}, "", m, in)[1:]
		loss := func() float64 { return graph.Data[float64](runForms(t, reference.Engine{}, "", m, in)[0])[0] }
		for i, x := range in {
			data := graph.Data[float64](x)
			for k := 0; k < len(data); k += 1 + len(data)/4 {
				const h = 1e-6
				was := data[k]
				data[k] = was + h
				up := loss()
				data[k] = was - h
				down := loss()
				data[k] = was
				got, want := graph.Data[float64](dx[i])[k], (up-down)/(2*h)
				if !(math.Abs(got-want) <= 1e-6*(1+math.Abs(want))) {
					t.Errorf("%d axes, input %d, element %d: got %v want %v", axes, i, k, got, want)
				}
			}
		}
	}
}
