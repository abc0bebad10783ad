package stats_test

import (
	"context"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/sims"
)

// readMaps returns the first n simulations' maps.
func readMaps(t testing.TB, s *sims.Sky, n int) [][]float64 {
	t.Helper()
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	var into []*graph.Tensor
	for _, f := range s.Fields() {
		into = append(into, graph.NewTensor(f.DType, append([]int64{int64(n)}, f.Shape...)...))
	}
	if err := s.Read(context.Background(), index, into); err != nil {
		t.Fatal(err)
	}
	all := graph.Data[float32](into[0])
	size := len(all) / n
	maps := make([][]float64, n)
	for i := range maps {
		for _, v := range all[i*size : (i+1)*size] {
			maps[i] = append(maps[i], float64(v))
		}
	}
	return maps
}
