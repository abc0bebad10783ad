package sims

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

func gauss(x float64) float64 { return math.Exp(-x * x / 2) }

// Unit is what the numbers of a file of spectra are squares of.
type Unit string

// The units of spectra. CLASS writes those without dimension unless told otherwise, in units of the CMB's temperature.
const (
	MicroKelvin   Unit = "µK"
	Kelvin        Unit = "K"
	Dimensionless Unit = "1"
)

// monopole is the CMB's temperature in µK (Fixsen 2009, ApJ 707, 916).
const monopole = 2.7255e6

func (u Unit) microKelvin() (float64, bool) {
	f, ok := map[Unit]float64{MicroKelvin: 1, Kelvin: 1e6, Dimensionless: monopole}[u]
	return f, ok
}

// SpectraFile says what the numbers of a file are.
type SpectraFile struct {
	// Columns of a text file, of "l", "TT", "EE", "BB", "TE", "EB", "TB", and "" for one to leave out. Nil takes them from
	// the file's header, or, without one, from their number: l TT of two, l TT EE TE of four, as CAMB writes them without
	// tensors, l TT EE BB TE of five. FITS names its columns itself.
	Columns []string
	Dl      bool // the numbers are l(l+1)C_l/2π, as CAMB and CLASS write them, and not C_l, as healpy does
	Unit    Unit // "" is µK
	Lmax    int  // spectra that end before it are refused, others are cut there
}

