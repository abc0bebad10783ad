//go:build unix

package runtime

import "syscall"

// outside returns n bytes outside Go's heap.
func outside(n int) (b []byte, free func(), err error) {
	if n == 0 {
		return nil, func() {}, nil
	}
	b, err = syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return b, func() { _ = syscall.Munmap(b) }, err
}
