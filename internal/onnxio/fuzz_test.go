package onnxio

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
)

// FuzzLoad wants any bytes to give a model or an error, and every model to survive saving.
func FuzzLoad(f *testing.F) {
	for _, name := range officialModels(f) {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 2000 {
			f.Add(b)
		}
	}
	f.Add(bytesOf(f, everything()))
	for _, p := range externalModels() {
		f.Add(bytesOf(f, p))
	}
	o := Options{SkipExternal: true, Limits: Limits{Structure: 16 << 20, Nodes: 10_000, Expanded: 100_000}}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Load(b, o)
		if err != nil {
			return
		}
		if err := m.Verify(); err != nil {
			t.Fatalf("loaded, but %v", err)
		}
		p, err := (&encoder{place: func(t *graph.Tensor) (*graph.External, error) { return t.External, nil }}).model(m)
		if err != nil {
			t.Fatalf("save: %v", err)
		}
		saved, err := proto.Marshal(p)
		if err != nil {
			t.Fatalf("save: %v", err)
		}
		n, err := Load(saved, o)
		if err != nil {
			t.Fatalf("load what was saved: %v", err)
		}
		if diff := graph.Diff(m, n); diff != nil {
			t.Fatalf("differs from what was saved: %v", diff)
		}
	})
}

// FuzzReadTensor does the same for the files of values.
func FuzzReadTensor(f *testing.F) {
	for i, x := range []*graph.Tensor{
		graph.Vector[float32](1, 2), graph.FromStrings([]string{"a"}, 1), graph.Sequence(graph.Scalar(int64(1))), graph.Optional(nil),
		graph.Optional(graph.Sequence(graph.Scalar(true))),
		{Kind: graph.MapKind, Elems: []*graph.Tensor{graph.Vector[int64](1), graph.Sequence(graph.Scalar(int64(1)))}},
	} {
		b, err := MarshalTensor(x)
		if err != nil {
			f.Fatalf("seed %d: %v", i, err)
		}
		f.Add(b, uint8(x.Kind))
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		typ := &graph.Type{Kind: graph.Kind(kind % 4)}
		v, err := ReadTensor(b, typ, Options{})
		if err != nil {
			return
		}
		saved, err := MarshalTensor(v)
		if err != nil {
			t.Fatalf("save: %v", err)
		}
		w, err := ReadTensor(saved, typ, Options{})
		if err != nil || !v.Equal(w) {
			t.Fatalf("%s became %s (%v)", v, w, err)
		}
	})
}
