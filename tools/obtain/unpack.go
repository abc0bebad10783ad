package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// unpack writes the picked files of a .tgz, .tar.xz, .deb or .whl below dir. It refuses an archive with a path that leaves it, and
// a picked entry that is no plain file.
func unpack(ctx context.Context, archive, dir string, pick func(string) string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	x := extractor{root: root, pick: pick}
	switch {
	case strings.HasSuffix(archive, ".whl"):
		err = x.zip(archive)
	case strings.HasSuffix(archive, ".tgz"):
		err = x.tgz(archive)
	case strings.HasSuffix(archive, ".deb"):
		err = x.piped(ctx, "dpkg", "dpkg-deb", "--fsys-tarfile", archive)
	case strings.HasSuffix(archive, ".tar.xz"):
		err = x.piped(ctx, "xz-utils", "xz", "--decompress", "--stdout", "--", archive)
	default:
		err = errors.New("no unpacker for this kind of file")
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
	}
	return nil
}

type extractor struct {
	root *os.Root
	pick func(string) string
}

func (x extractor) zip(archive string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		to, err := x.place(f.Name, f.Mode())
		if err != nil {
			return err
		}
		if to == "" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		err = errors.Join(x.write(to, r), r.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

func (x extractor) tgz(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	return x.tar(z)
}

// piped reads the tar stream that a program of the given package prints.
func (x extractor) piped(ctx context.Context, pkg, program string, args ...string) error {
	if err := need(program, pkg); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := x.tar(out); err != nil {
		cancel()
		_ = cmd.Wait()
		return err
	}
	_, err = io.Copy(io.Discard, out)
	if failed := cmd.Wait(); failed != nil {
		return fmt.Errorf("%s: %w", program, failed)
	}
	return err
}

func (x extractor) tar(r io.Reader) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink {
			mode |= os.ModeSymlink
		}
		to, err := x.place(h.Name, mode)
		if err != nil {
			return err
		}
		if to == "" {
			continue
		}
		if err := x.write(to, t); err != nil {
			return err
		}
	}
}

// place returns where an entry goes, or "" for a folder and for what is not picked.
func (x extractor) place(name string, mode os.FileMode) (string, error) {
	clean := path.Clean(name)
	if !filepath.IsLocal(clean) || strings.ContainsAny(name, `\`) {
		return "", fmt.Errorf("entry %q leaves the archive", name)
	}
	to := x.pick(clean)
	switch {
	case to == "" || mode.IsDir():
		return "", nil
	case !mode.IsRegular():
		return "", fmt.Errorf("entry %q is a link or a device, expected a file", name)
	}
	return to, nil
}

func (x extractor) write(name string, r io.Reader) error {
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
