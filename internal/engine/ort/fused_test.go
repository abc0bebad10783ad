//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	kernelc "github.com/astronnx/astronnx/internal/kernel/c"
	"github.com/astronnx/astronnx/ops"
)

// fusedCase is a node of ops.Fused, or of a gradient on the sphere, with its inputs.
type fusedCase struct {
	op      string
	attrs   graph.Attrs
	in      []*graph.Tensor
	outputs int
	terms   float64 // size of the terms that cancel in the outputs
}

func (c fusedCase) domain() string {
	if strings.HasPrefix(c.op, "Healpix") {
		return healpixop.Domain
	}
	return ops.FusedDomain
}

func (c fusedCase) String() string { return fmt.Sprint(c.op, c.attrs, c.in) }

// model returns the case as a model of one node.
func (c fusedCase) model(t testing.TB) *graph.Model {
	t.Helper()
	m := model(func(g *graph.Graph) {
		vs := make([]*graph.Value, len(c.in))
		for i, x := range c.in {
			if x != nil {
				vs[i] = g.NewInput(fmt.Sprint("in", i), graph.TypeOf(x))
			}
		}
		for i := range c.outputs {
			g.Outputs = append(g.Outputs, &graph.Value{Name: fmt.Sprint("out", i)})
		}
		g.Append(graph.NewNode(c.domain(), c.op, c.attrs, vs, g.Outputs))
	})
	m.Opsets[c.domain()] = 1
	must(t, ops.Infer(m, builtin.With(ops.Standard())))
	return m
}

func (c fusedCase) run(t *testing.T, native bool, o engine.Options) []*graph.Tensor {
	t.Helper()
	p := compile(t, c.model(t), o)
	defer p.Close()
	k := slices.DeleteFunc(p.Report().Kernels, func(k engine.Kernel) bool { return strings.HasSuffix(k.Op, ":HealpixNeighbors") })
	if len(k) == 0 || native && len(k) > 1 || k[0].Native != native || k[0].Op != c.domain()+":"+c.op {
		t.Fatalf("%v: a kernel is %v, got %v", c, native, k)
	}
	var in []*graph.Tensor
	for _, x := range c.in {
		if x != nil {
			in = append(in, x)
		}
	}
	return run(t, p, in...)
}

// positive is random without signs.
func positive(r *rand.Rand, shape ...int64) *graph.Tensor {
	x := random(r, shape...)
	for i, v := range graph.Data[float32](x) {
		graph.Data[float32](x)[i] = v * v
	}
	return x
}

func randomAdam(r *rand.Rand) fusedCase {
	shape := []int64{int64(r.IntN(5) + 1), int64(pick(r, 0, 1, 7, 16, 33, 9000))}
	c := fusedCase{"Adam", graph.Attrs{"share1": pick(r, 1.0, 0.5, 0.1), "share2": pick(r, 0.1, 0.001)}, []*graph.Tensor{
		random(r, shape...), random(r, shape...), random(r, shape...), positive(r, shape...), positive(r, 1), positive(r, 1),
	}, 3, 0}
	graph.Data[float32](c.in[5])[0] += 1e-3
	if r.IntN(2) == 0 {
		c.in = append(c.in, positive(r, 1))
	}
	return c
}

