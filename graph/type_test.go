package graph_test

import (
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
)

func TestTypeText(t *testing.T) {
	of := func(k graph.Kind, d graph.DType, t *graph.Type) *graph.Type {
		return &graph.Type{Kind: k, DType: d, Of: t}
	}
	for _, c := range []struct {
		t    *graph.Type
		want string
	}{
		{nil, "?"},
		{graph.TensorType(graph.Float32), "float32[]"},
		{graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(3), graph.Sym("")), "float32[N,3,?]"},
		{&graph.Type{DType: graph.Int8}, "int8[...]"},
		{of(graph.SequenceKind, 0, graph.TensorType(graph.Int64, graph.Sym(""))), "sequence(int64[?])"},
		{of(graph.OptionalKind, 0, nil), "optional(?)"},
		{of(graph.MapKind, graph.String, graph.TensorType(graph.Float32)), "map(string,float32[])"},
		{&graph.Type{Kind: graph.SparseKind, DType: graph.Float64, Shape: []graph.Dim{graph.D(2)}}, "sparse float64[2]"},
		{&graph.Type{Kind: graph.OpaqueKind, Domain: "d", Name: "n"}, "opaque(d,n)"},
	} {
		if got := c.t.String(); got != c.want {
			t.Errorf("got %s want %s", got, c.want)
		}
		if !c.t.Equal(c.t.Clone()) {
			t.Errorf("%s: a clone differs", c.want)
		}
	}
}

func TestTypeOfValues(t *testing.T) {
	x := graph.Vector[float32](1, 2)
	for _, c := range []struct {
		v    *graph.Tensor
		want string
	}{
		{nil, "?"}, {x, "float32[2]"}, {graph.Sequence(x), "sequence(float32[2])"}, {graph.Sequence(), "sequence(?)"},
		{graph.Sequence(x, graph.NewTensor(graph.Float32, 3)), "sequence(float32[?])"},
		{graph.Sequence(x, graph.Scalar(float32(0))), "sequence(float32[...])"},
		{graph.Sequence(x, graph.Scalar(int8(0))), "sequence(?)"},
		{graph.Optional(graph.Sequence(x)), "optional(sequence(float32[2]))"}, {graph.Optional(nil), "optional(?)"},
		{&graph.Tensor{Kind: graph.MapKind, Elems: []*graph.Tensor{graph.Vector[int64](1), graph.Sequence(x)}}, "map(int64,float32[2])"},
		{&graph.Tensor{Kind: graph.MapKind, Elems: []*graph.Tensor{graph.Vector[int64](1, 2), x}}, "map(int64,float32[])"},
	} {
		if got := graph.TypeOf(c.v).String(); got != c.want {
			t.Errorf("%s: got %s want %s", c.v, got, c.want)
		}
	}
}

func TestTypeEqualLooksAtEverything(t *testing.T) {
	base := func() *graph.Type {
		return &graph.Type{Kind: graph.SequenceKind, Of: graph.TensorType(graph.Float32, graph.Sym("N"))}
	}
	for name, change := range map[string]func(*graph.Type){
		"kind":            func(t *graph.Type) { t.Kind = graph.OptionalKind },
		"element":         func(t *graph.Type) { t.Of.DType = graph.Int8 },
		"size":            func(t *graph.Type) { t.Of.Shape[0] = graph.D(0) },
		"name":            func(t *graph.Type) { t.Of.Shape[0].Param = "M" },
		"dim denotation":  func(t *graph.Type) { t.Of.Shape[0].Denotation = "BATCH" },
		"rank":            func(t *graph.Type) { t.Of.Shape = []graph.Dim{} },
		"unknown rank":    func(t *graph.Type) { t.Of.Shape = nil },
		"no element type": func(t *graph.Type) { t.Of = nil },
		"denotation":      func(t *graph.Type) { t.Denotation = "IMAGE" },
		"domain":          func(t *graph.Type) { t.Domain = "d" },
		"opaque name":     func(t *graph.Type) { t.Name = "n" },
	} {
		a, b := base(), base()
		change(b)
		if a.Equal(b) || b.Equal(a) || !base().Equal(a) {
			t.Errorf("%s: the change goes unnoticed", name)
		}
	}
	if (&graph.Type{Shape: []graph.Dim{}}).Equal(&graph.Type{}) {
		t.Error("rank 0 equals an unknown rank")
	}
}

func TestRankAndSizes(t *testing.T) {
	ty := graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(0))
	if ty.Rank() != 2 || !slices.Equal(ty.Sizes(), []int64{-1, 0}) || ty.Shape[0].Known() || !ty.Shape[1].Known() {
		t.Errorf("rank %d sizes %v", ty.Rank(), ty.Sizes())
	}
	var none *graph.Type
	if none.Rank() != -1 || none.Sizes() != nil || (&graph.Type{}).Rank() != -1 || none.Clone() != nil {
		t.Error("an unknown type has a rank")
	}
}
