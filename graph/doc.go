// Package graph is the ONNX graph in memory: values that know their producer and uses, nodes, tensors, attributes, functions,
// subgraphs and whole models.
//
// It keeps everything that the standard defines, whether or not an engine can run it, and names operators by strings, so unknown
// operators load and save unchanged. Reading and writing files is the business of internal/onnxio.
//
// Structs are plain so that people can build and edit graphs. Def-use chains are kept by [NewNode], [Node.SetIn], [Node.SetOut]
// and [Graph.Remove]; [Graph.Verify] states the invariant. Nothing here may be edited by two goroutines at once; reading is safe.
//
// Source: the ONNX intermediate representation, https://onnx.ai/onnx/repo-docs/IR.html
package graph
