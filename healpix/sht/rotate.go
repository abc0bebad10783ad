package sht

import (
	"math"

	"github.com/astronnx/astronnx/internal/errs"
)

// Rotation turns vectors: its rows are the images' components. Euler, Coordinates and products make it.
type Rotation [3][3]float64

// Euler returns the rotation by psi about z, then by theta about y, then by phi about z, radians; the axes stand still.
func Euler(psi, theta, phi float64) Rotation {
	about := func(angle float64) Rotation {
		s, c := math.Sincos(angle)
		return Rotation{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}
	}
	s, c := math.Sincos(theta)
	return about(phi).Times(Rotation{{c, 0, s}, {0, 1, 0}, {-s, 0, c}}).Times(about(psi))
}

// Times returns the rotation by s, then by r.
func (r Rotation) Times(s Rotation) (t Rotation) {
	for i := range 3 {
		for j := range 3 {
			t[i][j] = r[i][0]*s[0][j] + r[i][1]*s[1][j] + r[i][2]*s[2][j]
		}
	}
	return t
}

// Inverse returns the rotation back.
func (r Rotation) Inverse() (t Rotation) {
	for i := range 3 {
		for j := range 3 {
			t[i][j] = r[j][i]
		}
	}
	return t
}

// Apply returns v turned.
func (r Rotation) Apply(v [3]float64) (w [3]float64) {
	for i := range 3 {
		w[i] = r[i][0]*v[0] + r[i][1]*v[1] + r[i][2]*v[2]
	}
	return w
}

// euler returns the angles that Euler takes.
func (r Rotation) euler() (psi, theta, phi float64) {
	sin := math.Hypot(r[0][2], r[1][2])
	theta = math.Atan2(sin, r[2][2])
	if sin < 1e-15 { // about z alone: all in psi
		return math.Atan2(r[1][0], r[1][1]), theta, 0
	}
	return math.Atan2(r[2][1], -r[2][0]), theta, math.Atan2(r[1][2], r[0][2])
}

// Coordinates returns the rotation from one system of the sky to another: "G" galactic, "E" ecliptic or "C" equatorial, all of
// J2000. The galactic pole is at right ascension 192.85948°, declination 27.12825°, and the celestial pole at galactic
// longitude 122.93192° (Hipparcos catalogue, ESA 1997, section 1.5.3); the obliquity is 23.4392911° (IAU 1976).
func Coordinates(from, to string) (Rotation, error) {
	const degree = math.Pi / 180
	equatorial := func(system string) (Rotation, bool) {
		switch system {
		case "C":
			return Euler(0, 0, 0), true
		case "E":
			s, c := math.Sincos(23.4392911 * degree)
			return Rotation{{1, 0, 0}, {0, c, -s}, {0, s, c}}, true
		case "G":
			return Euler(math.Pi-122.93192*degree, (90-27.12825)*degree, 192.85948*degree), true
		}
		return Rotation{}, false
	}
	a, okA := equatorial(from)
	b, okB := equatorial(to)
	if !okA || !okB {
		return Rotation{}, errs.New(errs.Input, "sht: coordinates from %q to %q: want G, E or C", from, to)
	}
	return b.Inverse().Times(a), nil
}

// RotateAlm turns the field that alm describe: what stood at v stands at r.Apply(v). E and B turn as T does. The work grows
// with lmax³: a second or so at lmax 500.
func RotateAlm(alm []complex128, r Rotation) error {
	lmax, err := LmaxOf(len(alm))
	if err != nil {
		return err
	}
	psi, theta, phi := r.euler()
	d := newRisbo(theta, lmax)
	turned := make([]complex128, lmax+1)
	for l := 0; l <= lmax; l++ {
		if l > 0 {
			d.half()
			d.half()
		}
		for m := 0; m <= l; m++ {
			row := d.d[(l+m)*d.stride:]
			sum := complex(row[l], 0) * alm[Index(lmax, l, 0)]
			sign := 1.0
			for k := 1; k <= l; k++ {
				sign = -sign
				v := alm[Index(lmax, l, k)] * turn(-float64(k)*psi)
				w := complex(sign*real(v), -sign*imag(v)) // of -k
				sum += complex(row[l+k], 0)*v + complex(row[l-k], 0)*w
			}
			turned[m] = sum * turn(-float64(m)*phi)
		}
		for m := 0; m <= l; m++ {
			alm[Index(lmax, l, m)] = turned[m]
		}
	}
	return nil
}

func turn(angle float64) complex128 {
	s, c := math.Sincos(angle)
	return complex(c, s)
}

// risbo holds d^j_{m m'}, at row j+m and column j+m', j growing by halves (Risbo 1996, Journal of Geodesy 70, 383): stable, as
// every step is a rotation.
type risbo struct {
	sin, cos float64 // of half the angle
	n        int     // 2j
	stride   int
	d, next  []float64
}

func newRisbo(theta float64, lmax int) *risbo {
	s, c := math.Sincos(theta / 2)
	r := &risbo{sin: s, cos: c, stride: 2*lmax + 1}
	r.d, r.next = make([]float64, r.stride*r.stride), make([]float64, r.stride*r.stride)
	r.d[0] = 1
	return r
}

func (r *risbo) half() {
	n, w := r.n+1, r.stride
	for i := 0; i <= n; i++ {
		clear(r.next[i*w : i*w+n+1])
	}
	for i := 0; i < n; i++ {
		up, down := math.Sqrt(float64(n-i))/float64(n), math.Sqrt(float64(i+1))/float64(n)
		from, low, high := r.d[i*w:i*w+n], r.next[i*w:i*w+n+1], r.next[(i+1)*w:(i+1)*w+n+1]
		for k, v := range from {
			a, b := math.Sqrt(float64(n-k)), math.Sqrt(float64(k+1))
			low[k] += up * a * v * r.cos
			low[k+1] += up * b * v * r.sin
			high[k] -= down * a * v * r.sin
			high[k+1] += down * b * v * r.cos
		}
	}
	r.n, r.d, r.next = n, r.next, r.d
}
