package sky

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
)

// WriteFile makes a file of what write produces, wholly or not at all: the bytes go to a new file beside it, reach the disk,
// and take the place of path in one step. Where anything fails nothing is left and an older file stays as it was. A path that
// ends in .gz is compressed. Devices and pipes are written to as they are.
//
// Errors of the file system are errs.Output; those of write are returned as they come.
func WriteFile(path string, write func(io.Writer) error) error {
	target, mode := path, fs.FileMode(0)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real // replace what the link points to, not the link
	}
	if info, err := os.Stat(target); err == nil {
		if info.IsDir() {
			return unwritable(path, errors.New("it is a folder: want the name of a file"))
		}
		if !info.Mode().IsRegular() {
			f, err := os.OpenFile(target, os.O_WRONLY, 0)
			if err != nil {
				return unwritable(path, err)
			}
			return errors.Join(stream(f, path, write), f.Close())
		}
		mode = info.Mode().Perm()
	}
	temp := filepath.Join(filepath.Dir(target), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(target), rand.Uint32()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return unwritable(path, err)
	}
	done := false
	defer func() {
		if !done {
			f.Close()
			os.Remove(temp)
		}
	}()
	if err := stream(f, path, write); err != nil {
		return err
	}
	if mode != 0 {
		if err := f.Chmod(mode); err != nil {
			return unwritable(path, err)
		}
	}
	if err := f.Sync(); err != nil {
		return unwritable(path, err)
	}
	if err := f.Close(); err != nil {
		return unwritable(path, err)
	}
	if err := os.Rename(temp, target); err != nil {
		return unwritable(path, err)
	}
	done = true
	if dir, err := os.Open(filepath.Dir(target)); err == nil {
		dir.Sync() // makes the rename durable where the file system can; the file is whole either way
		dir.Close()
	}
	return nil
}

// stream runs write on a buffered, perhaps compressed f.
func stream(f *os.File, path string, write func(io.Writer) error) error {
	out := &device{f: f}
	b := bufio.NewWriterSize(out, 1<<20)
	var err error
	if strings.HasSuffix(path, ".gz") {
		z := gzip.NewWriter(b)
		if err = write(z); err == nil {
			err = z.Close()
		}
	} else {
		err = write(b)
	}
	if err == nil {
		err = b.Flush()
	}
	if out.err != nil { // what write made of it says less
		return unwritable(path, out.err)
	}
	return err
}

// device remembers why a file could not be written.
type device struct {
	f   *os.File
	err error
}

func (d *device) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	if err != nil && d.err == nil {
		d.err = err
	}
	return n, err
}

func unwritable(path string, err error) error {
	return errs.New(errs.Output, "cannot write %s: %w", path, err).WithHint("nothing was left there")
}
