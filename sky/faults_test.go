package sky_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// setCard replaces the value of every card of a name by 20 characters, or the whole card where the name is to change.
func setCard(file []byte, name, value string) []byte {
	key := fmt.Appendf(nil, "%-8s= ", name)
	if !bytes.Contains(file, key) {
		panic("no card " + name)
	}
	out := bytes.Clone(file)
	for at := 0; ; at += 80 {
		i := bytes.Index(out[at:], key)
		if i < 0 {
			return out
		}
		at += i
		copy(out[at+10:at+80], fmt.Sprintf("%-70s", value))
	}
}

func TestBadMaps(t *testing.T) {
	full := write(t, sample(16, healpix.Ring, graph.Float32, graph.Int16))
	partial := write(t, part(sample(4, healpix.Nested, graph.Float32)))
	pixelAt := len(partial) - 2880 // one block of data: PIXEL, then a float32
	var image bytes.Buffer
	if err := sky.WriteImageTo(&image, graph.NewTensor(graph.Float32, 4, 5)); err != nil {
		t.Fatal(err)
	}
	rename := func(file []byte, from, to string) []byte {
		return bytes.ReplaceAll(file, fmt.Appendf(nil, "%-8s=", from), fmt.Appendf(nil, "%-8s=", to))
	}
	for _, c := range []struct {
		name string
		file []byte
		opt  sky.ReadOptions
		code errs.Code
		text string
	}{
		{"empty", nil, sky.ReadOptions{}, errs.Invalid, "want FITS"},
		{"no FITS", []byte("GIF89a and more"), sky.ReadOptions{}, errs.Invalid, "want SIMPLE"},
		{"truncated header", full[:3000], sky.ReadOptions{}, errs.Invalid, "truncated FITS file: the header of HDU 1"},
		{"truncated data", full[:len(full)-5000], sky.ReadOptions{}, errs.Invalid, "truncated FITS file: HDU 1 wants 18432 bytes of data"},
		{"only an image", image.Bytes(), sky.ReadOptions{}, errs.Input, "want a binary table that holds a HEALPix map; read images and cubes with ReadCube"},
		{"no ordering", rename(full, "ORDERING", "ORDERED"), sky.ReadOptions{}, errs.Input, "no ORDERING in the header, so the pixels' numbering is unknown; say RING or NESTED"},
		{"unknown ordering", setCard(full, "ORDERING", "'SPIRAL'"), sky.ReadOptions{}, errs.Input, `ORDERING = "SPIRAL": want RING or NESTED`},
		{"wrong nside", setCard(full, "NSIDE", "32"), sky.ReadOptions{}, errs.Invalid, "3072 values a column, a full sky of NSIDE 32 has 12288"},
		{"illegal nside", setCard(full, "NSIDE", "-3"), sky.ReadOptions{}, errs.Invalid, "nside -3"},
		{"huge nside", setCard(full, "NSIDE", "4611686018427387904"), sky.ReadOptions{}, errs.Invalid, "want 1 to 2^29"},
		{"nside as text", setCard(full, "NSIDE", "'many'"), sky.ReadOptions{}, errs.Invalid, "NSIDE = many: want an integer"},
		{"nested nside", setCard(setCard(full, "NSIDE", "12"), "ORDERING", "'NESTED'"), sky.ReadOptions{}, errs.Invalid, "not a power of two"},
		{"range and count", setCard(setCard(rename(full, "OBJECT", "SUBJECT"), "NSIDE", "32"), "LASTPIX", "3070"), sky.ReadOptions{}, errs.Invalid, "FIRSTPIX 0 and LASTPIX 3070"},
		{"no explicit nside", rename(partial, "NSIDE", "NSIED"), sky.ReadOptions{}, errs.Invalid, "no NSIDE in the header, which an explicit map needs"},
		{"missing column", full, sky.ReadOptions{Columns: []string{"Q_POL"}}, errs.Input, `no column "Q_POL"; the map has C0_float32, C1_int16`},
		{"missing HDU", full, sky.ReadOptions{HDU: 3}, errs.Input, "no HDU 3; the file has HDU 0: IMAGE; HDU 1: BINTABLE"},
		{"missing HDU name", full, sky.ReadOptions{HDUName: "MASK"}, errs.Input, `no HDU is named "MASK"`},
		{"primary HDU", full, sky.ReadOptions{HDU: -1}, errs.Input, "no HDU -1"},
		{"row size", setCard(full, "NAXIS1", "6140"), sky.ReadOptions{}, errs.Invalid, "the columns take 6144 bytes a row, NAXIS1 says 6140"},
		{"endless rows", setCard(full, "NAXIS2", "900000000"), sky.ReadOptions{}, errs.Invalid, "truncated FITS file"},
		{"overflowing rows", setCard(full, "NAXIS2", "9000000000000000000"), sky.ReadOptions{}, errs.Invalid, "NAXIS2"},
		{"negative rows", setCard(full, "NAXIS2", "-1"), sky.ReadOptions{}, errs.Invalid, "NAXIS2: want 0 to"},
		{"no rows", setCard(full, "NAXIS2", "0"), sky.ReadOptions{}, errs.Invalid, "0 values a column"},
		{"heap", setCard(full, "PCOUNT", "1125899906842624"), sky.ReadOptions{}, errs.Invalid, "truncated FITS file"},
		{"form", setCard(full, "TFORM1", "'1024Y'"), sky.ReadOptions{}, errs.Invalid, `TFORM "1024Y"`},
		{"huge form", setCard(full, "TFORM1", "'99999999999999999999999E'"), sky.ReadOptions{}, errs.Invalid, "the count is larger than any row"},
		{"text column", setCard(full, "TFORM2", "'2048A'"), sky.ReadOptions{Columns: []string{"C1_int16"}}, errs.Input, "TFORM letter A: want numbers"},
		{"uneven columns", setCard(setCard(full, "TFORM2", "'512J'"), "TFORM1", "'1024E'"), sky.ReadOptions{}, errs.Input, "has 512 values a row"},
		{"pixel too large", append(append(bytes.Clone(partial[:pixelAt]), 0, 0, 0, 200), partial[pixelAt+4:]...), sky.ReadOptions{}, errs.Invalid, "pixel 200 at position 0: NSIDE 4 has pixels 0 to 191"},
		{"pixel twice", append(append(bytes.Clone(partial[:pixelAt]), 0, 0, 0, 4), partial[pixelAt+4:]...), sky.ReadOptions{}, errs.Invalid, "pixel 4 appears more than once"},
		{"explicit without numbers", setCard(full, "INDXSCHM", "'EXPLICIT'"), sky.ReadOptions{}, errs.Invalid, "wants the pixel numbers as integers"},
		{"scale as text", setCard(rename(full, "LASTPIX", "TSCAL1"), "TSCAL1", "'x'"), sky.ReadOptions{}, errs.Invalid, "want a number"},
		{"broken gzip", []byte{0x1f, 0x8b, 8, 0, 1, 2}, sky.ReadOptions{}, errs.Invalid, "gzip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := sky.ReadMapFrom(bytes.NewReader(c.file), c.opt)
			if m != nil || !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v\nwant %v: … %s", err, c.code, c.text)
			}
		})
	}
}

func TestGzipLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.fits.gz")
	if err := sky.WriteMap(path, sample(64, healpix.Ring, graph.Uint8)); err != nil {
		t.Fatal(err)
	}
	_, err := sky.ReadMap(path, sky.ReadOptions{Limit: 10000})
	if !errors.Is(err, errs.Limit) || !strings.Contains(err.Error(), "more than 10000 bytes") {
		t.Errorf("got %v want errs.Limit", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	if _, err := sky.ReadMap(path, sky.ReadOptions{}); !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("got %v want errs.Invalid", err)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := sky.ReadMap(filepath.Join(t.TempDir(), "none.fits"), sky.ReadOptions{})
	if !errors.Is(err, errs.Input) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v want errs.Input and fs.ErrNotExist", err)
	}
	if _, err := sky.ReadMap(t.TempDir(), sky.ReadOptions{}); !errors.Is(err, errs.Input) {
		t.Errorf("a folder: got %v want errs.Input", err)
	}
}

// A stray card makes no map unreadable, and fitsio never sees what it would panic on.
func TestStrayCards(t *testing.T) {
	file := write(t, sample(4, healpix.Ring, graph.Float32))
	for _, card := range []string{
		"BADKEY  = nonsense", "CONTINUE", "CONTINUE  'x'", "HIERARCH END = 1", "HIERARCH CONTINUE = 'x'", "   END  = 1", "DATE    = 'open",
		"COMMENT = 'x'", "NAXIS   = 'x'", "BITPIX  = 'x'", "LONG    = (1,", "BIG     = 123456789012345678901234567890", "\xff\xfe\xfd",
	} {
		i := bytes.Index(file, []byte("LASTPIX ="))
		bad := bytes.Clone(file)
		copy(bad[i:i+80], fmt.Sprintf("%-80s", card))
		copy(bad[i+80:i+160], fmt.Sprintf("%-80s", "CONTINUE  'more'"))
		m, err := sky.ReadMapFrom(bytes.NewReader(bad), sky.ReadOptions{})
		if err != nil || m.Len() != 192 {
			t.Errorf("%q: got %v", card, err)
		}
	}
}

