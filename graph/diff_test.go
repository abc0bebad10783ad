package graph_test

import (
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
)

// rich is a model with something of everything that Diff compares.
func rich() *graph.Model {
	g := diamond()
	g.Doc, g.Metadata = "doc", map[string]string{"k": "v"}
	g.Quant = []graph.Quant{{Tensor: "x", Params: map[string]string{"SCALE_TENSOR": "w"}}}
	sub := &graph.Graph{Name: "sub"}
	sub.Outputs = append(sub.Outputs, apply(sub, "Neg", "i", nil, g.Input("x")))
	g.NewConst("e", &graph.Tensor{DType: graph.Int8, Shape: []int64{1}, External: &graph.External{Location: "w.bin", Length: 1}})
	sparse := func() *graph.Sparse {
		return &graph.Sparse{Values: graph.Vector[float32](1), Indices: graph.Vector[int64](0), Shape: []int64{3}}
	}
	g.Initializers = append(g.Initializers, &graph.Value{Name: "sp", Sparse: sparse()})
	apply(g, "All", "z", graph.Attrs{
		"f": float32(0.5), "i": 1, "s": "x", "t": graph.Scalar[int8](1), "g": sub, "fs": []float32{1}, "is": []int64{1}, "ss": []string{"x"},
		"ts": []*graph.Tensor{graph.Scalar[int8](1)}, "gs": []*graph.Graph{{Name: "in a list"}}, "sp": sparse(),
		"sps": []*graph.Sparse{sparse()}, "ty": graph.TensorType(graph.Int8), "tys": []*graph.Type{graph.TensorType(graph.Int8)},
	}, g.Input("x"), nil)
	f := fn("f")
	f.Attrs, f.Opsets, f.Defaults = []string{"a"}, map[string]int64{"": 17}, graph.Attrs{"r": int64(1)}
	apply(f.Body, "Elu", "o", graph.Attrs{"alpha": graph.AttrRef{Name: "a", Kind: graph.FloatAttr}}, f.Body.Inputs[0])
	init := &graph.Graph{Name: "init"}
	init.NewInput("w", nil)
	m := model(g)
	m.Functions = []*graph.Function{f}
	m.Training = []*graph.Training{{Init: init, InitBinding: []graph.Binding{{Name: "w", Value: "w"}}}}
	return m
}

