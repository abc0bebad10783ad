//go:build peers

package conformance_test

// The peer's cases are read as source; this keeps its module in go.mod.
import _ "github.com/owulveryck/onnx-go/backend/testbackend"
