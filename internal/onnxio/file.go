package onnxio

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// SaveOptions say where WriteFile puts the bytes of tensors. The zero value keeps everything in the model file.
type SaveOptions struct {
	// Threshold moves tensors of at least so many bytes to a data file beside the model; 0 moves none. The data file is named after
	// its contents, so that an interrupted save never pairs an old model with new weights; a data file that is no longer wanted stays.
	Threshold int64
	// KeepExternal leaves tensors that came from external data at their location, offset and length, below the new file's folder. A
	// data file that exists is not changed and must hold these bytes.
	KeepExternal bool
}

// WriteFile writes m to the file name. Each file appears whole or not at all, and the model after its data.
func WriteFile(name string, m *graph.Model, o SaveOptions) error {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	defer root.Close()
	w := &placer{o: o, kept: map[string][]*graph.Tensor{}, spilt: map[*graph.Tensor]*graph.External{}}
	if _, err := (&encoder{place: w.place}).model(m); err != nil { // fills w
		return err
	}
	base := filepath.Base(name)
	if err := w.writeSpilt(root, base); err != nil {
		return err
	}
	for _, loc := range w.locations {
		if err := writeKept(root, loc, w.kept[loc]); err != nil {
			return err
		}
	}
	b, err := marshal(m, w.place)
	if err != nil {
		return err
	}
	return atomically(root, base, func(f *os.File) error {
		_, err := f.Write(b)
		return err
	})
}

// placer decides about each tensor and remembers what goes where.
type placer struct {
	o         SaveOptions
	kept      map[string][]*graph.Tensor // by location
	locations []string                   // of kept, in order of appearance
	spilt     map[*graph.Tensor]*graph.External
	order     []*graph.Tensor // the spilt ones
	end       int64           // of the data file
}

// page is the alignment of tensors in data files, for readers that map them.
const page = 4096

func (w *placer) place(t *graph.Tensor) (*graph.External, error) {
	if x := t.External; x != nil && w.o.KeepExternal {
		return x, w.keep(t)
	}
	if !t.Loaded() {
		return nil, notLoaded(t)
	}
	if w.o.Threshold <= 0 || int64(len(t.Raw)) < w.o.Threshold {
		return nil, nil
	}
	x := w.spilt[t]
	if x == nil {
		offset := (w.end + page - 1) / page * page
		x = &graph.External{Offset: offset, Length: int64(len(t.Raw))}
		w.spilt[t], w.order, w.end = x, append(w.order, t), offset+x.Length
	}
	return x, nil
}

func (w *placer) keep(t *graph.Tensor) error {
	x := t.External
	if err := checkLocation(x.Location); err != nil {
		return err
	}
	size := int64(len(t.Raw))
	if t.Loaded() && (x.Length >= 0 && x.Length != size || x.Offset < 0 || x.Offset > 1<<62) {
		return errs.New(errs.Input, "tensor %s has %d bytes, its place in %s %d at %d", quote(t.Name), size, quote(x.Location),
			x.Length, x.Offset).WithHint("clear External of a tensor that was changed")
	}
	if w.kept[x.Location] == nil {
		w.locations = append(w.locations, x.Location)
	}
	w.kept[x.Location] = append(w.kept[x.Location], t)
	return nil
}

func notLoaded(t *graph.Tensor) error {
	return errs.New(errs.Input, "the bytes of tensor %s in %s were not read", quote(t.Name), quote(t.External.Location)).
		WithHint("load the model without SkipExternal")
}

// writeSpilt writes the data file and names it in every place.
func (w *placer) writeSpilt(root *os.Root, base string) error {
	if len(w.order) == 0 {
		return nil
	}
	h := sha256.New()
	write := func(out io.Writer) error {
		var at int64
		for _, t := range w.order {
			x := w.spilt[t]
			if _, err := out.Write(make([]byte, x.Offset-at)); err != nil {
				return err
			}
			if _, err := out.Write(t.Raw); err != nil {
				return err
			}
			at = x.Offset + x.Length
		}
		return nil
	}
	if err := write(h); err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	loc := base + "." + hex.EncodeToString(h.Sum(nil)[:8]) + ".data"
	for _, x := range w.spilt {
		x.Location = loc
	}
	return atomically(root, loc, func(f *os.File) error { return write(f) })
}

// writeKept makes the file at loc hold the bytes of ts at their places.
func writeKept(root *os.Root, loc string, ts []*graph.Tensor) error {
	if _, err := root.Lstat(loc); !errors.Is(err, fs.ErrNotExist) {
		return checkKept(root, loc, ts)
	}
	for _, t := range ts {
		if !t.Loaded() {
			return errs.New(errs.Output, "data file %s is not there, and tensor %s was not read", quote(loc), quote(t.Name)).
				WithHint("copy the file first, or load the model without SkipExternal")
		}
	}
	if err := root.MkdirAll(path.Dir(loc), 0o777); err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	err := atomically(root, loc, func(f *os.File) error {
		for _, t := range ts {
			if _, err := f.WriteAt(t.Raw, t.External.Offset); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		if err = checkKept(root, loc, ts); err != nil { // two tensors disagree about their bytes, or a checksum about the whole
			root.Remove(loc)
		}
	}
	return err
}

// checkKept compares the file at loc with the tensors that are said to be in it.
func checkKept(root *os.Root, loc string, ts []*graph.Tensor) error {
	f := newFiles(Options{Data: root.FS()}, Limits{}.withDefaults())
	for _, t := range ts {
		if !t.Loaded() {
			continue
		}
		have, err := f.read(t.External, int64(len(t.Raw)))
		if err == nil && !bytes.Equal(have, t.Raw) {
			err = errs.New(errs.Output, "data file %s holds other bytes than tensor %s", quote(loc), quote(t.Name)).
				WithHint("save into another folder, or with a threshold in place of the old locations")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// atomically writes a file beside its final name, and renames it once all of it is on disk.
func atomically(root *os.Root, name string, write func(*os.File) error) error {
	tmp := path.Join(path.Dir(filepath.ToSlash(name)), ".astronnx-"+rand.Text())
	f, err := root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = root.Rename(tmp, name)
	}
	if err != nil {
		root.Remove(tmp)
		return errs.New(errs.Output, "%s: %w", name, err)
	}
	if dir, err := root.Open("."); err == nil { // make the rename last; not every file system can
		dir.Sync()
		dir.Close()
	}
	return nil
}
