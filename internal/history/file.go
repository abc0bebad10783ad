package history

import (
	"io"
	"os"

	"github.com/astronnx/astronnx/internal/errs"
)

// file grows by whole records.
type file struct {
	f   *os.File
	end int64
}

// openFile opens or makes a file and cuts it to the bytes that keep says are to stay.
func openFile(path string, keep func(data []byte) (int, error)) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, errs.New(errs.Input, "%w", err)
	}
	n, err := keep(data)
	if err == nil && n < len(data) {
		err = f.Truncate(int64(n))
	}
	if err != nil {
		f.Close()
		return nil, errs.New(errs.Output, "%s: %w", path, err)
	}
	return &file{f, int64(n)}, nil
}

// append writes a record or leaves the file as it was.
func (f *file) append(record []byte) error {
	_, err := f.f.WriteAt(record, f.end)
	if err == nil {
		err = f.f.Sync()
	}
	if err != nil {
		f.f.Truncate(f.end)
		return errs.New(errs.Output, "%w", err)
	}
	f.end += int64(len(record))
	return nil
}

func (f *file) close() error {
	if err := f.f.Close(); err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	return nil
}
