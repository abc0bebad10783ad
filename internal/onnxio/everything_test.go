package onnxio

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

func str(s string) *string { return &s }

func info(name string, d graph.DType, dims ...int64) *onnxpb.ValueInfo {
	shape := &onnxpb.Shape{}
	for _, n := range dims {
		shape.Dim = append(shape.Dim, &onnxpb.Shape_Dimension{Value: &onnxpb.Shape_Dimension_DimValue{DimValue: n}})
	}
	return &onnxpb.ValueInfo{Name: &name, Type: &onnxpb.Type{Value: &onnxpb.Type_TensorType{
		TensorType: &onnxpb.Type_Dense{ElemType: proto.Int32(int32(d)), Shape: shape}}}}
}

func floats(name string, x ...float32) *onnxpb.Tensor {
	return &onnxpb.Tensor{Name: text(name), DataType: proto.Int32(int32(graph.Float32)), Dims: []int64{int64(len(x))}, FloatData: x}
}

func sparseVector(name string) *onnxpb.SparseTensor {
	return &onnxpb.SparseTensor{
		Values: floats(name, 1.5, -2), Dims: []int64{5},
		Indices: &onnxpb.Tensor{DataType: proto.Int32(int32(graph.Int64)), Dims: []int64{2}, Int64Data: []int64{1, 4}},
	}
}

func attr(name string, kind graph.AttrKind, set func(*onnxpb.Attribute)) *onnxpb.Attribute {
	p := &onnxpb.Attribute{Name: &name, Type: proto.Int32(int32(kind))}
	set(p)
	return p
}

func branch(name, reads string) *onnxpb.Graph {
	return &onnxpb.Graph{
		Name: &name, DocString: str("a branch"),
		Node:   []*onnxpb.Node{{OpType: str("Neg"), Input: []string{reads}, Output: []string{name + "_y"}}},
		Output: []*onnxpb.ValueInfo{info(name+"_y", graph.Float32, 2)},
	}
}

