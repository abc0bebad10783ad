package onnxio

import (
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

const maxMessage = 1<<31 - 1 // protobuf's bound

// Marshal returns m as the bytes of a file that holds everything, external data included.
func Marshal(m *graph.Model) ([]byte, error) { return marshal(m, inside) }

// inside keeps every tensor in the file.
func inside(t *graph.Tensor) (*graph.External, error) {
	if !t.Loaded() {
		return nil, notLoaded(t)
	}
	return nil, nil
}

func marshal(m *graph.Model, place func(*graph.Tensor) (*graph.External, error)) ([]byte, error) {
	p, err := (&encoder{place: place}).model(m)
	if err != nil {
		return nil, err
	}
	return encode(p)
}

func encode(p proto.Message) ([]byte, error) {
	if n := proto.Size(p); n > maxMessage {
		return nil, errs.New(errs.Limit, "the file would have %d bytes, protobuf ends at 2 GiB", n).
			WithHint("write large tensors as external data")
	}
	b, err := (proto.MarshalOptions{Deterministic: true, UseCachedSize: true}).Marshal(p)
	if err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	return b, nil
}

// Write writes m to w as Marshal does.
func Write(w io.Writer, m *graph.Model) error {
	b, err := Marshal(m)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	return nil
}
