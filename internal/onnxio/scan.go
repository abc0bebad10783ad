package onnxio

import (
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/astronnx/astronnx/internal/errs"
)

// The scanner walks the wire format by the file's description and allocates nothing. What it passes is well-formed, nested no deeper
// than the limit, without groups or unknown fields, and its structure is within budget, so that parsing it is harmless.

// message is what the scanner knows about a kind of message.
type message struct {
	name   string
	cost   int64 // bytes that one takes, parsed and as part of a graph
	fields [maxField + 1]field
}

const maxField = 26 // the highest field number of the standard

type field struct {
	class fieldClass
	wire  protowire.Type
	list  bool
	child *message
	name  protoreflect.Name
}

type fieldClass uint8

const (
	unknownField fieldClass = iota
	scalarField             // a number
	bytesField              // any bytes
	textField               // UTF-8 for people
	nameField               // UTF-8 for programs
	messageField
)

// What the parsed form and the graph cost beyond the bytes of the file, measured and rounded up; TestEstimateCovers holds them to it.
const (
	messageCost = 160 // beside the generated struct: the slice that holds it, and a small counterpart in the graph
	stringCost  = 144
	readCost    = 304 // a node's input: the name, the Use, and its place in maps while verifying
	valueCost   = 512 // a name that declares a value: the Value, and its places in maps while loading
	scalarCost  = 32
	baseCost    = 1 << 20
	bytesCost   = 128 // budget per byte of the file
)

// extraCost is what messages of a larger counterpart in the graph take beyond messageCost.
var extraCost = map[protoreflect.Name]int64{
	"Function": 1400, "Graph": 600, "Node": 512, "Attribute": 288, "Tensor": 416, "SparseTensor": 288, "ValueInfo": 288,
}

var (
	messagesOnce sync.Once
	messages     map[protoreflect.FullName]*message
)

// describe builds the scanner's tables from the generated description.
func describe(d protoreflect.MessageDescriptor) *message {
	messagesOnce.Do(func() {
		messages = map[protoreflect.FullName]*message{}
		all := d.ParentFile().Messages()
		for i := range all.Len() {
			tabulate(all.Get(i))
		}
	})
	return messages[d.FullName()]
}

func tabulate(d protoreflect.MessageDescriptor) *message {
	if m := messages[d.FullName()]; m != nil {
		return m
	}
	m := &message{name: string(d.Name())}
	messages[d.FullName()] = m
	if t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil {
		m.cost = messageCost + extraCost[d.Name()] + int64(reflect.TypeOf(t.Zero().Interface()).Elem().Size())
	}
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		f := field{list: fd.IsList(), name: fd.Name(), class: scalarField, wire: protowire.VarintType}
		switch fd.Kind() {
		case protoreflect.FloatKind:
			f.wire = protowire.Fixed32Type
		case protoreflect.DoubleKind:
			f.wire = protowire.Fixed64Type
		case protoreflect.BytesKind:
			f.class, f.wire = bytesField, protowire.BytesType
		case protoreflect.StringKind:
			f.class, f.wire = nameField, protowire.BytesType
			if fd.Name() == "doc_string" || fd.Name() == "value" && d.Name() == "Entry" {
				f.class = textField
			}
		case protoreflect.MessageKind:
			f.class, f.wire, f.child = messageField, protowire.BytesType, tabulate(fd.Message())
		}
		m.fields[fd.Number()] = f
	}
	return m
}

type scanner struct {
	lim    Limits
	budget int64 // bytes of structure left
	nodes  int
}

// scan checks b against the description d of the whole.
func scan(b []byte, d protoreflect.MessageDescriptor, lim Limits) error {
	if int64(len(b)) > lim.File {
		return fileTooLarge(int64(len(b)), lim.File)
	}
	s := &scanner{lim: lim, budget: min(lim.Structure, baseCost+bytesCost*int64(len(b)))}
	return s.message(b, describe(d), 1)
}

func invalid(format string, args ...any) error { return errs.New(errs.Invalid, format, args...) }

func limit(format string, args ...any) error { return errs.New(errs.Limit, format, args...) }

