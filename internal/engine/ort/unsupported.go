//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"errors"
	"fmt"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// operator is an operator in an opset of its domain.
type operator struct {
	domain, name string
	opset        int64
}

func (o operator) String() string {
	if o.domain == "" {
		return fmt.Sprintf("%s (opset %d)", o.name, o.opset)
	}
	return fmt.Sprintf("%s:%s (opset %d)", o.domain, o.name, o.opset)
}

// listUnsupported makes of the refusal of one operator, where ONNX Runtime stops, an error that lists every operator of the model
// that it does not know. What it knows but has no kernel for, in some element type, shows one at a time.
func listUnsupported(m *graph.Model, err error) error {
	var refusal *errs.Error
	if !errors.As(err, &refusal) || refusal.Code != errs.UnsupportedOp {
		return err
	}
	nodes := map[operator][]string{}
	var order []operator
	visit := func(g *graph.Graph, opsets map[string]int64) {
		i := 0
		g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			if m.Function(n) == nil {
				op := operator{n.Domain, n.Op, opsets[n.Domain]}
				if nodes[op] == nil {
					order = append(order, op)
				}
				nodes[op] = append(nodes[op], nodeLabel(n, i))
			}
			i++
			return true
		})
	}
	visit(m.Graph, m.Opsets)
	for _, f := range m.Functions {
		visit(f.Body, f.Opsets)
	}
	var list []string
	for _, op := range order {
		if unknown(op, m.IRVersion) {
			list = append(list, fmt.Sprintf("%s at %s", op, firstPlaces(nodes[op])))
		}
	}
	if len(list) < 2 {
		return err
	}
	return errs.New(errs.UnsupportedOp, "ONNX Runtime has no operator for:\n\t%s", strings.Join(list, "\n\t"))
}

func nodeLabel(n *graph.Node, i int) string {
	if n.Name != "" {
		return "node " + n.Name
	}
	return fmt.Sprintf("node %d", i)
}

// firstPlaces names the first places.
func firstPlaces(all []string) string {
	if len(all) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:3], ", "), len(all)-3)
	}
	return strings.Join(all, ", ")
}

// unknown asks ONNX Runtime by a model of the operator alone, which fails in one way where it does not know the operator, and works
// or fails in others where it does.
func unknown(op operator, ir int64) bool {
	g := &graph.Graph{Name: "probe"}
	x := g.NewInput("x", graph.TensorType(graph.Float32))
	y := &graph.Value{Name: "y", Type: graph.TensorType(graph.Float32)}
	g.Append(graph.NewNode(op.domain, op.name, nil, []*graph.Value{x}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	data, err := onnxio.Marshal(&graph.Model{IRVersion: ir, Opsets: map[string]int64{op.domain: op.opset}, Graph: g})
	if err != nil {
		return false
	}
	s, err := createSession(data, &weights{}, &engine.Options{Provider: engine.CPU, Threads: 1}, 0)
	if err == nil {
		s.Destroy()
		return false
	}
	return strings.Contains(err.Error(), unregistered) || strings.Contains(err.Error(), noSchema)
}
