//go:build unix

package kernel_test

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"

	"github.com/astronnx/astronnx/internal/kernel"
)

// fenced returns a copy of s in memory that ends, or else begins, at a page nobody may touch: an access outside it ends the test.
func fenced[E any](t *testing.T, s []E, atEnd bool) []E {
	t.Helper()
	if len(s) == 0 {
		return s
	}
	page := syscall.Getpagesize()
	bytes := len(s) * int(unsafe.Sizeof(s[0]))
	held := (bytes + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, held+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	for _, fence := range [][]byte{m[:page], m[page+held:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if atEnd {
		at += held - bytes
	}
	to := unsafe.Slice((*E)(unsafe.Pointer(&m[at])), len(s))
	copy(to, s)
	return to
}

// No path touches memory beside its inputs and its output, whatever the table holds.
func TestConvStaysInside(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for i, kinds := range []string{"", "r", "mb", "mMsSr", "fvm", "trb"} {
		for _, size := range [][4]int{{1, 5, 17, 17}, {3, 16, 100, 61}, {7, 33, 1, 130}, {64, 48, 1031, 1031}, {20, 3, 333, 40}} {
			ci, co, in, out := size[0], size[1], size[2], size[3]
			l := newLayer(r, 1+i%2, ci, co, in, out, kinds)
			g, err := kernel.NewGeometry(in, l.index, l.layout)
			if err != nil {
				t.Fatal(err)
			}
			w, err := kernel.NewWeights(co, ci, l.w, l.bias)
			if err != nil {
				t.Fatal(err)
			}
			for _, atEnd := range []bool{false, true} {
				a := l.input
				a.X, a.Mask, a.Scale = fenced(t, a.X, atEnd), fenced(t, a.Mask, atEnd), fenced(t, a.Scale, atEnd)
				y := fenced(t, make([]float32, l.n*co*out), atEnd)
				for _, a.Path = range paths() {
					if err := kernel.Conv(g, w, y, a); err != nil {
						t.Fatal(err)
					}
				}
			}
			g.Close()
			w.Close()
		}
	}
}

// No path of the matrix product touches memory beside its operands.
func TestGemmStaysInside(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, s := range gemmShapes {
		for right := range 6 {
			a, b := newOperand[float32](r, s[0], s[2], right%4), newOperand[float32](r, s[2], s[1], right)
			c := newOperand[float32](r, s[0], s[1], right%3)
			for _, atEnd := range []bool{false, true} {
				a.Data, b.Data, c.Data = fenced(t, a.Data, atEnd), fenced(t, b.Data, atEnd), fenced(t, c.Data, atEnd)
				for _, path := range gemmPaths() {
					err := kernel.Gemm(s[0], s[1], s[2], 1, a.Matrix, b.Matrix, c.Matrix, kernel.GemmOptions{Path: path, Threads: 2})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
