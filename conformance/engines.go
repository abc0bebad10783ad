package conformance

import (
	"errors"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
)

// Engines returns the engines that this machine has: the reference engine, and ONNX Runtime if its library is found (at the given
// path; empty: by search), else the error that says where it was looked for.
func Engines(library string) (found []engine.Engine, missing error) {
	empty := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{}}
	for _, e := range []engine.Engine{reference.Engine{}, ort.Engine} {
		plan, err := e.Compile(empty, engine.Options{Library: library})
		if errors.Is(err, engine.ErrNoLibrary) || errors.Is(err, errs.Unavailable) {
			missing = err
			continue
		}
		if err == nil {
			plan.Close()
		}
		found = append(found, e)
	}
	return found, missing
}
