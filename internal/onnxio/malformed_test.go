package onnxio

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

func node(op string, in, out []string, attrs ...*onnxpb.Attribute) *onnxpb.Node {
	return &onnxpb.Node{OpType: &op, Input: in, Output: out, Attribute: attrs}
}

// small is a sound model: y = Neg(x) with the constant w.
func small() *onnxpb.Model {
	return &onnxpb.Model{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSet{{Version: proto.Int64(17)}}, Graph: &onnxpb.Graph{
		Name: str("g"), Input: []*onnxpb.ValueInfo{info("x", graph.Float32, 2)}, Output: []*onnxpb.ValueInfo{info("y", graph.Float32, 2)},
		Initializer: []*onnxpb.Tensor{floats("w", 1, 2)}, Node: []*onnxpb.Node{node("Neg", []string{"x"}, []string{"y"})},
	}}
}

// edit returns small as changed by f.
func edit(f func(*onnxpb.Model)) *onnxpb.Model {
	p := small()
	f(p)
	return p
}

// weight returns small with its constant changed.
func weight(f func(*onnxpb.Tensor)) *onnxpb.Model {
	return edit(func(p *onnxpb.Model) { f(p.Graph.Initializer[0]) })
}

func add(ns ...*onnxpb.Node) *onnxpb.Model {
	return edit(func(p *onnxpb.Model) { p.Graph.Node = append(p.Graph.Node, ns...) })
}

func nestedGraphs(depth int) *onnxpb.Model {
	return edit(func(p *onnxpb.Model) {
		g := p.Graph
		for i := range depth {
			inner := &onnxpb.Graph{Name: str(fmt.Sprint(i))}
			g.Node = append(g.Node, node("If", []string{"x"}, []string{fmt.Sprintf("v%d", i)},
				attr("then_branch", graph.GraphAttr, func(a *onnxpb.Attribute) { a.G = inner })))
			g = inner
		}
	})
}

func nestedType(depth int) *onnxpb.Model {
	t := info("", 1).Type
	for range depth {
		t = &onnxpb.Type{Value: &onnxpb.Type_SequenceType{SequenceType: &onnxpb.Type_Sequence{ElemType: t}}}
	}
	return edit(func(p *onnxpb.Model) { p.Graph.Input[0].Type = t })
}

func function(name string, body ...*onnxpb.Node) *onnxpb.Function {
	return &onnxpb.Function{Name: &name, Domain: str("f"), Input: []string{"a"}, Node: body}
}

func call(name, out string) *onnxpb.Node {
	return &onnxpb.Node{OpType: &name, Domain: str("f"), Input: []string{"a"}, Output: []string{out}}
}

// callChain is n functions that each call the next so many times.
func callChain(n, times int) *onnxpb.Model {
	return edit(func(p *onnxpb.Model) {
		for i := range n {
			f := function(fmt.Sprint(i), node("Neg", []string{"a"}, []string{"leaf"}))
			for k := range times {
				if i+1 < n {
					f.Node = append(f.Node, call(fmt.Sprint(i+1), fmt.Sprint(k)))
				}
			}
			p.Functions = append(p.Functions, f)
		}
		c := call("0", "z")
		c.Input[0] = "x"
		p.Graph.Node = append(p.Graph.Node, c)
	})
}

// contextIn is a node with what an execution provider compiled: bytes if mode is 1, else the name of a file.
func contextIn(mode int64, content string) *onnxpb.Node {
	n := node("EPContext", nil, []string{"c"}, attr("embed_mode", graph.IntAttr, func(a *onnxpb.Attribute) { a.I = &mode }),
		attr("ep_cache_context", graph.StringAttr, func(a *onnxpb.Attribute) { a.S = []byte(content) }))
	n.Domain = str("com.microsoft")
	return n
}

func sharded(p *onnxpb.Model) { p.Graph.Initializer[0].Segment = &onnxpb.Tensor_Segment{} }

// patched is the bytes of small with more fields at its end.
func patched(t *testing.T, more ...byte) []byte { return append(bytesOf(t, small()), more...) }

func wrapped(num protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), b)
}