// everything is a model that uses every field of the standard which is not refused; TestEverythingIsEverything holds it to that.
func everything() *onnxpb.Model {
	meta := []*onnxpb.Entry{entry("a", "1"), entry("b", "2\x00")}
	symbolic := &onnxpb.Type{
		Denotation: str("IMAGE"),
		Value: &onnxpb.Type_SequenceType{SequenceType: &onnxpb.Type_Sequence{ElemType: &onnxpb.Type{
			Value: &onnxpb.Type_OptionalType{OptionalType: &onnxpb.Type_Optional{ElemType: &onnxpb.Type{
				Value: &onnxpb.Type_TensorType{TensorType: &onnxpb.Type_Dense{ElemType: proto.Int32(1), Shape: &onnxpb.Shape{
					Dim: []*onnxpb.Shape_Dimension{
						{Value: &onnxpb.Shape_Dimension_DimParam{DimParam: "N"}, Denotation: str("BATCH")},
						{Value: &onnxpb.Shape_Dimension_DimValue{DimValue: 0}}, {},
					},
				}}},
			}}},
		}}},
	}
	mapped := &onnxpb.Type{Value: &onnxpb.Type_MapType{MapType: &onnxpb.Type_Map{KeyType: proto.Int32(7), ValueType: info("", 1, 2).Type}}}
	sparse := &onnxpb.Type{Value: &onnxpb.Type_SparseTensorType{SparseTensorType: &onnxpb.Type_Sparse{ElemType: proto.Int32(11),
		Shape: &onnxpb.Shape{}}}}
	opaque := &onnxpb.Type{Value: &onnxpb.Type_OpaqueType{OpaqueType: &onnxpb.Type_Opaque{Domain: str("d"), Name: str("n")}}}
	num := func(v int64) *int64 { return &v }

	constants := &onnxpb.Node{
		OpType: str("Everything"), Domain: str("test"), Name: str("n0"), Overload: str("o"), DocString: str("node"),
		Output: []string{"", "c"}, MetadataProps: meta,
		Attribute: []*onnxpb.Attribute{
			attr("f", graph.FloatAttr, func(p *onnxpb.Attribute) { p.F, p.DocString = proto.Float32(0.1), str("documented") }),
			attr("i", graph.IntAttr, func(p *onnxpb.Attribute) { p.I = num(-1) }),
			attr("s", graph.StringAttr, func(p *onnxpb.Attribute) { p.S = []byte("\xff\x00") }),
			attr("t", graph.TensorAttr, func(p *onnxpb.Attribute) { p.T = floats("", 1) }),
			attr("g", graph.GraphAttr, func(p *onnxpb.Attribute) { p.G = branch("then", "x") }),
			attr("st", graph.SparseAttr, func(p *onnxpb.Attribute) { p.SparseTensor = sparseVector("") }),
			attr("tp", graph.TypeAttr, func(p *onnxpb.Attribute) { p.Tp = symbolic }),
			attr("fs", graph.FloatsAttr, func(p *onnxpb.Attribute) { p.Floats = []float32{1, 2} }),
			attr("is", graph.IntsAttr, func(p *onnxpb.Attribute) { p.Ints = []int64{1 << 40, -1} }),
			attr("ss", graph.StringsAttr, func(p *onnxpb.Attribute) { p.Strings = [][]byte{nil, []byte("x")} }),
			attr("ts", graph.TensorsAttr, func(p *onnxpb.Attribute) { p.Tensors = []*onnxpb.Tensor{floats("", 1), floats("q")} }),
			attr("gs", graph.GraphsAttr, func(p *onnxpb.Attribute) { p.Graphs = []*onnxpb.Graph{branch("g0", "x"), branch("g1", "w")} }),
			attr("sts", graph.SparsesAttr, func(p *onnxpb.Attribute) { p.SparseTensors = []*onnxpb.SparseTensor{sparseVector("")} }),
			attr("tps", graph.TypesAttr, func(p *onnxpb.Attribute) { p.TypeProtos = []*onnxpb.Type{mapped, sparse, opaque} }),
			attr("empty", graph.IntsAttr, func(*onnxpb.Attribute) {}),
		},
		DeviceConfigurations: []*onnxpb.NodeDevice{{
			ConfigurationId: str("conf"), PipelineStage: proto.Int32(1),
			ShardingSpec: []*onnxpb.Sharding{{
				TensorName: str("x"), Device: []int64{0, 1},
				IndexToDeviceGroupMap: []*onnxpb.DeviceGroup{{Key: num(1), Value: []int64{2}}},
				ShardedDim: []*onnxpb.ShardedDim{{Axis: num(0), SimpleSharding: []*onnxpb.SimpleShardedDim{
					{Dim: &onnxpb.SimpleShardedDim_DimValue{DimValue: 2}, NumShards: num(2)},
					{Dim: &onnxpb.SimpleShardedDim_DimParam{DimParam: "N"}},
				}}},
			}},
		}},
	}
	call := &onnxpb.Node{OpType: str("Twice"), Domain: str("test"), Input: []string{"x", ""}, Output: []string{"y"}}
	tensor := func(name string, d graph.DType, set func(*onnxpb.Tensor)) *onnxpb.Tensor {
		p := &onnxpb.Tensor{Name: &name, DataType: proto.Int32(int32(d)), Dims: []int64{2}}
		set(p)
		return p
	}
	documented := tensor("i4", graph.Int4, func(p *onnxpb.Tensor) { p.Int32Data, p.Dims = []int32{0xf7, 0x01}, []int64{3} })
	documented.DocString, documented.MetadataProps = str("packed"), meta
	described := info("raw", graph.Float16, 2)
	described.DocString = str("described")
	g := &onnxpb.Graph{
		Name: str("main"), DocString: str("graph"), MetadataProps: meta,
		Input: []*onnxpb.ValueInfo{info("x", graph.Float32, 2), {Name: str("untyped")}, {Name: str("q"), Type: opaque, DocString: str("doc"),
			MetadataProps: meta}, info("w", graph.Float32, 2)},
		Initializer: []*onnxpb.Tensor{
			floats("w", 1, 2),
			tensor("raw", graph.Float16, func(p *onnxpb.Tensor) { p.RawData = []byte{0, 0x3c, 0, 0xc0} }),
			tensor("f64", graph.Float64, func(p *onnxpb.Tensor) { p.DoubleData = []float64{1, -2} }),
			tensor("u64", graph.Uint64, func(p *onnxpb.Tensor) { p.Uint64Data = []uint64{1 << 63, 2} }),
			tensor("u32", graph.Uint32, func(p *onnxpb.Tensor) { p.Uint64Data = []uint64{1 << 31, 2} }),
			tensor("i8", graph.Int8, func(p *onnxpb.Tensor) { p.Int32Data = []int32{-128, 127} }),
			tensor("bf16", graph.BFloat16, func(p *onnxpb.Tensor) { p.Int32Data = []int32{0x3f80, 0xffff} }),
			tensor("bool", graph.Bool, func(p *onnxpb.Tensor) { p.Int32Data = []int32{1, 0} }),
			tensor("c64", graph.Complex64, func(p *onnxpb.Tensor) { p.FloatData = []float32{1, 2, 3, 4} }),
			tensor("c128", graph.Complex128, func(p *onnxpb.Tensor) { p.DoubleData = []float64{1, 2, 3, 4} }),
			tensor("text", graph.String, func(p *onnxpb.Tensor) { p.StringData = [][]byte{[]byte("\xfe"), nil} }),
			documented,
		},
		SparseInitializer: []*onnxpb.SparseTensor{sparseVector("sparse")},
		Node:              []*onnxpb.Node{constants, call},
		Output:            []*onnxpb.ValueInfo{info("y", graph.Float32, 2), {Name: str("c"), Type: symbolic}},
		ValueInfo:         []*onnxpb.ValueInfo{info("gone", graph.Int64, 1), described},
		QuantizationAnnotation: []*onnxpb.Annotation{{TensorName: str("x"),
			QuantParameterTensorNames: []*onnxpb.Entry{entry("SCALE_TENSOR", "w")}}},
	}
	twice := &onnxpb.Function{
		Name: str("Twice"), Domain: str("test"), DocString: str("function"), MetadataProps: meta,
		Input: []string{"a", "b"}, Output: []string{"r"}, Attribute: []string{"alpha"},
		AttributeProto: []*onnxpb.Attribute{attr("beta", graph.FloatAttr, func(p *onnxpb.Attribute) {
			p.F, p.DocString = proto.Float32(2), str("default")
		})},
		OpsetImport: []*onnxpb.OperatorSet{{Domain: str("ai.onnx"), Version: num(18)}},
		Node: []*onnxpb.Node{
			{OpType: str("Elu"), Input: []string{"a"}, Output: []string{"m"}, Attribute: []*onnxpb.Attribute{
				attr("alpha", graph.FloatAttr, func(p *onnxpb.Attribute) { p.RefAttrName = str("beta") })}},
			{OpType: str("Add"), Input: []string{"m", "a"}, Output: []string{"r"}},
		},
		ValueInfo: []*onnxpb.ValueInfo{info("m", graph.Float32, 2), info("none", graph.Float32)},
	}
	overload := proto.Clone(twice).(*onnxpb.Function)
	overload.Overload = str("o2")
	return &onnxpb.Model{
		IrVersion: num(13), ProducerName: str("p"), ProducerVersion: str("1"), Domain: str("org"), ModelVersion: num(3),
		DocString: str("model"), MetadataProps: meta, Graph: g, Functions: []*onnxpb.Function{twice, overload},
		OpsetImport: []*onnxpb.OperatorSet{{Version: num(18)}, {Domain: str("test"), Version: num(1)}},
		TrainingInfo: []*onnxpb.Training{{
			Initialization: branch("init", "w"), Algorithm: branch("step", "x"),
			InitializationBinding: []*onnxpb.Entry{entry("w", "init_y")}, UpdateBinding: []*onnxpb.Entry{entry("w", "step_y"), entry("w", "step_y")},
		}},
		Configuration: []*onnxpb.DeviceConfiguration{{Name: str("conf"), NumDevices: proto.Int32(2), Device: []string{"a", "b"}}},
	}
}

