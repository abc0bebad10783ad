package graph

import (
	"fmt"
	"slices"
)

// Value is an edge: a graph input, a constant, or a node's output.
type Value struct {
	Name     string
	Doc      string
	Type     *Type   // nil: unknown
	Const    *Tensor // initializer, or nil
	Sparse   *Sparse // sparse initializer, or nil
	Metadata map[string]string

	producer *Node
	index    int
	uses     []Use
}

// Use is one place where a value is read: input Index of Node.
type Use struct {
	Node  *Node
	Index int
}

// Producer returns the node that computes v and which of its outputs v is; nil for inputs and constants.
func (v *Value) Producer() (*Node, int) { return v.producer, v.index }

// Uses returns the places that read v, subgraphs included, graph outputs not. The slice is v's own: do not change it.
func (v *Value) Uses() []Use { return v.uses }

// Node is one operator application. Absent optional inputs and outputs are nil. Edit In and Out through SetIn and SetOut.
type Node struct {
	Name, Op, Domain, Overload string
	Doc                        string
	In, Out                    []*Value
	Attrs                      Attrs
	Metadata                   map[string]string
	AttrDocs                   map[string]string // documentation of attributes by name
	// Extra is serialised fields of the file's node that the graph does not model (device configurations), carried unchanged.
	Extra []byte

	slots []int // slots[i] is where In[i].uses holds this use
}

// NewNode returns a node that reads in and produces out, which must not have a producer yet; def-use chains are kept.
func NewNode(domain, op string, attrs Attrs, in, out []*Value) *Node {
	n := &Node{Domain: domain, Op: op, Attrs: Attrs{}, In: slices.Clone(in), Out: make([]*Value, len(out))}
	for k, v := range attrs {
		v = normalAttr(v)
		if KindOf(v) == UndefinedAttr {
			panic(fmt.Sprintf("graph: attribute %s of %s is a %T", k, op, v))
		}
		n.Attrs[k] = v
	}
	for i, v := range n.In {
		if v != nil {
			n.link(i, v)
		}
	}
	for i, v := range out {
		n.SetOut(i, v)
	}
	return n
}

// OpName returns domain:op, or op alone in the standard domain.
func (n *Node) OpName() string {
	if n.Domain == "" {
		return n.Op
	}
	return n.Domain + ":" + n.Op
}

// Input returns input i, nil if it is absent.
func (n *Node) Input(i int) *Value {
	if i < len(n.In) {
		return n.In[i]
	}
	return nil
}

// SetIn makes v (nil: nothing) input i, which may be one past the last.
func (n *Node) SetIn(i int, v *Value) {
	if i == len(n.In) {
		n.In = append(n.In, nil)
	}
	if old := n.In[i]; old != nil {
		n.unlink(i, old)
	}
	if n.In[i] = v; v != nil {
		n.link(i, v)
	}
}

// link adds this use to v and remembers where, so that unlink takes constant time however often v is used.
func (n *Node) link(i int, v *Value) {
	for len(n.slots) <= i {
		n.slots = append(n.slots, 0)
	}
	n.slots[i] = len(v.uses)
	v.uses = append(v.uses, Use{n, i})
}

// unlink fills the gap with v's last use.
func (n *Node) unlink(i int, v *Value) {
	at, last := n.slots[i], len(v.uses)-1
	moved := v.uses[last]
	v.uses[at] = moved
	moved.Node.slots[moved.Index] = at
	v.uses[last] = Use{}
	v.uses = v.uses[:last]
}

// SetOut makes v output i, which may be one past the last. It panics if another node produces v.
func (n *Node) SetOut(i int, v *Value) {
	if i == len(n.Out) {
		n.Out = append(n.Out, nil)
	}
	if v != nil && v.producer != nil && (v.producer != n || v.index != i) {
		panic(fmt.Sprintf("graph: value %q has two producers", v.Name))
	}
	if old := n.Out[i]; old != nil {
		old.producer, old.index = nil, 0
	}
	if n.Out[i] = v; v != nil {
		v.producer, v.index = n, i
	}
}

// Graph is a list of nodes in an order of execution, with its inputs, constants and outputs. A subgraph may read values of the
// graphs around it.
type Graph struct {
	Name, Doc    string
	Inputs       []*Value
	Outputs      []*Value
	Initializers []*Value // each has Const or Sparse; one may also be an input, whose default it then is
	Nodes        []*Node
	Metadata     map[string]string
	Quant        []Quant
	// Extra is serialised fields of the file's graph that belong to no value (types of names that do not occur), carried unchanged.
	Extra []byte
}

// Quant is a quantisation annotation: the constants that hold scale, zero point and the like of a tensor.
type Quant struct {
	Tensor string
	Params map[string]string
}

// NewInput adds a graph input.
func (g *Graph) NewInput(name string, t *Type) *Value {
	v := &Value{Name: name, Type: t}
	g.Inputs = append(g.Inputs, v)
	return v
}

// NewConst adds an initializer that holds t.
func (g *Graph) NewConst(name string, t *Tensor) *Value {
	v := &Value{Name: name, Const: t, Type: TypeOf(t)}
	g.Initializers = append(g.Initializers, v)
	return v
}

// Append adds nodes at the end.
func (g *Graph) Append(nodes ...*Node) { g.Nodes = append(g.Nodes, nodes...) }

// Remove takes n out of the graph and out of the uses of its inputs. Its outputs must be unused.
func (g *Graph) Remove(n *Node) {
	for _, v := range n.Out {
		if v != nil && (len(v.uses) > 0 || slices.Contains(g.Outputs, v)) {
			panic(fmt.Sprintf("graph: value %q of removed node %s is in use", v.Name, n.OpName()))
		}
	}
	for i := range n.In {
		n.SetIn(i, nil)
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(m *Node) bool { return m == n })
}

// ReplaceUses makes every reader of old, and the graph's outputs, read v instead.
func (g *Graph) ReplaceUses(old, v *Value) {
	for _, u := range slices.Clone(old.uses) {
		u.Node.SetIn(u.Index, v)
	}
	for i, o := range g.Outputs {
		if o == old {
			g.Outputs[i] = v
		}
	}
}

// Walk calls f for every node of g and of its subgraphs, outer nodes first, and stops when f returns false.
func (g *Graph) Walk(f func(g *Graph, n *Node) bool) bool {
	for _, n := range g.Nodes {
		if !f(g, n) || !n.Attrs.Subgraphs(func(s *Graph) bool { return s.Walk(f) }) {
			return false
		}
	}
	return true
}

// Input returns the input of that name, nil if there is none.
func (g *Graph) Input(name string) *Value { return byName(g.Inputs, name) }

// Output returns the output of that name, nil if there is none.
func (g *Graph) Output(name string) *Value { return byName(g.Outputs, name) }

func byName(vs []*Value, name string) *Value {
	for _, v := range vs {
		if v.Name == name {
			return v
		}
	}
	return nil
}
