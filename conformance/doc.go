// Package conformance judges engines and operator sets.
//
// [Check] is the contract test of an operator set: complete definitions, examples, types, gradients, grown examples, round trips.
// [RunSuite] runs the official ONNX node tests on any engine. Both say what failed and why, a panic included.
package conformance
