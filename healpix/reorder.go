package healpix

import "fmt"

// Convert returns the number that pixel ipix of g has in another order. It panics where g has no such order: In
// tells.
func (g Grid) Convert(ipix int, to Order) int {
	return g.mustIn(to).encode(g.Face(ipix))
}

func (g Grid) mustIn(order Order) Grid {
	h, err := g.In(order)
	if err != nil {
		panic(err.Error())
	}
	return h
}

// ReorderTable returns the permutation that brings a map from one order to another of the same nside: pixel p of the
// new map is pixel table[p] of the old one.
func ReorderTable[T Index](nside int, from, to Order) ([]T, error) {
	src, dst, err := orders[T](nside, from, to)
	if err != nil {
		return nil, err
	}
	table := make([]T, dst.Npix())
	parallel(len(table), pixelGrain, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			table[p] = T(src.encode(dst.decode(p)))
		}
	})
	return table, nil
}

// Reorder writes src, a full-sky map in one order, to dst in another. The two must not overlap.
func Reorder[E any](dst, src []E, from, to Order) error {
	nside, err := NsideFromNpix(len(src))
	if err != nil {
		return err
	}
	if len(dst) != len(src) {
		return fmt.Errorf("healpix: reorder of %d pixels into %d", len(src), len(dst))
	}
	a, b, err := orders[int](nside, from, to)
	if err != nil {
		return err
	}
	if from == to {
		copy(dst, src)
		return nil
	}
	parallel(len(dst), pixelGrain, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			dst[p] = src[a.encode(b.decode(p))]
		}
	})
	return nil
}

func orders[T Index](nside int, from, to Order) (a, b Grid, err error) {
	if a, err = New(nside, from); err == nil {
		b, err = New(nside, to)
	}
	if err == nil {
		err = fits[T](a)
	}
	return a, b, err
}
