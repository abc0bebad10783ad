//go:build cgo && !purego

package c_test

import (
	"math"
	"math/rand/v2"
	"slices"
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

// Outputs in the order of a pool, which stand four by four beside the rings, read runs of inputs all the same.
func TestGeomOfScatteredOutputs(t *testing.T) {
	for _, nside := range []int{4, 8, 16, 32} {
		fine, err := healpix.New(nside, healpix.Ring)
		if err != nil {
			t.Fatal(err)
		}
		coarse, err := healpix.New(nside/2, healpix.Ring)
		if err != nil {
			t.Fatal(err)
		}
		windows, err := healpix.WindowTable[int32](fine, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		var index []int32
		for parent := range coarse.Npix() {
			for _, p := range coarse.Children(parent, 2) {
				index = append(index, windows[p*9:p*9+9]...)
			}
		}
		geom, status := c.NewGeom(int64(fine.Npix()), int64(fine.Npix()), unsafe.Pointer(&index[0]), 4, nil, 0, 0)
		if status != 0 {
			t.Fatal(c.Message(status))
		}
		info := geom.Info()
		geom.Free()
		if 4*info.Singles > info.Rows || 2*info.Rows > 3*int64(fine.Npix()) {
			t.Errorf("nside %d: %d rows for %d pixels, %d of them read alone", nside, info.Rows, fine.Npix(), info.Singles)
		}
	}
}

// The function table begins with its version and its size: ten functions behind two numbers.
func TestConvTable(t *testing.T) {
	head := (*[2]uint32)(c.ConvTable())
	if want := [2]uint32{2, 8 + 10*uint32(unsafe.Sizeof(uintptr(0)))}; *head != want {
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

// The gradient of the weights is its sum, on every path and for channels that fill no vector, to the same bits on any threads.
func TestWeightGrad(t *testing.T) {
	g, err := healpix.New(8, healpix.Ring)
	if err != nil {
		t.Fatal(err)
	}
	index, err := healpix.WindowTable[int32](g, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	const maps = 3
	npix := len(index) / 9
	geom, status := c.NewGeom(int64(npix), int64(npix), unsafe.Pointer(&index[0]), 4, nil, 0, 0)
	if status != 0 {
		t.Fatal(c.Message(status))
	}
	defer geom.Free()
	r := rand.New(rand.NewPCG(3, 3))
	for _, size := range [][2]int{{1, 1}, {2, 5}, {3, 33}, {7, 16}, {100, 3}} {
		ci, co := size[0], size[1]
		x, dy := make([]float32, maps*ci*npix), make([]float32, maps*co*npix)
		for _, v := range [][]float32{x, dy} {
			for i := range v {
				v[i] = float32(r.NormFloat64())
			}
		}
		for path := 0; path <= 3; path++ {
			if !c.HasPath(path) {
				continue
			}
			one, two := make([]float32, co*ci*9), make([]float32, co*ci*9)
			for threads, dw := range map[int][]float32{1: one, 2: two} {
				if s := c.WeightGrad(geom, maps, int64(co), int64(ci), &x[0], &dy[0], &dw[0], path, threads); s != 0 {
					t.Fatal(c.Message(s))
				}
			}
			if !slices.Equal(one, two) {
				t.Errorf("%v: path %d depends on threads", size, path)
			}
			for range 20 {
				o, ch, k, want := r.IntN(co), r.IntN(ci), r.IntN(9), 0.0
				for n := range maps {
					for p := range npix {
						if q := int(index[p*9+k]); q >= 0 {
							want += float64(dy[(n*co+o)*npix+p]) * float64(x[(n*ci+ch)*npix+q])
						}
					}
				}
				if got := float64(one[(o*ci+ch)*9+k]); math.Abs(got-want) > 1e-3 {
					t.Fatalf("%v: path %d: dW[%d,%d,%d] is %g, want %g", size, path, o, ch, k, got, want)
				}
			}
		}
	}
}
