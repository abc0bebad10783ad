package graph

import (
	"fmt"
	"slices"
)

// Verify checks the invariant of a model: every graph passes [Graph.Verify], function names are unique and do not call each other
// in a circle, and attribute references stand only inside functions.
func (m *Model) Verify() error {
	if m.Graph == nil {
		return fmt.Errorf("model has no graph")
	}
	seen := map[string]bool{}
	for _, f := range m.Functions {
		key := f.Domain + ":" + f.Name + ":" + f.Overload
		if seen[key] {
			return fmt.Errorf("function %s is defined twice", key)
		}
		seen[key] = true
		if f.Body == nil {
			return fmt.Errorf("function %s has no body", key)
		}
	}
	var err error
	m.Graphs(func(name string, g *Graph) bool {
		if err = g.verify(nil, m.isFunctionBody(g)); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return m.verifyCalls()
}

func (m *Model) isFunctionBody(g *Graph) bool {
	return slices.ContainsFunc(m.Functions, func(f *Function) bool { return f.Body == g })
}

// verifyCalls refuses functions that reach themselves.
func (m *Model) verifyCalls() error {
	const active, done = 1, 2
	state := map[*Function]int{}
	var visit func(f *Function) error
	visit = func(f *Function) error {
		switch state[f] {
		case active:
			return fmt.Errorf("function %s:%s calls itself", f.Domain, f.Name)
		case done:
			return nil
		}
		state[f] = active
		var err error
		f.Body.Walk(func(_ *Graph, n *Node) bool {
			if g := m.Function(n); g != nil {
				err = visit(g)
			}
			return err == nil
		})
		state[f] = done
		return err
	}
	for _, f := range m.Functions {
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// Verify checks the invariant of a graph:
//   - names of inputs, constants and node outputs are not empty and unique within the graph;
//   - nodes stand after the producers of what they read, and read only values of this graph;
//   - producers and uses agree with the nodes, in both directions;
//   - outputs belong to the graph; constants hold what their shape says; subgraphs hold the same.
func (g *Graph) Verify() error { return g.verify(nil, false) }

// scope is the values that a graph may read, with those of the graphs around it.
type scope struct {
	outer  *scope
	values map[*Value]bool
}

func (s *scope) has(v *Value) bool {
	for ; s != nil; s = s.outer {
		if s.values[v] {
			return true
		}
	}
	return false
}

func (g *Graph) verify(outer *scope, inFunction bool) error {
	s := &scope{outer, map[*Value]bool{}}
	names := map[string]*Value{}
	declare := func(v *Value, what string) error {
		switch {
		case v == nil:
			return fmt.Errorf("%s is nil", what)
		case v.Name == "":
			return fmt.Errorf("%s has no name", what)
		case names[v.Name] != nil:
			return fmt.Errorf("%s %q: the name is taken", what, v.Name)
		}
		names[v.Name] = v
		s.values[v] = true
		return nil
	}
	for _, v := range g.Inputs {
		if err := declare(v, "input"); err != nil {
			return err
		}
		if v.producer != nil {
			return fmt.Errorf("input %q is the output of a node", v.Name)
		}
	}
	for _, v := range g.Initializers {
		if v == nil || !s.values[v] {
			if err := declare(v, "initializer"); err != nil {
				return err
			}
		}
		if err := verifyConst(v); err != nil {
			return err
		}
	}
	for i, n := range g.Nodes {
		if err := n.verify(s, inFunction); err != nil {
			return fmt.Errorf("node %d (%s) %s: %w", i, n.OpName(), n.Name, err)
		}
		for j, v := range n.Out {
			if v == nil {
				continue
			}
			if v.producer != n || v.index != j {
				return fmt.Errorf("node %d (%s): output %q names another producer", i, n.OpName(), v.Name)
			}
			if err := declare(v, fmt.Sprintf("node %d (%s): output", i, n.OpName())); err != nil {
				return err
			}
		}
	}
	for i, v := range g.Outputs {
		if v == nil || !s.has(v) {
			return fmt.Errorf("output %d is not a value of the graph", i)
		}
	}
	return g.verifyUses()
}

func verifyConst(v *Value) error {
	if (v.Const == nil) == (v.Sparse == nil) {
		return fmt.Errorf("initializer %q: want one of a dense and a sparse constant", v.Name)
	}
	if v.producer != nil {
		return fmt.Errorf("initializer %q is the output of a node", v.Name)
	}
	if v.Const != nil {
		if err := v.Const.Check(); err != nil {
			return fmt.Errorf("initializer %q: %w", v.Name, err)
		}
	}
	return nil
}

func (n *Node) verify(s *scope, inFunction bool) error {
	if n.Op == "" {
		return fmt.Errorf("no operator name")
	}
	for i, v := range n.In {
		if v == nil {
			continue
		}
		if !s.has(v) {
			return fmt.Errorf("input %d %q is not defined before it", i, v.Name)
		}
		if !slices.Contains(v.uses, Use{n, i}) {
			return fmt.Errorf("input %d %q does not list this use", i, v.Name)
		}
	}
	for _, name := range n.Attrs.Names() {
		v := n.Attrs[name]
		if KindOf(v) == UndefinedAttr {
			return fmt.Errorf("attribute %s is a %T", name, v)
		}
		if _, ok := v.(AttrRef); ok && !inFunction {
			return fmt.Errorf("attribute %s refers to a function's attribute outside a function", name)
		}
		if t, ok := v.(*Tensor); ok && t.Check() != nil {
			return fmt.Errorf("attribute %s: %w", name, t.Check())
		}
	}
	var err error
	n.Attrs.Subgraphs(func(g *Graph) bool {
		err = g.verify(s, inFunction)
		return err == nil
	})
	return err
}

// verifyUses checks that each use of a value of g is a true one.
func (g *Graph) verifyUses() error {
	check := func(v *Value) error {
		for _, u := range v.uses {
			if u.Index >= len(u.Node.In) || u.Node.In[u.Index] != v {
				return fmt.Errorf("value %q lists a use that does not read it", v.Name)
			}
		}
		return nil
	}
	for _, vs := range [][]*Value{g.Inputs, g.Initializers} {
		for _, v := range vs {
			if err := check(v); err != nil {
				return err
			}
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v != nil {
				if err := check(v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
