package export_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
)

// TestMalformed breaks networks in small ways that the reader of files lets pass, and exports them. There may be an error; a panic
// fails the test.
func TestMalformed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	all := examples(t)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for range 500 {
		name := names[r.IntN(len(names))]
		m := all[name].m.Clone()
		var broken string
		for range 1 + r.IntN(2) {
			broken += spoil(m, r)
		}
		if m.Verify() != nil {
			continue
		}
		func() {
			defer func() {
				if e := recover(); e != nil {
					t.Errorf("%s,%s: %v", name, broken, e)
				}
			}()
			if p, err := export.Prepare(m, all[name].o); err == nil && p.Verify() != nil {
				t.Errorf("%s,%s: the result is malformed: %v", name, broken, p.Verify())
			}
		}()
	}
}

// spoil changes one thing in m and says what.
func spoil(m *graph.Model, r *rand.Rand) string {
	g := m.Graph
	n := g.Nodes[r.IntN(len(g.Nodes))]
	label := " " + n.OpName() + " " + n.Name
	switch r.IntN(8) {
	case 0:
		if len(n.In) > 0 {
			i := r.IntN(len(n.In))
			n.SetIn(i, nil)
			return label + " without an input"
		}
	case 1:
		for i := len(n.In) - 1; i >= 0; i-- {
			n.SetIn(i, nil)
		}
		n.In = nil
		return label + " without inputs"
	case 2:
		if names := n.Attrs.Names(); len(names) > 0 {
			name := names[r.IntN(len(names))]
			n.Attrs[name] = []any{int64(-1), float32(2), "text", []int64{9}, []float32{}}[r.IntN(5)]
			return label + " with another " + name
		}
	case 3:
		v := g.Initializers
		if len(v) > 0 {
			c := v[r.IntN(len(v))]
			c.Const = graph.NewTensor(graph.DType(1+r.IntN(7)), []int64{int64(r.IntN(3)), 2}[:r.IntN(3)]...)
			c.Type = graph.TypeOf(c.Const)
			return " another " + c.Name
		}
	case 4:
		n.Op = g.Nodes[r.IntN(len(g.Nodes))].Op
		return label + " as " + n.Op
	case 5:
		if len(n.In) > 0 && len(g.Initializers) > 0 {
			n.SetIn(r.IntN(len(n.In)), g.Initializers[r.IntN(len(g.Initializers))])
			return label + " reads a weight"
		}
	case 6:
		for _, v := range n.Out {
			if v != nil {
				v.Type = nil
			}
		}
		return label + " of unknown type"
	case 7:
		m.Opsets[""] = int64(r.IntN(28))
		return " another opset"
	}
	return ""
}
