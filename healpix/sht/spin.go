package sht

// Polarisation (Zaldarriaga & Seljak 1997, PRD 55, 1830): Q ± iU are of spin ±2, with alm -(E ± iB). In the southern
// hemisphere the functions of the two spins change places: λ⁺_lm(π-θ) = (-1)^(l+m) λ⁻_lm(θ). So the functions of one spin
// serve that spin in the north and the other in the south.

// synth2 computes the waves m of pairs of rows, Q and U.
func (w *legendreWorker) synth2(rows int, alm []complex128, m int) {
	p := w.p
	pairs, size := rows/2, p.Size()
	for _, s := range [2]int{2, -2} {
		of := w.functions(m, s)
		g, lo, n := &of.g, of.lo, len(of.g.X)
		w.coef, w.ring = grow(w.coef, pairs*4*g.Count), grow(w.ring, pairs*4*n)
		clear(w.coef)
		for pair := range pairs {
			at := 2*pair*size + Index(p.lmax, 0, m)
			to := w.coef[pair*4*g.Count:]
			for l := of.first; l <= p.lmax; l++ {
				i := l - of.first
				this, other := spins(alm[at+l], alm[at+size+l], s)
				f := of.norm[i]
				to[4*i], to[4*i+1] = real(this)*f, imag(this)*f
				if (l+m)%2 == 1 {
					f = -f
				}
				to[4*i+2], to[4*i+3] = real(other)*f, imag(other)*f
			}
		}
		g.Synth(true, pairs, w.coef, w.ring)
		// Q = (P⁺ + P⁻)/2 and U = (P⁺ - P⁻)/2i: the first spin sets, the second adds.
		for pair := range pairs {
			north, south := w.places(2*pair, lo, m)
			toU := (4*p.nside - 1) * (p.lmax + 1)
			v := w.ring[pair*4*n:][:4*n]
			for j := range len(p.rings) - lo {
				a, b := complex(v[j]/2, v[n+j]/2), complex(v[2*n+j]/2, v[3*n+j]/2)
				ia, ib := times(a, s), times(b, -s)
				if s == -2 {
					a += w.waves[north]
					b += w.waves[south]
					ia += w.waves[north+toU]
					ib += w.waves[south+toU]
				}
				w.waves[south], w.waves[south+toU] = b, ib
				w.waves[north], w.waves[north+toU] = a, ia // last, for the equator is both
				north, south = north+w.ringStep, south-w.ringStep
			}
		}
	}
}

// analyse2 is the adjoint of synth2.
func (w *legendreWorker) analyse2(rows int, alm []complex128, m int) {
	p := w.p
	pairs, size := rows/2, p.Size()
	for row := range rows {
		clear(alm[row*size+Index(p.lmax, m, m):][:p.lmax-m+1])
	}
	for _, s := range [2]int{2, -2} {
		of := w.functions(m, s)
		g, lo, n := &of.g, of.lo, len(of.g.X)
		w.coef, w.ring, w.scratch = grow(w.coef, pairs*4*g.Count), grow(w.ring, pairs*4*n), grow(w.scratch, 32*g.Count)
		clear(w.ring)
		for pair := range pairs {
			north, south := w.places(2*pair, lo, m)
			toU := (4*p.nside - 1) * (p.lmax + 1)
			v := w.ring[pair*4*n:][:4*n]
			for j := range len(p.rings) - lo {
				a := w.waves[north] - times(w.waves[north+toU], s)
				v[j], v[n+j] = real(a), imag(a)
				if north != south {
					b := w.waves[south] - times(w.waves[south+toU], -s)
					v[2*n+j], v[3*n+j] = real(b), imag(b)
				}
				north, south = north+w.ringStep, south-w.ringStep
			}
		}
		g.Analyse(true, pairs, w.ring, w.coef, w.scratch)
		for pair := range pairs {
			at := 2*pair*size + Index(p.lmax, 0, m)
			from := w.coef[pair*4*g.Count:]
			for l := of.first; l <= p.lmax; l++ {
				i := l - of.first
				f := of.norm[i] / 2
				this := complex(from[4*i]*f, from[4*i+1]*f)
				if (l+m)%2 == 1 {
					f = -f
				}
				other := complex(from[4*i+2]*f, from[4*i+3]*f)
				// E = -(a⁺ + a⁻)/2 and B = i(a⁺ - a⁻)/2
				alm[at+l] -= this + other
				alm[at+size+l] -= times(this-other, s)
			}
		}
	}
}

// spins returns -(e + ib) and -(e - ib), the alm of spin 2 and -2, the one of spin s first.
func spins(e, b complex128, s int) (this, other complex128) {
	ib := complex(-imag(b), real(b))
	if s < 0 {
		ib = -ib
	}
	return -(e + ib), -(e - ib)
}

// times returns -iz for positive s and iz for negative.
func times(z complex128, s int) complex128 {
	if s > 0 {
		return complex(imag(z), -real(z))
	}
	return complex(-imag(z), real(z))
}
