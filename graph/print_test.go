package graph_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
)

var update = flag.Bool("update", false, "rewrite the golden text")

// TestPrintGolden prints a model with something of everything. The text was read by a person when it was written with -update.
func TestPrintGolden(t *testing.T) {
	m := rich()
	m.Producer, m.ProducerVersion, m.Metadata = "astronnx", "0.1", map[string]string{"nside": "16"}
	m.Opsets["ai.astronnx.healpix"] = 1
	m.Functions[0].Overload = "o"
	g := m.Graph
	for i, c := range []*graph.Tensor{
		graph.Vector(1.5, 2), graph.NewTensor(graph.Int64, 3, 4), graph.Vector[int32](-1), graph.Vector(true),
		graph.FromStrings([]string{"a b", strings.Repeat("long ", 20)}, 2), graph.NewTensor(graph.Uint4, 3),
		graph.Vector(graph.ToBF16(0.5)), graph.Vector(float16.Fromfloat32(0.25)), graph.Vector(2i), graph.Vector(complex64(1)),
		graph.Vector[uint8](1), graph.Vector[uint16](1), graph.Vector[uint32](1), graph.Vector[uint64](1), graph.Vector[int16](-1),
		{DType: graph.Int8, Shape: []int64{1}, Raw: []byte{1}, External: &graph.External{Location: "read.bin"}},
	} {
		g.NewConst(fmt.Sprint("c", i), c)
	}
	m.Training[0].Algorithm, m.Training[0].UpdateBinding = body(), []graph.Binding{{Name: "w", Value: "a"}}
	g.Append(graph.NewNode("ai.astronnx.healpix", "HealpixPool", graph.Attrs{"mode": "mean"}, []*graph.Value{g.Input("x"), nil},
		[]*graph.Value{nil, {Name: "typed", Type: graph.TensorType(graph.Float32)}}))
	var b strings.Builder
	if err := graph.Fprint(&b, m); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "print.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("full")

func TestPrintReportsTheWriter(t *testing.T) {
	if err := graph.Fprint(failing{}, rich()); !errors.Is(err, errFull) {
		t.Errorf("got %v want %v", err, errFull)
	}
}
