package export

import (
	"slices"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

const (
	oldestOpset  = 7  // before, shapes were fitted by an attribute
	processOpset = 9  // first with Where and IsNaN
	bodyOpset    = 18 // in which function bodies are written
)

// convert brings m to an opset of the standard domain that serves all of it: the one asked for, else its own or the nearest. It
// names the node where it cannot.
func convert(m *graph.Model, set *ops.Set, o Options) error {
	need := int64(oldestOpset)
	why := "shapes are fitted by an attribute before"
	if o.processes() {
		need, why = processOpset, "pre- and post-processing needs it"
	}
	m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		if op := set.Newest(n.Domain, n.Op); n.Domain != "" && op != nil && op.Expand != nil {
			need, why = bodyOpset, "the body of "+n.OpName()+" needs it"
		}
		return need != bodyOpset
	})
	from := m.Opsets[""]
	if from == 0 {
		from = bodyOpset
	}
	to := o.Opset
	switch {
	case to == 0:
		to = min(max(from, need), NewestOpset)
	case to < need:
		return errs.New(errs.Input, "opset %d: expected %d or later, %s", to, need, why)
	case to > NewestOpset:
		return errs.New(errs.Input, "opset %d: expected at most %d", to, NewestOpset)
	}
	if from < oldestOpset {
		return errs.New(errs.Invalid, "the network has opset %d: expected %d or later", from, oldestOpset).
			WithHint("convert it by onnx.version_converter first")
	}
	m.Opsets[""] = to
	for _, f := range m.Functions {
		if v := f.Opsets[""]; v > NewestOpset {
			return errs.New(errs.UnsupportedOp, "function %s:%s has opset %d: expected at most %d", f.Domain, f.Name, v, NewestOpset)
		}
	}
	c := converter{m: m, set: set, names: ops.NewBuilder(m.Graph, set, m.Opsets), from: from, to: to}
	var err error
	m.Graph.Walk(func(g *graph.Graph, n *graph.Node) bool {
		err = c.node(g, n)
		return err == nil
	})
	return err
}

type converter struct {
	m        *graph.Model
	set      *ops.Set
	names    *ops.Builder
	from, to int64
}

// revision is a change of an operator's form at an opset, which package ops reads both ways. apply takes a node over it, up or down.
type revision struct {
	at    int64
	apply func(c *converter, n *graph.Node, up bool) bool
}

func refuse(*converter, *graph.Node, bool) bool { return false }
func accept(*converter, *graph.Node, bool) bool { return true }

// revisions lists the changes of form that older or newer engines would not understand. Where the versions of package ops differ, an
// operator that is not in the list, or not at that opset, is not converted.
var revisions = map[string][]revision{
	"BatchNormalization": {{9, accept}, {14, accept}}, // in inference, by channel
	"Squeeze":            {{13, moveAxes}},
	"Unsqueeze":          {{13, moveAxes}},
	"ReduceSum":          {{13, moveAxes}},
	"ReduceL1":           {{18, moveAxes}},
	"ReduceL2":           {{18, moveAxes}},
	"ReduceLogSum":       {{18, moveAxes}},
	"ReduceLogSumExp":    {{18, moveAxes}},
	"ReduceMax":          {{18, moveAxes}},
	"ReduceMean":         {{18, moveAxes}},
	"ReduceMin":          {{18, moveAxes}},
	"ReduceProd":         {{18, moveAxes}},
	"ReduceSumSquare":    {{18, moveAxes}},
	"Split":              {{13, moveSplit}, {18, countSplit}},
	"Softmax":            {{13, lastOnly}},
	"LogSoftmax":         {{13, lastOnly}},
	"Hardmax":            {{13, lastOnly}},
	"Pad":                {{11, refuse}},
	"Slice":              {{10, refuse}},
	"TopK":               {{10, refuse}},
	"Upsample":           {{9, refuse}, {10, refuse}},
	"DFT":                {{20, refuse}},
	"GridSample":         {{20, refuse}},
	"GroupNormalization": {{21, refuse}},
}

func (c *converter) node(g *graph.Graph, n *graph.Node) error {
	if n.Domain != "" || c.from == c.to {
		return nil
	}
	fail := func(format string, args ...any) error {
		e := errs.New(errs.UnsupportedOp, format, args...)
		e.Op, e.Node, e.Opset = n.Op, n.Name, c.from
		if e.Node == "" {
			e.Node = strconv.Itoa(slices.Index(g.Nodes, n))
		}
		return e
	}
	now, then := c.set.Find("", n.Op, c.from), c.set.Find("", n.Op, c.to)
	if now == nil {
		return fail("it is not known, and so not converted to opset %d", c.to)
	}
	if then == nil {
		return fail("it is in the standard from opset %d on, the file is to have %d", now.Since, c.to)
	}
	crossed := 0
	list := slices.Clone(revisions[n.Op])
	if c.to < c.from {
		slices.Reverse(list)
	}
	for _, r := range list {
		if up := c.from < r.at && r.at <= c.to; up || c.to < r.at && r.at <= c.from {
			if !r.apply(c, n, up) {
				return fail("its form changed in opset %d and is not converted to opset %d", r.at, c.to)
			}
			crossed++
		}
	}
	if now != then && crossed == 0 {
		return fail("it changed between opset %d and %d and is not converted", c.from, c.to)
	}
	return nil
}

// moveAxes makes the attribute axes an input, or the constant input the attribute.
func moveAxes(c *converter, n *graph.Node, up bool) bool { return c.move(n, "axes", up) }

func moveSplit(c *converter, n *graph.Node, up bool) bool { return c.move(n, "split", up) }

func (c *converter) move(n *graph.Node, attr string, up bool) bool {
	if up {
		if axes := n.Attrs.Ints(attr, nil); axes != nil {
			delete(n.Attrs, attr)
			n.SetIn(1, c.names.Param(n.Out[0].Name+"_"+attr, graph.Vector(axes...)))
		}
		return true
	}
	if n.Input(1) == nil {
		return true
	}
	t := ops.ConstantOf(n.In[1])
	if t == nil || t.DType != graph.Int64 || slices.Contains(c.m.Graph.Inputs, n.In[1]) || n.Attrs.Bool("noop_with_empty_axes", false) {
		return false
	}
	n.SetIn(1, nil)
	n.In = n.In[:1]
	delete(n.Attrs, "noop_with_empty_axes")
	n.Attrs[attr] = slices.Clone(graph.Data[int64](t))
	return true
}

// countSplit: from opset 18 on a Split into equal parts says how many.
func countSplit(_ *converter, n *graph.Node, up bool) bool {
	if n.Input(1) == nil {
		if up {
			n.Attrs["num_outputs"] = int64(len(n.Out))
		} else {
			delete(n.Attrs, "num_outputs")
		}
	}
	return true
}

// lastOnly: before opset 13 the axes from the given one on were taken together, which over the last one is the same.
func lastOnly(_ *converter, n *graph.Node, up bool) bool {
	def := int64(-1)
	if up {
		def = 1
	}
	rank := int64(n.In[0].Type.Rank())
	axis := n.Attrs.Int("axis", def)
	if rank < 0 || axis != rank-1 && axis != -1 {
		return false
	}
	n.Attrs["axis"] = rank - 1
	return true
}
