package kernel

import "math"

// The functions of one colatitude on their way through the recursion: a of an l at an even distance from the first, b of the
// next.
type legendreState struct{ a, b, scale float64 }

// begin passes over the l whose functions are too small to count and returns the first that is not.
func (g *Legendre) begin(ring int) (l int, x float64, s legendreState) {
	x = g.X[ring]
	s = legendreState{a: g.Start[ring], scale: g.Scale[ring]}
	d := func(l int) float64 {
		if g.D == nil {
			return 0
		}
		return g.D[l]
	}
	s.b = (g.C[0]*x + d(0)) * s.a
	for ; l < g.Count && s.scale < 0; l += 2 {
		if math.Abs(s.a) > legendreLarge || math.Abs(s.b) > legendreLarge {
			s.a, s.b, s.scale = s.a/legendreBase, s.b/legendreBase, s.scale+1
			if s.scale == 0 {
				break
			}
		}
		s.a = (g.C[l+1]*x+d(l+1))*s.b - s.a
		s.b = (g.C[l+2]*x+d(l+2))*s.a - s.b
	}
	return l, x, s
}

func (g *Legendre) synthGo(spin bool, maps int, a, out []float64) {
	n := len(g.X)
	for m := range maps {
		out := out[m*4*n : (m+1)*4*n]
		for ring := range n {
			l, x, s := g.begin(ring)
			f, h := s.a, s.b
			var s0, s1, s2, s3 float64
			if spin {
				a := a[m*4*g.Count:][:4*g.Count]
				c, d := g.C[:g.Count+2], g.D[:g.Count+2]
				for ; l < g.Count; l += 2 {
					t := a[4*l : 4*l+8 : 4*l+8]
					s0 += f*t[0] + h*t[4]
					s1 += f*t[1] + h*t[5]
					s2 += f*t[2] + h*t[6]
					s3 += f*t[3] + h*t[7]
					f = (c[l+1]*x+d[l+1])*h - f
					h = (c[l+2]*x+d[l+2])*f - h
				}
			} else {
				a := a[m*2*g.Count:][:2*g.Count]
				c := g.C[:g.Count+2]
				for ; l < g.Count; l += 2 {
					t := a[2*l : 2*l+4 : 2*l+4]
					s0 += f * t[0]
					s1 += f * t[1]
					s2 += h * t[2]
					s3 += h * t[3]
					f = c[l+1]*x*h - f
					h = c[l+2]*x*f - h
				}
			}
			out[ring], out[n+ring], out[2*n+ring], out[3*n+ring] = s0, s1, s2, s3
		}
	}
}

func (g *Legendre) analyseGo(spin bool, maps int, in, out []float64) {
	n, terms := len(g.X), g.Count*legendreColumns(spin)
	clear(out[:maps*terms])
	for m := range maps {
		in, out := in[m*4*n:(m+1)*4*n], out[m*terms:(m+1)*terms]
		for ring := range n {
			l, x, s := g.begin(ring)
			f, h := s.a, s.b
			v0, v1, v2, v3 := in[ring], in[n+ring], in[2*n+ring], in[3*n+ring]
			if spin {
				c, d := g.C[:g.Count+2], g.D[:g.Count+2]
				for ; l < g.Count; l += 2 {
					t := out[4*l : 4*l+8 : 4*l+8]
					t[0] += f * v0
					t[1] += f * v1
					t[2] += f * v2
					t[3] += f * v3
					t[4] += h * v0
					t[5] += h * v1
					t[6] += h * v2
					t[7] += h * v3
					f = (c[l+1]*x+d[l+1])*h - f
					h = (c[l+2]*x+d[l+2])*f - h
				}
				continue
			}
			c := g.C[:g.Count+2]
			for ; l < g.Count; l += 2 {
				t := out[2*l : 2*l+4 : 2*l+4]
				t[0] += f * v0
				t[1] += f * v1
				t[2] += h * v2
				t[3] += h * v3
				f = c[l+1]*x*h - f
				h = c[l+2]*x*f - h
			}
		}
	}
}
