package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// TreeEnsemble sends each row of (N, features) down every tree and aggregates the weights of the leaves that it reaches
// by target. A target that no tree reaches is 0.
// https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
var _ = classic.Define(Op{
	Name: "TreeEnsemble", Since: 5,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		f, err := forestOf(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		t := c.Type(0).Clone()
		switch t.Rank() {
		case -1:
		case 2:
			t.Shape[1] = graph.D(f.targets)
		default:
			return nil, fmt.Errorf("input is %s, want (N, features)", t)
		}
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		f, err := forestOf(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		read, err := floatReader(x)
		if err != nil || len(x.Shape) != 2 || x.Shape[1] <= f.lastFeature {
			return nil, fmt.Errorf("input is %s, want floats (N, features) with a feature %d", x, f.lastFeature)
		}
		y, err := outputOf(c, x.DType, []int64{x.Shape[0], f.targets})
		if err != nil {
			return nil, err
		}
		out := make([]float64, y.Len())
		features, targets := int(x.Shape[1]), int(f.targets)
		err = Parallel(c, int(x.Shape[0]), 64, func(lo, hi int) error {
			for r := lo; r < hi; r++ {
				f.predict(out[r*targets:(r+1)*targets], func(i int64) float64 { return read(r*features + int(i)) })
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{y}, storeFloats(y, len(out), func(i int) float64 { return out[i] }, castRule{})
	}),
	NoGrad: "piecewise constant",
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		stump  n_targets=2 tree_roots=[0] nodes_featureids=[1] nodes_modes=(u8[1] 0) nodes_splits=([1] 0.5)
			nodes_truenodeids=[0] nodes_trueleafs=[1] nodes_falsenodeids=[1] nodes_falseleafs=[1]
			leaf_targetids=[0,1] leaf_weights=([2] 3 -4)  [2 2] 9 0.5 9 0.6  ->  [2 2] 3 0 0 -4
		trees  n_targets=1 aggregate_function=0 tree_roots=[0,1] nodes_featureids=[0,0] nodes_modes=(u8[2] 3 6)
			nodes_splits=([2] 1 nan)
			nodes_truenodeids=[0,2] nodes_trueleafs=[1,1] nodes_falsenodeids=[1,3] nodes_falseleafs=[1,1]
			nodes_missing_value_tracks_true=[1,0] membership_values=([3] 1 2 nan)
			leaf_targetids=[0,0,0,0] leaf_weights=([4] 1 2 10 20)  [3 1] 2 1 nan  ->  [3 1] 5.5 6 10.5
		logit  n_targets=1 post_transform=2 tree_roots=[0] nodes_featureids=[0] nodes_modes=(u8[1] 1) nodes_splits=([1] 0)
			nodes_truenodeids=[0] nodes_trueleafs=[1] nodes_falsenodeids=[1] nodes_falseleafs=[1]
			leaf_targetids=[0,0] leaf_weights=([2] 0 1)  [2 1] -1 1  ->  [2 1] 0.5 0.7310585786300049
		loop   n_targets=1 tree_roots=[0] nodes_featureids=[0] nodes_modes=(u8[1] 0) nodes_splits=([1] 0)
			nodes_truenodeids=[0] nodes_trueleafs=[0] nodes_falsenodeids=[0] nodes_falseleafs=[1]
			leaf_targetids=[0] leaf_weights=([1] 0)  [1 1] 0  ->  error "parent"`,
})

// How a node compares a feature with its value.
const (
	branchLE = iota
	branchLT
	branchGE
	branchGT
	branchEQ
	branchNE
	branchMember
)

type forest struct {
	roots, feature       []int64
	mode                 []int64
	split                []float64
	members              [][]float64 // of nodes of branchMember
	missing              []int64     // 1: NaN takes the true branch
	next                 [2][]int64  // of the false and the true branch
	leaf                 [2][]int64  // 1: next is a leaf
	target               []int64
	weight               []float64
	targets, lastFeature int64
	aggregate, transform int64
}

func forestOf(a graph.Attrs) (*forest, error) {
	f := &forest{
		roots: a.Ints("tree_roots", nil), feature: a.Ints("nodes_featureids", nil),
		missing: a.Ints("nodes_missing_value_tracks_true", nil),
		next:    [2][]int64{a.Ints("nodes_falsenodeids", nil), a.Ints("nodes_truenodeids", nil)},
		leaf:    [2][]int64{a.Ints("nodes_falseleafs", nil), a.Ints("nodes_trueleafs", nil)},
		target:  a.Ints("leaf_targetids", nil), targets: a.Int("n_targets", 1),
		aggregate: a.Int("aggregate_function", 1), transform: a.Int("post_transform", 0),
	}
	modes, splits, weights := a.Tensor("nodes_modes"), a.Tensor("nodes_splits"), a.Tensor("leaf_weights")
	if modes == nil || modes.DType != graph.Uint8 || splits == nil || weights == nil {
		return nil, fmt.Errorf("nodes_modes is %s, nodes_splits %s and leaf_weights %s", modes, splits, weights)
	}
	for _, m := range modes.Raw {
		f.mode = append(f.mode, int64(m))
	}
	var err error
	if f.split, err = float64sOf(splits); err != nil {
		return nil, err
	}
	if f.weight, err = float64sOf(weights); err != nil {
		return nil, err
	}
	n := len(f.feature)
	if f.missing == nil {
		f.missing = make([]int64, n)
	}
	lengths := []int{len(f.mode), len(f.split), len(f.missing), len(f.next[0]), len(f.next[1]), len(f.leaf[0]), len(f.leaf[1])}
	for _, k := range lengths {
		if k != n {
			return nil, fmt.Errorf("one of the nodes' attributes has %d elements, nodes_featureids %d", k, n)
		}
	}
	if len(f.weight) != len(f.target) || f.targets < 1 || f.targets > 1<<30 || f.aggregate < 0 || f.aggregate > 3 ||
		f.transform < 0 || f.transform > 4 {
		return nil, fmt.Errorf("%d leaf_weights and %d leaf_targetids, %d targets, aggregate_function %d, post_transform %d",
			len(f.weight), len(f.target), f.targets, f.aggregate, f.transform)
	}
	if err := f.readMembers(a.Tensor("membership_values")); err != nil {
		return nil, err
	}
	return f, f.check()
}

// readMembers deals out the values, each node's ended by NaN.
func (f *forest) readMembers(t *graph.Tensor) error {
	var values []float64
	if t != nil {
		var err error
		if values, err = float64sOf(t); err != nil {
			return err
		}
	}
	f.members = make([][]float64, len(f.mode))
	for i, m := range f.mode {
		if m != branchMember {
			continue
		}
		end := slices.IndexFunc(values, math.IsNaN)
		if end < 0 {
			return fmt.Errorf("membership_values has no set for node %d", i)
		}
		f.members[i], values = values[:end], values[end+1:]
	}
	return nil
}

// check sees that every index is in range and that no node has two parents, so that walks end.
func (f *forest) check() error {
	seen := make([]bool, len(f.feature))
	for _, r := range f.roots {
		if r < 0 || int(r) >= len(seen) || seen[r] {
			return fmt.Errorf("tree_roots names node %d of %d, or names it twice", r, len(seen))
		}
		seen[r] = true
	}
	for i, m := range f.mode {
		if m > branchMember || f.feature[i] < 0 {
			return fmt.Errorf("node %d has mode %d and feature %d", i, m, f.feature[i])
		}
		f.lastFeature = max(f.lastFeature, f.feature[i])
		for branch := range 2 {
			next := f.next[branch][i]
			switch leaf := f.leaf[branch][i] != 0; {
			case leaf && (next < 0 || int(next) >= len(f.target)):
				return fmt.Errorf("node %d leads to leaf %d of %d", i, next, len(f.target))
			case leaf:
			case next < 0 || int(next) >= len(seen) || seen[next]:
				return fmt.Errorf("node %d leads to node %d of %d, which may have another parent", i, next, len(seen))
			default:
				seen[next] = true
			}
		}
	}
	for _, t := range f.target {
		if t < 0 || t >= f.targets {
			return fmt.Errorf("leaf_targetids names target %d of %d", t, f.targets)
		}
	}
	return nil
}

func (f *forest) predict(y []float64, feature func(i int64) float64) {
	reached := make([]bool, len(y))
	for _, node := range f.roots {
		for {
			branch := f.branch(node, feature(f.feature[node]))
			leaf := f.leaf[branch][node] != 0
			node = f.next[branch][node]
			if leaf {
				break
			}
		}
		t, w := f.target[node], f.weight[node]
		switch {
		case f.aggregate == 2 && reached[t]:
			y[t] = min(y[t], w)
		case f.aggregate == 3 && reached[t]:
			y[t] = max(y[t], w)
		default:
			y[t] += w
		}
		reached[t] = true
	}
	if f.aggregate == 0 {
		for t := range y {
			y[t] /= float64(len(f.roots))
		}
	}
	f.transformed(y)
}

func (f *forest) branch(node int64, x float64) int {
	s, holds := f.split[node], false
	switch f.mode[node] {
	case branchLE:
		holds = x <= s
	case branchLT:
		holds = x < s
	case branchGE:
		holds = x >= s
	case branchGT:
		holds = x > s
	case branchEQ:
		holds = x == s
	case branchNE:
		holds = x != s
	case branchMember:
		holds = slices.Contains(f.members[node], x)
	}
	if holds || f.missing[node] != 0 && math.IsNaN(x) {
		return 1
	}
	return 0
}

// transformed applies post_transform to a row: softmax, logistic, softmax of the elements that are not 0, probit.
func (f *forest) transformed(y []float64) {
	switch f.transform {
	case 1:
		softmax(y)
	case 2:
		for i, v := range y {
			y[i] = 1 / (1 + math.Exp(-v))
		}
	case 3:
		var some []float64
		for _, v := range y {
			if v != 0 {
				some = append(some, v)
			}
		}
		softmax(some)
		for i, v := range y {
			if v != 0 {
				y[i], some = some[0], some[1:]
			}
		}
	case 4:
		for i, v := range y {
			y[i] = math.Sqrt2 * math.Erfinv(2*v-1)
		}
	}
}
