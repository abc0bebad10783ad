package train

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// A step's new state is written over the old, while engines run nodes in any order that the graph allows: an update could come
// before the gradient that still reads the old weight. So every update waits for all gradients, by way of a token that is made of
// them and that the optimiser's numbers pass.

// token is made of every gradient and of the loss, and of whatever else reads a parameter that is going to change and none of these
// needs.
func (a *assembly) token(g []gradient, loss *graph.Value) []*graph.Value {
	ends := make([]*graph.Value, 0, len(g)+1)
	for _, x := range g {
		ends = append(ends, x.d)
	}
	if loss != nil {
		ends = append(ends, loss)
	}
	covered, needed := ancestors(ends...), slices.Clone(ends)
	for _, v := range a.variables {
		if v.now != v.in {
			needed = append(needed, v.now)
		}
	}
	alive := ancestors(needed...)
	var parts []*graph.Value
	for _, v := range ends {
		parts = append(parts, a.element(v))
	}
	seen := map[*graph.Node]bool{}
	for _, x := range g {
		for _, use := range x.of.in.Uses() {
			n := use.Node
			if covered[n] || !alive[n] || seen[n] {
				continue
			}
			seen[n] = true
			i := slices.IndexFunc(n.Out, func(v *graph.Value) bool { return v != nil })
			parts = append(parts, a.element(a.b.CastLike(n.Out[i], ends[0])))
		}
	}
	return parts
}

// element is the first element of v, as a vector.
func (a *assembly) element(v *graph.Value) *graph.Value {
	return a.b.Op("Slice", nil, a.b.Reshape(v, -1), a.b.Ints(0), a.b.Ints(1), a.b.Ints(0))
}

// after is v, of shape [1], once the token is there: bit for bit, for nothing is computed with the token.
func (a *assembly) after(v *graph.Value, token []*graph.Value) *graph.Value {
	all := a.b.Op("Concat", graph.Attrs{"axis": 0}, append([]*graph.Value{v}, token...)...)
	return a.b.Op("Slice", nil, all, a.b.Ints(0), a.b.Ints(1), a.b.Ints(0))
}

// inPlace checks that the writer of every new state comes after all readers of the old: that it depends on each, or is it.
func (a *assembly) inPlace() error {
	for _, v := range a.variables {
		if v.now == v.in {
			continue
		}
		writer, _ := v.now.Producer()
		before := ancestors(writer.In...)
		for _, use := range slices.Clone(v.in.Uses()) {
			if use.Node == writer || before[use.Node] {
				continue
			}
			return errs.New(errs.Invalid, "%s is read by %s (%s), which does not come before the node that writes it: the step cannot run in place",
				v.name, use.Node.OpName(), use.Node.Name)
		}
	}
	return nil
}

// ancestors returns the nodes that must run before vs are there.
func ancestors(vs ...*graph.Value) map[*graph.Node]bool {
	seen := map[*graph.Node]bool{}
	for stack := slices.Clone(vs); len(stack) > 0; {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == nil {
			continue
		}
		if p, _ := v.Producer(); p != nil && !seen[p] {
			seen[p] = true
			stack = append(stack, p.In...)
		}
	}
	return seen
}