// ReadSpectra reads spectra of CAMB, CLASS or healpy, text or FITS, and returns them as C_l in µK², l = 0 to Lmax.
//
// Where TT or EE look like the CMB's under another reading than the one asked for, and not under that one, the file is refused
// with the reading that fits as a hint: D_l for C_l, or another unit. Spectra that look like the CMB's in no reading are
// taken at their word.
func ReadSpectra(path string, of SpectraFile) (*sht.Spectra, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	defer f.Close()
	head := make([]byte, 6)
	n, _ := io.ReadFull(f, head)
	var t table
	if string(head[:n]) == "SIMPLE" || n > 1 && head[0] == 0x1f && head[1] == 0x8b {
		t, err = readFITS(path)
	} else if _, err = f.Seek(0, io.SeekStart); err == nil {
		t, err = readText(f, of.Columns)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s, err := t.spectra(of)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// table is a file's columns; without a column l rows count from l = 0.
type table struct {
	names []string
	data  [][]float64
}

func readFITS(path string) (table, error) {
	columns, err := sky.ReadTable(path, sky.ReadOptions{})
	if err != nil {
		return table{}, err
	}
	// HEALPix's names, G for E and C for B, and healpy's.
	known := map[string]string{
		"TEMPERATURE": "TT", "GRADIENT": "EE", "E-MODE": "EE", "ELECTRIC": "EE", "CURL": "BB", "B-MODE": "BB", "G-T": "TE", "E-T": "TE",
		"C-T": "TB", "B-T": "TB", "C-G": "EB", "B-E": "EB", "TT": "TT", "EE": "EE", "BB": "BB", "TE": "TE", "EB": "EB", "TB": "TB", "L": "l",
	}
	var t table
	for i := range columns {
		t.names = append(t.names, known[strings.ToUpper(strings.TrimSpace(columns[i].Name))])
		t.data = append(t.data, columns[i].Float64())
	}
	return t, nil
}

// maxLine bounds a line of a text file.
const maxLine = 1 << 16

func readText(r io.Reader, columns []string) (table, error) {
	t := table{names: columns}
	var header []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if line[0] == '#' {
			if names := headerNames(line[1:]); names != nil {
				header = names
			}
			continue
		}
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
		if t.data == nil {
			t.data = make([][]float64, len(words))
		}
		if len(words) != len(t.data) {
			return t, errs.New(errs.Invalid, "line %d has %d columns, those before it %d", n, len(words), len(t.data))
		}
		for i, w := range words {
			v, err := strconv.ParseFloat(w, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return t, errs.New(errs.Invalid, "line %d, column %d: %q is no number", n, i+1, w)
			}
			t.data[i] = append(t.data[i], v)
		}
	}
	if err := lines.Err(); err != nil {
		return t, errs.New(errs.Invalid, "%w", err)
	}
	if t.names == nil {
		t.names = header
	}
	if t.names == nil {
		t.names = map[int][]string{
			1: {"TT"}, 2: {"l", "TT"}, 4: {"l", "TT", "EE", "TE"}, 5: {"l", "TT", "EE", "BB", "TE"},
		}[len(t.data)]
	}
	if len(t.names) < len(t.data) && header != nil && columns == nil {
		t.names = append(slices.Clone(t.names), make([]string, len(t.data)-len(t.names))...)
	}
	if len(t.names) != len(t.data) {
		return t, errs.New(errs.Input, "%d columns, of which %q are named", len(t.data), t.names).WithHint("name them with Columns")
	}
	return t, nil
}

// headerNames reads a comment that names columns, as CAMB's "L TT EE BB TE PP" and CLASS's "1:l 2:TT 3:EE"; nil if it is none.
func headerNames(line string) []string {
	var names []string
	found := false
	for _, w := range strings.Fields(line) {
		if _, name, ok := strings.Cut(w, ":"); ok && name != "" {
			w = name
		}
		switch u := strings.ToUpper(w); u {
		case "L", "ELL":
			names = append(names, "l")
		case "TT", "EE", "BB", "TE", "EB", "TB":
			names, found = append(names, u), true
		default:
			names = append(names, "")
		}
	}
	if !found || names[0] != "l" {
		return nil
	}
	return names
}

func (t table) spectra(of SpectraFile) (*sht.Spectra, error) {
	if of.Unit == "" {
		of.Unit = MicroKelvin
	}
	if _, ok := of.Unit.microKelvin(); !ok {
		return nil, errs.New(errs.Input, "unit %q: want %q, %q or %q", of.Unit, MicroKelvin, Kelvin, Dimensionless)
	}
	var ell []float64
	byName := map[string][]float64{}
	for i, name := range t.names {
		if name == "l" {
			ell = t.data[i]
		} else if name != "" {
			byName[name] = t.data[i]
		}
	}
	raw := &sht.Spectra{}
	for name, to := range map[string]*[]float64{"TT": &raw.TT, "EE": &raw.EE, "BB": &raw.BB, "TE": &raw.TE, "EB": &raw.EB, "TB": &raw.TB} {
		data, ok := byName[name]
		if !ok {
			continue
		}
		cl, err := byEll(ell, data)
		if err == nil && len(cl) <= of.Lmax {
			err = errs.New(errs.Input, "the spectrum ends at l = %d, before lmax = %d", len(cl)-1, of.Lmax).
				WithHint("compute it to a larger l: what is missing would be taken for 0")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		*to = cl
	}
	if raw.Lmax() < 0 {
		return nil, errs.New(errs.Input, "no column is a spectrum")
	}
	if !plausible(raw, of.Dl, of.Unit) {
		for _, unit := range []Unit{of.Unit, MicroKelvin, Kelvin, Dimensionless} {
			for _, dl := range []bool{of.Dl, !of.Dl} {
				if plausible(raw, dl, unit) {
					return nil, errs.New(errs.Input, "read as %s they are not the CMB's", reading(of.Dl, of.Unit)).
						WithHint("the numbers look like %s: set Dl: %v, Unit: %q", reading(dl, unit), dl, unit)
				}
			}
		}
	}
	for _, cl := range []*[]float64{&raw.TT, &raw.EE, &raw.BB, &raw.TE, &raw.EB, &raw.TB} {
		if *cl != nil {
			*cl = (*cl)[:of.Lmax+1]
			convert(*cl, of.Dl, of.Unit)
		}
	}
	return raw, nil
}

func reading(dl bool, u Unit) string {
	name := "C_l"
	if dl {
		name = "l(l+1)C_l/2π"
	}
	if u == Dimensionless {
		return name + " without dimension"
	}
	return fmt.Sprintf("%s in %s²", name, u)
}

// byEll returns data by l from 0 on.
func byEll(ell, data []float64) ([]float64, error) {
	first := 0
	if ell != nil {
		first = int(ell[0])
		for i, l := range ell {
			if l != float64(first+i) || first < 0 || first > 2 {
				return nil, errs.New(errs.Invalid, "row %d is of l = %v: want all l one after the other, from 0, 1 or 2 on", i+1, l)
			}
		}
	}
	return append(make([]float64, first), data...), nil
}

// convert makes C_l in µK² of what is read.
func convert(cl []float64, dl bool, u Unit) {
	f, _ := u.microKelvin()
	for l := range cl {
		cl[l] *= f * f
		if dl && l > 0 {
			cl[l] *= 2 * math.Pi / float64(l*(l+1))
		}
	}
}

// plausible reports whether TT, or else EE, read so, is the CMB's within factors of a few: l(l+1)C_l/2π of TT is some 1,000 µK²
// up to l = 30 and 5,700 at l = 220; of EE between 0.02 and 0.5 µK² at l = 3 to 10, depending on reionisation, 1.1 at l = 140.
func plausible(raw *sht.Spectra, dl bool, u Unit) bool {
	cl, ranges := raw.TT, []band{{2, 30, 300, 4000}, {180, 260, 3000, 9000}}
	if cl == nil {
		cl, ranges = raw.EE, []band{{3, 10, 1e-3, 0.5}, {130, 150, 0.3, 3}}
	}
	if cl == nil {
		return false
	}
	d := slices.Clone(cl)
	convert(d, dl, u)
	for l := range d {
		d[l] *= float64(l*(l+1)) / (2 * math.Pi)
	}
	tried := false
	for _, b := range ranges {
		if len(d) > b.to {
			mean := 0.0
			for _, v := range d[b.from : b.to+1] {
				mean += v / float64(b.to-b.from+1)
			}
			if !(mean >= b.low && mean <= b.high) {
				return false
			}
			tried = true
		}
	}
	return tried
}

// band is where the mean over l should lie.
type band struct {
	from, to  int
	low, high float64
}