func bytesOf(t testing.TB, p proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func everythingFile(t testing.TB, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "everything.onnx")
	if err := os.WriteFile(name, bytesOf(t, everything()), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestEverythingIsEverything walks the description of the format and wants each field set somewhere in the model.
func TestEverythingIsEverything(t *testing.T) {
	set := map[protoreflect.FullName]bool{}
	var walk func(m protoreflect.Message)
	walk = func(m protoreflect.Message) {
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			set[f.FullName()] = true
			switch {
			case f.IsList() && f.Message() != nil:
				for i := range v.List().Len() {
					walk(v.List().Get(i).Message())
				}
			case f.Message() != nil:
				walk(v.Message())
			}
			return true
		})
	}
	walk(everything().ProtoReflect())
	elsewhere := map[string]bool{
		"astronnx.onnx.Tensor.segment":       true, // refused
		"astronnx.onnx.Tensor.external_data": true, // TestExternal...
		"astronnx.onnx.Tensor.data_location": true,
	}
	var want func(d protoreflect.MessageDescriptor)
	seen := map[protoreflect.FullName]bool{"astronnx.onnx.Tensor.Segment": true}
	want = func(d protoreflect.MessageDescriptor) {
		if seen[d.FullName()] {
			return
		}
		seen[d.FullName()] = true
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			if !set[f.FullName()] && !elsewhere[string(f.FullName())] {
				t.Errorf("%s is not used", f.FullName())
			}
			if f.Message() != nil {
				want(f.Message())
			}
		}
	}
	want((&onnxpb.Model{}).ProtoReflect().Descriptor())
}

func TestEverythingRoundTrips(t *testing.T) {
	m, err := Load(bytesOf(t, everything()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(mustMarshal(t, m), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := graph.Diff(m, again); diff != nil {
		t.Error(diff)
	}
	n := m.Graph.Nodes[0]
	if n.Overload != "o" || n.AttrDocs["f"] != "documented" || len(n.Extra) == 0 || len(m.Extra) == 0 || len(m.Graph.Extra) == 0 ||
		len(m.Functions[0].Extra) == 0 {
		t.Errorf("lost: overload %q, docs %v, carried fields of %d %d %d %d bytes", n.Overload, n.AttrDocs, len(n.Extra), len(m.Extra),
			len(m.Graph.Extra), len(m.Functions[0].Extra))
	}
}
