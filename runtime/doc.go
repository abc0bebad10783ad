// Package runtime loads ONNX networks and runs them. Its name is also that of a standard package: import it as
//
//	import ort "github.com/astronnx/astronnx/runtime"
//
// or plainly, where the standard one is not needed.
//
// # Models and sessions
//
// [Load] reads a file, refuses it if it is damaged or hostile, chooses an engine and compiles. The resulting [Model] is immutable;
// [Model.Run] may be called from many goroutines. A [Session] has inputs and outputs bound to it, serves one goroutine and does not
// allocate once they are bound: it is for loops over many maps and for training steps.
//
// The engine is ONNX Runtime, if its library is found, otherwise the pure-Go reference engine; [Model.Report] says which, on what
// provider and device, and why. A provider or library that was asked for and cannot serve is an error, never a silent change.
//
// # Contexts
//
// The context given to a run ends it between two nodes on ONNX Runtime, so a single long operator runs to its end, and inside
// operators on the reference engine. It is looked at before and after the run: a run whose context has ended returns [ErrCanceled]
// even if its results were complete.
//
// # Maps
//
// A sky map is a float32 tensor (N, C, pixel). What its pixels mean stands in the model's metadata, under keys described at
// [MapInfo].
//
// # Environment
//
//	ASTRONNX_ORT_LIB                   path of libonnxruntime; must be usable if set
//	ONNXRUNTIME_SHARED_LIBRARY_PATH    the same as a suggestion, as other programs read it
//	ORT_DYLIB_PATH                     the same
package runtime
