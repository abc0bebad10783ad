package history_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/history"
)

func content(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func fails(t testing.TB, err error, code errs.Code, text string) {
	t.Helper()
	if !errors.Is(err, code) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v\nwant %v: … %s", err, code, text)
	}
}

// writeCSV goes on with a table from one epoch up to another.
func writeCSV(t testing.TB, path string, from, to int) {
	t.Helper()
	c, err := history.OpenCSV(path, from, "loss", "val, loss")
	if err != nil {
		t.Fatal(err)
	}
	for e := from; e < to; e++ {
		if err := c.Append(e, 1/float64(e), math.NaN()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCSV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.csv")
	writeCSV(t, path, 0, 4)
	const want = "epoch,loss,\"val, loss\"\n0,+Inf,NaN\n1,1,NaN\n2,0.5,NaN\n3,0.3333333333333333,NaN\n"
	if got := string(content(t, path)); got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func writeEvents(t testing.TB, path string, from, to int) {
	t.Helper()
	e, err := history.OpenEvents(path, int64(from), time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i++ {
		err := e.Append(time.Unix(1700000000, 0), int64(i), history.Scalar{Tag: "loss", Value: 1 / float64(i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// Wherever a run was cut, and from whichever epoch it goes on: it ends with the file of an uninterrupted run.
func TestAResumedRunWritesTheSameFile(t *testing.T) {
	for name, write := range map[string]func(testing.TB, string, int, int){"h.csv": writeCSV, "tfevents": writeEvents} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, 0, 4)
		whole := content(t, path)
		sizes := map[int]int{} // of the file that ends before an epoch
		for e := range 4 {
			p := path + "." + fmt.Sprint(e)
			write(t, p, 0, e)
			sizes[e] = len(content(t, p))
		}
		for cut := 0; cut <= len(whole); cut += 3 {
			for _, from := range []int{0, 2} {
				if from > 0 && cut < sizes[from] {
					continue // the epochs before are not there
				}
				if err := os.WriteFile(path, whole[:cut], 0o666); err != nil {
					t.Fatal(err)
				}
				write(t, path, from, from)
				if got := content(t, path); !bytes.Equal(got, whole[:sizes[from]]) {
					t.Fatalf("%s, cut to %d bytes, opened for epoch %d: got %q want %q", name, cut, from, got, whole[:sizes[from]])
				}
				write(t, path, from, 4)
				if got := content(t, path); !bytes.Equal(got, whole) {
					t.Fatalf("%s, cut to %d bytes, from epoch %d: got %q want %q", name, cut, from, got, whole)
				}
			}
		}
	}
}

func TestForeignFilesStay(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"words": "some words", "table": "epoch,acc\n1,2\n", "binary": strings.Repeat("\x00", 100), "text": "epoch,loss\nmany,1\n", "small": "\x18\x00",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := history.OpenCSV(path, 0, "loss"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
		if name != "small" { // is how an event file begins
			_, err := history.OpenEvents(path, 0, time.Time{})
			fails(t, err, errs.Input, "move the file away")
		}
		if name != "small" && string(content(t, path)) != text {
			t.Errorf("%s was changed", name)
		}
	}
	_, err := history.OpenCSV(filepath.Join(dir, "none", "h.csv"), 0)
	fails(t, err, errs.Output, "none")
	c, err := history.OpenCSV(filepath.Join(dir, "h.csv"), 0, "loss")
	if err != nil {
		t.Fatal(err)
	}
	fails(t, c.Append(0, 1, 2), errs.Input, "2 values for 1 columns")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	fails(t, c.Append(0, 1), errs.Output, "closed")
	fails(t, c.Close(), errs.Output, "closed")
}

// The bytes are those that TensorBoard's own writer makes, see testdata/events.py.
func TestEventsAreTensorBoards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.out.tfevents.1")
	e, err := history.OpenEvents(path, 0, time.Unix(1700000000, 5e8))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		step        int64
		train, eval float64
	}{{0, 1.5, math.NaN()}, {1, 0.1, 0}, {300, -1e-30, math.Inf(1)}} {
		err := e.Append(time.Unix(1700000001+c.step, 25e7), c.step, history.Scalar{Tag: "loss/train", Value: c.train},
			history.Scalar{Tag: "loss/validation", Value: c.eval})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := content(t, path), content(t, "testdata/events.out.tfevents.golden"); !bytes.Equal(got, want) {
		t.Errorf("got %x\nwant %x", got, want)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(content(f, "testdata/events.out.tfevents.golden"), true)
	f.Add([]byte("epoch,loss\n0,1\n1,2\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, events bool) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if events {
			if e, err := history.OpenEvents(path, 1, time.Time{}); err == nil {
				e.Close()
			}
		} else if c, err := history.OpenCSV(path, 1, "loss"); err == nil {
			c.Close()
		}
	})
}
