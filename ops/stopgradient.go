package ops

import "github.com/astronnx/astronnx/graph"

// StopGradient(x) -> y passes x on, and no gradient back: y counts as a constant.
var _ = fused.Define(Op{
	Name: "StopGradient", Since: 1,
	Infer:  sameAsFirst,
	Expand: func(b *Builder, n *graph.Node) []*graph.Value { return []*graph.Value{b.Op("Identity", nil, n.In[0])} },
	NoGrad: "it is there to end gradients",
	Exact:  Bitwise,
	Cases: `
		pass [2] 1 -2  ->  [2] 1 -2`,
})