// TestMalformedModels is what a file can say that is wrong. Each row names the code and words of the message.
func TestMalformedModels(t *testing.T) {
	dup := func(f func(*onnxpb.Graph)) *onnxpb.Model { return edit(func(p *onnxpb.Model) { f(p.Graph) }) }
	rows := []struct {
		name string
		p    *onnxpb.Model
		code errs.Code
		text string
	}{
		{"no graph", &onnxpb.Model{}, errs.Invalid, "no graph"},
		{"negative dimension", weight(func(w *onnxpb.Tensor) { w.Dims = []int64{-2} }), errs.Invalid, "negative"},
		{"shape overflow", weight(func(w *onnxpb.Tensor) { w.Dims = []int64{1<<32 + 1, 1<<32 + 1} }), errs.Invalid, "2^63"},
		{"shape that wraps to the right size", weight(func(w *onnxpb.Tensor) { w.Dims = []int64{1 << 33, 1 << 31, 2} }), errs.Invalid, "2^63"},
		{"bytes overflow", weight(func(w *onnxpb.Tensor) { w.Dims = []int64{1 << 61} }), errs.Invalid, "2^63"},
		{"huge shape without data", weight(func(w *onnxpb.Tensor) { w.Dims = []int64{1 << 50} }), errs.Invalid, "wants"},
		{"raw data too short", weight(func(w *onnxpb.Tensor) { w.FloatData, w.RawData = nil, make([]byte, 7) }), errs.Invalid, "raw_data has 7"},
		{"raw data too long", weight(func(w *onnxpb.Tensor) { w.FloatData, w.RawData = nil, make([]byte, 9) }), errs.Invalid, "raw_data has 9"},
		{"typed data too short", weight(func(w *onnxpb.Tensor) { w.Dims = []int64{3} }), errs.Invalid, "float_data has 2"},
		{"two data fields", weight(func(w *onnxpb.Tensor) { w.RawData = make([]byte, 8) }), errs.Invalid, "float_data"},
		{"data in the wrong field", weight(func(w *onnxpb.Tensor) { w.DataType = proto.Int32(7) }), errs.Invalid, "int64_data"},
		{"number beyond its type", weight(func(w *onnxpb.Tensor) {
			w.DataType, w.FloatData, w.Int32Data = proto.Int32(3), nil, []int32{0, 128}
		}), errs.Invalid, "beyond int8"},
		{"half a packed byte short", weight(func(w *onnxpb.Tensor) {
			w.DataType, w.FloatData, w.RawData, w.Dims = proto.Int32(int32(graph.Int4)), nil, []byte{1}, []int64{3}
		}), errs.Invalid, "wants 2"},
		{"string in raw data", weight(func(w *onnxpb.Tensor) { w.DataType, w.FloatData, w.RawData = proto.Int32(8), nil, []byte("ab") }),
			errs.Invalid, "raw_data"},
		{"no element type", weight(func(w *onnxpb.Tensor) { w.DataType = nil }), errs.Invalid, "element type 0"},
		{"unknown element type", weight(func(w *onnxpb.Tensor) { w.DataType = proto.Int32(99) }), errs.Invalid, "element type 99"},
		{"unknown element type of a value", edit(func(p *onnxpb.Model) { p.Graph.Input[0] = info("x", 99) }), errs.Invalid, "99"},
		{"segment", edit(sharded), errs.Invalid, "segment"},
		{"too many dimensions", weight(func(w *onnxpb.Tensor) { w.Dims = append(make([]int64, 64), 0) }), errs.Limit, "65 dimensions"},
		{"subgraphs too deep", nestedGraphs(40), errs.Limit, "nested"},
		{"types too deep", nestedType(60), errs.Limit, "nested"},
		{"function calls itself", edit(func(p *onnxpb.Model) { p.Functions = []*onnxpb.Function{function("f", call("f", "b"))} }),
			errs.Invalid, "calls itself"},
		{"functions call each other", edit(func(p *onnxpb.Model) {
			p.Functions = []*onnxpb.Function{function("f", call("g", "b")), function("g", call("f", "b"))}
		}), errs.Invalid, "calls itself"},
		{"calls too deep", callChain(300, 1), errs.Limit, "deeper than 256"},
		{"calls that expand without bound", callChain(60, 4), errs.Limit, "expanded"},
		{"function defined twice", edit(func(p *onnxpb.Model) { p.Functions = []*onnxpb.Function{function("f"), function("f")} }),
			errs.Invalid, "defined twice"},
		{"function without a name", edit(func(p *onnxpb.Model) { p.Functions = []*onnxpb.Function{function("")} }), errs.Invalid, "no name"},
		{"function reads the graph", edit(func(p *onnxpb.Model) {
			p.Functions = []*onnxpb.Function{function("f", node("Neg", []string{"x"}, []string{"b"}))}
		}), errs.Invalid, `"x", which nothing defines`},
		{"two inputs of a name", dup(func(g *onnxpb.Graph) { g.Input = append(g.Input, g.Input[0]) }), errs.Invalid, `input "x"`},
		{"two initializers of a name", dup(func(g *onnxpb.Graph) { g.Initializer = append(g.Initializer, floats("w", 1)) }), errs.Invalid,
			`initializer "w"`},
		{"dense and sparse initializer of a name", dup(func(g *onnxpb.Graph) {
			g.SparseInitializer = []*onnxpb.SparseTensor{sparseVector("w")}
		}), errs.Invalid, `initializer "w"`},
		{"two outputs of a name", add(node("Neg", []string{"x"}, []string{"y"})), errs.Invalid, `output "y"`},
		{"output named like an initializer", add(node("Neg", []string{"x"}, []string{"w"})), errs.Invalid, `output "w"`},
		{"nameless input", edit(func(p *onnxpb.Model) { p.Graph.Input[0].Name = nil }), errs.Invalid, "no name"},
		{"nameless initializer", weight(func(w *onnxpb.Tensor) { w.Name = nil }), errs.Invalid, "no name"},
		{"undefined input", add(node("Neg", []string{"ghost"}, []string{"z"})), errs.Invalid, `"ghost", which nothing defines`},
		{"cycle", add(node("Add", []string{"x", "b"}, []string{"a"}), node("Neg", []string{"a"}, []string{"b"})), errs.Invalid, "topological"},
		{"node reads itself", add(node("Neg", []string{"a"}, []string{"a"})), errs.Invalid, "topological"},
		{"undefined output", edit(func(p *onnxpb.Model) { p.Graph.Output[0].Name = str("ghost") }), errs.Invalid, "ghost"},
		{"outer graph reads inner value", add(node("If", []string{"x"}, []string{"z"},
			attr("then_branch", graph.GraphAttr, func(a *onnxpb.Attribute) { a.G = branch("b", "x") })),
			node("Neg", []string{"b_y"}, []string{"n"})), errs.Invalid, `"b_y"`},
		{"subgraph reads a later value", add(node("If", []string{"x"}, []string{"z"},
			attr("then_branch", graph.GraphAttr, func(a *onnxpb.Attribute) { a.G = branch("b", "n") })),
			node("Neg", []string{"x"}, []string{"n"})), errs.Invalid, `"n"`},
		{"value of two types", edit(func(p *onnxpb.Model) { p.Graph.Output[0] = info("x", graph.Int64, 2) }), errs.Invalid, "declared as"},
		{"node without operator", add(&onnxpb.Node{Output: []string{"z"}}), errs.Invalid, "operator"},
		{"attribute twice", add(node("A", nil, nil, attr("a", graph.IntAttr, func(*onnxpb.Attribute) {}),
			attr("a", graph.IntAttr, func(*onnxpb.Attribute) {}))), errs.Invalid, "occurs twice"},
		{"attribute without name", add(node("A", nil, nil, attr("", graph.IntAttr, func(*onnxpb.Attribute) {}))), errs.Invalid, "no name"},
		{"attribute of two values", add(node("A", nil, nil, attr("a", graph.IntAttr, func(a *onnxpb.Attribute) {
			a.I, a.F = proto.Int64(1), proto.Float32(1)
		}))), errs.Invalid, "both"},
		{"attribute of another type", add(node("A", nil, nil, attr("a", graph.IntAttr, func(a *onnxpb.Attribute) { a.S = []byte("x") }))),
			errs.Invalid, "type is int but"},
		{"attribute of unknown type", add(node("A", nil, nil, attr("a", 77, func(*onnxpb.Attribute) {}))), errs.Invalid, "kind 77"},
		{"attribute without its tensor", add(node("A", nil, nil, attr("a", graph.TensorAttr, func(*onnxpb.Attribute) {}))), errs.Invalid,
			"holds none"},
		{"compiled context in a file", add(contextIn(0, "../secret")), errs.Unsafe, "embed_mode"},
		{"compiled context in a file, in a function", edit(func(p *onnxpb.Model) {
			p.Functions = []*onnxpb.Function{function("f", contextIn(0, "beside.bin"))}
		}), errs.Unsafe, "embed_mode"},
		{"reference outside a function", add(node("A", nil, nil, attr("a", graph.IntAttr, func(a *onnxpb.Attribute) {
			a.RefAttrName = str("b")
		}))), errs.Invalid, "outside a function"},
		{"reference with a value", add(node("A", nil, nil, attr("a", graph.IntAttr, func(a *onnxpb.Attribute) {
			a.RefAttrName, a.I = str("b"), proto.Int64(1)
		}))), errs.Invalid, "refers to"},
		{"metadata twice", edit(func(p *onnxpb.Model) { p.MetadataProps = []*onnxpb.Entry{entry("k", ""), entry("k", "")} }), errs.Invalid,
			`"k" occurs twice`},
		{"two versions of a domain", edit(func(p *onnxpb.Model) {
			p.OpsetImport = append(p.OpsetImport, &onnxpb.OperatorSet{Domain: str("ai.onnx"), Version: proto.Int64(9)})
		}), errs.Invalid, "both imported"},
		{"name not UTF-8", add(node("Neg", []string{"x"}, []string{"\xff"})), errs.Invalid, "UTF-8"},
		{"name with a zero byte", add(node("Neg", []string{"x"}, []string{"a\x00b"})), errs.Invalid, "zero byte"},
		{"name too long", add(node("Neg", []string{"x"}, []string{strings.Repeat("n", 1<<17)})), errs.Limit, "131072 bytes"},
		{"sparse without indices", edit(func(p *onnxpb.Model) {
			s := sparseVector("s")
			s.Indices = nil
			p.Graph.SparseInitializer = []*onnxpb.SparseTensor{s}
		}), errs.Invalid, "indices"},
		{"sparse index outside", edit(func(p *onnxpb.Model) {
			s := sparseVector("s")
			s.Indices.Int64Data[1] = 5
			p.Graph.SparseInitializer = []*onnxpb.SparseTensor{s}
		}), errs.Invalid, "outside shape"},
		{"sparse index negative", edit(func(p *onnxpb.Model) {
			s := sparseVector("s")
			s.Indices.Int64Data[0] = -1
			p.Graph.SparseInitializer = []*onnxpb.SparseTensor{s}
		}), errs.Invalid, "outside shape"},
		{"sparse shape overflow", edit(func(p *onnxpb.Model) {
			s := sparseVector("s")
			s.Dims = []int64{1 << 40, 1 << 40}
			p.Graph.SparseInitializer = []*onnxpb.SparseTensor{s}
		}), errs.Invalid, "overflows"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, err := Load(bytesOf(t, r.p), Options{})
			wantError(t, err, r.code, r.text)
		})
	}
}

