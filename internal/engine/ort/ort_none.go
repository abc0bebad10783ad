//go:build !cgo || purego || !(linux || darwin)

package ort

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
)

// Engine is ONNX Runtime, which this build cannot reach.
var Engine engine.Engine = none{}

type none struct{}

func (none) Name() string { return "onnxruntime" }

func (none) Compile(*graph.Model, engine.Options) (engine.Plan, error) { return nil, unavailable() }

// Find reports that this build cannot use a library.
func Find(string, bool) (Search, error) {
	err := unavailable()
	return Search{Tried: []Attempt{{Where: "this build", Err: err.Err}}}, err
}

// Providers returns none.
func Providers() []string { return nil }

func unavailable() *errs.Error {
	return errs.New(errs.Unavailable, "%w: this program was built without cgo, or with the tag purego, and cannot load ONNX Runtime",
		engine.ErrNoLibrary).
		WithHint("build it with CGO_ENABLED=1 and a C compiler, on Linux or macOS")
}
