//go:build (!amd64 && !cgo) || purego

package kernel

// vectors returns the path of the processor's vectors, of which this build knows nothing.
func vectors[T Float]() (gemmPath[T], bool) { return gemmPath[T]{}, false }
