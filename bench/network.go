package main

import (
	"context"
	"math/rand/v2"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

const opset = 18

// noise returns normal deviates; the same seed gives the same ones.
func noise(seed uint64, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape...)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range graph.Data[float32](t) {
		graph.Data[float32](t)[i] = float32(r.NormFloat64())
	}
	return t
}

// oneNode returns a model of a single operator that reads x and the given constants.
func oneNode(op string, attrs graph.Attrs, x *graph.Tensor, consts ...*graph.Tensor) (*graph.Model, error) {
	g := &graph.Graph{Name: "bench"}
	m := &graph.Model{IRVersion: 8, Producer: "astronnx", Opsets: map[string]int64{"": opset, healpixop.Domain: 1}, Graph: g}
	set := ops.Standard().With(healpixop.Set())
	b := ops.NewBuilder(g, set, m.Opsets)
	in := []*graph.Value{g.NewInput("x", graph.TypeOf(x))}
	for _, c := range consts {
		in = append(in, b.Param("w", c))
	}
	y := b.Op(op, attrs, in...)
	g.Outputs = []*graph.Value{y}
	return m, ops.AttachBodies(m, set)
}

// bound compiles m and returns a function that runs it on x, with bound buffers.
func bound(m *graph.Model, c runtime.Config, x *graph.Tensor) (run func() error, stop func(), err error) {
	model, err := runtime.Compile(m, c)
	if err != nil {
		return nil, nil, err
	}
	s, err := model.NewSession()
	if err != nil {
		return nil, nil, err
	}
	if err := s.SetInput(model.Inputs()[0].Name, x); err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	if err := s.Run(ctx); err != nil {
		return nil, nil, err
	}
	y := s.Output(model.Outputs()[0].Name)
	if err := s.SetOutput(model.Outputs()[0].Name, graph.NewTensor(y.DType, y.Shape...)); err != nil {
		return nil, nil, err
	}
	return func() error { return s.Run(ctx) }, func() { s.Close(); model.Close() }, nil
}
