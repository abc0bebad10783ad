package sht

import (
	"math"
	"math/bits"
	"math/cmplx"
	"sync"

	"github.com/astronnx/astronnx/internal/kernel"
	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	matrixMax   = 128 // pixels of the longest ring that is transformed by a matrix
	largePrime  = 48  // a length with a larger prime factor is transformed as a convolution
	matrixBatch = 4   // rows that make a matrix worth while
)

// fouriers holds the Fourier sums along rings, by number of pixels; those of all plans, as lengths recur.
type fouriers struct {
	matrices sync.Map // matrixKey to []float64
	ffts     sync.Map // int to *sync.Pool of *ringFFT
}

type matrixKey struct {
	npix    int
	shifted bool
}

var shared fouriers

// matrix returns what waves of a real map look like on the pixels: rows of the cosine and of minus the sine of πk(2j+s)/npix by
// turns, [npix/2+1][2][npix], with s = 1 where the ring is shifted; twice that for all k but the first and the last.
func (f *fouriers) matrix(npix int, shifted bool) []float64 {
	key := matrixKey{npix, shifted}
	if m, ok := f.matrices.Load(key); ok {
		return m.([]float64)
	}
	s := 0
	if shifted {
		s = 1
	}
	m := make([]float64, (npix/2+1)*2*npix)
	for k := range npix/2 + 1 {
		for j := range npix {
			turn := k * (2*j + s) % (2 * npix)
			sin, cos := math.Sincos(math.Pi * float64(turn) / float64(npix))
			if k > 0 && k < npix/2 { // it stands for its conjugate as well
				sin, cos = 2*sin, 2*cos
			}
			m[2*k*npix+j], m[(2*k+1)*npix+j] = cos, -sin
		}
	}
	got, _ := f.matrices.LoadOrStore(key, m)
	return got.([]float64)
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

// unfold sets f[m] to the weight times the wave m of a ring of which g holds the waves k ≤ npix/2; inner is the weight of
// those in between.
func unfold(f, g []complex128, npix int, shifted bool, weight, inner float64) {
	half := npix / 2
	n := min(len(f), half+1)
	for m, v := range g[:n] {
		f[m] = complex(inner*real(v), inner*imag(v))
	}
	for m := 0; m < n; m += half {
		f[m] = complex(weight*real(g[m]), weight*imag(g[m]))
	}
	for m := n; m < len(f); m++ {
		q, k := m/npix, m%npix
		w := inner
		if k%half == 0 {
			w = weight
		}
		turn := 1.0
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
type ringWorker struct{ g []complex128 }

// rows returns `rows` spectra of a ring, one behind the other.
func (w *ringWorker) rows(rows, npix int) []complex128 {
	n := rows * (npix/2 + 1)
	if cap(w.g) < n {
		w.g = make([]complex128, n)
	}
	return w.g[:n]
}

// ringToPixels computes pixels first to first+npix-1 of rows of maps, stride apart, from the waves that wave returns.
func (w *ringWorker) ringToPixels(rows int, wave func(row int) []complex128, maps []float64, stride, first, npix int, shifted bool) {
	half := npix / 2
	g := w.rows(rows, npix)
	for r := range rows {
		fold(g[r*(half+1):(r+1)*(half+1)], wave(r), npix, shifted)
	}
	if npix <= matrixMax && rows >= matrixBatch {
		for r := range rows {
			clear(maps[r*stride+first : r*stride+first+npix])
		}
		product(rows, npix, npix+2,
			kernel.Matrix[float64]{Data: numbers(g), RowStride: npix + 2, ColStride: 1},
			kernel.Matrix[float64]{Data: shared.matrix(npix, shifted), RowStride: npix, ColStride: 1},
			kernel.Matrix[float64]{Data: maps[first:], RowStride: stride, ColStride: 1})
		return
	}
	pool := shared.pool(npix)
	f := pool.Get().(*ringFFT)
	defer pool.Put(f)
	for r := range rows {
		row := g[r*(half+1) : (r+1)*(half+1)]
		if shifted {
			for k, e := range f.phase {
				row[k] *= e
			}
		}
		f.synth(maps[r*stride+first:r*stride+first+npix], row)
	}
}

// pixelsToRing is the adjoint of ringToPixels, times the weight.
func (w *ringWorker) pixelsToRing(rows int, wave func(row int) []complex128, maps []float64, stride, first, npix int, shifted bool, weight float64) {
	half := npix / 2
	g := w.rows(rows, npix)
	inner := weight
	if npix <= matrixMax && rows >= matrixBatch {
		inner /= 2
		clear(g)
		product(rows, npix+2, npix,
			kernel.Matrix[float64]{Data: maps[first:], RowStride: stride, ColStride: 1},
			kernel.Matrix[float64]{Data: shared.matrix(npix, shifted), RowStride: 1, ColStride: npix},
			kernel.Matrix[float64]{Data: numbers(g), RowStride: npix + 2, ColStride: 1})
	} else {
		pool := shared.pool(npix)
		f := pool.Get().(*ringFFT)
		for r := range rows {
			row := g[r*(half+1) : (r+1)*(half+1)]
			f.analyse(row, maps[r*stride+first:r*stride+first+npix])
			if shifted {
				for k, e := range f.phase {
					row[k] *= cmplx.Conj(e)
				}
			}
		}
		pool.Put(f)
	}
	for r := range rows {
		unfold(wave(r), g[r*(half+1):(r+1)*(half+1)], npix, shifted, weight, inner)
	}
}

func product(m, n, k int, a, b, c kernel.Matrix[float64]) {
	if err := kernel.Gemm(m, n, k, 1, a, b, c, kernel.GemmOptions{}); err != nil {
		panic("sht: " + err.Error()) // sizes are ours
	}
}
