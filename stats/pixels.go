package stats

import (
	"math"
	"runtime"
	"sync"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Pixels is the exact likelihood of Gaussian Q and U maps on a part of the sky:
//
//	-2 ln L = dᵀ C⁻¹ d + ln det C, C = S + N
//
// where S follows from the spectra (Tegmark & de Oliveira-Costa 2001, PRD 64, 063001). It is immutable and safe for use by many
// goroutines. A model costs n² lmax for S and n³/3 for a Cholesky factor, n being twice the pixels that are seen: some seconds
// for half the sky at nside 16.
type Pixels struct {
	nside, lmax int
	seen        []int // pixels in RING order
	window      []float64
	noise       mat.Symmetric
}

// NewPixels returns the likelihood of maps in RING order of which mask tells the pixels that are seen. window multiplies E and
// B from l = 0 to lmax; nil is 1. noise is the covariance of the seen pixels' Q, then U.
//
// The covariance must be positive definite: maps without noise need some, small beside the sky's, or the modes that no l up to
// lmax reaches have none.
func NewPixels(nside, lmax int, mask []bool, window []float64, noise mat.Symmetric) (*Pixels, error) {
	g, err := healpix.New(nside, healpix.Ring)
	if err != nil {
		return nil, errs.New(errs.Input, "stats: %w", err)
	}
	if len(mask) != g.Npix() || lmax < 2 || window != nil && len(window) <= lmax {
		return nil, errs.New(errs.Input, "stats: a mask of %d pixels, a window to l = %d, lmax %d: nside %d has %d", len(mask), len(window)-1,
			lmax, nside, g.Npix())
	}
	p := &Pixels{nside: nside, lmax: lmax, window: window, noise: noise}
	for pix, in := range mask {
		if in {
			p.seen = append(p.seen, pix)
		}
	}
	if len(p.seen) == 0 {
		return nil, errs.New(errs.Input, "stats: the mask leaves none of %d pixels: want at least one that is seen", len(mask))
	}
	if n := noise.SymmetricDim(); n != 2*len(p.seen) {
		return nil, errs.New(errs.Input, "stats: noise of %d pixels: want %d, Q and U of those seen", n, 2*len(p.seen))
	}
	return p, nil
}

// WhiteNoise returns the covariance of n independent pixels of standard deviation sigma.
func WhiteNoise(n int, sigma float64) mat.Symmetric {
	d := make([]float64, n)
	for i := range d {
		d[i] = sigma * sigma
	}
	return mat.NewDiagDense(n, d)
}

// Signal returns the covariance of the seen pixels' Q, then U, of EE and BB, window included. In axes along the great circle
// between two pixels <Q Q> ± <U U> are sums of d^l_{2,±2} of their distance; what turns the axes turns Q + iU twice.
func (p *Pixels) Signal(s *sht.Spectra) (*mat.SymDense, error) {
	if s.EE == nil || len(s.EE) <= p.lmax || s.BB != nil && len(s.BB) <= p.lmax {
		return nil, errs.New(errs.Input, "stats: EE to l = %d, BB to l = %d: want both to lmax = %d", len(s.EE)-1, len(s.BB)-1, p.lmax)
	}
	plus, minus := make([]float64, p.lmax+1), make([]float64, p.lmax+1)
	for l := 2; l <= p.lmax; l++ {
		w := float64(2*l+1) / (8 * math.Pi)
		if p.window != nil {
			w *= p.window[l] * p.window[l]
		}
		b := 0.0
		if s.BB != nil {
			b = s.BB[l]
		}
		plus[l], minus[l] = w*(s.EE[l]+b), w*(s.EE[l]-b)
	}
	g, _ := healpix.New(p.nside, healpix.Ring)
	n := len(p.seen)
	at, south, east := make([][3]float64, n), make([][3]float64, n), make([][3]float64, n)
	for i, pix := range p.seen {
		at[i] = g.Pix2Vec(pix)
		theta, phi := g.Pix2Ang(pix)
		st, ct := math.Sincos(theta)
		sp, cp := math.Sincos(phi)
		south[i], east[i] = [3]float64{ct * cp, ct * sp, -st}, [3]float64{-sp, cp, 0}
	}
	c := mat.NewSymDense(2*n, nil)
	same, other := sht.NewWigner(p.lmax, 2, 2), sht.NewWigner(p.lmax, 2, -2)
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < n; i += workers {
				for j := i; j < n; j++ {
					x := min(1, max(-1, dot(at[i], at[j])))
					a, b := complex(same.Sum(plus, x), 0), complex(other.Sum(minus, x), 0)
					if i != j {
						// exp(2iα) of the angle from south, by east, to the great circle
						u, v := turned(at[i], at[j], south[i], east[i]), turned(at[j], at[i], south[j], east[j])
						a *= u * complex(real(v), -imag(v))
						b *= u * v
					}
					c.SetSym(i, j, real(a+b))
					c.SetSym(n+i, n+j, real(a-b))
					c.SetSym(i, n+j, imag(b-a))
					c.SetSym(j, n+i, imag(b+a))
				}
			}
		})
	}
	group.Wait()
	return c, nil
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// turned returns exp(2iα), α the angle at a, from south by east, of the great circle to b; 1 where it has no direction.
func turned(a, b, south, east [3]float64) complex128 {
	x, y := dot(b, south), dot(b, east)
	r := x*x + y*y
	if r < 1e-24 {
		return 1
	}
	return complex((x*x-y*y)/r, 2*x*y/r)
}

// LogLike returns -2 ln L of each map, [2][npix] of Q and U, under the spectra.
func (p *Pixels) LogLike(s *sht.Spectra, maps ...[]float64) ([]float64, error) {
	npix := 12 * p.nside * p.nside
	n := len(p.seen)
	data := mat.NewDense(2*n, max(len(maps), 1), nil)
	for k, m := range maps {
		if len(m) != 2*npix {
			return nil, errs.New(errs.Input, "stats: map %d has %d pixels: want 2 x %d of Q and U", k, len(m), npix)
		}
		for i, pix := range p.seen {
			data.Set(i, k, m[pix])
			data.Set(n+i, k, m[npix+pix])
		}
	}
	c, err := p.Signal(s)
	if err != nil {
		return nil, err
	}
	c.AddSym(c, p.noise)
	raw := c.RawSymmetric()
	for i := range raw.N { // gonum's symmetric matrices have their numbers above the diagonal
		for j := range i {
			raw.Data[i*raw.Stride+j] = raw.Data[j*raw.Stride+i]
		}
	}
	if !cholesky(raw.Data, raw.N) {
		return nil, errs.New(errs.Input, "stats: signal and noise are not positive definite").
			WithHint("add noise, small beside the sky's, to all pixels")
	}
	blas64.Trsm(blas.Left, blas.NoTrans, 1, blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: raw.N, Stride: raw.Stride, Data: raw.Data},
		data.RawMatrix())
	det := logDet(raw.Data, raw.N)
	out := make([]float64, len(maps))
	for k := range out {
		out[k] = det
		for i := range 2 * n {
			v := data.At(i, k)
			out[k] += v * v
		}
	}
	return out, nil
}
