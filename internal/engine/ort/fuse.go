//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"maps"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
)

// fuse lets the kernel of HealpixConv do what comes after it, while its sums are at hand: a Relu, a pool of four, or both. Results are the
// same to the bit. It changes m, of whose nodes native tells which have kernels.
func fuse(m *graph.Model, native func(n *graph.Node) bool) {
	g := m.Graph
	given := map[*graph.Value]bool{} // outputs, of branches too
	add := func(g *graph.Graph) bool {
		for _, v := range g.Outputs {
			given[v] = true
		}
		return true
	}
	add(g)
	g.Walk(func(_ *graph.Graph, n *graph.Node) bool { return n.Attrs.Subgraphs(add) })
	// The node of g that alone reads what n gives, nil if there is none.
	onlyReader := func(n *graph.Node) *graph.Node {
		uses := n.Out[0].Uses()
		if len(uses) != 1 || given[n.Out[0]] || !slices.Contains(g.Nodes, uses[0].Node) {
			return nil
		}
		return uses[0].Node
	}
	for _, conv := range slices.Clone(g.Nodes) {
		if !native(conv) || !convolvesSphere(conv) {
			continue
		}
		attrs, behind := maps.Clone(conv.Attrs), []*graph.Node(nil)
		next := onlyReader(conv)
		if next != nil && next.Domain == "" && next.Op == "Relu" {
			attrs["activation"] = "Relu"
			behind = append(behind, next)
			next = onlyReader(next)
		}
		if next != nil && native(next) && poolsFour(next, conv) {
			attrs["pooled"], attrs["pool"], attrs["power"] = int64(1), next.Attrs.Str("mode", "max"), next.Attrs.Float("power", 0)
			behind = append(behind, next)
		}
		if behind == nil {
			continue
		}
		last := behind[len(behind)-1]
		y := last.Out[0]
		last.SetOut(0, nil)
		for _, n := range slices.Backward(behind) {
			g.Remove(n)
		}
		conv.Attrs = attrs
		conv.SetOut(0, y)
	}
}

// convolvesSphere reports whether n is a HealpixConv of the whole sphere that gives its Y alone.
func convolvesSphere(n *graph.Node) bool {
	const index, pixels = 3, 5
	return n.Domain == healpixop.Domain && n.Op == "HealpixConv" && n.Input(index) == nil && n.Input(pixels) == nil && givesOne(n)
}

// poolsFour reports whether n is a HealpixPool, of the pixels of conv by fours, that gives its Y alone.
func poolsFour(n, conv *graph.Node) bool {
	const mask, pixels = 1, 2
	nside := conv.Attrs.Int("nside", 0)
	return n.Domain == healpixop.Domain && n.Op == "HealpixPool" && n.Input(mask) == nil && n.Input(pixels) == nil && givesOne(n) &&
		n.Attrs.Int("factor", 2) == 2 && n.Attrs.Int("nside", 0) == nside && nside%2 == 0 &&
		n.Attrs.Str("order", "NEST") == conv.Attrs.Str("order", "NEST") &&
		(n.Attrs.Str("mode", "max") != "max" || n.Attrs.Float("power", 0) == 0)
}

func givesOne(n *graph.Node) bool {
	return !slices.ContainsFunc(n.Out[1:], func(v *graph.Value) bool { return v != nil })
}
