package sky_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// Spectra, pixel windows and weights of HEALPix: a table of text and two of bytes, with first rows as astropy reads them.
func TestReadTableOfHealpix(t *testing.T) {
	for name, c := range map[string]struct {
		names string
		rows  int
		want  []float64
	}{
		"pixel_window_n0016.fits": {"TEMPERATURE,POLARIZATION", 65, []float64{1, 0}},
		"weight_ring_n00016.fits": {"TEMPERATURE WEIGHTS,Q-POLARISATION WEIGHTS,U-POLARISATION WEIGHTS", 32, []float64{0.16577669, 0.16577669, 0.16577669}},
		"cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits": {"TEMPERATURE,GRADIENT,CURL,G-T,C-T,C-G", 65,
			[]float64{3.3414573e-11, 0, 0, 0, 0, 0}},
	} {
		got, err := sky.ReadTable(testkit.Sky(t, name), sky.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for i := range got {
			names = append(names, got[i].Name)
			data := got[i].Float64()
			if len(data) != c.rows || fmt.Sprintf("%.8g", data[0]) != fmt.Sprintf("%.8g", c.want[i]) {
				t.Errorf("%s, column %d: %d rows, the first %v; want %d, %v", name, i, len(data), data[0], c.rows, c.want[i])
			}
		}
		if s := strings.Join(names, ","); s != c.names {
			t.Errorf("%s: columns %q want %q", name, s, c.names)
		}
	}
}

func asciiTable(t *testing.T, cards, data string) string {
	header := func(cards string) []byte {
		var b bytes.Buffer
		for _, c := range append(strings.Split(cards, "\n"), "END") {
			fmt.Fprintf(&b, "%-80s", c)
		}
		return append(b.Bytes(), bytes.Repeat([]byte(" "), (2880-b.Len()%2880)%2880)...)
	}
	file := header("SIMPLE  = T\nBITPIX  = 8\nNAXIS   = 0\nEXTEND  = T")
	file = append(file, header("XTENSION= 'TABLE'\nBITPIX  = 8\nNAXIS   = 2\nPCOUNT  = 0\nGCOUNT  = 1\n"+cards)...)
	file = append(file, data...)
	path := filepath.Join(t.TempDir(), "table.fits")
	if err := os.WriteFile(path, append(file, bytes.Repeat([]byte(" "), 2880-len(data))...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadTableOfText(t *testing.T) {
	good := "NAXIS1  = 12\nNAXIS2  = 2\nTFIELDS = 2\nTBCOL1  = 1\nTFORM1  = 'I3'\nTTYPE1  = 'L'\nTBCOL2  = 5\nTFORM2  = 'D8.2'\nTTYPE2  = 'CL'"
	path := asciiTable(t, good, "  2  1.5D-03  3 -2.0    ")
	for _, names := range [][]string{nil, {"cl"}} {
		c, err := sky.ReadTable(path, sky.ReadOptions{Columns: names})
		if err != nil {
			t.Fatal(err)
		}
		last := c[len(c)-1]
		if got := fmt.Sprint(len(c), last.Name, last.Float64()); got != fmt.Sprint(2-len(names), "CL", "[0.0015 -2]") {
			t.Errorf("got %s", got)
		}
	}
	for name, f := range map[string]struct {
		cards, data string
		columns     []string
	}{
		"no number":        {good, "  2  1.5D-0x  3 -2.0    ", nil},
		"width beyond row": {strings.Replace(good, "D8.2", "D9.2", 1), "  2  1.5D-03  3 -2.0    ", nil},
		"form":             {strings.Replace(good, "D8.2", "D", 1), "  2  1.5D-03  3 -2.0    ", nil},
		"no start":         {strings.Replace(good, "TBCOL2", "TBCOLX", 1), "  2  1.5D-03  3 -2.0    ", nil},
		"no such column":   {good, "  2  1.5D-03  3 -2.0    ", []string{"EE"}},
		"cut short":        {strings.Replace(good, "NAXIS2  = 2", "NAXIS2  = 999", 1), "", nil},
	} {
		_, err := sky.ReadTable(asciiTable(t, f.cards, f.data), sky.ReadOptions{Columns: f.columns})
		var e *errs.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
