// Package export turns a trained network into one portable ONNX file: nothing of training is left, normalisation and units are inside, and
// every engine at hand has shown that the file computes what the network computes before it is written.
//
// [Write] takes the network in its form for inference, as package models builds it or PyTorch exports it, with trained values in its
// initializers. Dropout and Identity go, BatchNormalization uses its running statistics and is folded into the layer before it, the
// operators of the sphere and the fused ones carry function bodies in standard operators, and the opset is at most [NewestOpset], which all
// providers of onnxruntime serve.
//
// # Metadata
//
// The file says what it is in these keys; package runtime reads those of maps into a runtime.MapInfo, which describes them.
//
//	astronnx.<name>.nside, ordering, coordsys, unit, columns, unseen
//	                               the maps, or the numbers, of an input or output: as they are outside, before any processing
//	astronnx.<name>.preprocessing  JSON of the [Input] that the file applies itself
//	astronnx.<name>.postprocessing JSON of the [Output] that the file applies itself
//	astronnx.parameters            JSON: for each output, name, unit and prior range of its numbers, see [Parameter]
//	astronnx.training              JSON: what the network was trained on and how, see [Training]
//	astronnx.version               version of the network, in its author's numbering
//	astronnx.checksum              SHA-256 of the weights by name, see [Checksum]
//
// Keys of other kinds that the network has, such as astronnx.model, are kept.
package export
