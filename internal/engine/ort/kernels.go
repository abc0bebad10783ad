//go:build cgo && !purego && (linux || darwin)

package ort

// #include "customop.h"
import "C"

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	kernelc "github.com/astronnx/astronnx/internal/kernel/c"
	"github.com/astronnx/astronnx/ops"
	yalue "github.com/yalue/onnxruntime_go"
)

// native is an operator with a kernel here.
type native struct {
	domain, name string
	bit          uint
	inputs, out  int                        // most that the kernel takes and gives
	why          func(n *graph.Node) string // why the kernel does not serve a node; empty: it does
}

var natives = []native{
	{healpixop.Domain, "HealpixConv", C.ax_op_conv, 6, 2, whyNotOnSphere},
	{healpixop.Domain, "HealpixPool", C.ax_op_pool, 3, 4, whyNotOnSphere},
	{healpixop.Domain, "HealpixUpsample", C.ax_op_upsample, 4, 1, whyNotOnSphere},
	{healpixop.Domain, "HealpixReorder", C.ax_op_reorder, 1, 1, whyNotOnSphere},
	{healpixop.Domain, "HealpixConvGradInput", C.ax_op_conv_grad_input, 4, 1, whyNotOnSphere},
	{healpixop.Domain, "HealpixConvGradWeight", C.ax_op_conv_grad_weight, 3, 1, whyNotOnSphere},
	{healpixop.Domain, "HealpixPoolGrad", C.ax_op_pool_grad, 2, 1, whyNotOnSphere},
	{ops.FusedDomain, "Adam", C.ax_op_adam, 7, 3, whyNotFloat32},
	{ops.FusedDomain, "BatchNormGrad", C.ax_op_batch_norm_grad, 6, 3, whyNotFloat32},
	{ops.FusedDomain, "MaxPoolGrad", C.ax_op_max_pool_grad, 2, 1, whyNotPooled},
	{ops.FusedDomain, "Conv", C.ax_op_convnd, 3, 1, whyNotPlainConv},
	{ops.FusedDomain, "ConvGradInput", C.ax_op_convnd_grad_input, 2, 1, whyNotPlainConv},
	{ops.FusedDomain, "ConvGradWeight", C.ax_op_convnd_grad_weight, 2, 1, whyNotPlainConv},
}

// builtin are the operators that this engine knows beside the standard ones.
var builtin = healpixop.Set().With(ops.Fused())

// ours reports whether a domain is one of builtin's.
func ours(domain string) bool { return domain == healpixop.Domain || domain == ops.FusedDomain }

func nativeOf(domain, name string) *native {
	if i := slices.IndexFunc(natives, func(op native) bool { return op.domain == domain && op.name == name }); i >= 0 {
		return &natives[i]
	}
	return nil
}

func whyNotOnSphere(n *graph.Node) string {
	_, why := healpixop.Fits(n)
	return why
}

// whyNotFloat32 takes a type that is not known to be float32.
func whyNotFloat32(n *graph.Node) string {
	for _, v := range n.In {
		if v != nil && v.Type != nil && v.Type.DType != graph.Undefined && v.Type.DType != graph.Float32 {
			return fmt.Sprintf("input %q is %s: the kernel takes float32", v.Name, v.Type)
		}
	}
	return ""
}

func whyNotPooled(n *graph.Node) string {
	if kernel := n.Attrs.Ints("kernel_shape", nil); len(kernel) > 3 {
		return fmt.Sprintf("windows of %d axes: the kernel takes up to three", len(kernel))
	}
	return whyNotFloat32(n)
}

// whyNotPlainConv takes a rank that is not known to be one to three axes.
func whyNotPlainConv(n *graph.Node) string {
	if group := n.Attrs.Int("group", 1); group != 1 {
		return fmt.Sprintf("group is %d: the kernel has one", group)
	}
	if d := n.Attrs.Ints("dilations", nil); slices.ContainsFunc(d, func(v int64) bool { return v != 1 }) {
		return fmt.Sprintf("dilations are %v: the kernel has none", d)
	}
	if x := n.In[0]; x != nil && x.Type != nil && x.Type.Rank() > 5 {
		return fmt.Sprintf("the input is %s: the kernel takes up to three axes", x.Type)
	}
	return whyNotFloat32(n)
}

// choice is a model with its composite nodes given to kernels or to function bodies.
type choice struct {
	data   []byte
	bits   uint // kernels to register
	report []engine.Kernel
}

// blamed reports whether a session failed over one of the kernels.
func (c *choice) blamed(err error) bool {
	return slices.ContainsFunc(c.report, func(k engine.Kernel) bool {
		return k.Native && strings.Contains(err.Error(), k.Op[strings.LastIndexByte(k.Op, ':')+1:])
	})
}

// set returns the operators that have function bodies.
func (c *compilation) set() *ops.Set {
	if c.options.Ops == nil {
		return builtin
	}
	return builtin.With(c.options.Ops)
}

