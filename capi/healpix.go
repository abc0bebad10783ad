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

func inSphere(g healpix.Grid, i int, pixel int64) error {
	if pixel < 0 || pixel >= int64(g.Npix()) {
		return errs.New(errs.Input, "pixel %d at position %d: nside %d has 0 to %d", pixel, i, g.Nside(), g.Npix()-1)
	}
	return nil
}

//export goConvert
func goConvert(nside C.int64_t, from, to C.int, n C.size_t, pix, result *C.int64_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		g, err := gridOf(nside, from)
		if err != nil {
			return err
		}
		src, err := view[int64]("the array of pixels", pix, n, 1)
		if err != nil {
			return err
		}
		dst, err := view[int64]("the array of results", result, n, 1)
		if err != nil {
			return err
		}
		for i, p := range src {
			if err := inSphere(g, i, p); err != nil {
				return err
			}
			dst[i] = int64(g.Convert(int(p), healpix.Order(to)))
		}
		return nil
	})
}

//export goAng2Pix
func goAng2Pix(nside C.int64_t, order C.int, n C.size_t, theta, phi *C.double, pix *C.int64_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		g, err := gridOf(nside, order)
		if err != nil {
			return err
		}
		th, err := view[float64]("theta", theta, n, 1)
		if err != nil {
			return err
		}
		ph, err := view[float64]("phi", phi, n, 1)
		if err != nil {
			return err
		}
		dst, err := view[int64]("pix", pix, n, 1)
		if err != nil {
			return err
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
	return try(e, func() error {
		g, err := gridOf(nside, order)
		if err != nil {
			return err
		}
		src, err := view[int64]("pix", pix, n, 1)
		if err != nil {
			return err
		}
		th, err := view[float64]("theta", theta, n, 1)
		if err != nil {
			return err
		}
		ph, err := view[float64]("phi", phi, n, 1)
		if err != nil {
			return err
		}
		for i, p := range src {
			if err := inSphere(g, i, p); err != nil {
				return err
			}
			th[i], ph[i] = g.Pix2Ang(int(p))
		}
		return nil
	})
}

//export goNeighbours
func goNeighbours(nside C.int64_t, order C.int, n C.size_t, pix, neighbours *C.int64_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		g, err := gridOf(nside, order)
		if err != nil {
			return err
		}
		src, err := view[int64]("pix", pix, n, 1)
		if err != nil {
			return err
		}
		dst, err := view[int64]("neighbours", neighbours, n, 8)
		if err != nil {
			return err
		}
		for i, p := range src {
			if err := inSphere(g, i, p); err != nil {
				return err
			}
			for k, q := range g.Neighbours(int(p)) {
				dst[8*i+k] = int64(q)
			}
		}
		return nil
	})
}
