package ops

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

const (
	bodyOpset = 18 // opset in which bodies are written
	bodyIR    = 8  // first IR version with functions
)

// AttachBodies gives every node of a composite operator outside the standard domain a function body, so that any ONNX
// runtime can run the model. It is for a model that is about to be written; [DetachBodies] undoes it.
//
// A function has one body, while nodes differ in attributes and in the optional inputs they have. The nodes that are
// like the first of their operator, forwarded attributes aside, share a function of the operator's name; each other
// kind of node is renamed, say HealpixConv_3f21c07a, and has a function of that name. (Overloads would say the same,
// but onnxruntime 1.24 takes any overload for any other, and 1.30 does not find one that a function calls.)
//
// It replaces functions that carry the names of set's operators, raises the model's IR version to 8 where it is lower
// and adds the opset imports it needs. The model must import opset 18 or later.
func AttachBodies(m *graph.Model, set *Set) error {
	return AttachBodiesExcept(m, set, func(*graph.Node) bool { return false })
}

// AttachBodiesExcept is AttachBodies for an engine that has kernels of its own: nodes for which native is true stay as
// they are, under their operator's name, and no function has that name. So a kernel, which an engine registers for all
// nodes of a name, can serve some of them and bodies the others.
func AttachBodiesExcept(m *graph.Model, set *Set, native func(n *graph.Node) bool) error {
	DetachBodies(m, set)
	a := attacher{m: m, set: set, native: native, taken: map[string]string{}}
	m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		if composite(set, n) != nil && native(n) {
			a.taken[n.OpName()] = kernelStyle
		}
		return true
	})
	a.graph(m.Graph)
	for done := 0; done < len(a.functions) && a.err == nil; done++ {
		a.graph(a.functions[done].Body)
	}
	if a.err != nil {
		return a.err
	}
	// Callees first, for readers that go through the list once.
	slices.Reverse(a.functions)
	m.Functions = append(a.functions, m.Functions...)
	return nil
}

// kernelStyle is the style, unlike any other, of nodes that have no body.
const kernelStyle = "kernel"

type attacher struct {
	m         *graph.Model
	set       *Set
	native    func(*graph.Node) bool
	taken     map[string]string // style of the nodes that each function serves, by domain:name
	functions []*graph.Function
	err       error
}

func (a *attacher) graph(g *graph.Graph) {
	g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		a.err = a.node(n)
		return a.err == nil
	})
}

func (a *attacher) node(n *graph.Node) error {
	op := composite(a.set, n)
	if op == nil || a.taken[n.OpName()] == kernelStyle && a.native(n) {
		return nil
	}
	style := styleOf(op, n)
	plain := n.OpName()
	if s, ok := a.taken[plain]; ok && s != style {
		sum := sha256.Sum256([]byte(style))
		n.Op += "_" + hex.EncodeToString(sum[:4])
	}
	if a.taken[n.OpName()] == style {
		return nil
	}
	a.taken[n.OpName()] = style
	if v := a.m.Opsets[""]; v != 0 && v < bodyOpset {
		return errs.New(errs.Invalid, "the body of %s needs opset %d of the standard domain, the model imports %d",
			plain, bodyOpset, v)
	} else if v == 0 {
		a.m.Opsets[""] = bodyOpset
	}
	if a.m.Opsets[n.Domain] == 0 {
		a.m.Opsets[n.Domain] = op.Since
	}
	a.m.IRVersion = max(a.m.IRVersion, bodyIR)
	f, err := sharedBody(op, n, a.set, a.m.Opsets)
	if err != nil {
		return err
	}
	a.functions = append(a.functions, f)
	return nil
}

// variant matches the name of an operator's function for nodes unlike the first.
var variant = regexp.MustCompile(`^(.+)_[0-9a-f]{8}$`)

// composite returns the operator of set, outside the standard domain, that n or the function n calls stands for; nil if
// none.
func composite(set *Set, n *graph.Node) *Op {
	return compositeNamed(set, n.Domain, n.Op)
}

func compositeNamed(set *Set, domain, name string) *Op {
	if domain == "" {
		return nil
	}
	op := set.Newest(domain, name)
	if op == nil {
		if s := variant.FindStringSubmatch(name); s != nil {
			op = set.Newest(domain, s[1])
		}
	}
	if op == nil || op.Expand == nil {
		return nil
	}
	return op
}