// TestDiffSeesEachChange changes one thing a row.
func TestDiffSeesEachChange(t *testing.T) {
	all := func(m *graph.Model) graph.Attrs { return m.Graph.Nodes[3].Attrs }
	rows := map[string]func(*graph.Model){
		"IR version":         func(m *graph.Model) { m.IRVersion++ },
		"producer":           func(m *graph.Model) { m.Producer = "p" },
		"producer version":   func(m *graph.Model) { m.ProducerVersion = "p" },
		"domain":             func(m *graph.Model) { m.Domain = "p" },
		"version":            func(m *graph.Model) { m.Version++ },
		"model doc":          func(m *graph.Model) { m.Doc = "p" },
		"opset":              func(m *graph.Model) { m.Opsets[""]++ },
		"metadata":           func(m *graph.Model) { m.Metadata = map[string]string{"": ""} },
		"model extra":        func(m *graph.Model) { m.Extra = []byte{1} },
		"graph name":         func(m *graph.Model) { m.Graph.Name = "" },
		"graph doc":          func(m *graph.Model) { m.Graph.Doc = "" },
		"graph metadata":     func(m *graph.Model) { m.Graph.Metadata["k"] = "" },
		"graph extra":        func(m *graph.Model) { m.Graph.Extra = []byte{1} },
		"quantisation":       func(m *graph.Model) { m.Graph.Quant[0].Params["SCALE_TENSOR"] = "" },
		"inputs":             func(m *graph.Model) { m.Graph.NewInput("new", nil) },
		"input name":         func(m *graph.Model) { m.Graph.Inputs[0].Name = "new" },
		"input type":         func(m *graph.Model) { m.Graph.Inputs[0].Type.Shape[0] = graph.Sym("M") },
		"input doc":          func(m *graph.Model) { m.Graph.Inputs[0].Doc = "d" },
		"input metadata":     func(m *graph.Model) { m.Graph.Inputs[0].Metadata = map[string]string{"": ""} },
		"outputs":            func(m *graph.Model) { m.Graph.Outputs = nil },
		"constant":           func(m *graph.Model) { graph.Data[float32](m.Graph.Initializers[0].Const)[1] = 3 },
		"constant's name":    func(m *graph.Model) { m.Graph.Initializers[0].Const.Name = "n" },
		"constant's doc":     func(m *graph.Model) { m.Graph.Initializers[0].Const.Doc = "d" },
		"constant's meta":    func(m *graph.Model) { m.Graph.Initializers[0].Const.Metadata = map[string]string{"": ""} },
		"constant absent":    func(m *graph.Model) { m.Graph.Initializers[0].Const = nil },
		"external":           func(m *graph.Model) { m.Graph.Initializers[1].Const.External.Offset++ },
		"external checksum":  func(m *graph.Model) { m.Graph.Initializers[1].Const.External.Checksum = "c" },
		"external extra":     func(m *graph.Model) { m.Graph.Initializers[1].Const.External.Extra = map[string]string{"": ""} },
		"no longer external": func(m *graph.Model) { m.Graph.Initializers[1].Const.External = nil },
		"sparse":             func(m *graph.Model) { m.Graph.Initializers[2].Sparse.Shape[0]++ },
		"no longer sparse":   func(m *graph.Model) { m.Graph.Initializers[2].Sparse = nil },
		"nodes":              func(m *graph.Model) { m.Graph.Append(graph.NewNode("", "New", nil, nil, nil)) },
		"operator":           func(m *graph.Model) { m.Graph.Nodes[0].Op = "Exp" },
		"node domain":        func(m *graph.Model) { m.Graph.Nodes[0].Domain = "d" },
		"node name":          func(m *graph.Model) { m.Graph.Nodes[0].Name = "n" },
		"node overload":      func(m *graph.Model) { m.Graph.Nodes[0].Overload = "o" },
		"node doc":           func(m *graph.Model) { m.Graph.Nodes[0].Doc = "d" },
		"node extra":         func(m *graph.Model) { m.Graph.Nodes[0].Extra = []byte{1} },
		"node metadata":      func(m *graph.Model) { m.Graph.Nodes[0].Metadata = map[string]string{"": ""} },
		"attribute doc":      func(m *graph.Model) { m.Graph.Nodes[3].AttrDocs = map[string]string{"f": ""} },
		"node input":         func(m *graph.Model) { m.Graph.Nodes[3].SetIn(1, m.Graph.Inputs[0]) },
		"absent input":       func(m *graph.Model) { m.Graph.Nodes[3].In = m.Graph.Nodes[3].In[:1] },
		"attribute names":    func(m *graph.Model) { delete(all(m), "f") },
		"attribute kind":     func(m *graph.Model) { all(m)["f"] = int64(1) },
		"float":              func(m *graph.Model) { all(m)["f"] = float32(0.25) },
		"integer":            func(m *graph.Model) { all(m)["i"] = int64(2) },
		"string":             func(m *graph.Model) { all(m)["s"] = strings.Repeat("y", 100) },
		"tensor":             func(m *graph.Model) { all(m)["t"] = graph.Scalar[int8](2) },
		"subgraph":           func(m *graph.Model) { all(m).Graph("g").Nodes[0].Op = "Exp" },
		"floats":             func(m *graph.Model) { all(m)["fs"] = []float32{1, 2} },
		"integers":           func(m *graph.Model) { all(m)["is"] = make([]int64, 20) },
		"strings":            func(m *graph.Model) { all(m)["ss"] = []string{"y"} },
		"tensors":            func(m *graph.Model) { all(m)["ts"] = []*graph.Tensor{} },
		"subgraphs":          func(m *graph.Model) { all(m)["gs"] = []*graph.Graph{{}} },
		"number of graphs":   func(m *graph.Model) { all(m)["gs"] = []*graph.Graph{} },
		"sparse attribute":   func(m *graph.Model) { all(m)["sp"].(*graph.Sparse).Shape[0]++ },
		"sparse attributes":  func(m *graph.Model) { all(m)["sps"] = []*graph.Sparse{} },
		"type":               func(m *graph.Model) { all(m)["ty"] = graph.TensorType(graph.Uint8) },
		"types":              func(m *graph.Model) { all(m)["tys"] = []*graph.Type{nil} },
		"functions":          func(m *graph.Model) { m.Functions = nil },
		"function name":      func(m *graph.Model) { m.Functions[0].Name = "n" },
		"function attribute": func(m *graph.Model) { m.Functions[0].Attrs[0] = "b" },
		"function default":   func(m *graph.Model) { m.Functions[0].Defaults["r"] = int64(2) },
		"function opset":     func(m *graph.Model) { m.Functions[0].Opsets[""]++ },
		"function doc":       func(m *graph.Model) { m.Functions[0].Doc = "d" },
		"function metadata":  func(m *graph.Model) { m.Functions[0].Metadata = map[string]string{"": ""} },
		"function extra":     func(m *graph.Model) { m.Functions[0].Extra = []byte{1} },
		"default's doc":      func(m *graph.Model) { m.Functions[0].AttrDocs = map[string]string{"": ""} },
		"function body":      func(m *graph.Model) { m.Functions[0].Body.Nodes[0].Op = "Relu" },
		"reference": func(m *graph.Model) {
			m.Functions[0].Body.Nodes[0].Attrs["alpha"] = graph.AttrRef{Name: "b", Kind: graph.FloatAttr}
		},
		"training":         func(m *graph.Model) { m.Training = nil },
		"training graph":   func(m *graph.Model) { m.Training[0].Init.Name = "n" },
		"no initial graph": func(m *graph.Model) { m.Training[0].Init = nil },
		"initial binding":  func(m *graph.Model) { m.Training[0].InitBinding[0].Value = "v" },
		"update binding":   func(m *graph.Model) { m.Training[0].UpdateBinding = []graph.Binding{{}} },
	}
	if diff := graph.Diff(rich(), rich()); diff != nil {
		t.Fatalf("equal models differ: %v", diff)
	}
	for name, change := range rows {
		m := rich()
		change(m)
		if graph.Diff(rich(), m) == nil || graph.Diff(m, rich()) == nil {
			t.Errorf("%s: the change goes unnoticed", name)
		}
	}
}

func TestDiffIsBounded(t *testing.T) {
	long := func(x float32) *graph.Model {
		g := &graph.Graph{}
		for range 500 {
			g.NewConst("c", graph.Scalar(x))
		}
		return model(g)
	}
	if n := len(graph.Diff(long(1), long(2))); n != 100 {
		t.Errorf("%d lines, want 100", n)
	}
}
