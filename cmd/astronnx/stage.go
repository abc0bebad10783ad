package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/astronnx/astronnx/internal/errs"
)

// stage is a set of output files that appear together, when all are complete, or not at all. Each is written under a
// temporary name in its own folder, so that a folder that cannot be written to is found before the work begins.
type stage struct {
	overwrite bool
	files     []staged
}

type staged struct{ tmp, path string }

// add reserves a file and returns the temporary name to write it under, which has the extension of path.
func (s *stage) add(path string) (tmp string, err error) {
	dir, base := filepath.Split(path)
	mode := fs.FileMode(0o666)
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return "", errs.New(errs.Output, "%s is a folder", path).WithHint("name a file in it")
	case err == nil && !info.Mode().IsRegular():
		return "", errs.New(errs.Output, "%s is not a regular file", path)
	case err == nil && !s.overwrite:
		return "", errs.New(errs.Output, "%s exists", path).WithHint("--overwrite replaces it")
	case err == nil:
		mode = info.Mode().Perm()
		// A link stays a link: its target is what gets replaced.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
			dir = filepath.Dir(real)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", errs.New(errs.Output, "%w", err)
	}
	tmp = filepath.Join(dir, ".astronnx-"+rand.Text()[:8]+"-"+base)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return "", errs.New(errs.Output, "%s cannot be written: %w", path, errors.Unwrap(err))
	}
	s.files = append(s.files, staged{tmp, path})
	return tmp, f.Close()
}

// commit gives all files their names. Nothing is left of the set when it fails before the first rename.
func (s *stage) commit() error {
	for len(s.files) > 0 {
		f := s.files[0]
		if err := os.Rename(f.tmp, f.path); err != nil {
			s.discard()
			return errs.New(errs.Output, "%s cannot be written: %w", f.path, err)
		}
		s.files = s.files[1:]
	}
	return nil
}

// drop gives up one file.
func (s *stage) drop(tmp string) {
	s.files = slices.DeleteFunc(s.files, func(f staged) bool {
		if f.tmp == tmp {
			_ = os.Remove(tmp)
		}
		return f.tmp == tmp
	})
}

// paths lists the files by their final names.
func (s *stage) paths() []string {
	list := make([]string, len(s.files))
	for i, f := range s.files {
		list[i] = f.path
	}
	return list
}

// discard removes what was not committed; deferred, it cleans up after a failure.
func (s *stage) discard() {
	for _, f := range s.files {
		_ = os.Remove(f.tmp)
	}
	s.files = nil
}
