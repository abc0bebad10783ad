//go:build !unix

package runtime

// outside returns n bytes, in Go's heap where there is no simple other place.
func outside(n int) (b []byte, free func(), err error) { return make([]byte, n), func() {}, nil }
