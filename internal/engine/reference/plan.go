// Package reference is the pure-Go engine: it runs each operator's Eval, in float32 and float64. It is the oracle of the other
// engines, what runs where no onnxruntime is found, and all there is in a build without cgo.
package reference

import (
	"fmt"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// program is a graph made ready to run: every value has a slot, every node its operator, and each slot is freed after its last use.
// It does not change and may be run by many goroutines.
type program struct {
	inputs  []int
	outputs []int
	presets []preset // constants and defaults
	steps   []step
	slots   int
	names   []string // of inputs, for messages
	capture []capture
}

type preset struct {
	slot  int
	value *graph.Tensor
}

// capture is a value of the surrounding graph that a subgraph reads.
type capture struct{ outer, inner int }

type step struct {
	op     *ops.Op // nil: a call of the model-local function sub
	node   *graph.Node
	opset  int64
	in     []int // -1: absent
	out    []int // -1: absent
	free   []int // slots whose last use this is
	bodies map[*graph.Graph]*program
	call   *program
}

// compile plans m with the operators of set. A node that set lacks runs through its model-local function or, if it is a composite
// without a kernel, through its expansion; otherwise the error lists every unsupported operator with its nodes.
// With bodies, functions and expansions come before kernels.
func compile(m *graph.Model, set *ops.Set, bodies bool) (*program, error) {
	c := &compiler{model: m, set: set, bodies: bodies, missing: map[string][]string{}}
	p, err := c.graph(m.Graph, m.Opsets, nil)
	if err != nil {
		return nil, err
	}
	if err := c.unsupported(); err != nil {
		return nil, err
	}
	return p, nil
}

type compiler struct {
	model   *graph.Model
	set     *ops.Set
	bodies  bool
	missing map[string][]string // operator and opset → nodes
	order   []string
	depth   int
}

// maxDepth bounds nested subgraphs, functions and expansions.
const maxDepth = 64

// frameOf maps the values of a graph, and of the graphs around it, to slots.
type frameOf struct {
	plan  *program
	slots map[*graph.Value]int
	outer *frameOf
}

func (f *frameOf) slot(v *graph.Value) (int, bool) {
	if v == nil {
		return -1, true
	}
	if s, ok := f.slots[v]; ok {
		return s, true
	}
	if f.outer == nil {
		return 0, false
	}
	s, ok := f.outer.slot(v)
	if !ok {
		return 0, false
	}
	inner := f.define(v)
	f.plan.capture = append(f.plan.capture, capture{s, inner})
	return inner, true
}

func (f *frameOf) define(v *graph.Value) int {
	s := f.plan.slots
	f.plan.slots++
	f.slots[v] = s
	return s
}

func (c *compiler) graph(g *graph.Graph, opsets map[string]int64, outer *frameOf) (*program, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, errs.New(errs.Limit, "graphs and functions nest deeper than %d", maxDepth)
	}
	defer func() { c.depth-- }()
	f := &frameOf{plan: &program{}, slots: map[*graph.Value]int{}, outer: outer}
	p := f.plan
	for _, v := range g.Inputs {
		p.inputs = append(p.inputs, f.define(v))
		p.names = append(p.names, v.Name)
	}
	for _, v := range g.Initializers {
		s, known := f.slots[v]
		if !known {
			s = f.define(v)
		}
		t := v.Const
		if t == nil {
			var err error
			if t, err = ops.Dense(v.Sparse); err != nil {
				return nil, errs.New(errs.Invalid, "initializer %q: %w", v.Name, err)
			}
		}
		p.presets = append(p.presets, preset{s, t})
	}
	for i, n := range g.Nodes {
		if err := c.node(f, i, n, opsets); err != nil {
			return nil, err
		}
	}
	for _, v := range g.Outputs {
		s, ok := f.slot(v)
		if !ok {
			return nil, errs.New(errs.Invalid, "output %q is not computed", v.Name)
		}
		p.outputs = append(p.outputs, s)
	}
	p.release()
	return p, nil
}

func nodeLabel(i int, n *graph.Node) string {
	if n.Name != "" {
		return n.Name
	}
	return strconv.Itoa(i)
}

func (c *compiler) node(f *frameOf, i int, n *graph.Node, opsets map[string]int64) error {
	st := step{node: n, opset: opsets[n.Domain]}
	for _, v := range n.In {
		s, ok := f.slot(v)
		if !ok {
			return errs.New(errs.Invalid, "node %s (%s) reads %q, which is not computed before it", nodeLabel(i, n), n.OpName(), v.Name)
		}
		st.in = append(st.in, s)
	}
	op := c.set.Find(n.Domain, n.Op, st.opset)
	switch fn := c.model.Function(n); {
	case op != nil && op.Eval != nil && !(c.bodies && (fn != nil || op.Expand != nil)):
		st.op = op
	case fn != nil:
		body, err := ops.Instantiate(fn, n)
		if err != nil {
			return err
		}
		if st.call, err = c.graph(body, fn.Opsets, nil); err != nil {
			return fmt.Errorf("function %s: %w", n.OpName(), err)
		}
	case op != nil && op.Expand != nil:
		body, err := ops.BodyOf(op, n, c.set, opsets)
		if err != nil {
			return err
		}
		if st.call, err = c.graph(body.Body, body.Opsets, nil); err != nil {
			return fmt.Errorf("expansion of %s: %w", n.OpName(), err)
		}
	default:
		c.miss(n, st.opset, nodeLabel(i, n))
	}
	var err error
	n.Attrs.Subgraphs(func(g *graph.Graph) bool {
		var sub *program
		if sub, err = c.graph(g, opsets, f); err == nil {
			if st.bodies == nil {
				st.bodies = map[*graph.Graph]*program{}
			}
			st.bodies[g] = sub
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	for _, v := range n.Out {
		if v == nil {
			st.out = append(st.out, -1)
		} else {
			st.out = append(st.out, f.define(v))
		}
	}
	f.plan.steps = append(f.plan.steps, st)
	return nil
}

func (c *compiler) miss(n *graph.Node, opset int64, label string) {
	key := fmt.Sprintf("%s (opset %d)", n.OpName(), opset)
	if c.missing[key] == nil {
		c.order = append(c.order, key)
	}
	c.missing[key] = append(c.missing[key], label)
}

// unsupported is one error for all operators that cannot run.
func (c *compiler) unsupported() error {
	if len(c.order) == 0 {
		return nil
	}
	text := ""
	for _, key := range c.order {
		nodes := c.missing[key]
		list := fmt.Sprint(nodes[:min(len(nodes), 8)])
		if len(nodes) > 8 {
			list += fmt.Sprintf(" and %d more", len(nodes)-8)
		}
		text += fmt.Sprintf("; %s at nodes %s", key, list)
	}
	return errs.New(errs.UnsupportedOp, "%d operators have no kernel in the reference engine%s", len(c.order), text)
}

// release finds the last use of every slot that is not an output, an input's default or a constant.
func (p *program) release() {
	keep := make([]bool, p.slots)
	for _, s := range p.outputs {
		keep[s] = true
	}
	for _, c := range p.presets {
		keep[c.slot] = true
	}
	for _, c := range p.capture {
		keep[c.inner] = true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		st := &p.steps[i]
		use := func(s int) {
			if s >= 0 && !keep[s] {
				keep[s] = true
				st.free = append(st.free, s)
			}
		}
		for _, s := range st.in {
			use(s)
		}
		for _, b := range st.bodies {
			for _, c := range b.capture {
				use(c.outer)
			}
		}
		for _, s := range st.out {
			use(s)
		}
	}
}
