package train

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
)

// fused writes the gradients of two nodes as one, of an activation and the batch normalisation before it or the pool behind it: the
// activation passes the gradient on as it is, the other's node is for both. It returns false for nodes that have their own rule.
func (w *walk) fused(n *graph.Node, dy, stop []*graph.Value) (dx []*graph.Value, ok bool) {
	if !w.b.Target.Kernels || w.b.Target.CUDA {
		return nil, false
	}
	if relu := w.pooled(n, stop); relu != nil {
		w.passed[relu] = true
		attrs := graph.Attrs{"nside": n.Attrs.Int("nside", 0), "order": n.Attrs.Str("order", "NEST"),
			"mode": n.Attrs.Str("mode", "max"), "activation": "Relu"}
		return []*graph.Value{w.b.Op(healpixop.Domain+":HealpixPoolGrad", attrs, relu.Out[0], dy[0])}, true
	}
	if bn := w.normalization(n, stop); bn != nil && !w.passed[n] {
		w.activation[bn], w.passed[n] = n, true
	}
	if w.passed[n] {
		return dy[:1], true
	}
	activation := w.activation[n]
	if activation == nil {
		return nil, false
	}
	attrs := graph.Attrs{"epsilon": n.Attrs.Float("epsilon", 1e-5), "activation": activation.Op}
	if activation.Op == "LeakyRelu" {
		attrs["alpha"] = activation.Attrs.Float("alpha", 0.01)
	}
	return w.b.Fused(3, "BatchNormGrad", attrs, n.In[0], dy[0], n.In[1], n.In[2], n.Out[1], n.Out[2]), true
}

// normalization returns the node whose output the activation n, and nothing else that matters, reads: one in training that hands over
// the statistics of the batch.
func (w *walk) normalization(n *graph.Node, stop []*graph.Value) *graph.Node {
	if n.Domain != "" || n.Op != "Relu" && n.Op != "LeakyRelu" {
		return nil
	}
	v := n.In[0]
	bn, k := v.Producer()
	if bn == nil || k != 0 || bn.Domain != "" || bn.Op != "BatchNormalization" || !bn.Attrs.Bool("training_mode", false) ||
		bn.Attrs.Float("momentum", 0.9) != 0 || len(bn.Out) < 3 || bn.Out[1] == nil || bn.Out[2] == nil {
		return nil
	}
	if !w.readOnce(v, stop) {
		return nil
	}
	for _, out := range bn.Out {
		if out != nil && w.grad[out] != nil {
			return nil
		}
	}
	return bn
}

// pooled returns the Relu whose output the pool n, and nothing else that matters, reads.
func (w *walk) pooled(n *graph.Node, stop []*graph.Value) *graph.Node {
	if !healpixop.PoolsFour(n) {
		return nil
	}
	v := n.In[0]
	relu, _ := v.Producer()
	if relu == nil || relu.Domain != "" || relu.Op != "Relu" || !w.reached[relu.In[0]] || !w.readOnce(v, stop) || w.grad[v] != nil {
		return nil
	}
	return relu
}

// readOnce reports whether one node reads v, and no gradient is asked for there or ends there.
func (w *walk) readOnce(v *graph.Value, stop []*graph.Value) bool {
	return len(v.Uses()) == 1 && !slices.Contains(w.x, v) && !slices.Contains(stop, v)
}
