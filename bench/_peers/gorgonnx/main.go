// Command gorgonnx computes with onnx-go's engine.
package main

import (
	"os"

	"github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"

	"github.com/astronnx/astronnx/bench/peers/turns"
)

func main() { turns.Serve(prepare) }

func prepare(r turns.Request) (func() error, func() []float32, error) {
	raw, err := os.ReadFile(r.Model)
	if err != nil {
		return nil, nil, err
	}
	x, shape, err := turns.Load[float32](r.X)
	if err != nil {
		return nil, nil, err
	}
	backend := gorgonnx.NewGraph()
	m := onnx.NewModel(backend)
	if err := m.UnmarshalBinary(raw); err != nil {
		return nil, nil, err
	}
	if err := m.SetInput(0, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))); err != nil {
		return nil, nil, err
	}
	return backend.Run, func() []float32 {
		y, err := m.GetOutputTensors()
		if err != nil {
			panic(err)
		}
		return y[0].Data().([]float32)
	}, nil
}
