package train_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// net builds networks for tests.
type net struct {
	*ops.Builder
	m    *graph.Model
	seed float64
}

func newNet(dims ...int64) (*net, *graph.Value) {
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}, Graph: &graph.Graph{Name: "net"}}
	shape := []graph.Dim{graph.Sym("N")}
	for _, d := range dims {
		shape = append(shape, graph.D(d))
	}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, shape...))
	return &net{ops.NewBuilder(m.Graph, ops.Standard().With(healpixop.Set()), m.Opsets), m, 0}, x
}

// weight is a parameter of plain numbers of order 1/√fan.
func (n *net) weight(name string, fan int64, shape ...int64) *graph.Value {
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range graph.Data[float32](t) {
		n.seed++
		graph.Data[float32](t)[i] = float32(1.5 * math.Sin(n.seed*n.seed*0.37+n.seed) / math.Sqrt(float64(fan)))
	}
	return n.Param(name, t)
}

func (n *net) vector(name string, fill float32, size int64) *graph.Value {
	return n.Param(name, graph.FromSlice(slices.Repeat([]float32{fill}, int(size)), size))
}

func (n *net) conv(x *graph.Value, out int64, k, stride, pad int) *graph.Value {
	in, rank := x.Type.Shape[1].Size, x.Type.Rank()-2
	shape, fan := []int64{out, in}, in
	for range rank {
		shape, fan = append(shape, int64(k)), fan*int64(k)
	}
	return n.Op("Conv", graph.Attrs{"strides": slices.Repeat([]int{stride}, rank), "pads": slices.Repeat([]int{pad}, 2*rank)},
		x, n.weight("conv.weight", fan, shape...))
}

func (n *net) norm(x *graph.Value) *graph.Value {
	c := x.Type.Shape[1].Size
	return n.Op("BatchNormalization", nil, x, n.vector("norm.weight", 1, c), n.vector("norm.bias", 0, c),
		n.vector("norm.mean", 0, c), n.vector("norm.var", 1, c))
}

func (n *net) dense(x *graph.Value, out int64) *graph.Value {
	in := x.Type.Shape[1].Size
	return n.Op("Gemm", graph.Attrs{"transB": 1}, x, n.weight("dense.weight", in, out, in), n.vector("dense.bias", 0, out))
}

func (n *net) flat(x *graph.Value) *graph.Value { return n.Op("Flatten", nil, x) }

func (n *net) done(out ...*graph.Value) *graph.Model {
	for i, v := range out {
		y := n.Op("Identity", nil, v)
		y.Name = fmt.Sprintf("y%d", i)
		n.m.Graph.Outputs = append(n.m.Graph.Outputs, y)
	}
	return n.m
}

// Networks in which a wrong order of updates shows: weights that are read late in the backward pass, skips, a frozen layer, a second
// reader of a weight, two heads, running statistics, dropout.
var nets = map[string]func() *graph.Model{
	"plain": func() *graph.Model {
		n, x := newNet(2, 8, 8)
		for _, c := range []int64{4, 6} {
			x = n.Op("LeakyRelu", graph.Attrs{"alpha": 0.25}, n.norm(n.conv(x, c, 4, 2, 1)))
		}
		return n.done(n.dense(n.flat(x), 2))
	},
	"skip": func() *graph.Model {
		n, x := newNet(3, 8, 8)
		x = n.conv(x, 4, 3, 1, 1)
		for range 2 {
			x = n.Add(x, n.conv(n.Op("Relu", nil, n.norm(x)), 4, 3, 1, 1))
		}
		return n.done(n.dense(n.flat(n.Op("MaxPool", graph.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, x)), 2))
	},
	"shared": func() *graph.Model {
		n, x := newNet(6)
		w := n.weight("shared", 6, 6, 6)
		for range 3 {
			x = n.Op("Tanh", nil, n.Op("MatMul", nil, x, w))
		}
		return n.done(n.dense(x, 2))
	},
	"heads": func() *graph.Model {
		n, x := newNet(5)
		h := n.Op("Tanh", nil, n.dense(x, 7))
		return n.done(n.dense(h, 2), n.Op("Exp", nil, n.dense(n.Op("Relu", nil, n.dense(h, 4)), 2)))
	},
	"cube": func() *graph.Model {
		n, x := newNet(1, 6, 6, 6)
		x = n.Op("LeakyRelu", graph.Attrs{"alpha": 0.25}, n.norm(n.conv(x, 3, 3, 1, 1)))
		x = n.Op("LeakyRelu", graph.Attrs{"alpha": 0.25}, n.norm(n.conv(x, 4, 4, 2, 1)))
		return n.done(n.dense(n.flat(x), 2))
	},
	"dropout": func() *graph.Model {
		n, x := newNet(6)
		x = n.Op("Dropout", nil, n.Op("Relu", nil, n.dense(x, 16)), n.Float(graph.Float32, 0.25))
		return n.done(n.dense(x, 2))
	},
	"sphere": func() *graph.Model {
		m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Filters: 5, Hidden: 6, Outputs: 2})
		if err != nil {
			panic(err)
		}
		return m
	},
}

