package export_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// mixed holds operators whose form changed in opsets 13 and 18, in that of the given opset.
func mixed(opset int64) *graph.Model {
	n := newNet()
	n.m.Opsets[""] = opset
	x := n.input("x", 4, 6)
	with := func(since int64, op string, attr string, list []int64, attrs graph.Attrs, x *graph.Value) *graph.Value {
		if opset >= since {
			return n.Op(op, attrs, x, n.Param(attr, graph.Vector(list...)))
		}
		all := graph.Attrs{attr: list}
		for k, v := range attrs {
			all[k] = v
		}
		return n.Op(op, all, x)
	}
	y := with(18, "ReduceMean", "axes", []int64{2}, graph.Attrs{"keepdims": 1}, x)
	y = n.Op("Mul", nil, with(13, "Squeeze", "axes", []int64{2}, nil, y), n.Float(graph.Float32, 2))
	attrs := graph.Attrs{"axis": 1}
	if opset >= 18 {
		attrs["num_outputs"] = 2
	}
	parts := n.OpN(2, "Split", attrs, y)
	y = with(13, "Unsqueeze", "axes", []int64{0}, nil, n.Add(parts[0], parts[1]))
	y = with(13, "ReduceSum", "axes", []int64{0}, graph.Attrs{"keepdims": 0}, y)
	return n.end("y", n.Op("Softmax", graph.Attrs{"axis": 1}, y))
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ from, to, want int64 }{
		{11, 0, 11}, {12, 13, 13}, {11, 18, 18}, {17, 21, 21}, {20, 12, 12}, {18, 17, 17}, {24, 0, 21}, {22, 11, 11},
	} {
		path := filepath.Join(t.TempDir(), "net.onnx")
		r, err := export.Write(path, mixed(c.from), export.Options{Opset: c.to, Engine: library(t)})
		if err != nil || r.Opset != c.want {
			t.Errorf("from %d to %d: %d, %v", c.from, c.to, r.Opset, err)
		}
	}
}

func TestNotConverted(t *testing.T) {
	apply := func(opset int64, op string, attrs graph.Attrs, more ...*graph.Value) *graph.Model {
		n := newNet()
		n.m.Opsets[""] = opset
		y := n.Op(op, attrs, append([]*graph.Value{n.input("x", 4, 6)}, more...)...)
		y.Type = graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(4), graph.D(6))
		n.m.Graph.Nodes[0].Name = "the_node"
		return n.end("y", y)
	}
	for name, c := range map[string]struct {
		m    *graph.Model
		to   int64
		want string
	}{
		"newer operator": {apply(24, "Swish", nil), 0, "from opset 24 on, the file is to have 21"},
		"softmax":        {apply(11, "Softmax", graph.Attrs{"axis": 1}), 13, "its form changed in opset 13"},
		"older operator": {apply(20, "Gelu", nil), 17, "from opset 20 on"},
		"unknown":        {unknown(), 18, "is not known"},
		"too old":        {apply(6, "Relu", nil), 0, "opset 6: expected 7 or later"},
		"body":           {sphere(t), 17, "opset 17: expected 18 or later, the body of ai.astronnx.healpix:"},
	} {
		_, err := export.Prepare(c.m, export.Options{Opset: c.to})
		var e *errs.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Code == errs.UnsupportedOp && !strings.Contains(err.Error(), "the_node") {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func unknown() *graph.Model {
	n := newNet()
	x, y := n.input("x", 4), &graph.Value{Name: "z"}
	node := graph.NewNode("", "Frobnicate", nil, []*graph.Value{x}, []*graph.Value{y})
	node.Name = "the_node"
	n.m.Graph.Append(node)
	return n.end("y", y)
}