func TestEmbeddedContextLoads(t *testing.T) {
	if _, err := Load(bytesOf(t, add(contextIn(1, "compiled"))), Options{}); err != nil {
		t.Error(err)
	}
}

func wantError(t *testing.T, err error, code errs.Code, text string) {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v\nwant code %v and the words %q", err, code, text)
	}
}

// TestMalformedBytes is what is wrong with a file before it means anything.
func TestMalformedBytes(t *testing.T) {
	tag := func(num protowire.Number, w protowire.Type) []byte { return protowire.AppendTag(nil, num, w) }
	whole := bytesOf(t, small())
	deep := []byte{}
	for range 200 {
		deep = wrapped(1, wrapped(5, wrapped(6, deep))) // node.attribute.g
	}
	rows := []struct {
		name string
		b    []byte
		code errs.Code
		text string
	}{
		{"empty", nil, errs.Invalid, "no graph"},
		{"text", []byte("this is not a model"), errs.Invalid, ""},
		{"truncated", whole[:len(whole)-3], errs.Invalid, "EOF"},
		{"truncated varint", patched(t, append(tag(26, 2), 0x80)...), errs.Invalid, "EOF"},
		{"varint too long", append(tag(5, 0), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), errs.Invalid, "overflow"},
		{"length beyond the file", append(tag(7, 2), 0xff, 0xff, 0xff, 0xff, 0x0f), errs.Invalid, "EOF"},
		{"length that overflows", append(tag(7, 2), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), errs.Invalid, ""},
		{"group", patched(t, append(tag(25, 3), tag(25, 4)...)...), errs.Invalid, "group"},
		{"end of no group", patched(t, tag(25, 4)...), errs.Invalid, "group"},
		{"field number zero", patched(t, 0x02, 0x00), errs.Invalid, ""},
		{"unknown field", patched(t, wrapped(30, []byte("x"))...), errs.Invalid, "field 30"},
		{"unknown field far out", patched(t, wrapped(1<<28, []byte("x"))...), errs.Invalid, "field 268435456"},
		{"wrong wire type", wrapped(1, []byte("x")), errs.Invalid, "wire type"},
		{"second graph", patched(t, wrapped(7, nil)...), errs.Invalid, "occurs twice"},
		{"deep", wrapped(7, deep), errs.Limit, "nested"},
		{"packed floats cut", wrapped(7, wrapped(5, wrapped(4, []byte{1, 2, 3}))), errs.Invalid, "whole number"},
		{"packed doubles cut", wrapped(7, wrapped(5, wrapped(10, []byte{1, 2, 3}))), errs.Invalid, "whole number"},
		{"packed varint cut", wrapped(7, wrapped(5, wrapped(7, []byte{0x80}))), errs.Invalid, "EOF"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, err := Load(r.b, Options{})
			wantError(t, err, r.code, r.text)
		})
	}
	for i := range whole {
		Load(whole[:i], Options{}) // may fail, may not panic
	}
}

