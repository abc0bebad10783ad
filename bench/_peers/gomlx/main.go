// Command gomlx computes with gomlx's pure-Go backend.
package main

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/images"

	"github.com/astronnx/astronnx/bench/peers/turns"
)

func main() {
	backend, err := backends.NewWithConfig("go")
	turns.Serve(func(r turns.Request) (func() error, func() []float32, error) {
		if err != nil {
			return nil, nil, err
		}
		return prepare(backend, r)
	})
}

func prepare(backend backends.Backend, r turns.Request) (func() error, func() []float32, error) {
	x, shape, err := turns.Load[float32](r.X)
	if err != nil {
		return nil, nil, err
	}
	args := []any{tensors.FromFlatDataAndDimensions(x, shape...)}
	for i, f := range r.Tensors {
		if r.Kind == "sphere" && i%2 == 0 && i < len(r.Tensors)-4 {
			table, shape, err := turns.Load[int32](f)
			if err != nil {
				return nil, nil, err
			}
			for j, v := range table { // what is missing reads the row of zeros behind the pixels
				if v < 0 {
					table[j] = int32(shape[0])
				}
			}
			args = append(args, tensors.FromFlatDataAndDimensions(table, shape...))
			continue
		}
		w, shape, err := turns.Load[float32](f)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, tensors.FromFlatDataAndDimensions(w, shape...))
	}
	compute := map[string]func(in []*Node) *Node{"product": product, "conv": conv, "sphere": sphere}[r.Kind]
	if compute == nil {
		return nil, nil, fmt.Errorf("no such kind: %q", r.Kind)
	}
	exec, err := NewExec(backend, compute)
	if err != nil {
		return nil, nil, err
	}
	var y *tensors.Tensor
	return func() error {
		out, err := exec.Exec1(args...)
		if y != nil {
			y.FinalizeAll()
		}
		y = out
		return err
	}, func() []float32 { return tensors.MustCopyFlatData[float32](y) }, nil
}

func product(in []*Node) *Node { return Dot(in[0], in[1]) }

// conv pads so that the size stays.
func conv(in []*Node) *Node {
	return Convolve(in[0], in[1]).ChannelsAxis(images.ChannelsFirst).PadSame().Strides(1).Done()
}

// sphere is NNhealpix by gathering and multiplying, with the pixels first: what is gathered is whole rows.
func sphere(in []*Node) *Node {
	x, rest := TransposeAllDims(in[0], 2, 0, 1), in[1:] // (P, N, C)
	for len(rest) > 4 {
		table, w := rest[0], rest[1] // (P, 9), (M, C, 9)
		rest = rest[2:]
		pixels, n, c := x.Shape().Dimensions[0], x.Shape().Dimensions[1], x.Shape().Dimensions[2]
		x = Concatenate([]*Node{x, ZerosLike(Slice(x, AxisRange(0, 1)))}, 0)
		x = Gather(x, Reshape(table, pixels*9, 1)) // (9P, N, C)
		x = Einsum("pknc,ock->pno", Reshape(x, pixels, 9, n, c), w)
		x = MaxScalar(x, 0)
		x = ReduceMax(Reshape(x, pixels/4, 4, n, w.Shape().Dimensions[0]), 1)
	}
	x = TransposeAllDims(x, 1, 0, 2)
	x = Reshape(x, x.Shape().Dimensions[0], -1)
	dense := func(x, w, b *Node) *Node { return Add(Dot(x, w), Reshape(b, 1, -1)) }
	return dense(MaxScalar(dense(x, rest[0], rest[1]), 0), rest[2], rest[3])
}
