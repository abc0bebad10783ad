package ops_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
)

// The forms that layers get, as in the reference's table and its refinements. Changing a rule means changing this.
func TestConvolutionFormsChosen(t *testing.T) {
	cpu, kernels, cuda := ops.Target{}, ops.Target{Kernels: true}, ops.Target{CUDA: true, Kernels: true}
	for _, c := range []struct {
		target                              ops.Target
		axes, kernel, stride, size, in, out int64
		want                                string
	}{
		// axes, kernel, stride, image, channels: forward, gradient of the input, gradient of the weights
		{cpu, 1, 3, 1, 256, 16, 16, "Conv, flipped Conv, per tap"},
		{cpu, 1, 4, 2, 256, 16, 16, "Conv, ConvTranspose, swapped Conv"},
		{cpu, 2, 3, 1, 64, 32, 32, "Conv, flipped Conv, per tap"},
		{cpu, 2, 3, 1, 64, 1, 32, "Conv, flipped Conv, im2col"},
		{cpu, 2, 3, 1, 16, 64, 64, "Conv, flipped Conv, per tap in one GEMM"},
		{cpu, 2, 3, 1, 4, 64, 64, "Conv, flipped Conv, swapped Conv"},
		{cpu, 2, 1, 1, 64, 16, 32, "Conv, flipped Conv, per tap"},
		{cpu, 2, 4, 2, 256, 8, 16, "Conv, ConvTranspose, swapped Conv"},
		{cpu, 2, 4, 2, 8, 128, 256, "Conv, GEMM + Col2Im, swapped Conv"},
		{cpu, 2, 4, 2, 8, 32, 64, "Conv, ConvTranspose, swapped Conv"},
		{cpu, 2, 3, 2, 33, 64, 64, "Conv, ConvTranspose, per tap"},
		{cpu, 2, 13, 1, 64, 8, 8, "Conv, flipped Conv, swapped Conv"},
		{cpu, 3, 3, 1, 32, 16, 16, "depth-folded Conv, depth-folded Conv, per tap"},
		{cpu, 3, 3, 1, 32, 1, 16, "Conv, flipped Conv, im2col"},
		{cpu, 3, 4, 2, 32, 16, 32, "Conv, sub-pixel, swapped Conv"},
		{cpu, 3, 3, 2, 33, 16, 32, "Conv, sub-pixel, swapped Conv"},
		{cpu, 3, 4, 2, 4, 64, 128, "Conv, sub-pixel, swapped Conv"},
		{kernels, 1, 3, 1, 256, 16, 16, "Conv, flipped Conv, per tap"},
		{kernels, 2, 3, 1, 64, 32, 32, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{kernels, 2, 3, 1, 64, 1, 32, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{kernels, 2, 1, 1, 64, 16, 32, "Conv, flipped Conv, per tap"},
		{kernels, 2, 4, 2, 64, 16, 32, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{kernels, 2, 4, 2, 8, 128, 256, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{kernels, 3, 3, 1, 32, 16, 16, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{kernels, 3, 4, 2, 32, 16, 32, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{kernels, 3, 4, 2, 4, 64, 128, "Conv kernel, ConvGradInput, ConvGradWeight"},
		{cuda, 2, 3, 1, 64, 32, 32, "Conv, flipped Conv, im2col in one GEMM"},
		{cuda, 2, 4, 2, 8, 128, 256, "Conv, ConvTranspose, im2col in one GEMM"},
		{cuda, 3, 3, 1, 32, 16, 16, "Conv, flipped Conv, per tap"},
		{cuda, 3, 4, 2, 32, 16, 32, "Conv, ConvTranspose, per tap"},
	} {
		names := ops.ChosenForms(c.target, int(c.axes), c.kernel, c.stride, c.size, c.in, c.out)
		if got := strings.Join(names[:], ", "); got != c.want {
			t.Errorf("%+v, %d axes, kernel %d, stride %d, image %d, channels %d to %d: got %s want %s", c.target, c.axes, c.kernel, c.stride,
				c.size, c.in, c.out, got, c.want)
		}
	}
}

// piece is a network of one operator.
type piece struct {
	op     string
	attrs  graph.Attrs
	shapes [][]int64
}

func (p piece) String() string { return fmt.Sprintf("%s %v %v", p.op, p.attrs, p.shapes) }

var pieces = []piece{
	{"Conv", graph.Attrs{"pads": []int64{1, 1, 1, 1}}, [][]int64{{2, 8, 5, 6}, {8, 8, 3, 3}, {8}}},
	{"Conv", graph.Attrs{"pads": []int64{1, 1, 1, 0}, "strides": []int64{2, 2}}, [][]int64{{2, 64, 7, 5}, {64, 64, 4, 3}}},
	{"Conv", graph.Attrs{"auto_pad": "SAME_LOWER"}, [][]int64{{1, 8, 4, 5, 6}, {9, 8, 3, 2, 3}, {9}}},
	{"Conv", graph.Attrs{"pads": []int64{1, 0, 1, 0, 1, 1}, "strides": []int64{2, 2, 2}}, [][]int64{{2, 8, 7, 6, 7}, {8, 8, 4, 3, 4}, {8}}},
	{"Conv", graph.Attrs{"group": 2}, [][]int64{{1, 4, 4, 4, 4}, {6, 2, 3, 3, 3}}},
	{"ConvTranspose", graph.Attrs{"pads": []int64{1, 1, 1, 1}, "strides": []int64{2, 2}}, [][]int64{{2, 64, 4, 3}, {64, 64, 4, 4}, {64}}},
	{"ConvTranspose", graph.Attrs{"pads": []int64{1, 1, 1, 1, 1, 1}, "strides": []int64{2, 2, 2}}, [][]int64{{2, 8, 2, 3, 2}, {8, 9, 4, 4, 4}, {9}}},
	{"ConvTranspose", graph.Attrs{"strides": []int64{2, 1, 3}, "output_padding": []int64{1, 0, 2}, "pads": []int64{0, 1, 0, 1, 0, 1}},
		[][]int64{{1, 8, 2, 3, 2}, {8, 8, 3, 2, 3}}},
	{"ConvTranspose", nil, [][]int64{{1, 8, 2, 3, 2}, {8, 8, 3, 2, 3}, {8}}},
	{"ConvTranspose", graph.Attrs{"output_shape": []int64{4, 5, 6}, "strides": []int64{2, 2, 2}}, [][]int64{{1, 8, 2, 3, 3}, {8, 8, 3, 2, 3}}},
	{"ConvTranspose", graph.Attrs{"group": 2, "strides": []int64{2, 2, 2}, "dilations": []int64{1, 2, 1}},
		[][]int64{{1, 4, 2, 2, 2}, {4, 2, 2, 2, 2}}},
	{"ConvTranspose", graph.Attrs{"auto_pad": "SAME_UPPER", "strides": []int64{2, 2, 1}}, [][]int64{{1, 2, 3, 2, 2}, {2, 1, 3, 3, 2}}},
	{"AveragePool", graph.Attrs{"kernel_shape": []int64{2, 2, 2}, "strides": []int64{1, 2, 1}}, [][]int64{{1, 2, 3, 4, 3}}},
	{"AveragePool", graph.Attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 1, 1, 1}}, [][]int64{{1, 2, 3, 4}}},
	{"MaxPool", graph.Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, [][]int64{{1, 2, 4, 4}}},
	{"BatchNormalization", graph.Attrs{"training_mode": 1}, [][]int64{{3, 2, 4}, {2}, {2}, {2}, {2}}},
	{"BatchNormalization", graph.Attrs{"training_mode": 1, "momentum": float32(0), "epsilon": float32(0.125)}, [][]int64{{3, 2, 4, 2}, {2}, {2}, {2}, {2}}},
}

// step writes the piece with its gradients, in the forms that suit target if specialize is set.
func (p piece) step(t *testing.T, target ops.Target, specialize, symbolic bool) *graph.Model {
	set := ops.Standard().With(ops.Fused())
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{Name: "g"}}
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	var in []*graph.Value
	for i, shape := range p.shapes {
		ty := graph.TensorType(graph.Float64)
		for k, d := range shape {
			if ty.Shape = append(ty.Shape, graph.D(d)); symbolic && i == 0 && k != 1 {
				ty.Shape[k] = graph.Sym(fmt.Sprint("n", k))
			}
		}
		in = append(in, m.Graph.NewInput(fmt.Sprint("x", i), ty))
	}
	outputs := 1
	if p.op == "BatchNormalization" {
		outputs = 3
	}
	y := b.OpN(outputs, p.op, p.attrs, in...)
	dy := make([]*graph.Value, outputs)
	dy[0] = b.Op("Tanh", nil, y[0])
	b.Target = target
	n, _ := y[0].Producer()
	m.Graph.Outputs = y
	for _, g := range set.Newest("", p.op).Grad(b, n, dy) {
		if g != nil {
			m.Graph.Outputs = append(m.Graph.Outputs, g)
		}
	}
	if specialize {
		if err := b.Specialize(); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		if err := m.Verify(); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
	}
	return m
}

// What a target cannot run, or runs far too slowly, is in no step that is written for it: neither in gradients nor, where sizes are
// known, for what the network itself has.
func TestSpecializeRefuses(t *testing.T) {
	for _, p := range pieces {
		for name, target := range map[string]ops.Target{"CPU": {}, "CPU with kernels": {Kernels: true}, "CUDA": {CUDA: true, Kernels: true}} {
			for _, symbolic := range []bool{false, true} {
				if symbolic && (p.op == "ConvTranspose" || p.op == "BatchNormalization") {
					continue // its own node stays
				}
				m := p.step(t, target, true, symbolic)
				expandFused(t, m, target)
				for _, n := range m.Graph.Nodes {
					if why := refused(n, target.CUDA); why != "" {
						t.Errorf("%s for %s, symbolic %v: %s", p, name, symbolic, why)
					}
				}
			}
		}
	}
}

// expandFused writes out operators of Fused, as an engine without their kernels does.
func expandFused(t *testing.T, m *graph.Model, target ops.Target) {
	b := ops.NewBuilder(m.Graph, ops.Standard().With(ops.Fused()), m.Opsets)
	b.Target = target
	for _, n := range slices.Clone(m.Graph.Nodes) {
		if n.Domain != ops.FusedDomain {
			continue
		}
		if target.CUDA {
			t.Errorf("%s is written for CUDA", n.OpName())
		}
		if ok, err := b.Inline(m, n); !ok || err != nil {
			t.Fatalf("%s: %v", n.OpName(), err)
		}
	}
}

func refused(n *graph.Node, cuda bool) string {
	rank := 0
	if n.Op == "ConvTranspose" {
		rank = n.In[0].Type.Rank()
	} else if n.Op == "Col2Im" {
		rank = n.Out[0].Type.Rank()
	}
	switch {
	case !cuda && rank > 4, cuda && (n.Op == "Col2Im" || n.Op == "MaxUnpool"),
		cuda && n.Op == "BatchNormalization" && n.Attrs.Bool("training_mode", false):
		return fmt.Sprintf("%s of rank %d", n.Op, rank)
	}
	return ""
}

// A step in the forms of any target computes what the standard's nodes and the forms of the zero target do.
func TestSpecializeKeepsResults(t *testing.T) {
	for _, p := range pieces {
		var in []*graph.Tensor
		for i, shape := range p.shapes {
			x := normals(uint64(i), shape)
			if p.op == "BatchNormalization" && i == 4 {
				for k, v := range graph.Data[float64](x) {
					graph.Data[float64](x)[k] = v*v + 0.5
				}
			}
			in = append(in, x)
		}
		want := runForms(t, reference.Engine{}, "", p.step(t, ops.Target{}, false, false), in)
		for _, target := range []ops.Target{{}, {Kernels: true}, {CUDA: true}} {
			m := p.step(t, target, true, false)
			got := runForms(t, reference.Engine{}, "", m, in)
			for i := range want {
				if off := distance(got[i], want[i]); !(off <= 1e-12) {
					t.Errorf("%s for %+v, output %d: got a relative error of %.2g want 1e-12", p, target, i, off)
				}
			}
		}
	}
}

// Weights that are constant are laid out once by onnxruntime, in two dimensions.
func TestSpecializeLeavesConstantWeights(t *testing.T) {
	for axes, want := range map[int]string{2: "Conv", 3: ops.FusedDomain + ":Conv"} {
		m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{Name: "g"}}
		b := ops.NewBuilder(m.Graph, ops.Standard().With(ops.Fused()), m.Opsets)
		b.Target.Kernels = true
		l := newLayer(axes, 3, 1, 8, 1, 1)
		l.in, l.out = 8, 8
		xs, ws, _ := l.shapes()
		ty := graph.TensorType(graph.Float32)
		for _, n := range xs {
			ty.Shape = append(ty.Shape, graph.D(n))
		}
		m.Graph.Outputs = []*graph.Value{b.Op("Conv", l.attrs(), m.Graph.NewInput("x", ty), b.Param("w", narrow(normals(1, ws))))}
		if err := b.Specialize(); err != nil {
			t.Fatal(err)
		}
		if n, _ := m.Graph.Outputs[0].Producer(); n.OpName() != want {
			t.Errorf("%d axes: got %s want %s", axes, n.OpName(), want)
		}
	}
}
