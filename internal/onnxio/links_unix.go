//go:build unix

package onnxio

import (
	"io/fs"
	"syscall"
)

// linkCount returns how many names a file has, 1 where the file system does not say.
func linkCount(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}
