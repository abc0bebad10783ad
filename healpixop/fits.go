package healpixop

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// kernelReads lists, for each operator that has native kernels, the inputs that these take as float32. HealpixNeighbors
// is none of them: ONNX Runtime folds its body when a file is opened, a kernel would run each time.
var kernelReads = map[string][]int{
	"HealpixConv":     {convX, convW, convB},
	"HealpixPool":     {poolX},
	"HealpixUpsample": {upX},
	"HealpixReorder":  {0},

	"HealpixConvGradInput":  {0, 1, 2},
	"HealpixConvGradWeight": {0, 1},
	"HealpixPoolGrad":       {0, 1},
}

// Fits reports whether the native kernels can serve n, a node of the domain, by its attributes and the types of its
// inputs, and why not. A type that is not known is taken to fit.
func Fits(n *graph.Node) (ok bool, reason string) {
	reads, known := kernelReads[n.Op]
	if n.Domain != Domain || !known {
		return false, fmt.Sprintf("there is no kernel for %s", n.OpName())
	}
	if err := window3(n.Attrs); err != nil {
		return false, err.Error()
	}
	switch pairs := n.Attrs.Int("spin_pairs", 0); {
	case pairs > 24:
		return false, fmt.Sprintf("spin_pairs is %d: kernels take up to 24", pairs)
	case pairs > 0 && n.Op == "HealpixConvGradInput":
		return false, "spin_pairs: the kernel carries nothing back"
	}
	for _, i := range reads {
		if v := n.Input(i); v != nil && v.Type != nil && v.Type.DType != graph.Undefined && v.Type.DType != graph.Float32 {
			return false, fmt.Sprintf("input %q is %s: kernels take float32", v.Name, v.Type)
		}
	}
	return true, ""
}
