//go:build !unix

package onnxio

import "io/fs"

// linkCount returns how many names a file has, 1 where the file system does not say.
func linkCount(fs.FileInfo) uint64 { return 1 }
