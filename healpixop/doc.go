// Package healpixop is the convolution, pooling, upsampling and reordering of HEALPix maps as ONNX operators, in the
// domain ai.astronnx.healpix, version 1.
//
// Maps are tensors (N, C, P): maps in a batch, channels, pixels. Pixels are numbered by the attributes nside and order:
// NEST (nside a power of two), RING or XY, as package healpix describes them. A map that covers part of the sky comes
// with an input pixels, the ascending numbers of the pixels it has.
//
// Each operator stands in one file with its inference, its slow and obvious definition in float32 and float64, and its
// body in standard operators, by which any ONNX runtime of opset 18 runs it; [ops.AttachBodies] writes the bodies into
// a model.
package healpixop

import "github.com/astronnx/astronnx/ops"

var set = ops.NewSet(Domain)

// Set returns the operators.
func Set() *ops.Set { return ops.NewSet(Domain).With(set) }
