package dataset

import (
	"context"
	"errors"
	"testing"

	"github.com/astronnx/astronnx/graph"
)

// Samples are made once, and are the same from memory.
func TestLoadReadsEachSampleOnce(t *testing.T) {
	made := make([]int, 2*loaded+3)
	ds, err := Generate(len(made), []Field{{Name: "x", DType: graph.Float32, Shape: []int64{2}}, {Name: "i", DType: graph.Int64}},
		func(_ context.Context, i int, into []*graph.Tensor) error {
			made[i]++
			graph.Data[float32](into[0])[1] = float32(i) / 2
			graph.Data[int64](into[1])[0] = int64(i)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := Load(t.Context(), ds)
	if err != nil {
		t.Fatal(err)
	}
	if !InMemory(kept) || InMemory(ds) {
		t.Errorf("in memory: %v, and before %v", InMemory(kept), InMemory(ds))
	}
	index := []int{2*loaded + 2, 0, loaded - 1, loaded}
	x, i := graph.NewTensor(graph.Float32, 4, 2), graph.NewTensor(graph.Int64, 4)
	for range 2 {
		if err := kept.Read(t.Context(), index, []*graph.Tensor{x, i}); err != nil {
			t.Fatal(err)
		}
	}
	for k, want := range index {
		if graph.Data[int64](i)[k] != int64(want) || graph.Data[float32](x)[2*k+1] != float32(want)/2 {
			t.Errorf("sample %d is %v, %v", want, graph.Data[float32](x)[2*k:2*k+2], graph.Data[int64](i)[k])
		}
	}
	for i, n := range made {
		if n != 1 {
			t.Fatalf("sample %d was made %d times", i, n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, ds); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
