package sims

import (
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// Gaussian returns the window of a Gaussian beam of a full width at half maximum in radians.
func Gaussian(fwhm float64, lmax int) Window {
	t, p := sht.GaussBeam(fwhm, lmax)
	return Window{t, p}
}

// ReadWindow reads a window of T, and of E and B, from the first two columns of a FITS table, one row an l from 0 on: the pixel
// windows of HEALPix are such files, pixel_window_n0016.fits and the like, as are beams. A file with one column has the window
// of T serve all. A file that ends before lmax is an error.
func ReadWindow(path string, lmax int) (Window, error) {
	c, err := sky.ReadTable(path, sky.ReadOptions{})
	if err != nil {
		return Window{}, err
	}
	if len(c) == 0 {
		return Window{}, errs.New(errs.Input, "%s: the table has no columns of numbers", path)
	}
	w := Window{c[0].Float64(), c[min(1, len(c)-1)].Float64()}
	if len(w.T) <= lmax {
		return Window{}, errs.New(errs.Input, "%s: the window ends at l = %d, before lmax = %d", path, len(w.T)-1, lmax)
	}
	return Window{w.T[:lmax+1], w.P[:lmax+1]}, nil
}
