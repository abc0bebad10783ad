//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/ops"
)

// randomWindows draws the shapes and attributes of a convolution of images of one to three axes.
func randomWindows(r *rand.Rand) (x, w, y []int64, attrs graph.Attrs) {
	axes := 1 + r.IntN(3)
	largest := []int{40, 14, 7}[axes-1]
	n, ci, co := int64(1+r.IntN(4)), int64(pick(r, 1, 2, 3, 10, 16, 33)), int64(pick(r, 1, 4, 7, 16, 20, 40))
	x, w, y = []int64{n, ci}, []int64{co, ci}, []int64{n, co}
	stride, low, high := make([]int64, axes), make([]int64, axes), make([]int64, axes)
	for i := range axes {
		k := 1 + r.IntN(5)
		stride[i], low[i], high[i] = int64(1+r.IntN(3)), int64(r.IntN(k)), int64(r.IntN(k))
		in := max(1, int64(k)-low[i]-high[i]) + int64(r.IntN(largest))
		x, w = append(x, in), append(w, int64(k))
		y = append(y, (in+low[i]+high[i]-int64(k))/stride[i]+1)
	}
	attrs = graph.Attrs{"strides": stride, "pads": append(low, high...), "kernel_shape": w[2:]}
	return x, w, y, attrs
}

func randomConvND(r *rand.Rand) fusedCase {
	x, w, _, attrs := randomWindows(r)
	c := fusedCase{"Conv", attrs, []*graph.Tensor{random(r, x...), random(r, w...)}, 1, 0}
	if r.IntN(2) == 0 {
		c.in = append(c.in, random(r, w[0]))
	}
	if r.IntN(2) == 0 {
		delete(attrs, "kernel_shape")
	}
	return c
}

func randomConvGradInput(r *rand.Rand) fusedCase {
	x, w, y, attrs := randomWindows(r)
	attrs["image_shape"] = x[2:]
	return fusedCase{"ConvGradInput", attrs, []*graph.Tensor{random(r, y...), random(r, w...)}, 1, 0}
}

func randomConvGradWeight(r *rand.Rand) fusedCase {
	x, _, y, attrs := randomWindows(r)
	return fusedCase{"ConvGradWeight", attrs, []*graph.Tensor{random(r, x...), random(r, y...)}, 1, 0}
}

// Layers of a size that fills slabs, blocks of channels and threads.
func TestConvKernelsOnLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, l := range [][2][]int64{{{8, 32, 64, 64}, {32, 32, 3, 3}}, {{16, 128, 8, 8}, {256, 128, 4, 4}}, {{1, 16, 18, 18, 18}, {16, 16, 3, 3, 3}}} {
		x, w := l[0], l[1]
		axes := len(x) - 2
		stride, pads := make([]int64, axes), make([]int64, 2*axes)
		y := []int64{x[0], w[0]}
		for i := range axes {
			stride[i] = w[2] - 2
			pads[i], pads[axes+i] = 1, 1
			y = append(y, (x[i+2]+2-w[i+2])/stride[i]+1)
		}
		attrs := graph.Attrs{"strides": stride, "pads": pads, "kernel_shape": w[2:]}
		image := maps.Clone(attrs)
		image["image_shape"] = x[2:]
		for _, c := range []fusedCase{
			{"Conv", attrs, []*graph.Tensor{random(r, x...), random(r, w...)}, 1, 0},
			{"ConvGradInput", image, []*graph.Tensor{random(r, y...), random(r, w...)}, 1, 0},
			{"ConvGradWeight", attrs, []*graph.Tensor{random(r, x...), random(r, y...)}, 1, 0},
		} {
			got, want := c.run(t, true, engine.Options{Threads: 2}), c.run(t, false, engine.Options{Bodies: true})
			near32(t, fmt.Sprint(c.op, x, w), got[0], want[0], 0)
			if again := c.run(t, true, engine.Options{Threads: 1}); !again[0].Equal(got[0]) {
				t.Errorf("%s %v %v depends on threads", c.op, x, w)
			}
		}
	}
}

// What the kernel lacks runs as a function body.
func TestConvNodesWithoutKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for why, c := range map[string]fusedCase{
		"group":     {"Conv", graph.Attrs{"group": 2}, []*graph.Tensor{random(r, 1, 4, 5), random(r, 2, 2, 3)}, 1, 0},
		"dilations": {"ConvGradWeight", graph.Attrs{"dilations": []int64{2}, "kernel_shape": []int64{2}}, []*graph.Tensor{random(r, 1, 2, 5), random(r, 1, 3, 3)}, 1, 0},
	} {
		c.run(t, false, engine.Options{})
		p := compile(t, c.model(t), engine.Options{})
		if got := p.Report().Kernels[0].Why; !strings.Contains(got, why) {
			t.Errorf("got %q want %q in it", got, why)
		}
		p.Close()
	}
}

// Sizes that only a run shows to be wrong are errors, and inference leaves what it does not know.
func TestConvKernelRefusesSizes(t *testing.T) {
	m := model(func(g *graph.Graph) {
		free := func(name string) *graph.Value {
			return g.NewInput(name, &graph.Type{DType: graph.Float32, Shape: []graph.Dim{graph.Sym("N"), graph.Sym(name + "C"), graph.Sym(name + "P")}})
		}
		y := &graph.Value{Name: "dx"}
		g.Outputs = append(g.Outputs, y)
		g.Append(graph.NewNode(ops.FusedDomain, "ConvGradInput", graph.Attrs{"image_shape": []int64{6}}, []*graph.Value{free("dy"), free("w")}, g.Outputs))
	})
	m.Opsets[ops.FusedDomain] = 1
	p := compile(t, m, engine.Options{})
	defer p.Close()
	r := rand.New(rand.NewPCG(13, 14))
	run(t, p, random(r, 2, 3, 4), random(r, 3, 5, 3))
	for _, bad := range [][2][]int64{{{2, 3, 5}, {3, 5, 3}}, {{2, 4, 4}, {3, 5, 3}}, {{2, 3, 4}, {3, 5, 9}}} {
		if err := p.Run(t.Context(), []*graph.Tensor{random(r, bad[0]...), random(r, bad[1]...)}, nil, make([]*graph.Tensor, 1)); err == nil || !strings.Contains(err.Error(), "ConvGradInput") {
			t.Errorf("%v: got %v want an error that names the operator", bad, err)
		}
	}
}
