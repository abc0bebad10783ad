package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

func named(name string, t *graph.Tensor) *graph.Tensor {
	t.Name = name
	return t
}

func memory(t testing.TB, tensors ...*graph.Tensor) dataset.Dataset {
	t.Helper()
	ds, err := dataset.Memory(tensors...)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// ramp is a dataset of n samples: x = [10 i, 10 i + 1] and y = -i.
func ramp(t testing.TB, n int) dataset.Dataset {
	x, y := graph.NewTensor(graph.Float32, int64(n), 2), graph.NewTensor(graph.Int64, int64(n))
	for i := range n {
		graph.Data[float32](x)[2*i] = float32(10 * i)
		graph.Data[float32](x)[2*i+1] = float32(10*i + 1)
		graph.Data[int64](y)[i] = int64(-i)
	}
	return memory(t, named("x", x), named("y", y))
}

// read returns the samples of a dataset as tensors of its own.
func read(ds dataset.Dataset, index ...int) ([]*graph.Tensor, error) {
	var into []*graph.Tensor
	for _, f := range ds.Fields() {
		into = append(into, graph.NewTensor(f.DType, append([]int64{int64(len(index))}, f.Shape...)...))
	}
	return into, ds.Read(context.Background(), index, into)
}

func mustRead(t testing.TB, ds dataset.Dataset, index ...int) []*graph.Tensor {
	t.Helper()
	got, err := read(ds, index...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func fails(t testing.TB, err error, code errs.Code, text string) {
	t.Helper()
	if !errors.Is(err, code) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v\nwant %v: … %s", err, code, text)
	}
}

func names(ds dataset.Dataset) []string {
	var list []string
	for _, f := range ds.Fields() {
		list = append(list, f.Name)
	}
	return list
}

func TestSources(t *testing.T) {
	fields := ramp(t, 1).Fields()
	generated, err := dataset.Generate(9, fields, func(_ context.Context, i int, into []*graph.Tensor) error {
		graph.Data[float32](into[0])[0] = float32(10 * i)
		graph.Data[float32](into[0])[1] = float32(10*i + 1)
		graph.Data[int64](into[1])[0] = int64(-i)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, ds := range map[string]dataset.Dataset{"memory": ramp(t, 9), "generated": generated} {
		got := mustRead(t, ds, 7, 0, 7)
		if x := graph.Data[float32](got[0]); !slices.Equal(x, []float32{70, 71, 0, 1, 70, 71}) {
			t.Errorf("%s: x = %v", name, x)
		}
		if y := graph.Data[int64](got[1]); !slices.Equal(y, []int64{-7, 0, -7}) {
			t.Errorf("%s: y = %v", name, y)
		}
		for _, i := range []int{-1, 9} {
			_, err := read(ds, i)
			fails(t, err, errs.Input, "the dataset has 0 to 8")
		}
		err := ds.Read(context.Background(), []int{1, 2}, got)
		fails(t, err, errs.Input, `field "x" into float32[3 2]: want float32 of 2 samples of shape [2]`)
		fails(t, ds.Read(context.Background(), []int{1, 2, 3}, got[:1]), errs.Input, "want 2, one a field")
	}
}

func TestBadSources(t *testing.T) {
	x, y := named("x", graph.NewTensor(graph.Float32, 3, 2)), named("y", graph.NewTensor(graph.Int64, 4))
	_, err := dataset.Memory(x, y)
	fails(t, err, errs.Input, `field "y" has 4 samples, field "x" has 3`)
	_, err = dataset.Memory(x, x)
	fails(t, err, errs.Input, `"x" is empty or used twice`)
	_, err = dataset.Memory()
	fails(t, err, errs.Input, "at least one")
	_, err = dataset.Memory(graph.Scalar[float32](1))
	fails(t, err, errs.Input, "first axis that counts samples")
	_, err = dataset.Memory(&graph.Tensor{Name: "x", DType: graph.Float32, Shape: []int64{3}})
	fails(t, err, errs.Input, "0 bytes for float32[3], want 12")
	_, err = dataset.Generate(1, []dataset.Field{{Name: "x", DType: graph.Float32, Shape: []int64{-1}}}, nil)
	fails(t, err, errs.Input, "fixed shape")
	_, err = dataset.Generate(1, []dataset.Field{{Name: "x", DType: graph.String}}, nil)
	fails(t, err, errs.Input, "want numbers")
}

func TestCombinators(t *testing.T) {
	ds := ramp(t, 9)
	z := named("z", graph.NewTensor(graph.Uint8, 9, 1))
	for i := range z.Raw {
		z.Raw[i] = byte(100 + i)
	}
	both, err := dataset.Zip(ds, memory(t, z))
	if err != nil {
		t.Fatal(err)
	}
	some, err := dataset.Select(both, []int{8, 8, 2})
	if err != nil {
		t.Fatal(err)
	}
	some, err = dataset.Pick(some, "z", "x")
	if err != nil {
		t.Fatal(err)
	}
	some, err = dataset.Rename(some, map[string]string{"z": "label"})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := dataset.Map(some, []dataset.Field{{Name: "sum", DType: graph.Float64}}, func(in, out []*graph.Tensor) error {
		x := graph.Data[float32](in[1])
		graph.Data[float64](out[0])[0] = float64(x[0]) + float64(x[1]) + float64(in[0].Raw[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(some); !slices.Equal(got, []string{"label", "x"}) || some.Len() != 3 {
		t.Errorf("fields %v of %d samples", got, some.Len())
	}
	got := mustRead(t, some, 2, 0)
	if !slices.Equal(got[0].Raw, []byte{102, 108}) || !slices.Equal(graph.Data[float32](got[1]), []float32{20, 21, 80, 81}) {
		t.Errorf("got %v and %v", got[0].Raw, graph.Data[float32](got[1]))
	}
	if got := graph.Data[float64](mustRead(t, sum, 2, 0)[0]); !slices.Equal(got, []float64{143, 269}) {
		t.Errorf("sums %v want [143 269]", got)
	}

	_, err = dataset.Zip(ds, ramp(t, 8))
	fails(t, err, errs.Input, "9 and 8 samples")
	_, err = dataset.Zip(ds, ds)
	fails(t, err, errs.Input, `"x" is empty or used twice`)
	_, err = dataset.Select(ds, []int{0, 9})
	fails(t, err, errs.Input, "sample 9: the dataset has 0 to 8")
	_, err = dataset.Pick(ds, "w")
	fails(t, err, errs.Input, `no field "w"; the dataset has ["x" "y"]`)
	_, err = dataset.Rename(ds, map[string]string{"x": "y"})
	fails(t, err, errs.Input, `"y" is empty or used twice`)
	_, err = dataset.Map(ds, nil, nil)
	fails(t, err, errs.Input, "at least one")
}

func ExampleLoader() {
	x := graph.Vector[float32](0, 1, 2, 3, 4)
	x.Name = "x"
	ds, err := dataset.Memory(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	loader, err := dataset.NewLoader(ds, 2, dataset.LoaderOptions{Shuffle: true, Seed: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := loader.Start(context.Background(), 0, 0); err != nil {
		fmt.Println(err)
		return
	}
	defer loader.Stop()
	for range loader.Len() {
		b, err := loader.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(b.Epoch, b.Number, b.Index, graph.Data[float32](b.Tensors[0]))
	}
	// Output:
	// 0 0 [0 4] [0 4]
	// 0 1 [2 1] [2 1]
	// 0 2 [3] [3]
}