// randomBatchNorm has the statistics of its x, whose mean may be far beyond the deviation.
func randomBatchNorm(r *rand.Rand) fusedCase {
	n, channels := int64(r.IntN(4)+1), int64(pick(r, 1, 2, 5, 17, 40))
	shape := append([]int64{n, channels}, pick(r, nil, []int64{1}, []int64{3, 5}, []int64{7, 9, 2}, []int64{70, 71}, []int64{5000})...)
	x, mean, variance := random(r, shape...), graph.NewTensor(graph.Float32, channels), graph.NewTensor(graph.Float32, channels)
	xs, offset := graph.Data[float32](x), float32(pick(r, 0, 0, 0.5, 300))
	inner := len(xs) / int(n*channels)
	for c := range int(channels) {
		sum, square := 0.0, 0.0
		each := func(f func(v *float32)) {
			for i := range int(n) {
				for k := range inner {
					f(&xs[(i*int(channels)+c)*inner+k])
				}
			}
		}
		each(func(v *float32) { *v += offset; sum += float64(*v) })
		m := sum / float64(int(n)*inner)
		each(func(v *float32) { square += (float64(*v) - m) * (float64(*v) - m) })
		graph.Data[float32](mean)[c], graph.Data[float32](variance)[c] = float32(m), float32(square/float64(int(n)*inner))
	}
	attrs := graph.Attrs{"epsilon": pick(r, 1e-5, 0.1), "activation": pick(r, "", "Relu", "LeakyRelu"), "alpha": pick(r, 0.2, 0.01)}
	dy, scale := random(r, shape...), random(r, channels)
	terms := 0.0
	for c, s := range graph.Data[float32](scale) {
		deviation := math.Sqrt(float64(graph.Data[float32](variance)[c]) + 1e-5)
		terms = max(terms, math.Abs(float64(s))/deviation, 1/deviation)
	}
	return fusedCase{"BatchNormGrad", attrs, []*graph.Tensor{x, dy, scale, random(r, channels), mean, variance}, 3, 4 * terms}
}

// randomMaxPool has ties, and windows that overlap, leave gaps or hang over.
func randomMaxPool(r *rand.Rand) fusedCase {
	axes := r.IntN(3) + 1
	ints := func(from ...int64) (v []int64) {
		for range axes {
			v = append(v, pick(r, from...))
		}
		return v
	}
	attrs := graph.Attrs{"kernel_shape": ints(2, 3), "strides": ints(1, 2, 3), "dilations": ints(1, 1, 2), "ceil_mode": pick(r, 0, 1)}
	attrs["pads"] = append(ints(0, 1), ints(0, 1)...)
	size := ints(5, 6, 11)
	if r.IntN(2) == 0 { // side by side
		two := slices.Repeat([]int64{2}, axes)
		attrs, size = graph.Attrs{"kernel_shape": two, "strides": two}, ints(6, 16, 37)
	}
	x := random(r, append([]int64{int64(r.IntN(3) + 1), int64(r.IntN(9) + 1)}, size...)...)
	for i, v := range graph.Data[float32](x) {
		graph.Data[float32](x)[i] = float32(math.Round(2 * float64(v)))
	}
	y, err := ops.Evaluate(ops.Standard().Newest("", "MaxPool"), attrs, x)
	if err != nil {
		panic(err)
	}
	return fusedCase{"MaxPoolGrad", attrs, []*graph.Tensor{x, random(r, y[0].Shape...)}, 1, 0}
}

// randomSphereGrad is a gradient of a convolution that [randomConv] draws.
func randomSphereGrad(op string) func(r *rand.Rand) fusedCase {
	return func(r *rand.Rand) fusedCase {
		c := randomConv(r)
		for _, name := range []string{"mask_mode", "detect_unseen"} {
			delete(c.attrs, name)
		}
		x, w, pixels := c.in[0], c.in[1], c.in[5]
		x = random(r, x.Shape...) // without NaN
		in := []*graph.Tensor{x, w, random(r, x.Shape[0], w.Shape[0], x.Shape[2])}
		if op == "HealpixConvGradWeight" {
			in = []*graph.Tensor{x, in[2]}
		} else {
			delete(c.attrs, "spin_pairs") // has no kernel
		}
		if pixels != nil {
			in = append(in, pixels)
		}
		return fusedCase{op, c.attrs, in, 1, 4}
	}
}

// randomPoolGrad has equal elements, infinities and NaN.
func randomPoolGrad(r *rand.Rand) fusedCase {
	nside := pick(r, 2, 4, 8, 16)
	attrs := graph.Attrs{"nside": nside, "order": pick(r, "NEST", "RING", "XY"), "mode": pick(r, "max", "avg"),
		"activation": pick(r, "", "Relu")}
	n, c, p := int64(r.IntN(3)+1), int64(r.IntN(3)+1), int64(12*nside*nside)
	x := random(r, n, c, p)
	for i := range graph.Data[float32](x) {
		if r.IntN(4) == 0 {
			graph.Data[float32](x)[i] = pick(r, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, 2, 2)
		}
	}
	return fusedCase{"HealpixPoolGrad", attrs, []*graph.Tensor{x, random(r, n, c, p/4)}, 1, 0}
}

