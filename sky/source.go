package sky

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"

	"github.com/astronnx/astronnx/internal/errs"
)

// defaultLimit is what a compressed file may unpack to where the caller does not say.
const defaultLimit = 8 << 30

// source is a file of known size that several goroutines read.
type source struct {
	io.ReaderAt
	size int64
}

// openSource opens a file, unpacked if it is gzip. The limit, 0 for the default, bounds what is unpacked.
func openSource(path string, limit int64) (source, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return source{}, nil, errs.New(errs.Input, "%w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errs.New(errs.Input, "%s is a folder: want a file", path)
	}
	var src source
	switch {
	case err != nil:
	case info.Mode().IsRegular():
		src, err = unpack(source{f, info.Size()}, limit)
	default:
		src, err = readSource(f, limit)
	}
	if err != nil {
		f.Close()
		return source{}, nil, err
	}
	return src, f, nil
}

// readSource reads a stream whole; memory grows with what arrives.
func readSource(r io.Reader, limit int64) (source, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return source{}, errs.New(errs.Invalid, "read: %w", err)
	}
	return unpack(source{bytes.NewReader(data), int64(len(data))}, limit)
}

// unpack returns what a gzip file holds, or src itself if it is none.
func unpack(src source, limit int64) (source, error) {
	var magic [2]byte
	if n, _ := src.ReadAt(magic[:], 0); n < 2 || magic != [2]byte{0x1f, 0x8b} {
		return src, nil
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	z, err := gzip.NewReader(io.NewSectionReader(src, 0, src.size))
	if err != nil {
		return source{}, errs.New(errs.Invalid, "gzip: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(z, limit))
	if err != nil {
		return source{}, errs.New(errs.Invalid, "gzip, after %d bytes: %w", len(data), err).
			WithHint("the file is truncated or damaged: fetch it again")
	}
	if int64(len(data)) == limit && limit < math.MaxInt64 {
		if n, err := z.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			return source{}, errs.New(errs.Limit, "the file unpacks to more than %d bytes", limit).
				WithHint("raise ReadOptions.Limit if it is to be trusted")
		}
	}
	return source{bytes.NewReader(data), int64(len(data))}, nil
}

// readAt fills p or returns why it cannot.
func (s source) readAt(p []byte, off int64) error {
	if n, err := s.ReadAt(p, off); n < len(p) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return errs.New(errs.Invalid, "%d bytes at offset %d: %w", len(p), off, err)
	}
	return nil
}
