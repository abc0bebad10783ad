package onnxio

import (
	"encoding/binary"
	"math"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// external is TensorProto.DataLocation's number for data outside the file.
const external = 1

// tensor reads a dense tensor and takes over p's bytes.
func (d *decoder) tensor(p *onnxpb.Tensor) (*graph.Tensor, error) {
	t := &graph.Tensor{Name: p.GetName(), Doc: p.GetDocString(), DType: graph.DType(p.GetDataType()), Shape: p.Dims}
	if t.Shape == nil {
		t.Shape = []int64{}
	}
	var err error
	if t.Metadata, err = entries(p.GetMetadataProps()); err != nil {
		return nil, within(err, "metadata")
	}
	n, err := d.elements(t.DType, t.Shape)
	if err != nil {
		return nil, err
	}
	if p.Segment != nil {
		return nil, errs.New(errs.Invalid, "the tensor is one segment of several").WithHint("export it whole, or in external data")
	}
	if p.GetDataLocation() != 0 || len(p.ExternalData) > 0 {
		return t, d.external(t, p, n)
	}
	return t, fill(t, p, n)
}

// elements checks type and shape and returns the number of elements.
func (d *decoder) elements(dt graph.DType, shape []int64) (int64, error) {
	if !dt.Valid() {
		return 0, invalid("element type %d does not exist", int32(dt))
	}
	if len(shape) > d.lim.Rank {
		return 0, limit("the tensor has %d dimensions, the limit is %d", len(shape), d.lim.Rank)
	}
	n, ok := graph.NumElements(shape)
	if ok {
		_, ok = graph.ByteSize(dt, n)
	}
	if !ok {
		return 0, invalid("shape %v is negative or beyond 2^63 bytes", shape)
	}
	return n, nil
}

// fill takes the elements from whichever field holds them. Nothing is allocated before the field has the right length.
func fill(t *graph.Tensor, p *onnxpb.Tensor, n int64) error {
	fields := []struct {
		name string
		len  int
	}{
		{"raw_data", len(p.RawData)}, {"float_data", len(p.FloatData)}, {"int32_data", len(p.Int32Data)}, {"int64_data", len(p.Int64Data)},
		{"double_data", len(p.DoubleData)}, {"uint64_data", len(p.Uint64Data)}, {"string_data", len(p.StringData)},
	}
	want := typedField(t.DType)
	if len(p.RawData) > 0 && t.DType != graph.String {
		want = "raw_data"
	}
	have := 0
	for _, f := range fields {
		if f.name == want {
			have = f.len
		} else if f.len > 0 {
			return invalid("%s elements are in %s, want %s", t.DType, f.name, want)
		}
	}
	size, _ := graph.ByteSize(t.DType, n)
	count := n
	switch {
	case want == "raw_data" || t.DType.Bits() < 8 && t.DType != graph.String:
		count = size
	case t.DType == graph.Complex64 || t.DType == graph.Complex128:
		count = 2 * n
	}
	if int64(have) != count {
		return errs.New(errs.Invalid, "%s has %d entries, %s%v wants %d", want, have, t.DType, t.Shape, count).
			WithHint("the file is damaged or its external data was cut off")
	}
	switch want {
	case "raw_data":
		t.Raw = aligned(p.RawData)
		fixBools(t)
	case "string_data":
		t.Strings = texts(p.StringData)
	case "float_data":
		t.Raw = littleEndian(p.FloatData)
	case "double_data":
		t.Raw = littleEndian(p.DoubleData)
	case "int64_data":
		t.Raw = littleEndian(p.Int64Data)
	case "uint64_data":
		return narrow(t, p.Uint64Data, size)
	default:
		return narrow(t, p.Int32Data, size)
	}
	return nil
}

// typedField names the field that holds elements of type d when raw_data does not.
func typedField(d graph.DType) string {
	switch d {
	case graph.Float32, graph.Complex64:
		return "float_data"
	case graph.Float64, graph.Complex128:
		return "double_data"
	case graph.Int64:
		return "int64_data"
	case graph.Uint32, graph.Uint64:
		return "uint64_data"
	case graph.String:
		return "string_data"
	}
	return "int32_data"
}

// aligned returns b, or a copy if its address does not suit every element type.
func aligned(b []byte) []byte {
	if len(b) > 0 && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%8 == 0 {
		return b
	}
	out := graph.AlignedBytes(len(b))
	copy(out, b)
	return out
}

// fixBools turns every byte that Go does not allow in a bool into 1.
func fixBools(t *graph.Tensor) {
	if t.DType != graph.Bool {
		return
	}
	for i, b := range t.Raw {
		if b > 1 {
			t.Raw[i] = 1
		}
	}
}

// littleEndian returns the bytes of x.
func littleEndian[T float32 | float64 | int64](x []T) []byte {
	var z T
	out := graph.AlignedBytes(len(x) * int(unsafe.Sizeof(z)))
	n, err := binary.Encode(out, binary.LittleEndian, x)
	if err != nil || n != len(out) {
		panic("onnxio: encoding numbers failed")
	}
	return out
}

// narrow stores each entry in the bytes of t's element type, or of one packed byte, and refuses entries that do not fit.
func narrow[T int32 | int64 | uint64](t *graph.Tensor, x []T, size int64) error {
	raw := graph.AlignedBytes(int(size))
	width := max(t.DType.Bits(), 8) / 8
	signed := t.DType == graph.Int8 || t.DType == graph.Int16 || t.DType == graph.Int32
	bits := 8 * width
	for i, v := range x {
		if signed && (int64(v) < -1<<(bits-1) || int64(v) >= 1<<(bits-1)) ||
			!signed && bits < 64 && (v < 0 || uint64(v) > math.MaxUint64>>(64-bits)) {
			return invalid("entry %d is %d, beyond %s", i, v, t.DType)
		}
		switch width {
		case 1:
			raw[i] = byte(v)
		case 2:
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(v))
		case 4:
			binary.LittleEndian.PutUint32(raw[4*i:], uint32(v))
		default:
			binary.LittleEndian.PutUint64(raw[8*i:], uint64(v))
		}
	}
	t.Raw = raw
	fixBools(t)
	return nil
}

