package onnxio

import (
	"testing"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// loadedConst loads small with its constant changed and returns the constant.
func loadedConst(t *testing.T, f func(*onnxpb.Tensor)) *graph.Tensor {
	t.Helper()
	m, err := Load(bytesOf(t, weight(f)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Graph.Initializers[0].Const
}

func TestBooleansBecomeZeroOrOne(t *testing.T) {
	for _, raw := range []bool{true, false} {
		c := loadedConst(t, func(w *onnxpb.Tensor) {
			w.DataType, w.Dims, w.FloatData = proto.Int32(int32(graph.Bool)), []int64{3}, nil
			if raw {
				w.RawData = []byte{0, 2, 255}
			} else {
				w.Int32Data = []int32{0, 2, 255}
			}
		})
		if string(c.Raw) != "\x00\x01\x01" {
			t.Errorf("raw %v: bytes %v", raw, c.Raw)
		}
	}
}

// TestElementsAreAligned loads many tensors of a few bytes, which the allocator packs.
func TestElementsAreAligned(t *testing.T) {
	p := edit(func(p *onnxpb.Model) {
		for i := range 200 {
			p.Graph.Initializer = append(p.Graph.Initializer, &onnxpb.Tensor{
				Name: str(string(rune(0x100 + i))), DataType: proto.Int32(int32(graph.Uint8)), Dims: []int64{int64(i%9 + 1)},
				RawData: make([]byte, i%9+1),
			})
		}
	})
	m, err := Load(bytesOf(t, p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Graph.Initializers {
		if at := uintptr(unsafe.Pointer(&v.Const.Raw[0])); at%8 != 0 {
			t.Errorf("%s at %#x", v.Const, at)
		}
	}
}

func TestStandardDomainHasOneName(t *testing.T) {
	p := edit(func(p *onnxpb.Model) {
		p.OpsetImport[0].Domain = str("ai.onnx")
		p.Graph.Node[0].Domain = str("ai.onnx")
		f := function("f")
		f.Domain = str("ai.onnx")
		p.Functions = []*onnxpb.Function{f}
	})
	m, err := Load(bytesOf(t, p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Opsets[""] != 17 || m.Graph.Nodes[0].Domain != "" || m.Functions[0].Domain != "" {
		t.Errorf("opsets %v, node of %q, function of %q", m.Opsets, m.Graph.Nodes[0].Domain, m.Functions[0].Domain)
	}
}

// TestDeclarationsJoin covers values that a file declares more than once.
func TestDeclarationsJoin(t *testing.T) {
	p := edit(func(p *onnxpb.Model) {
		partial := info("x", graph.Float32, 0)
		partial.Type.GetTensorType().Shape.Dim[0] = &onnxpb.Shape_Dimension{}
		p.Graph.Input[0] = partial
		p.Graph.Output = append(p.Graph.Output, info("x", graph.Float32, 7))
		p.Graph.ValueInfo = []*onnxpb.ValueInfo{info("y", graph.Float32, 2), info("y", graph.Float32, 3)}
	})
	m, err := Load(bytesOf(t, p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Graph.Inputs[0].Type.String(); got != "float32[7]" {
		t.Errorf("x is %s, want the input's type filled up by the output's", got)
	}
	rest := &onnxpb.Graph{}
	if err := proto.Unmarshal(m.Graph.Extra, rest); err != nil || len(rest.ValueInfo) != 1 || !proto.Equal(rest.ValueInfo[0], p.Graph.ValueInfo[1]) {
		t.Errorf("carried %v (%v), want the one declaration of y that says something else", rest.ValueInfo, err)
	}
}

func TestMalformedValues(t *testing.T) {
	seq := func(n int) *onnxpb.Sequence {
		s := &onnxpb.Sequence{}
		for range n {
			s.TensorValues = append(s.TensorValues, floats("", 1))
		}
		return s
	}
	mixed := seq(1)
	mixed.SequenceValues = []*onnxpb.Sequence{seq(0)}
	for _, r := range []struct {
		name string
		p    proto.Message
		kind graph.Kind
		code errs.Code
		text string
	}{
		{"two kinds", mixed, graph.SequenceKind, errs.Invalid, "2 kinds"},
		{"sparse elements", &onnxpb.Sequence{SparseTensorValues: []*onnxpb.SparseTensor{{}}}, graph.SequenceKind, errs.Invalid, "sparse"},
		{"sparse optional", &onnxpb.Optional{SparseTensorValue: &onnxpb.SparseTensor{}}, graph.OptionalKind, errs.Invalid, "sparse"},
		{"broken element", &onnxpb.Sequence{TensorValues: []*onnxpb.Tensor{{}}}, graph.SequenceKind, errs.Invalid, "element 0"},
		{"keys without values", &onnxpb.Map{KeyType: proto.Int32(7), Keys: []int64{1}}, graph.MapKind, errs.Invalid, "no values"},
		{"fewer values", &onnxpb.Map{KeyType: proto.Int32(7), Keys: []int64{1}, Values: seq(0)}, graph.MapKind, errs.Invalid, "1 keys"},
		{"float keys", &onnxpb.Map{KeyType: proto.Int32(1), Values: seq(0)}, graph.MapKind, errs.Invalid, "keys of type"},
		{"strings and numbers", &onnxpb.Map{KeyType: proto.Int32(8), Keys: []int64{1}, Values: seq(1)}, graph.MapKind, errs.Invalid, "keys of"},
		{"key beyond its type", &onnxpb.Map{KeyType: proto.Int32(3), Keys: []int64{128}, Values: seq(1)}, graph.MapKind, errs.Invalid, "beyond"},
		{"opaque", &onnxpb.Tensor{}, graph.OpaqueKind, errs.Input, "cannot hold"},
	} {
		t.Run(r.name, func(t *testing.T) {
			_, err := ReadTensor(bytesOf(t, r.p), &graph.Type{Kind: r.kind}, Options{})
			wantError(t, err, r.code, r.text)
		})
	}
}

// TestMapsRoundTrip has every type of key; the official suite has no maps.
func TestMapsRoundTrip(t *testing.T) {
	values := graph.Sequence(graph.Scalar(float32(1)), graph.Scalar(float32(2)))
	for _, keys := range []*graph.Tensor{
		graph.Vector[int8](-1, 2), graph.Vector[uint8](255, 2), graph.Vector[int16](-1, 2), graph.Vector[uint16](65535, 2),
		graph.Vector[int32](-1, 2), graph.Vector[uint32](1<<31, 2), graph.Vector[int64](-1, 2), graph.Vector[uint64](1<<63, 2),
		graph.FromStrings([]string{"a", ""}, 2),
	} {
		m := &graph.Tensor{Kind: graph.MapKind, Name: "m", Elems: []*graph.Tensor{keys, values}}
		b, err := MarshalTensor(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadTensor(b, &graph.Type{Kind: graph.MapKind}, Options{})
		if err != nil || !back.Equal(m) || back.Name != "m" {
			t.Errorf("keys %s: %v (%v)", keys, back, err)
		}
	}
	nested := graph.Sequence(&graph.Tensor{Kind: graph.MapKind, Elems: []*graph.Tensor{graph.Vector[int64](1, 2), values}})
	b, err := MarshalTensor(graph.Optional(graph.Optional(nested)))
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadTensor(b, &graph.Type{Kind: graph.OptionalKind}, Options{})
	if err != nil || !back.Equal(graph.Optional(graph.Optional(nested))) {
		t.Errorf("nested: %v (%v)", back, err)
	}
}
