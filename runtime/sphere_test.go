package runtime_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
)

// Sixteen goroutines share the kernels of one network, their tables and their pool of threads, and get what one alone gets, to the bit.
func TestSixteenGoroutinesOnTheSphere(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		network, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 8})
		must(t, err)
		m, err := runtime.Compile(network, c.WithThreads(2))
		must(t, err)
		defer m.Close()
		if r := m.Report(); r.Engine == "onnxruntime" {
			for _, k := range r.Kernels {
				if !k.Native {
					t.Errorf("%s runs its function body: %s", k.Op, k.Why)
				}
			}
		}

		r := rand.New(rand.NewPCG(16, 16))
		const kinds = 4 // of input: that many maps, with holes elsewhere
		var in []*graph.Tensor
		var want [][]*graph.Tensor
		for k := range kinds {
			x := graph.NewTensor(graph.Float32, int64(k+1), 2, 768)
			for i := range graph.Data[float32](x) {
				graph.Data[float32](x)[i] = float32(r.NormFloat64())
				if r.IntN(10) == 0 {
					graph.Data[float32](x)[i] = healpix.Unseen
				}
			}
			out, err := m.RunList(context.Background(), x)
			must(t, err)
			in, want = append(in, x), append(want, out)
		}

		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				s, err := m.NewSession()
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				for i := range 6 {
					k := (g + i) % kinds
					out, err := m.RunList(context.Background(), in[k])
					if err == nil {
						err = s.SetInput("map", in[k])
					}
					if err == nil {
						err = s.Run(context.Background())
					}
					if err != nil {
						t.Error(err)
						return
					}
					for o, w := range want[k] {
						name := m.Outputs()[o].Name
						if !out[o].Equal(w) || !s.Output(name).Equal(w) {
							t.Errorf("goroutine %d, run %d: %s is not what one goroutine gets", g, i, name)
							return
						}
					}
				}
			})
		}
		wg.Wait()
	})
}
