// Package onnxpb is the ONNX file format as generated Go. Only internal/onnxio imports it.
//
// To generate it again, put protoc (35.1) on the path, for instance as a script around "python -m grpc_tools.protoc" of
// grpcio-tools 1.85; protoc-gen-go comes from the module's protobuf version.
package onnxpb

//go:generate go build -o ../../bin/ google.golang.org/protobuf/cmd/protoc-gen-go
//go:generate protoc --plugin=../../bin/protoc-gen-go --go_out=. --go_opt=paths=source_relative onnx.proto
