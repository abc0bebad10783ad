package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// BitShift moves the bits of unsigned integers in the given direction, with broadcasting.
// https://onnx.ai/onnx/operators/onnx__BitShift.html
var _ = define(Op{
	Name: "BitShift", Since: 11,
	Infer: broadcastType,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		switch dir := c.Node.Attrs.Str("direction", ""); dir {
		case "LEFT":
			return pairs{Uint: func(a, b uint64) uint64 { return a << b }}.eval()(c)
		case "RIGHT":
			return pairs{Uint: func(a, b uint64) uint64 { return a >> b }}.eval()(c)
		default:
			return nil, fmt.Errorf("direction %q, want LEFT or RIGHT", dir)
		}
	},
	NoGrad: "its values are integers",
	Exact:  Bitwise,
	Cases: `
		left  direction="LEFT"  u8[2] 16 255  u8[2] 1 4  ->  u8[2] 32 240
		right direction="RIGHT"  u32[2] 16 255  u32[1] 2  ->  u32[2] 4 63`,
})