// DetachBodies gives nodes that call a body of one of set's operators the operator's own name, and drops these
// functions.
func DetachBodies(m *graph.Model, set *Set) {
	m.Functions = slices.DeleteFunc(m.Functions, func(f *graph.Function) bool {
		return compositeNamed(set, f.Domain, f.Name) != nil
	})
	m.Graphs(func(_ string, g *graph.Graph) bool {
		return g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			if op := composite(set, n); op != nil {
				n.Op, n.Overload = op.Name, ""
			}
			return true
		})
	})
}

// styleOf tells what of n its body depends on: attributes that are not forwarded, which inputs and outputs there are
// and, if the operator says so, the types of the inputs.
func styleOf(op *Op, n *graph.Node) string {
	h := sha256.New()
	for _, name := range n.Attrs.Names() {
		if slices.Contains(op.Forward, name) {
			fmt.Fprintf(h, "%q forwarded\n", name)
			continue
		}
		fmt.Fprintf(h, "%q ", name)
		writeAttr(h, n.Attrs[name])
	}
	for i, v := range n.In {
		if v != nil {
			fmt.Fprintf(h, "in %d\n", i)
			if op.Shaped {
				fmt.Fprintln(h, v.Type)
			}
		}
	}
	fmt.Fprintf(h, "out %d", len(n.Out))
	return string(h.Sum(nil))
}

func writeAttr(w io.Writer, v any) {
	if t, ok := v.(*graph.Tensor); ok {
		fmt.Fprintf(w, "%s %q %q\n", t, t.Raw, t.Strings)
		return
	}
	fmt.Fprintf(w, "%#v\n", v)
}

// BodyOf returns the expansion of n, a node of op, as a function of n's inputs by position, absent ones included. The
// attributes are those of n; opsets are those of the model.
func BodyOf(op *Op, n *graph.Node, set *Set, opsets map[string]int64) (*graph.Function, error) {
	return bodyOf(op, n, n.Attrs, set, opsets)
}

// sharedBody is BodyOf with references in place of forwarded attributes: the function that n and all nodes of its style
// call.
func sharedBody(op *Op, n *graph.Node, set *Set, opsets map[string]int64) (*graph.Function, error) {
	attrs := maps.Clone(n.Attrs)
	var refs []string
	for _, name := range n.Attrs.Names() {
		if slices.Contains(op.Forward, name) {
			refs = append(refs, name)
			attrs[name] = graph.AttrRef{Name: name, Kind: graph.KindOf(n.Attrs[name])}
		}
	}
	f, err := bodyOf(op, n, attrs, set, opsets)
	if err == nil {
		f.Attrs = refs
		for _, p := range f.Body.Inputs {
			p.Type = nil // another node's may differ
		}
	}
	return f, err
}

func bodyOf(op *Op, n *graph.Node, attrs graph.Attrs, set *Set, opsets map[string]int64) (*graph.Function, error) {
	opsets = maps.Clone(opsets)
	if opsets[""] == 0 { // a model of other domains alone
		opsets[""] = bodyOpset
	}
	f := &graph.Function{Domain: n.Domain, Name: n.Op, Opsets: map[string]int64{"": opsets[""]}, Body: &graph.Graph{}}
	formal := make([]*graph.Value, len(n.In))
	for i, v := range n.In {
		if p := f.Body.NewInput(fmt.Sprintf("in%d", i), nil); v != nil {
			p.Type = v.Type
			formal[i] = p
		}
	}
	outs := make([]*graph.Value, len(n.Out))
	for i := range outs {
		outs[i] = &graph.Value{Name: fmt.Sprintf("out%d", i)}
	}
	call := graph.NewNode(op.Domain, op.Name, attrs, formal, outs)
	b := NewBuilder(f.Body, standard.With(set), opsets) // which knows the types of what it appends
	results, err := expand(op, b, call)
	if err != nil {
		return nil, err
	}
	for i := range call.In {
		call.SetIn(i, nil)
	}
	if len(results) < len(n.Out) {
		return nil, fmt.Errorf("ops: the body of %s computes %d outputs: expected %d", op.FullName(), len(results), len(n.Out))
	}
	for _, r := range results[:len(n.Out)] {
		if slices.Contains(f.Body.Inputs, r) || slices.Contains(f.Body.Outputs, r) {
			r = b.Op("Identity", nil, r)
		}
		f.Body.Outputs = append(f.Body.Outputs, r)
	}
	for _, inner := range f.Body.Nodes {
		f.Opsets[inner.Domain] = opsets[inner.Domain]
		if f.Opsets[inner.Domain] == 0 {
			f.Opsets[inner.Domain] = set.Newest(inner.Domain, inner.Op).Since
		}
	}
	return f, nil
}
