package ops_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
)

// layer is a convolution of images (N, C, image...) with weights (M, C/group, kernel...).
type layer struct {
	batch, in, out, group           int64
	image, kernel, stride, dilation []int64
	before, after                   []int64
	positions                       []int64
}

func (l layer) String() string {
	return fmt.Sprintf("image %v, kernel %v, strides %v, dilations %v, pads %v %v, group %d", l.image, l.kernel, l.stride, l.dilation,
		l.before, l.after, l.group)
}

// newLayer has the same numbers along every axis, but for the image, which grows by one from axis to axis.
func newLayer(axes int, kernel, stride, size, before, after int64) layer {
	of := func(x int64) []int64 { return slices.Repeat([]int64{x}, axes) }
	l := layer{batch: 2, in: 3, out: 2, group: 1, kernel: of(kernel), stride: of(stride), dilation: of(1), before: of(before),
		after: of(after)}
	for i := range axes {
		l.image = append(l.image, size+int64(i))
	}
	return l.sized()
}

func (l layer) sized() layer {
	l.positions = nil
	for i, n := range l.image {
		extent := (l.kernel[i]-1)*l.dilation[i] + 1
		l.positions = append(l.positions, (n+l.before[i]+l.after[i]-extent)/l.stride[i]+1)
	}
	return l
}

// layers are small convolutions of every kind: odd sizes, images that go on behind the last window, pads at one side only.
func layers(axes int) (list []layer) {
	for _, kernel := range []int64{1, 2, 3, 4} {
		for _, stride := range []int64{1, 2, 3} {
			for _, size := range []int64{4, 5} {
				for _, pads := range [][2]int64{{0, 0}, {1, 0}, {0, 2}, {1, 1}} {
					if kernel > 1 || pads[0] == 0 {
						list = append(list, newLayer(axes, kernel, stride, size, pads[0], pads[1]))
					}
				}
			}
		}
	}
	mixed := newLayer(axes, 2, 1, 5, 1, 0)
	for i := range axes {
		mixed.kernel[i], mixed.stride[i], mixed.before[i] = int64(3-i), int64(2-i%2), int64(i%2)
	}
	list = append(list, mixed.sized())
	for _, stride := range []int64{1, 2} {
		wide := newLayer(axes, 2, stride, 5, 1, 0)
		wide.dilation[axes-1] = 2
		list = append(list, wide.sized())
		split := newLayer(axes, 3, stride, 4, 1, 1)
		split.in, split.out, split.group = 4, 6, 2
		list = append(list, split)
	}
	return list
}

func (l layer) attrs() graph.Attrs {
	return graph.Attrs{"strides": l.stride, "dilations": l.dilation, "pads": slices.Concat(l.before, l.after), "group": l.group}
}

func (l layer) shapes() (x, w, dy []int64) {
	return slices.Concat([]int64{l.batch, l.in}, l.image), slices.Concat([]int64{l.out, l.in / l.group}, l.kernel),
		slices.Concat([]int64{l.batch, l.out}, l.positions)
}

// plain are a convolution and its adjoints by loops over everything.
func (l layer) plain(x, w, dy *graph.Tensor) map[string]*graph.Tensor {
	y, dx, dw := graph.NewTensor(graph.Float64, dy.Shape...), graph.NewTensor(graph.Float64, x.Shape...),
		graph.NewTensor(graph.Float64, w.Shape...)
	data := graph.Data[float64]
	per := l.out / l.group
	eachIndex(dy.Shape, func(q []int64, at int) {
		n, m := q[0], q[1]
		eachIndex(w.Shape[1:], func(k []int64, tap int) {
			p := []int64{n, m/per*(l.in/l.group) + k[0]}
			for i := range l.image {
				p = append(p, q[i+2]*l.stride[i]+k[i+1]*l.dilation[i]-l.before[i])
				if p[i+2] < 0 || p[i+2] >= l.image[i] {
					return
				}
			}
			seen, weight := flat(p, x.Shape), int(m)*int(w.Len()/l.out)+tap
			data(y)[at] += data(x)[seen] * data(w)[weight]
			data(dx)[seen] += data(dy)[at] * data(w)[weight]
			data(dw)[weight] += data(dy)[at] * data(x)[seen]
		})
	})
	return map[string]*graph.Tensor{"Y": y, "dX": dx, "dW": dw}
}

func flat(index, shape []int64) int {
	at := int64(0)
	for i, n := range shape {
		at = at*n + index[i]
	}
	return int(at)
}

// eachIndex counts through a shape.
func eachIndex(shape []int64, f func(index []int64, at int)) {
	index := make([]int64, len(shape))
	n, _ := graph.NumElements(shape)
	for at := range int(n) {
		f(index, at)
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
	}
}

