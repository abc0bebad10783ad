package graph

import (
	"math"

	"github.com/astronnx/astronnx/internal/errs"
)

// MaxCallDepth is how deep calls of model-local functions may nest.
const MaxCallDepth = 256

// callee identifies a function.
type callee struct{ domain, name, overload string }

func (c callee) String() string {
	s := c.domain + ":" + c.name
	if c.overload != "" {
		s += ":" + c.overload
	}
	return s
}

func (f *Function) callee() callee { return callee{f.Domain, f.Name, f.Overload} }

// InlinedNodes returns how many nodes the model has, subgraphs and training included, once every call of a model-local function is
// replaced by its body; [math.MaxInt64] stands for more. It fails if a function reaches itself or calls nest deeper than
// [MaxCallDepth].
//
// A small file can stand for an enormous graph: look here before expanding functions.
func (m *Model) InlinedNodes() (int64, error) {
	byName := make(map[callee]*Function, len(m.Functions))
	for _, f := range m.Functions {
		byName[f.callee()] = f
	}
	type size struct {
		nodes int64
		depth int // of calls below
	}
	const active = -1
	sizes := make(map[*Function]size, len(m.Functions))
	var count func(g *Graph, level int) (size, error)
	count = func(g *Graph, level int) (total size, err error) {
		g.Walk(func(_ *Graph, n *Node) bool {
			f := byName[callee{n.Domain, n.Op, n.Overload}]
			if f == nil || f.Body == nil {
				total.nodes = saturatingAdd(total.nodes, 1)
				return true
			}
			s, ok := sizes[f]
			switch {
			case s.nodes == active:
				err = errs.New(errs.Invalid, "function %s calls itself", f.callee())
			case level >= MaxCallDepth:
				err = errs.New(errs.Limit, "function calls nest deeper than %d", MaxCallDepth)
			case !ok:
				sizes[f] = size{nodes: active}
				s, err = count(f.Body, level+1)
				sizes[f] = s
			}
			if err == nil && level+s.depth+1 > MaxCallDepth {
				err = errs.New(errs.Limit, "function calls nest deeper than %d", MaxCallDepth)
			}
			total.nodes = saturatingAdd(total.nodes, s.nodes)
			total.depth = max(total.depth, s.depth+1)
			return err == nil
		})
		return total, err
	}
	var total int64
	var err error
	m.Graphs(func(name string, g *Graph) bool {
		var s size
		s, err = count(g, 0)
		if name == "graph" || name == "training" {
			total = saturatingAdd(total, s.nodes)
		}
		return err == nil
	})
	return total, err
}

func saturatingAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