func lossOf(name string) train.Loss {
	if name == "heads" {
		return train.Moments()
	}
	return train.MSE()
}

// fill gives every batch input of a step numbers that depend on the step's number.
func fill(t *testing.T, s *train.Step, set func(name string, x *graph.Tensor) error, at int) {
	t.Helper()
	names := slices.Clone(s.Batch)
	for _, target := range s.Targets {
		names = append(names, target.Name)
	}
	for k, name := range names {
		ty := s.Model.Graph.Input(name).Type
		x := graph.NewTensor(ty.DType, ty.Sizes()...)
		for i := range x.Len() {
			v := math.Sin(float64(i*7+int64(at)*131+int64(k)*17) * 0.71)
			switch ty.DType {
			case graph.Float32:
				graph.Data[float32](x)[i] = float32(v)
			case graph.Float64:
				graph.Data[float64](x)[i] = v
			}
		}
		if err := set(name, x); err != nil {
			t.Fatal(err)
		}
	}
}

// engines are those of this build: one without cgo has no onnxruntime.
func engines(t *testing.T) map[string]runtime.Config {
	list := map[string]runtime.Config{"reference": runtime.NewConfig().WithEngine("reference")}
	if library := libraryOf(t); library != "" {
		list["onnxruntime"] = engineOf(library)
	}
	return list
}

// libraryOf is the path of libonnxruntime, empty in a build that cannot load it.
func libraryOf(t *testing.T) string {
	path := testkit.ORT(t)
	if _, err := ort.Find(path, false); errors.Is(err, engine.ErrNoLibrary) {
		return ""
	}
	return path
}

// fastest is onnxruntime where this build has it.
func fastest(t *testing.T) runtime.Config {
	return engineOf(libraryOf(t))
}

// engineOf is onnxruntime from that library, or the reference engine if there is none.
func engineOf(library string) runtime.Config {
	if library == "" {
		return runtime.NewConfig().WithEngine("reference")
	}
	return runtime.NewConfig().WithEngine("onnxruntime").WithLibrary(library).WithThreads(1)
}

// bothWays runs 20 steps in place and with two sets of state in turn, which needs no order, and wants equal bits.
func bothWays(t *testing.T, s *train.Step, c runtime.Config, values func(step int64) []float64) []float64 {
	t.Helper()
	w := train.Weights{}
	inPlace, err := train.NewTrainer(s, c, w)
	if err != nil {
		t.Fatal(err)
	}
	defer inPlace.Close()
	apart, err := runtime.Compile(s.Model, c.WithOps(ops.Fused().With(healpixop.Set())))
	if err != nil {
		t.Fatal(err)
	}
	defer apart.Close()
	state := runtime.Inputs{}
	for _, st := range s.State {
		state[st.In] = st.Value.Clone()
	}
	var losses []float64
	for step := range 20 {
		fill(t, s, inPlace.Set, step)
		numbers := values(int64(step + 1))
		got, err := inPlace.Run(uint64(step), numbers...)
		if err != nil {
			t.Fatal(err)
		}
		in := maps.Clone(state)
		fill(t, s, func(name string, x *graph.Tensor) error { in[name] = x; return nil }, step)
		for i, name := range s.Scalars {
			in[name] = graph.Vector(float32(numbers[i]))
		}
		for i, m := range s.Masks {
			in[m.Name] = inPlace.Mask(i)
		}
		out, err := apart.Run(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(graph.Data[float32](out[s.Loss])[0]); got != want {
			t.Fatalf("step %d: loss is %v in place, %v with the states apart", step, got, want)
		}
		for _, st := range s.State {
			state[st.In] = out[st.Out]
			if !w[st.In].Equal(out[st.Out]) {
				t.Fatalf("step %d: %s differs in place and with the states apart", step, st.In)
			}
		}
		losses = append(losses, got)
	}
	if first, last := losses[0], losses[19]; !(last < first) {
		t.Errorf("the loss went from %v to %v: expected it to fall", first, last)
	}
	return losses
}

// What a step changes in place is what it would give with the old and the new apart.
func TestInPlaceIsExact(t *testing.T) {
	for kind, c := range engines(t) {
		for _, name := range slices.Sorted(maps.Keys(nets)) {
			t.Run(kind+"/"+name, func(t *testing.T) {
				o := train.Adam(1e-2)
				cfg := train.Config{Loss: lossOf(name), Optimizer: o, Batch: 4, EMA: 0.9}
				if name == "skip" {
					cfg.Freeze = []string{"conv.weight"}
				}
				if name == "plain" {
					cfg.ClipNorm, cfg.ClipValue = 0.5, 0.2
				}
				s, _, err := train.NewStep(nets[name](), cfg)
				if err != nil {
					t.Fatal(err)
				}
				bothWays(t, s, c, func(step int64) []float64 { return o.Values(step, 1e-2) })
			})
		}
	}
}
