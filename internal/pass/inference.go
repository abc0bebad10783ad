package pass

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// Inference makes BatchNormalization use its running statistics. It is an error if something reads the statistics that a node in
// training gives, since they are those of a batch.
var Inference = Pass{"inference", func(m *graph.Model, _ *ops.Set) (changes []string, err error) {
	out := outputs(m)
	for _, g := range graphs(m) {
		for _, n := range find(g, "BatchNormalization") {
			trains := n.Attrs.Bool("training_mode", false) || len(n.Out) > 1
			for _, v := range n.Out[1:] {
				if v != nil && (len(v.Uses()) > 0 || out[v]) {
					e := errs.New(errs.Invalid, "its output %q, a statistic of the batch, is read", v.Name)
					e.Op, e.Node, e.Opset = n.OpName(), n.Name, m.Opsets[""]
					return nil, e.WithHint("export the network in its form for inference")
				}
			}
			cutOut(n, 1)
			delete(n.Attrs, "training_mode")
			delete(n.Attrs, "momentum")
			if trains {
				changes = append(changes, label(g, n)+" uses its running statistics")
			}
		}
	}
	return changes, nil
}}