// Each kernel agrees with the operator's expansion as onnxruntime runs it, and gives the same bits on any number of threads.
func TestFusedKernelsAreTheirBodies(t *testing.T) {
	for name, draw := range map[string]func(*rand.Rand) fusedCase{
		"Adam": randomAdam, "BatchNormGrad": randomBatchNorm, "MaxPoolGrad": randomMaxPool,
		"HealpixConvGradInput":  randomSphereGrad("HealpixConvGradInput"),
		"HealpixConvGradWeight": randomSphereGrad("HealpixConvGradWeight"),
		"HealpixPoolGrad":       randomPoolGrad,
		"Conv":                  randomConvND, "ConvGradInput": randomConvGradInput, "ConvGradWeight": randomConvGradWeight,
	} {
		t.Run(name, func(t *testing.T) {
			few := 100
			if raceEnabled {
				few = 10
			}
			r := rand.New(rand.NewPCG(7, 8))
			for range cases(t, few) {
				c := draw(r)
				want := c.run(t, false, engine.Options{Bodies: true})
				got := c.run(t, true, engine.Options{})
				again := c.run(t, true, engine.Options{Threads: 3})
				for i := range want {
					near32(t, fmt.Sprintf("%v output %d", c, i), got[i], want[i], c.terms)
					if !again[i].Equal(got[i]) {
						t.Fatalf("%v: output %d depends on threads", c, i)
					}
				}
			}
		})
	}
}

// Every path of the passes gives what the fastest does, to rounding.
func TestFusedKernelsOnEveryPath(t *testing.T) {
	handOver()
	defer handOverPath(0)
	for path := 1; path <= 3; path++ {
		if kernelc.TrainPath(path) == nil {
			continue
		}
		for _, draw := range []func(*rand.Rand) fusedCase{randomAdam, randomBatchNorm, randomMaxPool, randomPoolGrad,
			randomSphereGrad("HealpixConvGradInput")} {
			r := rand.New(rand.NewPCG(9, 10))
			for range 15 {
				c := draw(r)
				handOverPath(0)
				want := c.run(t, true, engine.Options{})
				handOverPath(path)
				got := c.run(t, true, engine.Options{})
				for i := range want {
					near32(t, fmt.Sprintf("path %d: %v output %d", path, c, i), got[i], want[i], c.terms)
				}
			}
		}
	}
}

// near32 bounds the difference by the largest element and by the size of terms; NaN and infinities are where they should be.
func near32(t *testing.T, name string, got, want *graph.Tensor, largest float64) {
	t.Helper()
	if got.DType != want.DType || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		t.Fatalf("%s: got %s want %s", name, got, want)
	}
	x, y := graph.Data[float32](got), graph.Data[float32](want)
	for _, v := range y {
		if a := math.Abs(float64(v)); !math.IsInf(a, 0) && a > largest {
			largest = a
		}
	}
	for i := range x {
		g, w := float64(x[i]), float64(y[i])
		if g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= 1e-5*math.Abs(w)+1e-5*largest) {
			t.Fatalf("%s: element %d is %g want %g", name, i, g, w)
		}
	}
}

// A node that the kernel does not take runs as a function body.
func TestFusedNodeWithoutKernel(t *testing.T) {
	scalar := func(v float64) *graph.Tensor { return graph.Vector(v) }
	c := fusedCase{"Adam", graph.Attrs{"share1": 0.5, "share2": 0.25}, []*graph.Tensor{
		scalar(1), scalar(2), scalar(0), scalar(0), scalar(0.5), scalar(1)}, 3, 0}
	got := c.run(t, false, engine.Options{})
	if p := graph.Data[float64](got[0])[0]; p != 0.75 {
		t.Errorf("got %g want 0.75", p)
	}
}