func (s *scanner) spend(n int64) error {
	if s.budget -= n; s.budget < 0 {
		return errs.New(errs.Limit, "the graph's structure needs more memory than such a file may").
			WithHint("raise the limit of the structure if the file is to be trusted")
	}
	return nil
}

func (s *scanner) message(b []byte, m *message, depth int) error {
	if depth > s.lim.Depth {
		return limit("%s is the %dth nested message, the limit is %d", m.name, depth, s.lim.Depth)
	}
	if err := s.spend(m.cost); err != nil {
		return err
	}
	if m.name == "Node" {
		if s.nodes++; s.nodes > s.lim.Nodes {
			return limit("more than %d nodes", s.lim.Nodes)
		}
	}
	var seen uint32 // singular fields met, by number
	for len(b) > 0 {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return invalid("%s: %w", m.name, protowire.ParseError(n))
		}
		b = b[n:]
		var f *field
		if num <= maxField {
			f = &m.fields[num]
		}
		if f == nil || f.class == unknownField {
			return errs.New(errs.Invalid, "%s has field %d, which ONNX 1.22 does not define", m.name, num).
				WithHint("the file is damaged, no ONNX file, or of a newer standard")
		}
		if !f.list {
			if seen&(1<<num) != 0 {
				return invalid("%s.%s occurs twice", m.name, f.name)
			}
			seen |= 1 << num
		}
		if wire == protowire.StartGroupType || wire == protowire.EndGroupType {
			return invalid("%s.%s is a group", m.name, f.name)
		}
		if n = protowire.ConsumeFieldValue(num, wire, b); n < 0 {
			return invalid("%s.%s: %w", m.name, f.name, protowire.ParseError(n))
		}
		if err := s.field(b[:n], m, f, wire, depth); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (s *scanner) field(b []byte, m *message, f *field, wire protowire.Type, depth int) error {
	packed := f.class == scalarField && f.list && wire == protowire.BytesType
	if wire != f.wire && !packed {
		return invalid("%s.%s has wire type %d, want %d", m.name, f.name, wire, f.wire)
	}
	if f.class == scalarField && !packed {
		if f.list {
			return s.spend(scalarCost)
		}
		return nil
	}
	body, _ := protowire.ConsumeBytes(b)
	switch f.class {
	case scalarField:
		return s.packed(body, m, f)
	case messageField:
		return s.message(body, f.child, depth+1)
	case nameField:
		if len(body) > s.lim.Name {
			return limit("%s.%s has %d bytes, the limit is %d", m.name, f.name, len(body), s.lim.Name)
		}
		for _, c := range body {
			if c == 0 {
				return invalid("%s.%s %s contains a zero byte", m.name, f.name, quote(string(body)))
			}
		}
	}
	if f.class != bytesField && !utf8.Valid(body) {
		return invalid("%s.%s %s is not UTF-8", m.name, f.name, quote(string(body)))
	}
	switch {
	case f.name == "input" && m.name == "Node":
		return s.spend(readCost)
	case f.name == "input" || f.name == "output": // of a function, or of a node
		return s.spend(valueCost)
	}
	return s.spend(stringCost)
}

// packed checks a list of numbers in one field. Its elements take at most sixteen bytes for each of theirs, which the budget per byte
// of the file covers without counting.
func (s *scanner) packed(b []byte, m *message, f *field) error {
	switch f.wire {
	case protowire.Fixed32Type:
		if len(b)%4 != 0 {
			return invalid("%s.%s: %d bytes are no whole number of floats", m.name, f.name, len(b))
		}
	case protowire.Fixed64Type:
		if len(b)%8 != 0 {
			return invalid("%s.%s: %d bytes are no whole number of doubles", m.name, f.name, len(b))
		}
	default:
		for len(b) > 0 {
			n := 1
			if b[0] >= 0x80 {
				if _, n = protowire.ConsumeVarint(b); n < 0 {
					return invalid("%s.%s: %w", m.name, f.name, protowire.ParseError(n))
				}
			}
			b = b[n:]
		}
	}
	return nil
}

// quote shortens a string of a file for a message.
func quote(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%q…", s[:80])
	}
	return fmt.Sprintf("%q", s)
}
