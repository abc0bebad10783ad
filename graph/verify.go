package graph

import (
	"fmt"
	"slices"
)

// Verify checks the invariant of a model: every graph passes [Graph.Verify], where training graphs may read the main graph; function
// names are unique and functions do not call each other in a circle; references to attributes stand only inside functions.
//
// It takes time proportional to the model, so passes can afford it after each step.
func (m *Model) Verify() error {
	if m.Graph == nil {
		return fmt.Errorf("model has no graph")
	}
	c := newVerifier()
	main, err := c.graph(m.Graph, nil, false)
	if err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	for i, t := range m.Training {
		for _, g := range []*Graph{t.Init, t.Algorithm} {
			if g == nil {
				continue
			}
			if err := c.whole(g, main, false); err != nil {
				return fmt.Errorf("training step %d: %w", i, err)
			}
		}
	}
	if err := c.uses(m.Graph, main); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	seen := map[callee]bool{}
	for _, f := range m.Functions {
		switch id := f.callee(); {
		case f.Name == "":
			return fmt.Errorf("a function has no name")
		case seen[id]:
			return fmt.Errorf("function %s is defined twice", id)
		case f.Body == nil:
			return fmt.Errorf("function %s has no body", id)
		default:
			seen[id] = true
		}
		if err := c.function(f); err != nil {
			return fmt.Errorf("function %s: %w", f.callee(), err)
		}
	}
	_, err = m.InlinedNodes()
	return err
}

// Verify checks the invariant of a graph:
//   - names of inputs, constants and node outputs are not empty and unique within the graph;
//   - nodes stand after the producers of what they read, and read only values of this graph;
//   - producers and uses agree with the nodes, in both directions;
//   - outputs belong to the graph; constants hold what their shape says; subgraphs hold the same.
func (g *Graph) Verify() error { return newVerifier().whole(g, nil, false) }

// verifier holds what has been met. Uses are checked last, when every node that may read a value has been seen.
type verifier struct {
	nodes  map[*Node]bool
	graphs map[*Graph]bool
}

func newVerifier() *verifier { return &verifier{map[*Node]bool{}, map[*Graph]bool{}} }

// scope counts the reads of each value of a graph, and leads to the graphs around it.
type scope struct {
	outer *scope
	reads map[*Value]int
}

// holder returns the scope that v belongs to, nil if it is out of reach.
func (s *scope) holder(v *Value) *scope {
	for ; s != nil; s = s.outer {
		if _, ok := s.reads[v]; ok {
			return s
		}
	}
	return nil
}

func (c *verifier) whole(g *Graph, outer *scope, inFunction bool) error {
	s, err := c.graph(g, outer, inFunction)
	if err != nil {
		return err
	}
	return c.uses(g, s)
}

func (c *verifier) function(f *Function) error {
	for _, name := range f.Attrs {
		if f.Defaults.Has(name) {
			return fmt.Errorf("attribute %s is both required and has a default", name)
		}
	}
	if err := c.attrs(f.Defaults, nil, true); err != nil {
		return err
	}
	return c.whole(f.Body, nil, true)
}

func (c *verifier) graph(g *Graph, outer *scope, inFunction bool) (*scope, error) {
	if c.graphs[g] {
		return nil, fmt.Errorf("graph %q occurs twice", g.Name)
	}
	c.graphs[g] = true
	s := &scope{outer, make(map[*Value]int, len(g.Inputs)+len(g.Initializers)+len(g.Nodes))}
	names := make(map[string]bool, len(g.Nodes))
	declare := func(v *Value, what string) error {
		switch {
		case v == nil:
			return fmt.Errorf("%s is nil", what)
		case v.Name == "":
			return fmt.Errorf("%s has no name", what)
		case names[v.Name]:
			return fmt.Errorf("%s %q: the name is taken", what, v.Name)
		}
		names[v.Name] = true
		s.reads[v] = 0
		return nil
	}
	for _, v := range g.Inputs {
		if err := declare(v, "input"); err != nil {
			return nil, err
		}
		if v.producer != nil {
			return nil, fmt.Errorf("input %q is the output of a node", v.Name)
		}
	}
	for _, v := range g.Initializers {
		if _, ok := s.reads[v]; !ok {
			if err := declare(v, "initializer"); err != nil {
				return nil, err
			}
		}
		if err := verifyConst(v); err != nil {
			return nil, err
		}
	}
	if err := uniqueConsts(g.Initializers); err != nil {
		return nil, err
	}
	for i, n := range g.Nodes {
		if n == nil {
			return nil, fmt.Errorf("node %d is nil", i)
		}
		if err := c.node(n, s, inFunction); err != nil {
			return nil, fmt.Errorf("node %d (%s) %s: %w", i, n.OpName(), n.Name, err)
		}
		for j, v := range n.Out {
			if v == nil {
				continue
			}
			if v.producer != n || v.index != j {
				return nil, fmt.Errorf("node %d (%s): output %q names another producer", i, n.OpName(), v.Name)
			}
			if err := declare(v, "output"); err != nil {
				return nil, fmt.Errorf("node %d (%s): %w", i, n.OpName(), err)
			}
		}
	}
	for i, v := range g.Outputs {
		if v == nil || s.holder(v) == nil {
			return nil, fmt.Errorf("output %d is not a value of the graph", i)
		}
	}
	return s, nil
}

