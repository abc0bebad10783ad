package ops

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
)

func f16(x float32) float16.Float16 { return float16.Fromfloat32(x) }

// AttachBodies gives every node of a composite operator outside the standard domain a function body, so that any ONNX runtime
// can run the model. Nodes that differ in anything the expansion depends on (attributes, which inputs are present, input types)
// get an overload each: equal ones share a body. Functions that the model already has stay. It raises the model's IR version to 10,
// the first with overloads, and adds the opset imports of the domains it uses.
func AttachBodies(m *graph.Model, set *Set) error {
	var err error
	m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		err = attachBody(m, set, n)
		return err == nil
	})
	return err
}

func attachBody(m *graph.Model, set *Set, n *graph.Node) error {
	op := set.Newest(n.Domain, n.Op)
	if op == nil || op.Expand == nil || n.Domain == "" || m.Function(n) != nil {
		return nil
	}
	n.Overload = ""
	f, err := BodyOf(op, n, set, m.Opsets)
	if err != nil {
		return err
	}
	f.Overload = bodyKey(f)
	n.Overload = f.Overload
	if m.Opsets[n.Domain] == 0 {
		m.Opsets[n.Domain] = op.Since
	}
	m.IRVersion = max(m.IRVersion, 10)
	if m.Function(n) == nil {
		m.Functions = append(m.Functions, f)
		for _, inner := range f.Body.Nodes {
			if err := attachBody(m, set, inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// BodyOf returns the expansion of n as a function: its formal inputs are those of n, absent ones included, by position.
// The function declares n's attributes as ones with these values, so that a reader may still see them on the node.
func BodyOf(op *Op, n *graph.Node, set *Set, opsets map[string]int64) (*graph.Function, error) {
	f := &graph.Function{Domain: n.Domain, Name: n.Op, Opsets: map[string]int64{"": opsets[""]}, Body: &graph.Graph{}}
	for name, v := range n.Attrs {
		if f.Defaults == nil {
			f.Defaults = graph.Attrs{}
		}
		f.Defaults[name] = v
	}
	formal := make([]*graph.Value, len(n.In))
	for i, v := range n.In {
		p := f.Body.NewInput(fmt.Sprintf("in%d", i), nil)
		if v != nil {
			p.Type = v.Type
			formal[i] = p
		}
	}
	outs := make([]*graph.Value, len(n.Out))
	for i, v := range n.Out {
		if v != nil {
			outs[i] = &graph.Value{Name: fmt.Sprintf("want%d", i)}
		}
	}
	copyNode := graph.NewNode(n.Domain, n.Op, n.Attrs, formal, outs)
	b := NewBuilder(f.Body, set, maps.Clone(opsets))
	if b.Opsets[n.Domain] == 0 {
		b.Opsets[n.Domain] = op.Since
	}
	results := op.Expand(b, copyNode)
	for i := range n.In {
		if i < len(copyNode.In) && copyNode.In[i] != nil {
			copyNode.SetIn(i, nil)
		}
	}
	for i := range n.Out {
		if i >= len(results) || results[i] == nil {
			return nil, fmt.Errorf("ops: %s: the body does not compute output %d", n.OpName(), i)
		}
		r := results[i]
		if slices.Contains(f.Body.Inputs, r) || slices.Contains(f.Body.Outputs, r) {
			r = b.Op("Identity", nil, r)
		}
		f.Body.Outputs = append(f.Body.Outputs, r)
	}
	for _, inner := range f.Body.Nodes {
		if inner.Domain != "" {
			f.Opsets[inner.Domain] = b.Opsets[inner.Domain]
		}
	}
	for _, p := range f.Body.Inputs {
		p.Type = nil
	}
	return f, nil
}

// bodyKey names a body by its content, so that equal ones are one function.
func bodyKey(f *graph.Function) string {
	h := sha256.New()
	probe := &graph.Model{Functions: []*graph.Function{f}}
	_ = graph.Fprint(h, probe)
	for _, n := range f.Body.Nodes {
		if t := n.Attrs.Tensor("value"); t != nil {
			h.Write(t.Raw)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
