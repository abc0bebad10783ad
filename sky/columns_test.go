package sky_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

func TestReadTable(t *testing.T) {
	// First rows as astropy reads them.
	for name, c := range map[string]struct {
		names string
		rows  int
		row   int
		want  []float64
	}{
		"pixel_window_n0016.fits": {"TEMPERATURE POLARIZATION", 65, 0, []float64{1, 0}},
		"weight_ring_n00016.fits": {"TEMPERATURE WEIGHTS Q-POLARISATION WEIGHTS U-POLARISATION WEIGHTS", 32, 0, []float64{0.16577669, 0.16577669, 0.16577669}},
		"cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits": {"TEMPERATURE GRADIENT CURL G-T C-T C-G", 65, 0,
			[]float64{3.3414573e-11, 0, 0, 0, 0, 0}},
	} {
		got, err := sky.ReadColumns(testkit.Sky(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.Join(got.Names, " "); s != c.names {
			t.Errorf("%s: columns %q want %q", name, s, c.names)
		}
		for i, want := range c.want {
			if len(got.Data[i]) != c.rows || fmt.Sprintf("%.8g", got.Data[i][c.row]) != fmt.Sprintf("%.8g", want) {
				t.Errorf("%s, column %d: %d rows, the first %v; want %d, %v", name, i, len(got.Data[i]), got.Data[i][0], c.rows, want)
			}
		}
	}
}

func asciiTable(cards string, data string) []byte {
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
	return append(file, bytes.Repeat([]byte(" "), 2880-len(data))...)
}

func TestReadTableOfText(t *testing.T) {
	good := "NAXIS1  = 12\nNAXIS2  = 2\nTFIELDS = 2\nTBCOL1  = 1\nTFORM1  = 'I3'\nTBCOL2  = 5\nTFORM2  = 'D8.2'\nTTYPE2  = 'CL'"
	c, err := sky.ReadColumnsFrom(bytes.NewReader(asciiTable(good, "  2  1.5D-03  3 -2.0    ")))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Names, c.Data); got != "[ CL] [[2 3] [0.0015 -2]]" {
		t.Errorf("got %s", got)
	}
	for name, f := range map[string]struct{ cards, data string }{
		"no number":        {good, "  2  1.5D-0x  3 -2.0    "},
		"width beyond row": {strings.Replace(good, "D8.2", "D9.2", 1), "  2  1.5D-03  3 -2.0    "},
		"form":             {strings.Replace(good, "D8.2", "D", 1), "  2  1.5D-03  3 -2.0    "},
		"no start":         {strings.Replace(good, "TBCOL2", "TBCOLX", 1), "  2  1.5D-03  3 -2.0    "},
		"no numbers":       {strings.Replace(strings.Replace(good, "I3", "A3", 1), "D8.2", "A8", 1), "  2  1.5D-03  3 -2.0    "},
	} {
		_, err := sky.ReadColumnsFrom(bytes.NewReader(asciiTable(f.cards, f.data)))
		var e *errs.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
