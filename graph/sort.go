package graph

import "fmt"

// Sort puts every node of g after the producers of what it and its subgraphs read. Nodes move only where they must: a sorted graph
// stays as it is. It fails, and changes nothing, if nodes form a cycle. Subgraphs are not sorted themselves.
func (g *Graph) Sort() error {
	const waiting, placed = 1, 2
	state := make(map[*Node]int, len(g.Nodes))
	in := make(map[*Node]bool, len(g.Nodes))
	for _, n := range g.Nodes {
		in[n] = true
	}
	type frame struct {
		node *Node
		deps []*Node
	}
	sorted := make([]*Node, 0, len(g.Nodes))
	var stack []frame
	push := func(n *Node) {
		state[n] = waiting
		stack = append(stack, frame{n, n.producers()})
	}
	for _, n := range g.Nodes {
		if state[n] == 0 {
			push(n)
		}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.deps) == 0 {
				state[top.node] = placed
				sorted = append(sorted, top.node)
				stack = stack[:len(stack)-1]
				continue
			}
			d := top.deps[0]
			top.deps = top.deps[1:]
			switch {
			case !in[d] || state[d] == placed:
			case state[d] == waiting:
				return fmt.Errorf("node %s (%s) reads what depends on it", d.Name, d.OpName())
			default:
				push(d)
			}
		}
	}
	g.Nodes = sorted
	return nil
}

// producers returns the nodes that compute what n reads, itself and in its subgraphs.
func (n *Node) producers() []*Node {
	var out []*Node
	add := func(v *Value) {
		if v != nil && v.producer != nil {
			out = append(out, v.producer)
		}
	}
	for _, v := range n.In {
		add(v)
	}
	var inner func(g *Graph) bool
	inner = func(g *Graph) bool {
		for _, m := range g.Nodes {
			for _, v := range m.In {
				add(v)
			}
			m.Attrs.Subgraphs(inner)
		}
		for _, v := range g.Outputs {
			add(v)
		}
		return true
	}
	n.Attrs.Subgraphs(inner)
	return out
}
