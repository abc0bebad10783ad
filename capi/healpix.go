//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"unsafe"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// view is an array of the caller's, of n times per elements.
func view[T, U any](name string, p *U, n C.size_t, per int) ([]T, error) {
	if n == 0 {
		return nil, nil
	}
	if err := given(name, unsafe.Pointer(p)); err != nil {
		return nil, err
	}
	if uint64(n) > 1<<40 {
		return nil, errs.New(errs.Input, "n is %d: no memory is that large", uint64(n))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(p)), int(n)*per), nil
}

// arrays are those of a call, of n times some elements. The first that cannot be viewed is its error.
type arrays struct {
	n   C.size_t
	err error
}

func viewed[T, U any](a *arrays, name string, p *U, per int) (v []T) {
	if a.err == nil {
		v, a.err = view[T](name, p, a.n, per)
	}
	return v
}

func gridOf(nside C.int64_t, order C.int) (healpix.Grid, error) {
	if order != C.ASTRONNX_RING && order != C.ASTRONNX_NESTED {
		return healpix.Grid{}, errs.New(errs.Input, "order is %d: expected ASTRONNX_RING or ASTRONNX_NESTED", order)
	}
	g, err := healpix.New(int(nside), healpix.Order(order))
	if err != nil {
		return g, errs.New(errs.Input, "%w", err)
	}
	if nside&(nside-1) != 0 {
		return g, errs.New(errs.Input, "nside is %d: expected a power of two", nside)
	}
	return g, nil
}

// The orders of the header are healpix's: an index out of range here is a number that differs.
var (
	_ = [1]int{C.ASTRONNX_RING - C.int(healpix.Ring): 0}
	_ = [1]int{C.ASTRONNX_NESTED - C.int(healpix.Nested): 0}
)

// pixels calls f for each of pix, which must be pixels of g.
func pixels(g healpix.Grid, pix []int64, f func(i, p int)) error {
	for i, p := range pix {
		if p < 0 || p >= int64(g.Npix()) {
			return errs.New(errs.Input, "pixel %d at position %d: nside %d has 0 to %d", p, i, g.Nside(), g.Npix()-1)
		}
		f(i, int(p))
	}
	return nil
}

// call makes a call on a grid, with the caller's arrays.
func call(nside C.int64_t, order C.int, n C.size_t, e *C.astronnx_error, f func(g healpix.Grid, a *arrays) error) C.int {
	return try(e, func() error {
		g, err := gridOf(nside, order)
		if err != nil {
			return err
		}
		return f(g, &arrays{n: n})
	})
}

//export goConvert
func goConvert(nside C.int64_t, from, to C.int, n C.size_t, pix, result *C.int64_t, e *C.astronnx_error) C.int {
	return call(nside, from, n, e, func(g healpix.Grid, a *arrays) error {
		src, dst := viewed[int64](a, "the array of pixels", pix, 1), viewed[int64](a, "the array of results", result, 1)
		if a.err != nil {
			return a.err
		}
		return pixels(g, src, func(i, p int) { dst[i] = int64(g.Convert(p, healpix.Order(to))) })
	})
}

//export goAng2Pix
func goAng2Pix(nside C.int64_t, order C.int, n C.size_t, theta, phi *C.double, pix *C.int64_t, e *C.astronnx_error) C.int {
	return call(nside, order, n, e, func(g healpix.Grid, a *arrays) error {
		th, ph, dst := viewed[float64](a, "theta", theta, 1), viewed[float64](a, "phi", phi, 1), viewed[int64](a, "pix", pix, 1)
		if a.err != nil {
			return a.err
		}
		for i := range th {
			p := g.Ang2Pix(th[i], ph[i])
			if p < 0 {
				return errs.New(errs.Input, "theta %v, phi %v at position %d: expected 0 ≤ theta ≤ π, in radians", th[i], ph[i], i)
			}
			dst[i] = int64(p)
		}
		return nil
	})
}

//export goPix2Ang
func goPix2Ang(nside C.int64_t, order C.int, n C.size_t, pix *C.int64_t, theta, phi *C.double, e *C.astronnx_error) C.int {
	return call(nside, order, n, e, func(g healpix.Grid, a *arrays) error {
		src, th, ph := viewed[int64](a, "pix", pix, 1), viewed[float64](a, "theta", theta, 1), viewed[float64](a, "phi", phi, 1)
		if a.err != nil {
			return a.err
		}
		return pixels(g, src, func(i, p int) { th[i], ph[i] = g.Pix2Ang(p) })
	})
}

//export goNeighbours
func goNeighbours(nside C.int64_t, order C.int, n C.size_t, pix, neighbours *C.int64_t, e *C.astronnx_error) C.int {
	return call(nside, order, n, e, func(g healpix.Grid, a *arrays) error {
		src, dst := viewed[int64](a, "pix", pix, 1), viewed[int64](a, "neighbours", neighbours, 8)
		if a.err != nil {
			return a.err
		}
		return pixels(g, src, func(i, p int) {
			for k, q := range g.Neighbours(p) {
				dst[8*i+k] = int64(q)
			}
		})
	})
}
