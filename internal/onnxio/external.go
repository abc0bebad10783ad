package onnxio

import (
	"crypto/sha1"
	"encoding/hex"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// files reads external data. A location must be a plain relative path below the model's folder; no part of it may be a link, and the
// file must be a regular one with a single name, since a hard link is a way out as well.
type files struct {
	fsys   fs.FS
	skip   bool
	budget int64
	sums   map[string]string // SHA-1 of the files that state one
}

func newFiles(o Options, lim Limits) *files {
	return &files{fsys: o.Data, skip: o.SkipExternal, budget: lim.External, sums: map[string]string{}}
}

func unsafe_(format string, args ...any) error { return errs.New(errs.Unsafe, format, args...) }

// external reads where t's bytes are and, unless told to leave them, the bytes.
func (d *decoder) external(t *graph.Tensor, p *onnxpb.Tensor, n int64) error {
	if p.GetDataLocation() != external {
		return invalid("data location is %d with %d entries of external data, want location 1", p.GetDataLocation(), len(p.ExternalData))
	}
	if t.DType == graph.String {
		return invalid("strings cannot be external data")
	}
	if len(p.RawData)+len(p.FloatData)+len(p.Int32Data)+len(p.Int64Data)+len(p.DoubleData)+len(p.Uint64Data)+len(p.StringData) > 0 {
		return invalid("the tensor has both external data and data in the file")
	}
	keys, err := entries(p.ExternalData)
	if err != nil {
		return within(err, "external data")
	}
	size, _ := graph.ByteSize(t.DType, n)
	if t.External, err = parseExternal(keys, size); err != nil {
		return err
	}
	if d.files.skip {
		return nil
	}
	if t.Raw, err = d.files.read(t.External, size); err != nil {
		return err
	}
	fixBools(t)
	return nil
}

func parseExternal(keys map[string]string, size int64) (*graph.External, error) {
	x := &graph.External{Location: keys["location"], Length: -1, Checksum: keys["checksum"]}
	if err := checkLocation(x.Location); err != nil {
		return nil, err
	}
	for _, k := range []struct {
		name string
		to   *int64
	}{{"offset", &x.Offset}, {"length", &x.Length}} {
		s, ok := keys[k.name]
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v < 0 {
			return nil, invalid("external %s is %s, want a number from 0", k.name, quote(s))
		}
		*k.to = v
	}
	if x.Length >= 0 && x.Length != size {
		return nil, invalid("external data has %d bytes, its type and shape want %d", x.Length, size)
	}
	if x.Offset > math.MaxInt64-size {
		return nil, invalid("external offset %d and %d bytes overflow", x.Offset, size)
	}
	for k, v := range keys {
		switch k {
		case "location", "offset", "length", "checksum":
			continue
		}
		if x.Extra == nil {
			x.Extra = map[string]string{}
		}
		x.Extra[k] = v
	}
	return x, nil
}

// checkLocation refuses everything but a relative path that only descends, whatever the operating system. The tag that onnxruntime
// reads as an address in memory begins with "*".
func checkLocation(loc string) error {
	switch {
	case loc == "":
		return invalid("external data names no location")
	case strings.HasPrefix(loc, "*"):
		return unsafe_("external location %s is an address in memory", quote(loc))
	case !fs.ValidPath(loc) || loc == "." || strings.ContainsAny(loc, "\\:\x00"):
		return errs.New(errs.Unsafe, "external location %s may lead out of the model's folder", quote(loc)).
			WithHint("want a relative path with slashes and without '.', '..' and ':'")
	}
	return nil
}

// checkContext refuses a node that makes an execution provider open a file by its own means: an EPContext whose context is not
// embedded.
func checkContext(n *graph.Node) error {
	if n.Domain != "com.microsoft" || n.Op != "EPContext" {
		return nil
	}
	if mode, given := n.Attrs["embed_mode"]; given && mode != int64(1) {
		return errs.New(errs.Unsafe, "a compiled context that is a file beside the model (embed_mode is not 1)").
			WithHint("embed the context, or compile the plain model")
	}
	return nil
}

// read returns size bytes at x.
func (f *files) read(x *graph.External, size int64) ([]byte, error) {
	if f.fsys == nil {
		return nil, errs.New(errs.Unsafe, "the model wants external data from %s, but bytes alone have no folder", quote(x.Location)).
			WithHint("load it by its path")
	}
	file, info, err := f.open(x.Location)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	have := info.Size() - x.Offset
	if have < size || x.Length < 0 && have != size {
		return nil, errs.New(errs.Invalid, "external file %s has %d bytes, the tensor wants %d at offset %d", quote(x.Location),
			info.Size(), size, x.Offset).WithHint("the file was cut off, or belongs to another model")
	}
	if f.budget -= size; f.budget < 0 {
		return nil, errs.New(errs.Limit, "external data passes the limit").WithHint("raise the limit if the model is to be trusted")
	}
	if err := f.verify(x, file); err != nil {
		return nil, err
	}
	raw := graph.AlignedBytes(int(size))
	if at, ok := file.(io.ReaderAt); ok {
		_, err = at.ReadAt(raw, x.Offset)
	} else if _, err = io.CopyN(io.Discard, file, x.Offset); err == nil {
		_, err = io.ReadFull(file, raw)
	}
	if err != nil && (err != io.EOF || size > 0) {
		return nil, errs.New(errs.Invalid, "external file %s: %w", quote(x.Location), err)
	}
	return raw, nil
}

// open checks every part of the path before it opens the file, and the file again once open.
func (f *files) open(loc string) (fs.File, fs.FileInfo, error) {
	for end := 0; end < len(loc); {
		next := strings.IndexByte(loc[end+1:], '/')
		if next < 0 {
			end = len(loc)
		} else {
			end += 1 + next
		}
		part := loc[:end]
		info, err := fs.Lstat(f.fsys, part)
		if err != nil {
			return nil, nil, errs.New(errs.Invalid, "external data: %w", err).WithHint("keep the file beside the model")
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return nil, nil, errs.New(errs.Unsafe, "external location %s is or goes through a link", quote(loc)).
				WithHint("copy the model with links resolved, as 'cp -rL' does")
		}
		if end == len(loc) && !info.Mode().IsRegular() {
			return nil, nil, unsafe_("external location %s is no regular file", quote(loc))
		}
	}
	file, err := f.fsys.Open(path.Clean(loc))
	if err != nil {
		return nil, nil, errs.New(errs.Unsafe, "external data: %w", err)
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || linkCount(info) > 1) {
		err = errs.New(errs.Unsafe, "external location %s is not the only name of a regular file", quote(loc)).
			WithHint("a hard link may be another folder's file: copy it")
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// verify compares the whole file with the SHA-1 that x states, once a file.
func (f *files) verify(x *graph.External, file fs.File) error {
	if x.Checksum == "" {
		return nil
	}
	sum, ok := f.sums[x.Location]
	if !ok {
		h := sha1.New()
		at, seekable := file.(io.ReaderAt)
		if !seekable {
			return nil
		}
		if _, err := io.Copy(h, io.NewSectionReader(at, 0, math.MaxInt64)); err != nil {
			return errs.New(errs.Invalid, "external file %s: %w", quote(x.Location), err)
		}
		sum = hex.EncodeToString(h.Sum(nil))
		f.sums[x.Location] = sum
	}
	if !strings.EqualFold(sum, x.Checksum) {
		return errs.New(errs.Invalid, "external file %s has SHA-1 %s, the model wants %s", quote(x.Location), sum, quote(x.Checksum)).
			WithHint("the file is damaged or belongs to another model")
	}
	return nil
}

// externalEntries is the inverse of parseExternal.
func externalEntries(x *graph.External) []*onnxpb.Entry {
	out := []*onnxpb.Entry{entry("location", x.Location)}
	if x.Offset != 0 {
		out = append(out, entry("offset", strconv.FormatInt(x.Offset, 10)))
	}
	if x.Length >= 0 {
		out = append(out, entry("length", strconv.FormatInt(x.Length, 10)))
	}
	if x.Checksum != "" {
		out = append(out, entry("checksum", x.Checksum))
	}
	return append(out, entryList(x.Extra)...)
}