func (d *decoder) sparse(p *onnxpb.SparseTensor) (*graph.Sparse, error) {
	if p.Values == nil || p.Indices == nil {
		return nil, invalid("a sparse tensor lacks values or indices")
	}
	s := &graph.Sparse{Shape: p.Dims}
	if s.Shape == nil {
		s.Shape = []int64{}
	}
	var err error
	if s.Values, err = d.tensor(p.Values); err != nil {
		return nil, within(err, "values")
	}
	if s.Indices, err = d.tensor(p.Indices); err != nil {
		return nil, within(err, "indices")
	}
	if len(s.Shape) > d.lim.Rank {
		return nil, limit("the tensor has %d dimensions, the limit is %d", len(s.Shape), d.lim.Rank)
	}
	if err := s.Check(); err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	return s, nil
}

func (e *encoder) tensor(t *graph.Tensor) (*onnxpb.Tensor, error) {
	if t == nil || t.Kind != graph.TensorKind {
		return nil, invalid("%s is no dense tensor", t)
	}
	if err := t.Check(); err != nil {
		return nil, errs.New(errs.Invalid, "tensor %s: %w", quote(t.Name), err)
	}
	p := &onnxpb.Tensor{
		Name: text(t.Name), DocString: text(t.Doc), Dims: t.Shape, DataType: proto.Int32(int32(t.DType)),
		MetadataProps: entryList(t.Metadata),
	}
	if t.DType == graph.String {
		for _, s := range t.Strings {
			p.StringData = append(p.StringData, []byte(s))
		}
		return p, nil
	}
	ext, err := e.place(t)
	if err != nil {
		return nil, err
	}
	if ext != nil {
		p.DataLocation, p.ExternalData = proto.Int32(external), externalEntries(ext)
		return p, nil
	}
	p.RawData = t.Raw
	return p, nil
}

func (e *encoder) sparse(s *graph.Sparse) (*onnxpb.SparseTensor, error) {
	if err := s.Check(); err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	values, err := e.tensor(s.Values)
	if err != nil {
		return nil, err
	}
	indices, err := e.tensor(s.Indices)
	if err != nil {
		return nil, err
	}
	return &onnxpb.SparseTensor{Values: values, Indices: indices, Dims: s.Shape}, nil
}
