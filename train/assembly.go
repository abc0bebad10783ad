package train

import (
	"fmt"
	"path"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// operators is what networks and their training steps may be made of.
func operators() *ops.Set { return ops.Standard().With(healpixop.Set()).With(ops.Fused()) }

// assembly is a training step on its way: networks in training form, put into one graph with every size fixed.
type assembly struct {
	m         *graph.Model
	b         *ops.Builder
	set       *ops.Set
	batch     int64
	variables []*variable
	byValue   map[*graph.Value]*variable    // by the initializer of the network
	constants map[*graph.Value]*graph.Value // copies of initializers that stay as they are
	masks     []Mask
	pairs     int // numbers used up for BatchNormalization
}

// unlikely is where the numbers begin that no other constant is made of.
const unlikely = 7919.5

// A variable is a tensor that outlives a step: a parameter, a running statistic, a slot of the optimiser.
type variable struct {
	name    string
	value   *graph.Tensor // before the first step
	in      *graph.Value
	now     *graph.Value // after the changes so far; in while there are none
	trained bool         // the optimiser changes it
	held    bool         // another step changes it
}

// A Mask is an input of a step that replaces a Dropout node: 1/(1-Ratio) where an element is kept, else 0.
type Mask struct {
	Name  string
	Shape []int64
	DType graph.DType
	Ratio float64
}

func newAssembly(name string, batch int64, target ops.Target) *assembly {
	m := &graph.Model{
		IRVersion: 8, Producer: "astronnx", Graph: &graph.Graph{Name: name},
		Opsets: map[string]int64{"": stepOpset, healpixop.Domain: 1, ops.FusedDomain: 1},
	}
	a := &assembly{m: m, set: operators(), batch: batch, byValue: map[*graph.Value]*variable{}, constants: map[*graph.Value]*graph.Value{}}
	a.b = ops.NewBuilder(m.Graph, a.set, m.Opsets)
	a.b.Target = target
	return a
}

// network is a model ready to be assembled, any number of times, into steps.
type network struct {
	prefix string // of the names of its variables
	model  *graph.Model
	stats  map[*graph.Value]bool // running means and variances
	role   role
	frozen []string // patterns of initializers that never change
}

// role says what a step does to a network's variables.
type role int

const (
	trained role = iota
	held         // read, and changed by another step
)

// prepare takes a private copy of m to the precision and opset of training steps.
func prepare(m *graph.Model, precision graph.DType) (*network, error) {
	m = m.Clone()
	ops.DetachBodies(m, operators())
	if err := raiseOpset(m); err != nil {
		return nil, err
	}
	if precision == graph.Float64 {
		widen(m)
	}
	n := &network{model: m, stats: map[*graph.Value]bool{}}
	for _, node := range m.Graph.Nodes {
		if node.Domain == "" && node.Op == "BatchNormalization" {
			for i := 3; i < 5; i++ {
				n.stats[node.Input(i)] = true
			}
		}
	}
	return n, nil
}

// inputs are what a caller must give, initializers with a name among the inputs left out.
func (n *network) inputs() (list []*graph.Value) {
	for _, v := range n.model.Graph.Inputs {
		if v.Const == nil {
			list = append(list, v)
		}
	}
	return list
}

// freezes reports whether an initializer never changes.
func (n *network) freezes(v *graph.Value) bool {
	return slices.ContainsFunc(n.frozen, func(pattern string) bool {
		ok, _ := path.Match(pattern, v.Name)
		return ok
	})
}

// batched returns t with its first dimension, and those of its name, fixed to the batch.
func (a *assembly) batched(t *graph.Type) *graph.Type {
	t = t.Clone()
	if t.Rank() < 1 {
		return t
	}
	first := t.Shape[0]
	for i, d := range t.Shape {
		if i == 0 && !d.Known() || d.Param != "" && d.Param == first.Param {
			t.Shape[i] = graph.D(a.batch)
		}
	}
	return t
}

// input adds a batch input of the step.
func (a *assembly) input(name string, t *graph.Type) (*graph.Value, error) {
	t = a.batched(t)
	for i, d := range t.Sizes() {
		if d < 0 {
			return nil, errs.New(errs.Invalid, "input %q is %s: dimension %d must be fixed for training", name, t, i).
				WithHint("give the network an input of fixed size, the first dimension aside")
		}
	}
	if t.Rank() < 1 {
		return nil, errs.New(errs.Invalid, "input %q is %s: expected a batch of samples of known shape", name, t)
	}
	if t.Shape[0].Size != a.batch {
		return nil, errs.New(errs.Invalid, "input %q is %s: its first dimension is fixed, and not to the batch of %d", name, t, a.batch).
			WithHint("export the network with a symbolic batch dimension, or train with that batch size")
	}
	return a.m.Graph.NewInput(a.b.Name(name), t), nil
}

// declare adds a variable as an input of the graph.
func (a *assembly) declare(name string, value *graph.Tensor) *variable {
	v := &variable{name: name, value: value}
	v.in = a.m.Graph.NewInput(a.b.Name(name), graph.TypeOf(value))
	v.name, v.now = v.in.Name, v.in
	a.variables = append(a.variables, v)
	return v
}

// scalar adds an input of one number that is set anew for every step.
func (a *assembly) scalar(name string, t graph.DType) *graph.Value {
	return a.m.Graph.NewInput(a.b.Name(name), graph.TensorType(t, graph.D(1)))
}

// apply puts n into the graph, in training form, and returns its outputs for the given inputs. Networks that are applied again
// share their variables.
func (a *assembly) apply(n *network, inputs []*graph.Value) ([]*graph.Value, error) {
	g := n.model.Graph
	c := graph.Cloner{}
	for i, v := range n.inputs() {
		c[v] = inputs[i]
	}
	for _, v := range g.Initializers {
		if v.Const == nil {
			return nil, errs.New(errs.Invalid, "initializer %q is sparse: training needs dense ones", v.Name)
		}
		c[v] = a.initializer(n, v)
	}
	for i, node := range g.Nodes {
		if err := a.node(n, c, node); err != nil {
			e := errs.New(errs.Invalid, "%w", err)
			e.Op, e.Node = node.OpName(), label(i, node)
			return nil, e
		}
	}
	out := make([]*graph.Value, len(g.Outputs))
	for i, v := range g.Outputs {
		out[i] = c[v]
	}
	return out, nil
}

// initializer returns what stands for v in the step: an input if it may change, else a constant.
func (a *assembly) initializer(n *network, v *graph.Value) *graph.Value {
	if old := a.byValue[v]; old != nil {
		return old.in
	}
	if old := a.constants[v]; old != nil {
		return old
	}
	if n.freezes(v) || !v.Const.DType.IsFloat() {
		a.constants[v] = a.m.Graph.NewConst(a.b.Name(n.prefix+v.Name), v.Const)
		return a.constants[v]
	}
	x := a.declare(n.prefix+v.Name, v.Const)
	x.trained, x.held = n.role == trained && !n.stats[v], n.role == held
	a.byValue[v] = x
	return x.in
}

// node copies a node of the network, in its training form.
func (a *assembly) node(n *network, c graph.Cloner, node *graph.Node) error {
	at := len(a.m.Graph.Nodes)
	switch {
	case node.Domain == "" && node.Op == "Dropout":
		if err := a.dropout(c, node); err != nil {
			return err
		}
	case node.Domain == "" && node.Op == "BatchNormalization":
		for i := range 5 {
			if v := node.Input(i); v == nil || i > 2 && (v.Const == nil || len(v.Const.Shape) != 1) {
				return fmt.Errorf("input %d is missing, or no vector among the initializers", i)
			}
		}
		if n.freezes(node.In[3]) {
			a.plain(n, c, node)
		} else {
			a.batchNorm(n, c, node)
		}
	default:
		a.plain(n, c, node)
	}
	for _, m := range a.m.Graph.Nodes[at:] {
		if err := a.b.Infer(m); err != nil {
			return err
		}
	}
	return nil
}

// plain copies a node as it is.
func (a *assembly) plain(n *network, c graph.Cloner, node *graph.Node) {
	m := c.Node(node)
	for _, v := range m.Out {
		if v == nil {
			continue
		}
		v.Name = a.b.Name(n.prefix + v.Name)
		if a.set.Find(node.Domain, node.Op, a.m.Opsets[node.Domain]) != nil {
			v.Type = nil // inferred for the batch at hand
		}
	}
	if i := slices.IndexFunc(m.Out, func(v *graph.Value) bool { return v != nil }); i >= 0 {
		m.Name = m.Out[i].Name // onnxruntime takes no two nodes of one name
	}
	a.m.Graph.Append(m)
	if f := n.model.Function(node); f != nil && !slices.Contains(a.m.Functions, f) {
		a.m.Functions = append(a.m.Functions, f)
		for domain, opset := range f.Opsets {
			a.m.Opsets[domain] = max(a.m.Opsets[domain], opset)
		}
		a.m.Opsets[f.Domain] = max(a.m.Opsets[f.Domain], 1)
	}
}

// dropout multiplies by a mask that is an input, so that a resumed run draws the same.
func (a *assembly) dropout(c graph.Cloner, node *graph.Node) error {
	x := c[node.In[0]]
	ratio := float64(node.Attrs.Float("ratio", 0.5)) // until opset 12
	if r := node.Input(1); r != nil {
		t := ops.ConstantOf(r)
		if t == nil || t.Len() != 1 {
			return fmt.Errorf("the ratio is no constant")
		}
		var err error
		if ratio, err = scalarOf(t); err != nil {
			return err
		}
	}
	if !(ratio >= 0 && ratio < 1) {
		return fmt.Errorf("the ratio is %g: expected 0 to 1, without 1", ratio)
	}
	if len(node.Out) > 1 && node.Out[1] != nil && len(node.Out[1].Uses()) > 0 {
		return fmt.Errorf("its mask is read by other nodes")
	}
	if ratio == 0 {
		c[node.Out[0]] = x
		return nil
	}
	sizes := x.Type.Sizes()
	if sizes == nil || slices.Contains(sizes, -1) {
		return fmt.Errorf("the shape of its input is not known: %s", x.Type)
	}
	mask := a.m.Graph.NewInput(a.b.Name("dropout"), x.Type.Clone())
	a.masks = append(a.masks, Mask{Name: mask.Name, Shape: sizes, DType: x.Type.DType, Ratio: ratio})
	c[node.Out[0]] = a.b.Mul(x, mask)
	return nil
}

// batchNorm normalises by the statistics of the batch and moves the running ones towards these. In training mode
// onnxruntime writes into the node's inputs 3 and 4, whose content does not matter at momentum 0: each node has a pair of its
// own, which nothing else reads. No two hold the same number, for onnxruntime makes small constants that are equal one.
func (a *assembly) batchNorm(n *network, c graph.Cloner, node *graph.Node) {
	x, scale, bias := c[node.In[0]], c[node.In[1]], c[node.In[2]]
	channels := node.In[3].Const.Shape[0]
	private := func(stem string) *graph.Value {
		a.pairs++
		return a.m.Graph.NewConst(a.b.Name(stem), filled(node.In[3].Const.DType, unlikely+float64(a.pairs), channels))
	}
	attrs := graph.Attrs{"epsilon": node.Attrs.Float("epsilon", 1e-5), "momentum": 0.0, "training_mode": 1}
	out := a.b.OpN(3, "BatchNormalization", attrs, x, scale, bias, private("norm.mean"), private("norm.var"))
	c[node.Out[0]] = out[0]
	if n.role == held {
		return
	}
	count := 1.0
	for i, d := range x.Type.Sizes() {
		if i != 1 {
			count *= float64(d)
		}
	}
	// The running variance is that of a sample, as PyTorch keeps it; the batch's is that of a population.
	sample := count / max(count-1, 1)
	keep := float64(node.Attrs.Float("momentum", 0.9))
	for i, correction := range []float64{1, sample} {
		v := a.byValue[node.In[3+i]]
		if v == nil {
			continue
		}
		share := a.b.Mul(out[1+i], a.b.Like(out[1+i], (1-keep)*correction))
		v.now = a.b.Add(a.b.Mul(v.now, a.b.Like(v.now, keep)), share)
	}
}

// filled returns a vector of n equal numbers.
func filled(d graph.DType, x float64, n int64) *graph.Tensor {
	t := graph.NewTensor(d, n)
	switch d {
	case graph.Float32:
		for i := range n {
			graph.Data[float32](t)[i] = float32(x)
		}
	case graph.Float64:
		for i := range n {
			graph.Data[float64](t)[i] = x
		}
	}
	return t
}

// scalarOf reads the one number of t.
func scalarOf(t *graph.Tensor) (float64, error) {
	switch {
	case t.Len() != 1:
	case t.DType == graph.Float32:
		return float64(graph.Data[float32](t)[0]), nil
	case t.DType == graph.Float64:
		return graph.Data[float64](t)[0], nil
	}
	return 0, fmt.Errorf("%s is not one number", t)
}
