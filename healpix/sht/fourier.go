package sht

import (
	"math"
	"math/bits"
	"math/cmplx"
	"sync"

	"github.com/astronnx/astronnx/internal/kernel"
	"gonum.org/v1/gonum/dsp/fourier"
)

// largePrime bounds the prime factors of a length that is transformed by factors; others are transformed as a convolution.
const largePrime = 48

// fouriers holds the Fourier sums along rings by number of pixels; those of all plans, as lengths recur.
type fouriers struct {
	vector sync.Map // int to *kernel.RingFFT
	ffts   sync.Map // int to *sync.Pool of *ringFFT
}

var shared fouriers

// vectors returns the sums of many rings at once.
func (f *fouriers) vectors(npix int) *kernel.RingFFT {
	if r, ok := f.vector.Load(npix); ok {
		return r.(*kernel.RingFFT)
	}
	r, _ := f.vector.LoadOrStore(npix, kernel.NewRingFFT(npix))
	return r.(*kernel.RingFFT)
}

func (f *fouriers) pool(npix int) *sync.Pool {
	if p, ok := f.ffts.Load(npix); ok {
		return p.(*sync.Pool)
	}
	p, _ := f.ffts.LoadOrStore(npix, &sync.Pool{New: func() any { return newRingFFT(npix) }})
	return p.(*sync.Pool)
}

// ringFFT transforms rings of one length; it serves one goroutine at a time.
type ringFFT struct {
	npix  int
	phase []complex128 // exp(iπk/npix), k ≤ npix/2
	real  *fourier.FFT // nil where chirp serves

	// Bluestein 1970, IEEE Trans. Audio 18, 451: a transform of any length as a convolution of a length that is a power of two.
	long     *fourier.CmplxFFT
	chirp    []complex128 // exp(-iπj²/npix)
	response []complex128 // the transform of its conjugate, over the length
	work     []complex128
}

func newRingFFT(npix int) *ringFFT {
	f := &ringFFT{npix: npix, phase: make([]complex128, npix/2+1)}
	for k := range f.phase {
		f.phase[k] = cis(k, npix)
	}
	if largestPrime(npix) <= largePrime {
		f.real = fourier.NewFFT(npix)
		return f
	}
	n := 1 << bits.Len(uint(2*npix-2))
	f.long = fourier.NewCmplxFFT(n)
	f.chirp, f.response, f.work = make([]complex128, npix), make([]complex128, n), make([]complex128, n)
	for j := range f.chirp {
		f.chirp[j] = cmplx.Conj(cis(j*j%(2*npix), npix))
		f.response[j] = cmplx.Conj(f.chirp[j])
		f.response[(n-j)%n] = f.response[j]
	}
	f.response = f.long.Coefficients(f.response, f.response)
	for j := range f.response {
		f.response[j] /= complex(float64(n), 0)
	}
	return f
}

// cis returns exp(iπk/n).
func cis(k, n int) complex128 {
	sin, cos := math.Sincos(math.Pi * float64(k) / float64(n))
	return complex(cos, sin)
}

func largestPrime(n int) int {
	p := 2
	for ; p*p <= n; p++ {
		for n%p == 0 && n > p {
			n /= p
		}
	}
	return n
}

// bluestein replaces npix elements of work by their transform.
func (f *ringFFT) bluestein() {
	w := f.work
	for j, c := range f.chirp {
		w[j] *= c
	}
	clear(w[f.npix:])
	f.long.Coefficients(w, w)
	for j, r := range f.response {
		w[j] *= r
	}
	f.long.Sequence(w, w)
	for j, c := range f.chirp {
		w[j] *= c
	}
}

// analyse sets g[k] = Σ_j x[j] exp(-2πijk/npix), k ≤ npix/2.
func (f *ringFFT) analyse(g []complex128, x []float64) {
	if f.real != nil {
		f.real.Coefficients(g, x)
		return
	}
	for j, v := range x {
		f.work[j] = complex(v, 0)
	}
	f.bluestein()
	copy(g, f.work)
}

// synth is analyse's inverse times npix.
func (f *ringFFT) synth(x []float64, g []complex128) {
	n := f.npix
	if f.real != nil {
		f.real.Sequence(x, g)
		return
	}
	f.work[0] = complex(real(g[0]), 0)
	for k := 1; k < n/2; k++ {
		f.work[k], f.work[n-k] = cmplx.Conj(g[k]), g[k]
	}
	f.work[n/2] = complex(real(g[n/2]), 0)
	f.bluestein()
	for j := range x {
		x[j] = real(f.work[j])
	}
}

// fold adds up what waves of m = 0 to len(f)-1 and their conjugates look like on a ring of npix pixels, as g[k] of waves
// k ≤ npix/2: pixels cannot tell m from m + npix, but on a shifted ring by the sign.
func fold(g, f []complex128, npix int, shifted bool) {
	half := npix / 2
	n := copy(g[:half], f)
	clear(g[n:])
	if len(f) <= half {
		return
	}
	add := func(to []complex128, from []complex128, flip bool) {
		to = to[:len(from)]
		if flip {
			for i, v := range from {
				to[i] -= v
			}
			return
		}
		for i, v := range from {
			to[i] += v
		}
	}
	mirror := func(to []complex128, from []complex128, flip bool) { // conjugates, from the last to the first
		s := 1.0
		if flip {
			s = -1
		}
		to = to[:len(from)]
		for i, v := range from {
			j := len(from) - 1 - i
			to[j] = complex(real(to[j])+s*real(v), imag(to[j])-s*imag(v))
		}
	}
	for at := 0; at < len(f); at += npix { // m = at + k
		odd := shifted && at/npix%2 == 1
		run := f[at:min(at+npix, len(f))]
		if at > 0 {
			add(g, run[:min(len(run), half+1)], odd)
			mirror(g[:1], run[:1], odd)
		} else if len(run) > half {
			g[half] += run[half]
		}
		if len(run) > half { // -m = npix - k, one npix lower
			mirror(g[npix-len(run)+1:], run[half:], shifted != odd)
		}
	}
}