// externalModels gives, for each place where the format has a tensor, a model whose tensor of that place is external.
func externalModels(keys ...*onnxpb.Entry) map[string]*onnxpb.Model {
	out := func() *onnxpb.Tensor {
		return &onnxpb.Tensor{Name: str("e"), DataType: proto.Int32(1), Dims: []int64{2}, DataLocation: proto.Int32(1), ExternalData: keys}
	}
	indices := func() *onnxpb.Tensor {
		t := out()
		t.DataType, t.Dims = proto.Int32(7), []int64{1}
		return t
	}
	values := func() *onnxpb.SparseTensor { s := sparseVector("s"); s.Values = out(); return s }
	index := func() *onnxpb.SparseTensor {
		s := sparseVector("s")
		s.Values, s.Indices = floats("s", 1), indices()
		return s
	}
	inAttr := func(set func(*onnxpb.Attribute)) *onnxpb.Node {
		a := &onnxpb.Attribute{Name: str("value")}
		set(a)
		return node("Constant", nil, []string{"c"}, a)
	}
	constant := func() *onnxpb.Node { return inAttr(func(a *onnxpb.Attribute) { a.T = out() }) }
	return map[string]*onnxpb.Model{
		"initializer":           edit(func(p *onnxpb.Model) { p.Graph.Initializer = append(p.Graph.Initializer, out()) }),
		"sparse initializer":    edit(func(p *onnxpb.Model) { p.Graph.SparseInitializer = []*onnxpb.SparseTensor{values()} }),
		"sparse indices":        edit(func(p *onnxpb.Model) { p.Graph.SparseInitializer = []*onnxpb.SparseTensor{index()} }),
		"Constant.value":        add(constant()),
		"Constant.sparse_value": add(inAttr(func(a *onnxpb.Attribute) { a.SparseTensor = values() })),
		"list of tensors":       add(inAttr(func(a *onnxpb.Attribute) { a.Tensors = []*onnxpb.Tensor{out()} })),
		"list of sparse tensors": add(inAttr(func(a *onnxpb.Attribute) {
			a.SparseTensors = []*onnxpb.SparseTensor{index()}
		})),
		"subgraph":      add(inAttr(func(a *onnxpb.Attribute) { a.G = &onnxpb.Graph{Initializer: []*onnxpb.Tensor{out()}} })),
		"function body": edit(func(p *onnxpb.Model) { p.Functions = []*onnxpb.Function{function("f", constant())} }),
		"function default": edit(func(p *onnxpb.Model) {
			f := function("f")
			f.AttributeProto = constant().Attribute
			p.Functions = []*onnxpb.Function{f}
		}),
		"training": edit(func(p *onnxpb.Model) {
			p.TrainingInfo = []*onnxpb.Training{{Algorithm: &onnxpb.Graph{Initializer: []*onnxpb.Tensor{out()}}}}
		}),
	}
}
