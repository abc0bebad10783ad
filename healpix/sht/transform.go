package sht

import (
	"math"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/kernel"
)

// chunkBytes is the memory of the waves of maps that are transformed together.
const chunkBytes = 1 << 20

// Alm2MapTo computes maps [batch][npix] from alm [batch][Size(lmax)].
func (p *Plan) Alm2MapTo(maps []float64, alm []complex128) error { return p.alm2map(0, maps, alm) }

// Alm2MapSpin2To computes Q and U, maps [batch][2][npix], from E and B, alm [batch][2][Size(lmax)]. Alm of l < 2 count for
// nothing.
func (p *Plan) Alm2MapSpin2To(maps []float64, alm []complex128) error { return p.alm2map(2, maps, alm) }

// Map2AlmTo computes alm [batch][Size(lmax)] from maps [batch][npix]: by quadrature, then iter times by quadrature of what the
// alm leave of the map. healpy's map2alm does so 3 times unless told otherwise. UNSEEN pixels count as 0.
func (p *Plan) Map2AlmTo(alm []complex128, maps []float64, iter int) error {
	return p.map2alm(0, alm, maps, iter)
}

// Map2AlmSpin2To computes E and B, alm [batch][2][Size(lmax)], from Q and U, maps [batch][2][npix], as Map2AlmTo does.
func (p *Plan) Map2AlmSpin2To(alm []complex128, maps []float64, iter int) error {
	return p.map2alm(2, alm, maps, iter)
}

// batch returns the number of maps, of all components, and how they are cut into chunks.
func (p *Plan) batch(spin int, maps []float64, alm []complex128) (rows, chunk int, err error) {
	fields := 1
	if spin != 0 {
		fields = 2
	}
	npix, size := p.Npix(), p.Size()
	rows = len(maps) / npix
	if rows*npix != len(maps) || rows*size != len(alm) || rows%fields != 0 {
		return 0, 0, errs.New(errs.Input, "sht: %d pixels and %d alm: nside %d and lmax %d have %d and %d of a map, and spin %d takes maps by %d",
			len(maps), len(alm), p.nside, p.lmax, npix, size, spin, fields)
	}
	if p.bundled(rows / fields) {
		return rows, kernel.Bundle * fields, nil
	}
	chunk = chunkBytes / (16 * (4*p.nside - 1) * (p.lmax + 1)) / fields * fields
	return rows, max(fields, min(chunk, rows)), nil
}

// chunks calls f for the chunks of a batch: side by side where there are enough of them, else one after the other with all
// goroutines on each.
func (p *Plan) chunks(rows, chunk int, spin int, f func(c *piece, lo, hi int)) {
	n := (rows + chunk - 1) / chunk
	bundled := p.bundled(rows / (1 + spin/2))
	outer, inner := p.threads, 1
	if n < 2*p.threads {
		outer, inner = 1, p.threads
	}
	var pieces []*piece
	for range min(outer, n) {
		pieces = append(pieces, newPiece(p, spin, chunk, inner, bundled))
	}
	each(pieces, n, func(c *piece, i int) {
		f(c, i*chunk, min((i+1)*chunk, rows))
	})
}

func (p *Plan) alm2map(spin int, maps []float64, alm []complex128) error {
	rows, chunk, err := p.batch(spin, maps, alm)
	if err != nil {
		return err
	}
	npix, size := p.Npix(), p.Size()
	p.chunks(rows, chunk, spin, func(c *piece, lo, hi int) {
		c.synth(maps[lo*npix:hi*npix], alm[lo*size:hi*size])
	})
	return nil
}

func (p *Plan) map2alm(spin int, alm []complex128, maps []float64, iter int) error {
	rows, chunk, err := p.batch(spin, maps, alm)
	if err != nil {
		return err
	}
	if iter < 0 {
		return errs.New(errs.Input, "sht: %d iterations", iter)
	}
	npix, size := p.Npix(), p.Size()
	p.chunks(rows, chunk, spin, func(c *piece, lo, hi int) {
		maps, alm := maps[lo*npix:hi*npix], alm[lo*size:hi*size]
		if iter == 0 && !anyUnseen(maps) {
			c.analyse(alm, maps)
			return
		}
		c.rest = grow(c.rest, len(maps))
		rest := c.rest
		copySeen(rest, maps)
		c.analyse(alm, rest)
		if iter == 0 {
			return
		}
		if cap(c.more) < len(alm) {
			c.more = make([]complex128, len(alm))
		}
		more := c.more[:len(alm)]
		for range iter {
			c.synth(rest, alm)
			for i, v := range maps {
				if healpix.IsUnseen(v) {
					v = 0
				}
				rest[i] = v - rest[i]
			}
			c.analyse(more, rest)
			for i, v := range more {
				alm[i] += v
			}
		}
	})
	return nil
}

func anyUnseen(x []float64) bool {
	for _, v := range x {
		if v < healpix.Unseen/2 && healpix.IsUnseen(v) { // the first costs little
			return true
		}
	}
	return false
}

func copySeen(to, from []float64) {
	for i, v := range from {
		if healpix.IsUnseen(v) {
			v = 0
		}
		to[i] = v
	}
}

// piece is the memory of a goroutine that transforms a chunk of a batch.
type piece struct {
	p        *Plan
	spin     int
	bundled  bool
	legendre []*legendreWorker
	fouriers []*ringWorker
	rest     []float64 // what iterations work on
	more     []complex128
	waves    []complex128 // [row][m][ring] or [row][ring][m], the rings from north to south; of a bundle as place says

	ringStep, mStep int
}

