package train_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// volumes has all that onnxruntime does badly in three dimensions: a transposed convolution of its own, and strides whose gradient
// would be one.
func volumes() *graph.Model {
	n, x := newNet(2, 6, 6, 6)
	x = n.Op("LeakyRelu", graph.Attrs{"alpha": 0.25}, n.norm(n.conv(x, 4, 4, 2, 1)))
	w := n.weight("up.weight", 32, 4, 2, 4, 4, 4)
	x = n.Op("ConvTranspose", graph.Attrs{"strides": []int{2, 2, 2}, "pads": []int{1, 1, 1, 1, 1, 1}}, x, w)
	return n.done(n.dense(n.flat(n.conv(n.Op("Relu", nil, x), 2, 3, 1, 1)), 2))
}

// No step for the CPU holds a Col2Im or ConvTranspose over volumes, which onnxruntime computes wrongly or thirty times slower, or two
// BatchNormalizations that write into one tensor; no step for CUDA holds what CUDA lacks.
func TestWhatStepsNeverHold(t *testing.T) {
	all := maps.Clone(nets)
	all["volumes"] = volumes
	for _, target := range []ops.Target{{}, {Kernels: true}, {CUDA: true}} {
		for name, net := range all {
			s, _, err := train.NewStep(net(), train.Config{Loss: lossOf(name), Optimizer: train.Adam(1e-3), Batch: 4, Target: target})
			if err != nil {
				t.Errorf("%s %+v: %v", name, target, err)
				continue
			}
			written := map[*graph.Value]bool{}
			var bytes []string
			s.Model.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
				volume := n.Out[0] != nil && n.Out[0].Type.Rank() == 5
				training := n.Op == "BatchNormalization" && n.Attrs.Bool("training_mode", false)
				switch {
				case !target.CUDA && volume && (n.Op == "Col2Im" || n.Op == "ConvTranspose"):
					t.Errorf("%s %+v: %s over volumes", name, target, n.Op)
				case target.CUDA && (n.Op == "Col2Im" || n.Op == "MaxUnpool" || training || n.Domain == ops.FusedDomain && n.Op != "Adam"):
					t.Errorf("%s %+v: %s", name, target, n.OpName())
				}
				for i := 3; training && i < 5; i++ {
					v := n.In[i]
					if written[v] || len(v.Uses()) != 1 || slices.Contains(bytes, string(v.Const.Raw)) {
						t.Errorf("%s %+v: what %s writes into is not its own", name, target, n.Name)
					}
					written[v], bytes = true, append(bytes, string(v.Const.Raw))
				}
				return true
			})
		}
	}
}

// The first of equal elements in a window takes all of the gradient, as in PyTorch, with and without kernels.
func TestTiesInPools(t *testing.T) {
	for _, kernels := range []bool{false, true} {
		for engine, c := range engines(t) {
			n, x := newNet(1, 4, 4)
			w := n.Param("w", graph.NewTensor(graph.Float32, 1, 1, 4, 4)) // zeros: every window ties
			pooled := n.Op("MaxPool", graph.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, n.Add(x, w))
			s, _, err := train.NewStep(n.done(pooled), train.Config{
				Loss: train.Loss{Name: "sum", Targets: func([]*graph.Type) ([]train.Target, error) { return nil, nil }, Value: sumLoss},
				// Of two batches: the step then gives half of the gradient.
				Optimizer: train.SGD(1, 0), Batch: 2, Accumulate: 2, Target: ops.Target{Kernels: kernels}})
			if err != nil {
				t.Fatal(err)
			}
			weights := train.Weights{}
			tr, err := train.NewTrainer(s, c, weights)
			if err != nil {
				t.Fatal(err)
			}
			if err := tr.Set("x", graph.NewTensor(graph.Float32, 2, 1, 4, 4)); err != nil {
				t.Fatal(err)
			}
			if _, err := tr.Run(0); err != nil {
				t.Fatal(err)
			}
			want := []float32{1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}
			if got := graph.Data[float32](weights["w.gradient"]); !slices.Equal(got, want) {
				t.Errorf("%s, kernels %v: got %v want %v", engine, kernels, got, want)
			}
			tr.Close()
		}
	}
}

// Steps that run kernels give what those of stock operators do.
func TestKernelsAgreeWithStock(t *testing.T) {
	c, ok := engines(t)["onnxruntime"]
	if !ok {
		t.Skip("a build without onnxruntime has no kernels")
	}
	all := maps.Clone(nets)
	all["volumes"] = volumes
	for name, net := range all {
		t.Run(name, func(t *testing.T) {
			var states []train.Weights
			o := train.SGD(1e-2, 0) // Adam takes steps of one size from gradients of any
			for _, target := range []ops.Target{{}, {Kernels: true}} {
				s, _, err := train.NewStep(net(), train.Config{Loss: lossOf(name), Optimizer: o, Batch: 4, Target: target})
				if err != nil {
					t.Fatal(err)
				}
				w := train.Weights{}
				tr, err := train.NewTrainer(s, c, w)
				if err != nil {
					t.Fatal(err)
				}
				if target.Kernels && name != "shared" && name != "heads" && name != "dropout" && !native(tr.Report()) {
					t.Error("the step runs no kernel")
				}
				for step := range 5 {
					fill(t, s, tr.Set, step)
					if _, err := tr.Run(uint64(step), o.Values(int64(step+1), 1e-2)...); err != nil {
						t.Fatal(err)
					}
				}
				tr.Close()
				states = append(states, w)
			}
			for key, want := range states[0] {
				got := states[1][key]
				if got == nil {
					continue
				}
				// A mean is as exact as what it is the mean of is large: of order 1 here.
				w := append(numbers(want), 1)
				if d := apart(append(numbers(got), 1), w); d > 1e-5 {
					t.Errorf("%s is %.2g from that without kernels", key, d)
				}
			}
		})
	}
}

func native(r runtime.Report) bool {
	return slices.ContainsFunc(r.Kernels, func(k engine.Kernel) bool { return k.Native && k.Op != ops.FusedDomain+":Adam" })
}
