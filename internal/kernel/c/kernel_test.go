//go:build cgo && !purego

package c_test

import (
	"testing"
	"unsafe"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/kernel/c"
)

// A full NESTED sphere is described by few patterns, and tiles copy at most a quarter more than their own pixels.
func TestGeomShares(t *testing.T) {
	for nside, patterns := range map[int]int64{16: 3, 64: 4, 128: 5} {
		g, err := healpix.New(nside, healpix.Nested)
		if err != nil {
			t.Fatal(err)
		}
		index, err := healpix.WindowTable[int32](g, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		npix := int64(len(index) / 9)
		geom, status := c.NewGeom(npix, npix, unsafe.Pointer(&index[0]), 4, nil, 0, 0)
		if status != 0 {
			t.Fatal(c.Message(status))
		}
		info := geom.Info()
		geom.Free()
		if info.Patterns != patterns {
			t.Errorf("nside %d: got %d patterns, want %d", nside, info.Patterns, patterns)
		}
		if info.Rows > npix*5/4 {
			t.Errorf("nside %d: %d rows for %d pixels", nside, info.Rows, npix)
		}
	}
}

// The function table begins with its version and its size: ten functions behind two numbers.
func TestConvTable(t *testing.T) {
	head := (*[2]uint32)(c.ConvTable())
	if want := [2]uint32{1, 8 + 10*uint32(unsafe.Sizeof(uintptr(0)))}; *head != want {
		t.Errorf("got version and size %v, want %v", *head, want)
	}
}

// So does that of convolutions of volumes: three functions.
func TestConvNDTable(t *testing.T) {
	head := (*[2]uint32)(c.ConvNDTable())
	if want := [2]uint32{1, 8 + 3*uint32(unsafe.Sizeof(uintptr(0)))}; *head != want {
		t.Errorf("got version and size %v, want %v", *head, want)
	}
}
