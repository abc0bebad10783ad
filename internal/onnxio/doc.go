// Package onnxio reads and writes ONNX files: models as [graph.Model], and the tensor files of test data as [graph.Tensor].
//
// Loading trusts nothing. A scan over the wire format refuses what is damaged or unreasonable before anything is allocated
// ([Limits]); external data is read only below the model's folder, through no link ([LoadFile]); what results has passed
// [graph.Model.Verify]. Errors are of type errs.Error: Invalid for files that break the standard, Limit for a budget, Unsafe for a
// file that reaches out.
//
// # What is kept
//
// Load, save and load again gives an equal graph. A saved file means the same as the one loaded, but is not the same bytes:
//   - numeric elements are written as raw_data, whatever field they came in;
//   - the lists that stand for maps (attributes, opset imports, metadata) are written in order of their keys;
//   - the domain "ai.onnx" is written as "";
//   - a value_info that only repeats the type of its initializer is dropped, and so is an empty type;
//   - a value declared twice (an input that is also an output) has the first type, filled up from the second;
//   - a negative size of a static dimension, by which some exporters mean an unknown one, is written as unknown;
//   - bytes of a boolean that are neither 0 nor 1 become 1.
//
// Fields that the standard did not have at ONNX 1.22 are refused, since nobody here could say whether they are safe to pass on to an
// engine. So are tensor segments, which no known program writes.
package onnxio