func uniqueConsts(vs []*Value) error {
	seen := make(map[*Value]bool, len(vs))
	for _, v := range vs {
		if seen[v] {
			return fmt.Errorf("initializer %q occurs twice", v.Name)
		}
		seen[v] = true
	}
	return nil
}

func verifyConst(v *Value) error {
	if (v.Const == nil) == (v.Sparse == nil) {
		return fmt.Errorf("initializer %q: want one of a dense and a sparse constant", v.Name)
	}
	if v.producer != nil {
		return fmt.Errorf("initializer %q is the output of a node", v.Name)
	}
	var err error
	if v.Sparse != nil {
		err = v.Sparse.Check()
	} else {
		err = v.Const.Check()
	}
	if err != nil {
		return fmt.Errorf("initializer %q: %w", v.Name, err)
	}
	return nil
}

func (c *verifier) node(n *Node, s *scope, inFunction bool) error {
	if n.Op == "" {
		return fmt.Errorf("no operator name")
	}
	if c.nodes[n] {
		return fmt.Errorf("the node occurs twice")
	}
	c.nodes[n] = true
	for i, v := range n.In {
		if v == nil {
			continue
		}
		h := s.holder(v)
		if h == nil {
			return fmt.Errorf("input %d %q is not defined before it", i, v.Name)
		}
		h.reads[v]++
	}
	return c.attrs(n.Attrs, s, inFunction)
}

func (c *verifier) attrs(attrs Attrs, s *scope, inFunction bool) error {
	for _, name := range attrs.Names() {
		if err := c.attr(attrs[name], s, inFunction); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return nil
}

func (c *verifier) attr(v any, s *scope, inFunction bool) error {
	switch v := v.(type) {
	case AttrRef:
		if !inFunction {
			return fmt.Errorf("it refers to a function's attribute outside a function")
		}
	case *Tensor:
		return checkTensor(v)
	case []*Tensor:
		return firstError(v, checkTensor)
	case *Sparse:
		return v.Check()
	case []*Sparse:
		return firstError(v, (*Sparse).Check)
	case *Graph:
		return c.subgraph(v, s, inFunction)
	case []*Graph:
		return firstError(v, func(g *Graph) error { return c.subgraph(g, s, inFunction) })
	}
	if KindOf(v) == UndefinedAttr {
		return fmt.Errorf("a %T is no attribute", v)
	}
	return nil
}

func (c *verifier) subgraph(g *Graph, s *scope, inFunction bool) error {
	if g == nil {
		return fmt.Errorf("the subgraph is nil")
	}
	return c.whole(g, s, inFunction)
}

func checkTensor(t *Tensor) error {
	if t == nil {
		return fmt.Errorf("the tensor is nil")
	}
	return t.Check()
}

func firstError[T any](xs []T, check func(T) error) error {
	for i, x := range xs {
		if err := check(x); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

// uses checks that the lists of uses of g's values are exactly the reads. Every listed use is a true one by a node that was met, and
// none is listed twice; as the numbers agree, none is missing.
func (c *verifier) uses(g *Graph, s *scope) error {
	for _, vs := range [][]*Value{g.Inputs, g.Initializers} {
		for _, v := range vs {
			if err := c.valueUses(v, s.reads[v]); err != nil {
				return err
			}
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v == nil {
				continue
			}
			if err := c.valueUses(v, s.reads[v]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *verifier) valueUses(v *Value, reads int) error {
	if len(v.uses) != reads {
		return fmt.Errorf("value %q lists %d uses, %d nodes' inputs read it", v.Name, len(v.uses), reads)
	}
	var seen map[Use]bool
	if len(v.uses) > 16 {
		seen = make(map[Use]bool, len(v.uses))
	}
	for i, u := range v.uses {
		if !c.nodes[u.Node] || u.Index >= len(u.Node.In) || u.Node.In[u.Index] != v {
			return fmt.Errorf("value %q lists a use that does not read it", v.Name)
		}
		if seen[u] || seen == nil && slices.Contains(v.uses[:i], u) {
			return fmt.Errorf("value %q lists a use twice", v.Name)
		}
		if seen != nil {
			seen[u] = true
		}
	}
	return nil
}
