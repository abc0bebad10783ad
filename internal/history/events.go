package history

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/astronnx/astronnx/internal/errs"
)

// Field numbers of TensorFlow's event.proto and summary.proto.
const (
	eventWallTime    = 1 // double, seconds
	eventStep        = 2 // int64
	eventFileVersion = 3 // string, in the first event
	eventSummary     = 5

	summaryValue = 1 // repeated

	valueTag    = 1 // string
	valueSimple = 2 // float
)

const fileVersion = "brain.Event:2"

// Scalar is a value with the name of its curve; slashes in it make groups, as "loss/validation".
type Scalar struct {
	Tag   string
	Value float64
}

// Events is a TensorBoard event file: a TFRecord each event, the bytes of an Event message. One goroutine uses it at a time.
type Events struct{ file *file }

// OpenEvents opens an event file to go on with a step, an epoch for instance, and makes it if it is not there. Events from that step on
// are removed. TensorBoard finds the file if "tfevents" is in its name. The time is that of the first event of a new file.
func OpenEvents(path string, step int64, now time.Time) (*Events, error) {
	f, err := openFile(path, func(data []byte) (int, error) { return keepEvents(data, step) })
	if err != nil {
		return nil, err
	}
	if f.end == 0 {
		event := protowire.AppendTag(wallTime(now), eventFileVersion, protowire.BytesType)
		event = protowire.AppendString(event, fileVersion)
		if err := f.append(frame(event)); err != nil {
			f.close()
			return nil, err
		}
	}
	return &Events{f}, nil
}

// Append writes the values of a step, as one event. TensorBoard holds them as float32.
func (e *Events) Append(now time.Time, step int64, values ...Scalar) error {
	var summary []byte
	for _, v := range values {
		var value []byte
		value = protowire.AppendTag(value, valueTag, protowire.BytesType)
		value = protowire.AppendString(value, v.Tag)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(v.Value)))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, value)
	}
	event := wallTime(now)
	if step != 0 { // as protocol buffers write it
		event = protowire.AppendTag(event, eventStep, protowire.VarintType)
		event = protowire.AppendVarint(event, uint64(step))
	}
	event = protowire.AppendTag(event, eventSummary, protowire.BytesType)
	event = protowire.AppendBytes(event, summary)
	return e.file.append(frame(event))
}

// Close ends the use of the file.
func (e *Events) Close() error { return e.file.close() }

func wallTime(now time.Time) []byte {
	event := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	return protowire.AppendFixed64(event, math.Float64bits(float64(now.Unix())+float64(now.Nanosecond())/1e9))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a TFRecord: CRC-32C, rotated and shifted, as a CRC of data that hold their own CRC says little.
func masked(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// frame makes a TFRecord: the length, its checksum, the data, their checksum.
func frame(event []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, event...)
	return binary.LittleEndian.AppendUint32(b, masked(event))
}

// keepEvents returns where the first event of the step or a later one begins, or the first that is not whole.
func keepEvents(data []byte, step int64) (int, error) {
	n := 0
	for {
		event, size := unframe(data[n:])
		if size == 0 {
			break
		}
		s, version, ok := parseEvent(event)
		if n == 0 && version != fileVersion {
			break
		}
		if !ok || n > 0 && s >= step {
			return n, nil
		}
		n += size
	}
	if n == 0 && !begun(data) {
		return 0, errs.New(errs.Input, "it does not begin as an event file does").WithHint("move the file away")
	}
	return n, nil
}

// begun reports whether data are nothing or a part of the first record of a file.
func begun(data []byte) bool {
	first := frame(append(wallTime(time.Time{}), make([]byte, 2+len(fileVersion))...))
	n := min(len(data), 12) // length and its checksum
	return len(data) < len(first) && bytes.Equal(data[:n], first[:n])
}

// unframe returns the data of the record at the beginning and the record's size, 0 if it is not whole.
func unframe(b []byte) (event []byte, size int) {
	if len(b) < 16 || binary.LittleEndian.Uint32(b[8:]) != masked(b[:8]) {
		return nil, 0
	}
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-16) {
		return nil, 0
	}
	event = b[12 : 12+n]
	if binary.LittleEndian.Uint32(b[12+n:]) != masked(event) {
		return nil, 0
	}
	return event, int(n) + 16
}

func parseEvent(b []byte) (step int64, version string, ok bool) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, "", false
		}
		b = b[n:]
		switch {
		case field == eventStep && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(b)
			step = int64(v)
		case field == eventFileVersion && kind == protowire.BytesType:
			v, _ := protowire.ConsumeBytes(b)
			version = string(v)
		}
		if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
			return 0, "", false
		}
		b = b[n:]
	}
	return step, version, true
}
