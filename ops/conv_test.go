package ops_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// A convolution is linear in its input and in its weights, so that <y, d> = <x, dx> = <w, dw> for every d: whatever the
// window, and whether its sizes are known when the gradient is written or not.
func TestConvolutionAdjoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom([]string{"Conv", "ConvTranspose"}).Draw(t, "op")
		k := rapid.IntRange(1, 3).Draw(t, "axes")
		small := func(lo, hi int, what string) int64 { return int64(rapid.IntRange(lo, hi).Draw(t, what)) }
		group := small(1, 2, "group")
		x, w := []int64{small(1, 2, "N"), group * small(1, 2, "C")}, []int64{group * small(1, 2, "M"), 0}
		w[1] = x[1] / group
		if op == "ConvTranspose" {
			w = []int64{x[1], small(1, 2, "M/group")}
		}
		attrs := graph.Attrs{"group": group}
		var strides, dilations, before, after, extra []int64
		for range k {
			kernel, stride, dilation := small(1, 3, "kernel"), small(1, 3, "stride"), small(1, 2, "dilation")
			extent := (kernel-1)*dilation + 1
			w, strides, dilations = append(w, kernel), append(strides, stride), append(dilations, dilation)
			x = append(x, small(int(extent), int(extent)+3, "size"))
			before = append(before, small(0, int(kernel)/2, "before"))
			after = append(after, small(0, int(kernel)/2, "after"))
			extra = append(extra, small(0, int(stride)-1, "extra"))
		}
		attrs["strides"], attrs["dilations"] = strides, dilations
		switch auto := rapid.SampledFrom([]string{"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}).Draw(t, "auto"); auto {
		case "NOTSET":
			attrs["pads"] = append(before, after...)
			if op == "ConvTranspose" {
				attrs["output_padding"] = extra
			}
		default:
			attrs["auto_pad"] = auto
		}
		for _, symbolic := range []bool{false, true} {
			out := convolveBack(t, op, attrs, x, w, symbolic)
			want := inner(out[0], out[1])
			for i, name := range []string{"dx", "dw"} {
				if got := inner(out[2+2*i], out[3+2*i]); !(math.Abs(got-want) <= 1e-9*(1+math.Abs(want))) {
					t.Fatalf("%s, symbolic %v: got %v want %v", name, symbolic, got, want)
				}
			}
		}
	})
}

// convolveBack returns y, d, x, dx, w and dw.
func convolveBack(t *rapid.T, op string, attrs graph.Attrs, xs, ws []int64, symbolic bool) []*graph.Tensor {
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{Name: "g"}}
	input := func(name string, shape []int64) *graph.Value {
		ty := graph.TensorType(graph.Float64)
		for i, d := range shape {
			if ty.Shape = append(ty.Shape, graph.D(d)); symbolic {
				ty.Shape[i] = graph.Sym(fmt.Sprint(name, i))
			}
		}
		return m.Graph.NewInput(name, ty)
	}
	x, w := input("x", xs), input("w", ws)
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	y := b.Op(op, attrs, x, w)
	d := b.Op("Sin", nil, b.Reshape(b.Op("Range", nil, b.Float(graph.Float64, 1), b.CastLike(b.Add(b.Op("Size", nil, y), b.Int(1)), x),
		b.Float(graph.Float64, 1)), -1))
	d = b.Op("Reshape", nil, d, b.Op("Shape", nil, y))
	grads, err := train.Gradient(m, ops.Standard(), []*graph.Value{y}, []*graph.Value{d}, []*graph.Value{x, w}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Outputs = []*graph.Value{y, d, grads[0], grads[1]}
	plan, err := reference.Engine{}.Compile(m, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	in, out := []*graph.Tensor{waves(1, xs), waves(2, ws)}, make([]*graph.Tensor, 4)
	if err := plan.Run(context.Background(), in, nil, out); err != nil {
		t.Fatal(err)
	}
	return []*graph.Tensor{out[0], out[1], in[0], out[2], in[1], out[3]}
}

func waves(phase float64, shape []int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range graph.Data[float64](t) {
		graph.Data[float64](t)[i] = math.Cos(phase + 1.7*float64(i))
	}
	return t
}

// inner is the sum of products, NaN where the shapes differ.
func inner(a, b *graph.Tensor) float64 {
	if fmt.Sprint(a.Shape) != fmt.Sprint(b.Shape) {
		return math.NaN()
	}
	sum := 0.0
	for i, v := range graph.Data[float64](a) {
		sum += v * graph.Data[float64](b)[i]
	}
	return sum
}
