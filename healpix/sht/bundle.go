package sht

import (
	"github.com/astronnx/astronnx/internal/kernel"
)

// leastBundle is the number of maps, or pairs, from which on they are transformed in bundles: as many as in one that is full.
const leastBundle = kernel.Bundle / 2

// bundled says whether maps, or pairs of them, are transformed side by side: where they are small, and enough to fill vectors.
func (p *Plan) bundled(maps int) bool {
	return kernel.HasBundles && maps >= leastBundle && p.nside <= largePrime && p.kept[0] != nil
}

// place returns where the waves of a bundle's ring stand, which are [field][m][ring][2][kernel.Bundle], real before imaginary parts,
// counted as complex numbers.
func (c *piece) place(field, m, ring int) int {
	return ((field*(c.p.lmax+1)+m)*(4*c.p.nside-1) + ring) * kernel.Bundle
}

// bundle computes the waves m of rows from alm, or where analyse is set alm from waves.
func (w *legendreWorker) bundle(rows int, alm []complex128, m int, analyse bool) {
	p := w.p
	first, g, h := m, &p.kept[1][m], (*functions)(nil)
	fields := 1
	if w.spin != 0 {
		first, g, h, fields = max(m, 2), &p.kept[2][m], &p.kept[0][m], 2
	}
	if analyse {
		for row := range rows {
			clear(alm[row*p.Size()+Index(p.lmax, m, m):][:min(first, p.lmax+1)-m])
		}
	}
	at, rings := w.place(0, m, g.lo), len(p.rings)-g.lo
	if first > p.lmax {
		if !analyse {
			for field := range fields {
				clear(w.waves[w.place(field, m, 0):w.place(field, m+1, 0)])
			}
		}
		return
	}
	b := kernel.LegendreBundle{
		Maps: rows / fields, Terms: p.lmax - first + 1, Rings: rings, Norm: g.norm, Odd: (first+m)%2 == 1,
		Map: fields * p.Size(), Field: p.Size(),
		South: w.place(0, m, 4*p.nside-2-g.lo) - at, Plane: w.place(1, 0, 0),
	}
	var other *kernel.Legendre
	if h != nil {
		other = &h.g
	}
	w.scratch = grow(w.scratch, g.g.BundleScratch(h != nil))
	if alm = alm[Index(p.lmax, first, m):]; analyse {
		b.Analyse(&g.g, other, alm, w.waves[at:], w.scratch)
	} else {
		b.Synth(&g.g, other, alm, w.waves[at:], w.scratch)
	}
}

// fourierBundle computes pixels from waves, or the waves from the pixels where area, a pixel's, is not 0.
func (c *piece) fourierBundle(maps []float64, rows int, area float64) {
	p := c.p
	fields := 1 + c.spin/2
	step := c.place(0, 1, 0)
	each(c.fouriers, len(p.blocks), func(w *ringWorker, i int) {
		b := p.blocks[i]
		count := p.rings[b.lo].last[c.spin/2] + 1
		f := shared.vectors(p.rings[b.lo].npix)
		w.scratch = grow(w.scratch, f.Scratch())
		for _, shifted := range [2]bool{false, true} {
			w.pairs = w.pairs[:0]
			for ring := b.lo; ring < b.hi; ring++ {
				r := &p.rings[ring]
				if r.shifted != shifted {
					continue
				}
				for field := range fields {
					pair := kernel.RingPair{NorthWaves: int64(c.place(field, 0, ring)), SouthWaves: int64(c.place(field, 0, 4*p.nside-2-ring)),
						North: int64(field*p.Npix() + r.north), South: -1, Weight: area * p.weights[ring]}
					if r.south >= 0 {
						pair.South = int64(field*p.Npix() + r.south)
					}
					w.pairs = append(w.pairs, pair)
				}
			}
			if len(w.pairs) == 0 {
				continue
			}
			if area != 0 {
				f.AnalyseBundle(kernel.Auto, count, step, shifted, w.pairs, fields*p.Npix(), rows/fields, c.waves, maps, w.scratch)
			} else {
				f.SynthBundle(kernel.Auto, count, step, shifted, w.pairs, fields*p.Npix(), rows/fields, c.waves, maps, w.scratch)
			}
		}
	})
}
