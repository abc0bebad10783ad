package healpix

import (
	"fmt"
	"math"
)

// GradeOptions say how UDGrade treats values; the zero value takes means over what is there.
type GradeOptions struct {
	// Pessimistic makes a pixel Unseen if any of its children is bad, rather than if all are.
	Pessimistic bool
	// Power multiplies values by (nside out / nside in)^Power: -2 keeps the sum of a map of counts.
	Power float64
}

// UDGrade returns a full-sky map at another nside, as healpy's ud_grade does: a coarser pixel is the mean of its
// children, those Unseen or not finite left out, and a finer one has its parent's value. from and to are the grids
// of the input and the result; one nside must divide the other, and their orders may differ. Sums are formed in
// float64.
//
// In two ways it is kinder than healpy: a NaN that is left out leaves no trace, and Unseen stays Unseen whatever the
// power.
func UDGrade[T Float](m []T, from, to Grid, opt GradeOptions) ([]T, error) {
	switch {
	case len(m) != from.Npix():
		return nil, fmt.Errorf("healpix: map of %d pixels on %v, which has %d", len(m), from, from.Npix())
	case from.nside == 0 || to.nside == 0:
		return nil, fmt.Errorf("healpix: zero Grid: want one from New")
	case from.nside%to.nside != 0 && to.nside%from.nside != 0:
		return nil, fmt.Errorf("healpix: nside %d to %d: want one to divide the other", from.nside, to.nside)
	case to.Npix() > math.MaxInt/16:
		return nil, fmt.Errorf("healpix: a map on %v is too large", to)
	}
	scale := math.Pow(float64(to.nside)/float64(from.nside), opt.Power)
	out := make([]T, to.Npix())
	if to.nside >= from.nside {
		factor := to.nside / from.nside
		parallel(len(out), pixelGrain, func(lo, hi int) {
			for p := lo; p < hi; p++ {
				f, x, y := to.decode(p)
				v := m[from.encode(f, x/factor, y/factor)]
				if !IsUnseen(v) {
					v = T(float64(v) * scale)
				}
				out[p] = v
			}
		})
		return out, nil
	}
	factor := from.nside / to.nside
	parallel(len(out), max(1, pixelGrain/(factor*factor)), func(lo, hi int) {
		for p := lo; p < hi; p++ {
			f, x, y := to.decode(p)
			sum, hits := 0.0, 0
			for dy := range factor {
				for dx := range factor {
					if v := m[from.encode(f, x*factor+dx, y*factor+dy)]; !isBad(v) {
						sum += float64(v)
						hits++
					}
				}
			}
			if hits == 0 || opt.Pessimistic && hits < factor*factor {
				out[p] = Unseen
			} else {
				out[p] = T(sum / float64(hits) * scale)
			}
		}
	})
	return out, nil
}
