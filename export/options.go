package export

import (
	"github.com/astronnx/astronnx/runtime"
)

// NewestOpset is the newest opset of the standard domain that files are written in: onnxruntime's CUDA provider has no kernels for
// later versions of several operators.
const NewestOpset = 21

// Options say what a file is to hold beside the network. The zero value adds nothing.
type Options struct {
	Inputs  map[string]Input  // pre-processing and description by input
	Outputs map[string]Output // post-processing and description by output

	KeepBatchNorm bool  // leave BatchNormalization as nodes
	Float16       bool  // store weights in half the bytes; see [Float16Tolerance]
	Opset         int64 // of the standard domain, up to NewestOpset; 0: the network's own, if it serves

	Training *Training
	Version  string
	Metadata map[string]string // further keys, which win over those made from the other fields

	// Samples are inputs of the file, raw values, to compare on; none: random ones that fit the description.
	Samples []runtime.Inputs
	// Dims are sizes for symbolic dimensions of random samples; a batch is 1 and then 2.
	Dims map[string]int64
	// Engine says where onnxruntime is found, and how it is used in the comparison.
	Engine runtime.Config
}

// Transforms of an [Input].
const (
	Log   = "log"   // natural
	Asinh = "asinh" // of the value divided by Softening
)

// Input says what becomes of the raw values x of an input before the network reads them:
//
//	z = (transform(Factor·x) - Offset) / Scale
//
// The zero value leaves them as they are.
type Input struct {
	Map runtime.MapInfo `json:"-"` // what the raw values are; fields that are set replace what the network's metadata say

	Factor    float64 `json:"factor,omitempty"`    // conversion of units; 0: 1
	Transform string  `json:"transform,omitempty"` // Log, Asinh, or empty for none
	Softening float64 `json:"softening,omitempty"` // of Asinh; 0: 1
	// Offset and Scale are one number, or one for each channel (axis 1); nil: 0 and 1.
	Offset []float64 `json:"offset,omitempty"`
	Scale  []float64 `json:"scale,omitempty"`
	// Fill is what the network reads, in place of z, where x is NaN or Map.Unseen, to healpy's relative tolerance of 1e-5. Missing
	// values are selected away: they enter no arithmetic whose result is used. nil: x is never missing.
	Fill *float64 `json:"fill,omitempty"`
}

// Output says what becomes of the numbers y that the network gives:
//
//	x = y·Scale + Offset, or e to that power where Exp is set
//
// The zero value leaves them as they are.
type Output struct {
	Map runtime.MapInfo `json:"-"` // what the results are; fields that are set replace what the network's metadata say

	// Scale and Offset are one number, or one for each channel (axis 1, or the only one); nil: 1 and 0.
	Scale  []float64 `json:"scale,omitempty"`
	Offset []float64 `json:"offset,omitempty"`
	Exp    bool      `json:"exp,omitempty"`

	Parameters []Parameter `json:"-"` // what the channels are, where they are parameters
}

// Parameter describes a number that a network measures.
type Parameter struct {
	Name  string      `json:"name"`
	Unit  string      `json:"unit,omitempty"`
	Prior *[2]float64 `json:"prior,omitempty"` // range that the training data covered
}

// Training sums up how a network was trained.
type Training struct {
	Data    string  `json:"data,omitempty"` // in words
	Samples int64   `json:"samples,omitempty"`
	Epochs  int     `json:"epochs,omitempty"`
	Loss    string  `json:"loss,omitempty"`  // its name
	Value   float64 `json:"value,omitempty"` // of the loss, on data not trained on
	Seed    uint64  `json:"seed,omitempty"`
}