func newPiece(p *Plan, spin, rows, threads int, bundled bool) *piece {
	c := &piece{p: p, spin: spin, bundled: bundled, waves: make([]complex128, rows*(4*p.nside-1)*(p.lmax+1))}
	for range threads {
		c.legendre = append(c.legendre, &legendreWorker{piece: c})
		c.fouriers = append(c.fouriers, &ringWorker{})
	}
	return c
}

// places returns where in waves a row's wave m of ring i and of its image stand; the next ring is ringStep away, the next m mStep.
func (c *piece) places(row, i, m int) (north, south int) {
	rings := 4*c.p.nside - 1
	row *= rings * (c.p.lmax + 1)
	return row + i*c.ringStep + m*c.mStep, row + (rings-1-i)*c.ringStep + m*c.mStep
}

// runs returns a row's waves m of the rings from lo to the equator, and of their images, whose order is the reverse: where
// rings follow each other in waves.
func (c *piece) runs(row, lo, m int) (north, south []complex128) {
	a, b := c.places(row, lo, m)
	n := len(c.p.rings) - lo
	return c.waves[a : a+n], c.waves[b-n+1 : b+1]
}

func (c *piece) synth(maps []float64, alm []complex128) {
	p := c.p
	rows := len(maps) / p.Npix()
	c.ringStep, c.mStep = 1, 4*p.nside-1 // what is written stands together: reading apart costs less
	each(c.legendre, p.lmax+1, func(w *legendreWorker, m int) {
		w.synth(rows, alm, m)
	})
	c.fourier(maps, rows, 0)
}

func (c *piece) analyse(alm []complex128, maps []float64) {
	p := c.p
	rows := len(maps) / p.Npix()
	c.ringStep, c.mStep = p.lmax+1, 1
	c.fourier(maps, rows, 4*math.Pi/float64(p.Npix()))
	each(c.legendre, p.lmax+1, func(w *legendreWorker, m int) {
		w.analyse(rows, alm, m)
	})
}

// legendreWorker is a goroutine's memory for sums over l and over colatitudes.
type legendreWorker struct {
	*piece
	own                 functions
	coef, ring, scratch []float64
}

// functions returns those of m and spin s: the plan's where it keeps them.
func (w *legendreWorker) functions(m, s int) *functions {
	if kept := w.p.kept[s/2+1]; kept != nil {
		return &kept[m]
	}
	w.own.set(w.p, m, s)
	return &w.own
}

func (w *legendreWorker) synth(rows int, alm []complex128, m int) {
	if w.bundled {
		w.bundle(rows, alm, m, false)
		return
	}
	if w.spin != 0 {
		w.synth2(rows, alm, m)
		return
	}
	p := w.p
	f := w.functions(m, 0)
	g, lo, n := &f.g, f.lo, len(f.g.X)
	w.coef, w.ring = grow(w.coef, rows*2*g.Count), grow(w.ring, rows*4*n)
	for row := range rows {
		a := alm[row*p.Size()+Index(p.lmax, m, m):][:p.lmax-m+1]
		to := w.coef[row*2*g.Count:][:2*g.Count]
		clear(to[2*len(a):])
		for i, v := range a {
			to[2*i], to[2*i+1] = real(v)*f.norm[i], imag(v)*f.norm[i]
		}
	}
	g.Synth(false, rows, w.coef, w.ring)
	for row := range rows {
		north, south := w.runs(row, lo, m)
		v := w.ring[row*4*n:][:4*n]
		count := len(north)
		re, im, re1, im1 := v[:count], v[n:][:count], v[2*n:][:count], v[3*n:][:count]
		for j := range south {
			k := count - 1 - j
			south[j] = complex(re[k]-re1[k], im[k]-im1[k])
		}
		for j := range north { // last, for the equator is in both
			north[j] = complex(re[j]+re1[j], im[j]+im1[j])
		}
	}
}

func (w *legendreWorker) analyse(rows int, alm []complex128, m int) {
	if w.bundled {
		w.bundle(rows, alm, m, true)
		return
	}
	if w.spin != 0 {
		w.analyse2(rows, alm, m)
		return
	}
	p := w.p
	f := w.functions(m, 0)
	g, lo, n := &f.g, f.lo, len(f.g.X)
	w.coef, w.ring, w.scratch = grow(w.coef, rows*2*g.Count), grow(w.ring, rows*4*n), grow(w.scratch, 16*g.Count)
	clear(w.ring)
	for row := range rows {
		north, south := w.places(row, lo, m)
		v := w.ring[row*4*n:][:4*n]
		re, im, re1, im1 := v[:n], v[n:2*n], v[2*n:3*n], v[3*n:]
		for j := range len(p.rings) - lo {
			a, b := w.waves[north], w.waves[south]
			if north == south {
				b = 0
			}
			re[j], im[j] = real(a)+real(b), imag(a)+imag(b)
			re1[j], im1[j] = real(a)-real(b), imag(a)-imag(b)
			north, south = north+w.ringStep, south-w.ringStep
		}
	}
	g.Analyse(false, rows, w.ring, w.coef, w.scratch)
	for row := range rows {
		a := alm[row*p.Size()+Index(p.lmax, m, m):][:p.lmax-m+1]
		from := w.coef[row*2*g.Count:][:2*len(a)]
		for i := range a {
			a[i] = complex(from[2*i]*f.norm[i], from[2*i+1]*f.norm[i])
		}
	}
}