// unfold sets f[m] to the weight times the wave m of a ring of which g holds the waves k ≤ npix/2.
func unfold(f, g []complex128, npix int, shifted bool, weight float64) {
	half := npix / 2
	n := min(len(f), half+1)
	for m, v := range g[:n] {
		f[m] = complex(weight*real(v), weight*imag(v))
	}
	for m := n; m < len(f); m++ {
		q, k := m/npix, m%npix
		w, turn := weight, 1.0
		if k > half {
			k, q, turn = npix-k, q+1, -1
		}
		if shifted && q%2 == 1 {
			w = -w
		}
		f[m] = complex(w*real(g[k]), turn*w*imag(g[k]))
	}
}

// ringWorker is a goroutine's memory for Fourier sums.
type ringWorker struct {
	g       []complex128
	waves   []complex128
	pairs   []kernel.RingPair
	scratch []float64
}

// fft returns the sums of a ring's length and memory for its spectrum; the former go back to the pool.
func (w *ringWorker) fft(npix int) (f *ringFFT, g []complex128, pool *sync.Pool) {
	if cap(w.g) < npix/2+1 {
		w.g = make([]complex128, npix/2+1)
	}
	pool = shared.pool(npix)
	return pool.Get().(*ringFFT), w.g[:npix/2+1], pool
}

// toPixels computes the pixels of a ring from its waves.
func (w *ringWorker) toPixels(pixels []float64, waves []complex128, shifted bool) {
	f, g, pool := w.fft(len(pixels))
	defer pool.Put(f)
	fold(g, waves, len(pixels), shifted)
	if shifted {
		for k, e := range f.phase {
			g[k] *= e
		}
	}
	f.synth(pixels, g)
}

// toWaves computes the waves of a ring from its pixels times a weight.
func (w *ringWorker) toWaves(waves []complex128, pixels []float64, shifted bool, weight float64) {
	f, g, pool := w.fft(len(pixels))
	defer pool.Put(f)
	f.analyse(g, pixels)
	if shifted {
		for k, e := range f.phase {
			g[k] *= cmplx.Conj(e)
		}
	}
	unfold(waves, g, len(pixels), shifted, weight)
}

// fourier computes the pixels of all rings of rows of maps from their waves, or the waves from the pixels where area, a
// pixel's, is not 0.
func (c *piece) fourier(maps []float64, rows int, area float64) {
	if c.bundled {
		c.fourierBundle(maps, rows, area)
		return
	}
	p := c.p
	which := 0
	if c.spin != 0 {
		which = 1
	}
	each(c.fouriers, len(p.blocks), func(w *ringWorker, i int) {
		block := p.blocks[i]
		npix, last := p.rings[block.lo].npix, p.rings[block.lo].last[which]
		if kernel.HasRingFFT && rows*(block.hi-block.lo) > 1 && largestPrime(npix) <= largePrime {
			f := shared.vectors(npix)
			w.scratch = grow(w.scratch, f.Scratch())
			for _, shifted := range [2]bool{false, true} {
				pairs := c.pairs(w, block, rows, shifted, area)
				if len(pairs) == 0 {
					continue
				}
				if area != 0 {
					f.Analyse(kernel.Auto, last+1, c.mStep, shifted, pairs, c.waves, maps, w.scratch)
				} else {
					f.Synth(kernel.Auto, last+1, c.mStep, shifted, pairs, c.waves, maps, w.scratch)
				}
			}
			return
		}
		for ring := block.lo; ring < block.hi; ring++ {
			r := &p.rings[ring]
			for row := range rows {
				north, south := c.places(row, ring, 0)
				for half, first := range [2]int{r.north, r.south} {
					if first < 0 {
						continue
					}
					pixels, at := maps[row*p.Npix()+first:][:npix], [2]int{north, south}[half]
					if area != 0 {
						w.toWaves(c.waves[at:][:last+1], pixels, r.shifted, area*p.weights[ring])
						continue
					}
					w.waves = w.waves[:0]
					for m := range last + 1 {
						w.waves = append(w.waves, c.waves[at+m*c.mStep])
					}
					w.toPixels(pixels, w.waves, r.shifted)
				}
			}
		}
	})
}

// pairs lists the shifted or the other rings of a block, of all rows.
func (c *piece) pairs(w *ringWorker, b block, rows int, shifted bool, area float64) []kernel.RingPair {
	w.pairs = w.pairs[:0]
	for ring := b.lo; ring < b.hi; ring++ {
		r := &c.p.rings[ring]
		if r.shifted != shifted {
			continue
		}
		for row := range rows {
			north, south := c.places(row, ring, 0)
			pair := kernel.RingPair{NorthWaves: int64(north), SouthWaves: int64(south), North: int64(row*c.p.Npix() + r.north), South: -1,
				Weight: area * c.p.weights[ring]}
			if r.south >= 0 {
				pair.South = int64(row*c.p.Npix() + r.south)
			}
			w.pairs = append(w.pairs, pair)
		}
	}
	return w.pairs
}
