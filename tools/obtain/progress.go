package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// progress keeps one line on a terminal that says how much has come into dir; total is in bytes, 0 where unknown. Elsewhere it
// prints nothing. The returned function ends it.
func progress(w io.Writer, what, dir string, total int64) (stop func()) {
	if !terminal(w) {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			line := fmt.Sprintf("%s: %.1f MB", what, float64(size(dir))/1e6)
			if total > 0 { // npm holds its archive twice for a moment
				line = fmt.Sprintf("%s: %.1f of %.1f MB", what, float64(min(size(dir), total))/1e6, float64(total)/1e6)
			}
			fmt.Fprintf(w, "\r\x1b[K%s", line)
			select {
			case <-tick.C:
			case <-end:
				fmt.Fprint(w, "\r\x1b[K")
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil // files come and go while the download runs
	})
	return total
}
