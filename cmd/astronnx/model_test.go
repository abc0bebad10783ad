package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// toy describes a small network in standard operators: y = 2x over maps, perhaps with scores as well.
type toy struct {
	nside    int // 0: any
	order    string
	channels int // 0: any
	dtype    graph.DType
	scores   bool              // also the first pixel of each column, [N, C]
	mask     bool              // 0 where an input "mask" (P) is false
	metadata map[string]string // in addition
}

// write puts the network into a file and returns its path.
func (y toy) write(t testing.TB, dir string) string {
	t.Helper()
	if y.dtype == 0 {
		y.dtype = graph.Float32
	}
	dim := func(n int, name string) graph.Dim {
		if n == 0 {
			return graph.Sym(name)
		}
		return graph.D(int64(n))
	}
	shape := []graph.Dim{graph.Sym("N"), dim(y.channels, "C"), dim(12*y.nside*y.nside, "P")}
	g := &graph.Graph{Name: "toy"}
	x := g.NewInput("map", graph.TensorType(y.dtype, shape...))
	out := &graph.Value{Name: "twice", Type: graph.TensorType(y.dtype, shape...)}
	if y.mask {
		mask := g.NewInput("mask", graph.TensorType(graph.Bool, shape[2]))
		used := &graph.Value{Name: "used"}
		zero := g.NewConst("zero", graph.Scalar[float32](0))
		g.Append(graph.NewNode("", "Where", nil, []*graph.Value{mask, x, zero}, []*graph.Value{used}))
		x = used
	}
	g.Append(graph.NewNode("", "Add", nil, []*graph.Value{x, x}, []*graph.Value{out}))
	g.Outputs = append(g.Outputs, out)
	if y.scores {
		first := &graph.Value{Name: "scores", Type: graph.TensorType(y.dtype, shape[0], shape[1])}
		pixel := g.NewConst("pixel", graph.Scalar[int64](0))
		g.Append(graph.NewNode("", "Gather", graph.Attrs{"axis": 2}, []*graph.Value{x, pixel}, []*graph.Value{first}))
		g.Outputs = append(g.Outputs, first)
	}
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: g, Metadata: map[string]string{}}
	if y.order != "" {
		m.Metadata["astronnx.map.ordering"] = y.order
	}
	if y.nside > 0 {
		m.Metadata["astronnx.map.nside"] = fmt.Sprint(y.nside)
	}
	for k, v := range y.metadata {
		m.Metadata[k] = v
	}
	return writeModel(t, filepath.Join(dir, "toy.onnx"), m)
}

func writeModel(t testing.TB, path string, m *graph.Model) string {
	t.Helper()
	b, err := onnxio.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// wmap is the W-band map of WMAP's seven years, I Q U at nside 32 in RING.
func wmap(t testing.TB) string {
	return testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")
}

// wmapMasked is the same map with UNSEEN in the galactic plane.
func wmapMasked(t testing.TB) string {
	return testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_masked.fits")
}

func readSky(t testing.TB, path string) *sky.Map {
	t.Helper()
	m, err := sky.ReadMap(path, sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func writeSky(t testing.TB, path string, m *sky.Map) string {
	t.Helper()
	if err := sky.WriteMap(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}
