package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// An item is one folder of the cache.
type item struct {
	name, about string
	dir         string   // below the cache folder
	trees       []string // digests (see digest) of the contents that are right; empty where keep decides
	sources     []source // tried in order
	keep        keeper   // for what is built on the machine instead of unpacked
	optional    bool     // its absence is reported and is no failure
	asked       bool     // obtained only where it is asked for by name
	standIn     string   // the later item that serves in its place
}

// A source is an archive somewhere, with what to take out of it.
type source struct {
	from   fetcher
	sha256 string                   // of the archive
	size   int64                    // of the archive, in bytes
	pick   func(name string) string // archive path to path in the item's folder; "" leaves the file out
}

// A fetcher puts an archive into dir and returns its path.
type fetcher interface {
	String() string
	fetch(ctx context.Context, dir string) (string, error)
}

// A keeper builds a folder in place and knows whether one it built is whole.
type keeper interface {
	String() string // from what
	whole(dir string) bool
	build(ctx context.Context, dir, tmp string) error
}

const (
	present  = "present"
	obtained = "obtained"
	missing  = "missing"
	spared   = "not needed" // the item it stands in for is there
)

// A result says where an item is and how it came there.
type result struct {
	Item   string `json:"item"`
	About  string `json:"about"`
	Path   string `json:"path"`
	State  string `json:"state"` // present, obtained, missing or not needed
	Source string `json:"source,omitempty"`
	Error  string `json:"error,omitempty"`
}

// An obtainer fills one cache folder.
type obtainer struct {
	cache string
	log   io.Writer
	check bool // only look
	named bool // the items were asked for by name: stand-ins too are obtained
}

const scratch = ".tmp-"

// all brings every item up to date, one run at a time a cache.
func (o *obtainer) all(ctx context.Context, items []item) ([]result, error) {
	if !o.check {
		if err := os.MkdirAll(o.cache, 0o755); err != nil {
			return nil, err
		}
		unlock, err := lock(filepath.Join(o.cache, ".lock"), o.log)
		if err != nil {
			return nil, err
		}
		defer unlock()
		if err := o.sweep(); err != nil {
			return nil, err
		}
	}
	var results []result
	served := map[string]bool{} // stand-ins of what is there
	for _, it := range items {
		r := result{Item: it.name, About: it.about, Path: filepath.Join(o.cache, filepath.FromSlash(it.dir)), State: present}
		switch why := it.broken(r.Path); {
		case why == nil:
		case served[it.name] && !o.named:
			r.State = spared
		case o.check:
			r.State, r.Error = missing, why.Error()
		default:
			r.State = obtained
			var err error
			if r.Source, err = o.obtain(ctx, it, r.Path); err != nil {
				r.State, r.Error = missing, err.Error()
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		results = append(results, r)
		served[it.standIn] = r.State != missing
	}
	return results, nil
}

// sweep removes what a killed run left behind; the lock is held.
func (o *obtainer) sweep() error {
	left, err := filepath.Glob(filepath.Join(o.cache, scratch+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// broken says why the folder is not what the item should be, or nil.
func (it item) broken(dir string) error {
	if it.keep != nil {
		if !it.keep.whole(dir) {
			return errors.New("not built, or built from other requirements")
		}
		return nil
	}
	got, err := digest(dir)
	if err != nil {
		return err
	}
	if !slices.Contains(it.trees, got) {
		return fmt.Errorf("contents have digest %s, expected %v", got, it.trees)
	}
	return nil
}

// obtain tries the item's sources in turn, and each of them twice where another try may help: after a cut or stale download.
func (o *obtainer) obtain(ctx context.Context, it item, dir string) (from string, err error) {
	tmp, err := os.MkdirTemp(o.cache, scratch)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if it.keep != nil {
		defer progress(o.log, it.name, dir, 0)()
		return it.keep.String(), it.keep.build(ctx, dir, tmp)
	}
	var failed []error
	for _, s := range it.sources {
		err := o.try(ctx, it, s, tmp, dir)
		if err != nil && mayHelp(ctx, err) {
			err = o.try(ctx, it, s, tmp, dir)
		}
		if err == nil {
			return s.from.String(), nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", s.from, err))
	}
	if len(failed) == 0 {
		return "", errors.New("nothing is pinned for this operating system and processor")
	}
	return "", errors.Join(failed...)
}

// mayHelp tells a download that went wrong from a program or file that is not there.
func mayHelp(ctx context.Context, err error) bool {
	var p prerequisite
	return ctx.Err() == nil && !errors.As(err, &p) && !errors.Is(err, fs.ErrNotExist)
}

// errForeign marks an archive or contents other than the pinned ones.
var errForeign = errors.New("not what was pinned")

func (o *obtainer) try(ctx context.Context, it item, s source, tmp, dir string) error {
	down, err := os.MkdirTemp(tmp, "down-")
	if err != nil {
		return err
	}
	stop := progress(o.log, it.name+" from "+s.from.String(), down, s.size)
	archive, err := s.from.fetch(ctx, down)
	stop()
	if err != nil {
		return err
	}
	if err := verify(archive, s.sha256, s.size); err != nil {
		return errors.Join(err, os.RemoveAll(down))
	}
	fresh, err := os.MkdirTemp(tmp, "fresh-")
	if err != nil {
		return err
	}
	if err := unpack(ctx, archive, fresh, s.pick); err != nil {
		return err
	}
	if err := it.broken(fresh); err != nil {
		return fmt.Errorf("%w: %w", errForeign, err)
	}
	return swap(fresh, dir, filepath.Join(tmp, "old"))
}

// swap puts fresh in dir's place; a reader sees the old folder, none, or the new one, never half of one.
func swap(fresh, dir, old string) error {
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(fresh, dir)
}
