//go:build cgo && !purego && (linux || darwin)

package ort

// #include "customop.h"
import "C"

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	kernelc "github.com/astronnx/astronnx/internal/kernel/c"
	yalue "github.com/yalue/onnxruntime_go"
)

// Domain is the domain of the operators that have kernels here.
const domain = "ai.astronnx.healpix"

// native is an operator with a kernel. Registered, a kernel replaces the function body at every node of its name: ONNX Runtime has
// no way back for a single one. So it is registered only if it can serve all of a model's nodes.
type native struct {
	name string
	bit  uint
	// fits tells why a node cannot be served, nil if it can.
	fits func(n *graph.Node) error
}

var natives = []native{
	{"HealpixConv", C.ax_op_conv, convFits},
}

// chooseKernels decides for every operator of the domain in m, and returns the bits of those to register. What has no kernel
// runs through its function body; what has neither is for ONNX Runtime to refuse.
func chooseKernels(m *graph.Model, o *engine.Options) (bits uint, report []engine.Kernel) {
	nodes := map[string][]*graph.Node{}
	m.Graphs(func(_ string, g *graph.Graph) bool {
		return g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			if n.Domain == domain {
				nodes[n.Op] = append(nodes[n.Op], n)
			}
			return true
		})
	})
	for _, name := range slices.Sorted(keys(nodes)) {
		k := engine.Kernel{Op: domain + ":" + name, Nodes: len(nodes[name])}
		i := slices.IndexFunc(natives, func(op native) bool { return op.name == name })
		switch {
		case i < 0:
			k.Why = "there is no kernel"
		case o.Bodies:
			k.Why = "function bodies were asked for"
		case o.Provider != engine.CPU:
			k.Why = fmt.Sprintf("kernels are for the CPU, the model runs on %s", o.Provider)
		default:
			k.Native = true
			for j, n := range nodes[name] {
				if err := natives[i].fits(n); err != nil {
					k.Native, k.Why = false, fmt.Sprintf("node %s: %v", label(n, j), err)
					break
				}
			}
		}
		if k.Native {
			bits |= natives[i].bit
		}
		report = append(report, k)
	}
	return bits, report
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func label(n *graph.Node, i int) string {
	if n.Name != "" {
		return n.Name
	}
	return fmt.Sprintf("%d of its kind", i)
}

var handOver = sync.OnceFunc(func() { C.ax_kernels(kernelc.ConvTable()) })

// register adds the kernels of bits to the session's options.
func register(s *yalue.SessionOptions, bits uint) error {
	if bits == 0 {
		return nil
	}
	handOver()
	return check(C.ax_register(optionsPointer(s), C.unsigned(bits)))
}

// blames reports whether a session failed because of one of the kernels.
func blames(err error, report []engine.Kernel) bool {
	return slices.ContainsFunc(report, func(k engine.Kernel) bool {
		return k.Native && strings.Contains(err.Error(), strings.TrimPrefix(k.Op, domain+":"))
	})
}

// convFits refuses what stage 2 of the operator's specification adds, and element types without a kernel.
func convFits(n *graph.Node) error {
	if len(n.In) < 2 || len(n.In) > 6 || len(n.Out) > 2 {
		return fmt.Errorf("%d inputs and %d outputs: the kernel takes 2 to 6 and gives up to 2", len(n.In), len(n.Out))
	}
	for name, only := range map[string]int64{"kernel": 3, "dilation": 1, "stride": 1, "group": 1} {
		if v := n.Attrs.Int(name, only); v != only {
			return fmt.Errorf("%s is %d", name, v)
		}
	}
	if p := n.Attrs.Ints("pads", nil); p != nil && !slices.Equal(p, []int64{1, 1}) {
		return fmt.Errorf("pads are %d", p)
	}
	return isFloat32(n.In[:2])
}

// isFloat32 refuses values that are known to be of another type. What is not known shows when the session is made.
func isFloat32(values []*graph.Value) error {
	for _, v := range values {
		if v == nil {
			continue
		}
		t := v.Type
		if v.Const != nil {
			t = graph.TypeOf(v.Const)
		}
		if t != nil && t.DType != graph.Float32 && t.DType != graph.Undefined {
			return fmt.Errorf("input %s is %s, the kernel takes float32", v.Name, t.DType)
		}
	}
	return nil
}
