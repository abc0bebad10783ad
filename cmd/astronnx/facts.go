package main

import (
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/runtime"
)

// facts are what is known about the maps of one input or output. Zero values: nothing is.
type facts struct {
	nside   int
	order   healpix.Order
	columns []string
	units   []string
	unseen  *float64
}

// told returns what a network's metadata say about an input or output.
func told(info *runtime.MapInfo) facts {
	if info == nil {
		return facts{}
	}
	f := facts{nside: info.Nside, columns: info.Columns, units: info.Unit, unseen: info.Unseen}
	if o, err := healpix.ParseOrder(info.Ordering); err == nil {
		f.order = o
	}
	return f
}

// inferred completes f by what the HEALPix operators that read v say.
func (f facts) inferred(m *graph.Model, v *graph.Value) facts {
	n := sphereNode(m, v)
	if n == nil {
		return f
	}
	if f.nside == 0 {
		f.nside = int(n.Attrs.Int("nside", 0))
	}
	if f.order == 0 {
		key := "order"
		if n.Op == "HealpixReorder" {
			key = "from"
		}
		if o, err := healpix.ParseOrder(n.Attrs.Str(key, "NEST")); err == nil {
			f.order = o
		}
	}
	return f
}

// sphereNode returns the first HEALPix operator downstream of v, reached through operators that leave every pixel in its place.
func sphereNode(m *graph.Model, v *graph.Value) *graph.Node {
	reached := map[*graph.Value]bool{v: true}
	for _, n := range m.Graph.Nodes {
		hit := false
		for _, in := range n.In {
			hit = hit || in != nil && reached[in]
		}
		switch {
		case !hit:
		case n.Domain == healpixop.Domain:
			return n
		case n.Domain == "" && elementwise[n.Op]:
			for _, out := range n.Out {
				if out != nil {
					reached[out] = true
				}
			}
		}
	}
	return nil
}

// elementwise are the standard operators that commonly stand before the first convolution and move no pixel.
var elementwise = map[string]bool{
	"Identity": true, "Cast": true, "Add": true, "Sub": true, "Mul": true, "Div": true, "Where": true, "Clip": true,
	"Abs": true, "Log": true, "Exp": true, "Sqrt": true, "Tanh": true, "Relu": true, "BatchNormalization": true,
}

// detectsUnseen reports a network whose operators recognise UNSEEN by themselves.
func detectsUnseen(m *graph.Model) bool {
	return !m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		return n.Domain != healpixop.Domain || !n.Attrs.Bool("detect_unseen", false)
	})
}

// hasKernel reports a node that a kernel of astronnx can execute.
func hasKernel(n *graph.Node) bool {
	fits, _ := healpixop.Fits(n)
	return fits
}

// column returns the name and unit of channel c of count; empty where they are not known.
func (f facts) column(c, count int) (name, unit string) {
	if len(f.columns) == count {
		name = f.columns[c]
	}
	switch len(f.units) {
	case 1:
		unit = f.units[0]
	case count:
		unit = f.units[c]
	}
	return strings.TrimSpace(name), strings.TrimSpace(unit)
}
