//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// refuseFatal refuses nodes that would end the process: ONNX Runtime draws normal numbers with the C++ library, which asserts a scale
// above 0. Inside a function a scale may come from its caller, so it must be written out there.
func refuseFatal(m *graph.Model) error {
	var err error
	m.Graphs(func(_ string, g *graph.Graph) bool {
		i := -1
		return g.Walk(func(_ *graph.Graph, n *graph.Node) bool {
			i++
			if n.Domain != "" || n.Op != "RandomNormal" && n.Op != "RandomNormalLike" {
				return true
			}
			_, referred := n.Attrs["scale"].(graph.AttrRef)
			if !referred && n.Attrs.Float("scale", 1) > 0 {
				return true
			}
			e := errs.New(errs.UnsupportedOp, "the scale must be a number above 0 for ONNX Runtime, which ends the process otherwise")
			e.Op, e.Node, e.Opset = n.Op, nodeLabel(n, i), m.Opsets[""]
			err = e
			return false
		})
	})
	return err
}