// chooseKernels decides for every node of an operator outside the standard domain whether a kernel runs it or the operator's function
// body, which is written into a copy of the model: a kernel, once registered, takes all nodes of its name. against is why no kernel
// may be used, if so.
//
// Where the nodes stand in functions of the model's own, these are left alone, and a kernel is used if it can serve all of them.
func (c *compilation) chooseKernels(against string) (*choice, error) {
	set := c.set()
	outer, inner := c.composites(set)
	switch {
	case !outer && !inner:
		data, err := c.weights.marshal(c.model)
		return &choice{data: data}, err
	case !inner:
		m, err := c.weights.copyOf(c.model)
		if err != nil {
			return nil, err
		}
		ops.DetachBodies(m, set)
		result := c.decide(m, against, false)
		native := func(n *graph.Node) bool { return against == "" && c.why(n) == "" }
		if err := ops.AttachBodiesExcept(m, set, native); err == nil {
			fuse(m, native)
			result.data, err = c.weights.marshal(m)
			return result, err
		}
		// An old opset, in which bodies cannot be written: the file's own have to do.
	}
	result := c.decide(c.model, against, true)
	var err error
	result.data, err = c.weights.marshal(c.model)
	return result, err
}

// composites tells whether the main graph, and whether functions of the model that are no bodies of set's, have nodes of set.
func (c *compilation) composites(set *ops.Set) (outer, inner bool) {
	own := func(domain, name string) bool {
		return ours(domain) || domain != "" && set.Newest(domain, name) != nil
	}
	uses := func(g *graph.Graph) bool {
		return !g.Walk(func(_ *graph.Graph, n *graph.Node) bool { return !own(n.Domain, n.Op) })
	}
	for _, f := range c.model.Functions {
		inner = inner || !own(f.Domain, f.Name) && uses(f.Body)
	}
	return uses(c.model.Graph), inner
}

// decide reports what runs the nodes of m, all nodes of a name alike if together is set.
func (c *compilation) decide(m *graph.Model, against string, together bool) *choice {
	type tally struct {
		op           *native
		native, body int
		why          string
	}
	count := map[string]*tally{}
	var names []string
	m.Graphs(func(_ string, g *graph.Graph) bool {
		return g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			if !ours(n.Domain) {
				return true
			}
			t := count[n.OpName()]
			if t == nil {
				t = &tally{op: nativeOf(n.Domain, n.Op)}
				count[n.OpName()], names = t, append(names, n.OpName())
			}
			why := against
			if why == "" {
				why = c.why(n)
			}
			if why == "" {
				t.native++
				return true
			}
			if t.body++; t.why == "" {
				if t.why = why; n.Name != "" && against == "" && t.op != nil {
					t.why = "node " + n.Name + ": " + why
				}
			}
			return true
		})
	})
	slices.Sort(names)
	result := &choice{}
	for _, name := range names {
		t := count[name]
		if together && t.body > 0 {
			t.native, t.body = 0, t.native+t.body
		}
		if t.native > 0 {
			result.bits |= t.op.bit
			result.report = append(result.report, engine.Kernel{Op: name, Nodes: t.native, Native: true})
		}
		if t.body > 0 {
			result.report = append(result.report, engine.Kernel{Op: name, Nodes: t.body, Why: t.why})
		}
	}
	return result
}

// why tells why no kernel runs a node; empty: one does.
func (c *compilation) why(n *graph.Node) string {
	op := nativeOf(n.Domain, n.Op)
	switch {
	case op == nil:
		return "there is no kernel"
	case c.options.Bodies:
		return "function bodies were asked for"
	case c.options.Provider != engine.CPU:
		return fmt.Sprintf("kernels are for the CPU, the model runs on %s", c.options.Provider)
	case len(n.In) > op.inputs || len(n.Out) > op.out:
		return fmt.Sprintf("%d inputs and %d outputs: the kernel has %d and %d", len(n.In), len(n.Out), op.inputs, op.out)
	}
	return op.why(n)
}

var handOver = sync.OnceFunc(func() { handOverPath(0) })

// handOverPath lets the passes of training take one path, 0: the fastest.
func handOverPath(path int) {
	C.ax_kernels(kernelc.ConvTable(), kernelc.TrainPath(path), kernelc.ConvNDTable())
}

// register adds the kernels of bits to the session's options.
func register(s *yalue.SessionOptions, bits uint) error {
	if bits == 0 {
		return nil
	}
	handOver()
	return check(C.ax_register(optionsPointer(s), C.unsigned(bits)))
}

// RegisterOps adds all kernels to the session options of an ONNX Runtime that called with its OrtApiBase: the one of another program's
// own, as a rule. It returns that ONNX Runtime's OrtStatus, nil for success.
func RegisterOps(options, base unsafe.Pointer) unsafe.Pointer {
	handOver()
	return unsafe.Pointer(C.ax_register_foreign(options, (*C.OrtApiBase)(base)))
}
