package main

import (
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
)

// stepNet is a network to train, told so that a program which knows nothing of us can build it: four blocks of convolution with
// padding 1, BatchNormalization, LeakyReLU(0.2) and perhaps pooling, then a dense layer with two outputs. With Dims 0 it is
// NNhealpix of nside Side instead, in NEST order with one output.
type stepNet struct {
	name     string
	batch    int64
	Dims     int     `json:"dims"`
	Side     int64   `json:"side"`
	Channels []int64 `json:"channels"`
	Kernel   int64   `json:"kernel"`
	Stride   int64   `json:"stride"`
	Pool     bool    `json:"pool"` // 2×2, and 2×2×2
	block    int     // steps to take at a time
}

// stepNets are those that the training path was designed with, and the one on the sphere.
var stepNets = []stepNet{
	{"S1", 16, 2, 64, []int64{32, 64, 128, 256}, 4, 2, false, 8},
	{"S2", 16, 2, 64, []int64{10, 20, 40, 80}, 4, 2, false, 25},
	{"S3", 16, 2, 64, []int64{32, 64, 64, 64}, 3, 1, true, 8},
	{"S4", 8, 2, 64, []int64{32, 32, 32, 32}, 3, 1, false, 8},
	{"S5", 4, 3, 32, []int64{16, 32, 64, 128}, 4, 2, false, 25},
	{"S6", 2, 3, 32, []int64{16, 16, 16, 16}, 3, 1, false, 8},
	{"NNhealpix", 32, 0, 16, nil, 0, 0, false, 8},
}

// build returns the network with its first weights, and all that a stranger needs to have it: the weights in the order of use, and
// on the sphere before those of each convolution its table of neighbours, int32.
func (n stepNet) build() (*graph.Model, []*graph.Tensor, error) {
	if n.Dims == 0 {
		m, err := models.NNHealpix(models.NNHealpixConfig{Nside: int(n.Side), Order: "NEST", Outputs: 1})
		if err != nil {
			return nil, nil, err
		}
		tensors, err := sphereTensors(m)
		return m, tensors, err
	}
	m := &graph.Model{IRVersion: 8, Producer: "astronnx", Opsets: map[string]int64{"": opset, healpixop.Domain: 1},
		Graph: &graph.Graph{Name: n.name}}
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	shape := []graph.Dim{graph.Sym("N"), graph.D(1)}
	for range n.Dims {
		shape = append(shape, graph.D(n.Side))
	}
	var tensors []*graph.Tensor
	weight := func(name string, scale, shift float64, shape ...int64) *graph.Value {
		t := noise(uint64(len(tensors)+10), shape...)
		for i, v := range graph.Data[float32](t) {
			graph.Data[float32](t)[i] = float32(scale)*v + float32(shift)
		}
		tensors = append(tensors, t)
		return b.Param(name, t)
	}
	per := func(k int64) []int64 { return slices.Repeat([]int64{k}, n.Dims) }
	volume := func(side int64) int64 { return int64(math.Pow(float64(side), float64(n.Dims)) + 0.5) }

	x, side, in := m.Graph.NewInput("x", graph.TensorType(graph.Float32, shape...)), n.Side, int64(1)
	for _, out := range n.Channels {
		w := weight("conv.weight", 1/math.Sqrt(float64(in*volume(n.Kernel))), 0, append([]int64{out, in}, per(n.Kernel)...)...)
		x = b.Op("Conv", graph.Attrs{"strides": per(n.Stride), "pads": slices.Repeat([]int64{1}, 2*n.Dims)}, x, w)
		scale, shift := weight("norm.weight", 0, 1, out), weight("norm.bias", 0, 0, out)
		mean, variance := graph.NewTensor(graph.Float32, out), graph.FromSlice(slices.Repeat([]float32{1}, int(out)), out)
		x = b.Op("BatchNormalization", nil, x, scale, shift, b.Param("norm.mean", mean), b.Param("norm.var", variance))
		x = b.Op("LeakyRelu", graph.Attrs{"alpha": 0.2}, x)
		side, in = (side+2-n.Kernel)/n.Stride+1, out
		if n.Pool {
			x = b.Op("MaxPool", graph.Attrs{"kernel_shape": per(2), "strides": per(2)}, x)
			side /= 2
		}
	}
	features := in * volume(side)
	w, bias := weight("dense.weight", 1/math.Sqrt(float64(features)), 0, 2, features), weight("dense.bias", 0, 0, 2)
	y := b.Op("Gemm", graph.Attrs{"transB": 1}, b.Op("Flatten", nil, x), w, bias)
	y.Name = "y"
	m.Graph.Outputs = []*graph.Value{y}
	return m, tensors, nil
}

// data returns a batch and its targets.
func (n stepNet) data() (x, t *graph.Tensor) {
	if n.Dims == 0 {
		return noise(1, n.batch, 1, 12*n.Side*n.Side), noise(2, n.batch, 1)
	}
	return noise(1, append([]int64{n.batch, 1}, slices.Repeat([]int64{n.Side}, n.Dims)...)...), noise(2, n.batch, 2)
}

// sphereTensors returns the weights of a network on the sphere in the order of use, before those of each convolution its table of
// neighbours.
func sphereTensors(m *graph.Model) ([]*graph.Tensor, error) {
	var list []*graph.Tensor
	for _, n := range m.Graph.Nodes {
		switch n.Op {
		case "HealpixConv":
			table, err := neighbourTable(n.Attrs)
			if err != nil {
				return nil, err
			}
			list = append(list, table, n.In[1].Const)
		case "Gemm":
			list = append(list, n.In[1].Const, n.In[2].Const)
		}
	}
	return list, nil
}