func TestWriteFailures(t *testing.T) {
	m := sample(4, healpix.Ring, graph.Float32)
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.fits")
	if err := os.WriteFile(kept, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.fits"), 0o755); err != nil {
		t.Fatal(err)
	}
	xy := *m
	xy.Order = healpix.XY
	short := sample(4, healpix.Ring, graph.Float32)
	short.Columns[0].Data.Shape[0] = 191
	unit := sample(4, healpix.Ring, graph.Float32)
	unit.Columns[0].Unit = "µK"
	twins := sample(4, healpix.Ring, graph.Float32, graph.Float32)
	twins.Columns[1].Name = twins.Columns[0].Name
	card := sample(4, healpix.Ring, graph.Float32)
	card.Extra = []sky.Card{{Name: "not a name", Value: 1}}
	for _, c := range []struct {
		path string
		m    *sky.Map
		code errs.Code
		text string
	}{
		{filepath.Join(dir, "none", "m.fits"), m, errs.Output, "cannot write"},
		{filepath.Join(dir, "folder.fits"), m, errs.Output, "it is a folder"},
		{kept, &xy, errs.Input, "Reorder to Ring or Nested first"},
		{kept, short, errs.Input, "has shape [191]: want [192]"},
		{kept, unit, errs.Input, "printable ASCII"},
		{kept, twins, errs.Input, "two columns are named"},
		{kept, card, errs.Input, "want a name of up to eight"},
		{kept, &sky.Map{Nside: 4, Order: healpix.Ring}, errs.Input, "no columns"},
		{kept, &sky.Map{Nside: 3, Order: healpix.Nested}, errs.Input, "not a power of two"},
	} {
		err := sky.WriteMap(c.path, c.m)
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("got %v\nwant %v: … %s", err, c.code, c.text)
		}
	}
	err := sky.WriteFile(kept, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 3<<20)); err != nil {
			return err
		}
		return io.ErrClosedPipe
	})
	if err != io.ErrClosedPipe {
		t.Errorf("got %v want the writer's own error", err)
	}
	if full := "/dev/full"; exists(full) {
		if err := sky.WriteMap(full, m); !errors.Is(err, errs.Output) {
			t.Errorf("full device: got %v want errs.Output", err)
		}
	}
	if data, err := os.ReadFile(kept); err != nil || string(data) != "precious" {
		t.Errorf("a failed write changed the older file: %q, %v", data, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("failed writes left files: %v, %v", entries, err)
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestWriteFileKeepsLinksAndModes(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := sky.WriteFile(link, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "new" {
		t.Errorf("got %q, %v", data, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v want 0600, %v", info.Mode(), err)
	}
}

// FuzzReadMap reads any bytes with any text in the place of one card, which mutation of bytes alone seldom makes.
func FuzzReadMap(f *testing.F) {
	full := write(f, sample(1, healpix.Ring, graph.Float32, graph.Int16, graph.Uint32))
	partial := write(f, part(sample(2, healpix.Nested, graph.Float64, graph.Bool)))
	f.Add(full, uint16(60), "END")
	f.Add(full, uint16(44), "TFORM1  = '12X'")
	f.Add(full, uint16(46), "TSCAL1  = 2.5")
	f.Add(partial, uint16(38), "NAXIS1  = 0")
	f.Add(partial, uint16(52), "CONTINUE 'x'")
	f.Add(partial[:2900], uint16(3), "HIERARCH END = 1")
	f.Fuzz(func(t *testing.T, data []byte, at uint16, card string) {
		m, err := sky.ReadMapFrom(bytes.NewReader(overlay(data, at, card)), sky.ReadOptions{Limit: 1 << 20})
		if err != nil {
			var e *errs.Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *errs.Error: %v", err)
			}
			return
		}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := sky.WriteMapTo(&b, m); err != nil {
			return // a file may hold what ours must not, as two columns of one name
		}
		again, err := sky.ReadMapFrom(&b, sky.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, again, m)
	})
}

// overlay returns data with a card in the place of the one at a number, if there is such a place.
func overlay(data []byte, at uint16, card string) []byte {
	if i := 80 * int(at); i+80 <= len(data) {
		data = bytes.Clone(data)
		copy(data[i:i+80], fmt.Sprintf("%-80s", card))
	}
	return data
}