// everyForm is a model of the layers in every form that fits some target, whose inputs are x, w and dy of each in turn, with what its outputs are.
func everyForm(d graph.DType, list []layer) (m *graph.Model, what []ops.Written, of []int) {
	set := ops.Standard().With(ops.Fused())
	m = &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21, ops.FusedDomain: 1}, Graph: &graph.Graph{Name: "g"}}
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	for i, l := range list {
		var in []*graph.Value
		for k, shape := range inputShapes(l) {
			ty := graph.TensorType(d)
			for _, n := range shape {
				ty.Shape = append(ty.Shape, graph.D(n))
			}
			in = append(in, m.Graph.NewInput(fmt.Sprintf("in%d_%d", i, k), ty))
		}
		conv := graph.NewNode("", "Conv", l.attrs(), in[:2], nil)
		for _, f := range ops.ConvForms(b, conv, in[2]) {
			m.Graph.Outputs = append(m.Graph.Outputs, f.Value)
			what, of = append(what, f), append(of, i)
		}
		conv.SetIn(0, nil)
		conv.SetIn(1, nil)
	}
	return m, what, of
}

func inputShapes(l layer) [][]int64 {
	x, w, dy := l.shapes()
	return [][]int64{x, w, dy}
}

// Every form of a convolution and of its adjoints computes what loops over everything do, whatever the window.
func TestConvolutionForms(t *testing.T) {
	testForms(t, reference.Engine{}, "", 1, graph.Float64, map[string]float64{"Y": 1e-12, "dX": 1e-12, "dW": 1e-12})
}

func testForms(t *testing.T, e engine.Engine, library string, step int, d graph.DType, bound map[string]float64) {
	seen := map[string]int{}
	for axes := 1; axes <= 3; axes++ {
		var list []layer
		for i, l := range layers(axes) {
			if i%step == 0 {
				list = append(list, l)
			}
		}
		for chunk := range slices.Chunk(list, 16) {
			m, what, of := everyForm(d, chunk)
			var in []*graph.Tensor
			var want []map[string]*graph.Tensor
			for i, l := range chunk {
				var own []*graph.Tensor
				for k, shape := range inputShapes(l) {
					own = append(own, normals(uint64(3*i+k), shape))
				}
				want = append(want, l.plain(own[0], own[1], own[2]))
				in = append(in, own...)
			}
			out := runForms(t, e, library, m, in)
			for i, got := range out {
				w := what[i]
				seen[fmt.Sprint(w.What, w.Form, axes)]++
				if off := distance(got, want[of[i]][w.What]); !(off <= bound[w.What]) {
					t.Errorf("%s by %s, %s: got a relative error of %.2g want %g", w.What, w.Form, chunk[of[i]], off, bound[w.What])
				}
			}
		}
	}
	for _, what := range []string{"Y", "dX", "dW"} {
		for _, f := range ops.FormNames(what) {
			if seen[fmt.Sprint(what, f, 1)]+seen[fmt.Sprint(what, f, 2)]+seen[fmt.Sprint(what, f, 3)] < 4 {
				t.Errorf("%s by %s: hardly tested", what, f)
			}
		}
	}
}

func runForms(t *testing.T, e engine.Engine, library string, m *graph.Model, in []*graph.Tensor) []*graph.Tensor {
	t.Helper()
	plan, err := e.Compile(m, engine.Options{Threads: 1, Ops: ops.Fused(), Library: library})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	feeds := slices.Clone(in)
	for i, p := range plan.Inputs() {
		if p.Type.DType == graph.Float32 {
			feeds[i] = narrow(in[i])
		}
	}
	out := make([]*graph.Tensor, len(m.Graph.Outputs))
	if err := plan.Run(context.Background(), feeds, nil, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// normals are random numbers of single precision.
func normals(seed uint64, shape []int64) *graph.Tensor {
	r := rand.New(rand.NewPCG(seed, 1))
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range graph.Data[float64](t) {
		graph.Data[float64](t)[i] = float64(float32(r.NormFloat64()))
	}
	return t
}

func narrow(t *graph.Tensor) *graph.Tensor {
	n := graph.NewTensor(graph.Float32, t.Shape...)
	for i, v := range graph.Data[float64](t) {
		graph.Data[float32](n)[i] = float32(v)
	}
	return n
}

// distance is the largest difference relative to the largest element of want, NaN where the shapes differ.
func distance(got, want *graph.Tensor) float64 {
	if !slices.Equal(got.Shape, want.Shape) {
		return math.NaN()
	}
	off, largest := 0.0, 0.0
	for i, v := range graph.Data[float64](want) {
		g := 0.0
		if got.DType == graph.Float32 {
			g = float64(graph.Data[float32](got)[i])
		} else {
			g = graph.Data[float64](got)[i]
		}
		if math.IsNaN(g) {
			return math.NaN()
		}
		off, largest = max(off, math.Abs(g-v)), max(largest, math.Abs(v))
	}
	if largest == 0 {
		return off
	}
	return off / largest
}
