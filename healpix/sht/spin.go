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
		sign := float64(s / 2)
		parity := 1 - 2*float64((of.first+m)%2)
		for pair := range pairs {
			at := 2*pair*size + Index(p.lmax, min(of.first, p.lmax), m)
			e := alm[at:][:max(p.lmax-of.first+1, 0)]
			b := alm[at+size:][:len(e)]
			to := w.coef[pair*4*g.Count:][:4*g.Count]
			norm := of.norm[:len(e)]
			clear(to[4*len(e):])
			other := parity / 2
			for i, e := range e {
				// Of spin s -(e + ib), of the other spin -(e - ib), where i is of spin s; half of it, as Q and U ask for.
				er, ei, br, bi := real(e), imag(e), sign*real(b[i]), sign*imag(b[i])
				f, g := norm[i]/2, norm[i]*other
				other = -other
				t := to[4*i : 4*i+4 : 4*i+4]
				t[0], t[1] = (bi-er)*f, -(ei+br)*f
				t[2], t[3] = -(er+bi)*g, (br-ei)*g
			}
		}
		g.Synth(true, pairs, w.coef, w.ring)
		// Q = (P⁺ + P⁻)/2 and U = (P⁺ - P⁻)/2i: the first spin sets, the second adds.
		for pair := range pairs {
			qn, qs := w.runs(2*pair, lo, m)
			un, us := w.runs(2*pair+1, lo, m)
			v := w.ring[pair*4*n:][:4*n]
			count := len(qn)
			a, ai, b, bi := v[:count], v[n:][:count], v[2*n:][:count], v[3*n:][:count]
			un, us, qs = un[:count], us[:count], qs[:count]
			if s == 2 {
				for j := range qs {
					k := count - 1 - j
					qs[j], us[j] = complex(b[k], bi[k]), complex(-bi[k], b[k])
				}
				for j := range qn { // last, for the equator is in both
					qn[j], un[j] = complex(a[j], ai[j]), complex(ai[j], -a[j])
				}
				continue
			}
			for j := range count - 1 { // without the equator, which has no image
				k := count - 2 - j
				qs[j+1] += complex(b[k], bi[k])
				us[j+1] += complex(bi[k], -b[k])
			}
			for j := range qn {
				qn[j] += complex(a[j], ai[j])
				un[j] += complex(-ai[j], a[j])
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
		sign := float64(s / 2)
		parity := 1 - 2*float64((of.first+m)%2)
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
			at := 2*pair*size + Index(p.lmax, min(of.first, p.lmax), m)
			e := alm[at:][:max(p.lmax-of.first+1, 0)]
			b := alm[at+size:][:len(e)]
			from := w.coef[pair*4*g.Count:][:4*g.Count]
			norm := of.norm[:len(e)]
			other := parity / 2
			for i := range e {
				// E = -(a⁺ + a⁻)/2 and B = i(a⁺ - a⁻)/2
				f, g := norm[i]/2, norm[i]*other
				other = -other
				t := from[4*i : 4*i+4 : 4*i+4]
				e[i] -= complex(t[0]*f+t[2]*g, t[1]*f+t[3]*g)
				b[i] += complex(sign*(t[3]*g-t[1]*f), sign*(t[0]*f-t[2]*g))
			}
		}
	}
}

// times returns -iz for positive s and iz for negative.
func times(z complex128, s int) complex128 {
	if s > 0 {
		return complex(imag(z), -real(z))
	}
	return complex(-imag(z), real(z))
}
