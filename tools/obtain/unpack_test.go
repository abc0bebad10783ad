package main

import (
	"archive/tar"
	"archive/zip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestUnpackRefuses(t *testing.T) {
	for name, h := range map[string]tar.Header{
		"parent":        {Name: "package/../../evil", Size: 4},
		"bare parent":   {Name: "../evil", Size: 4},
		"absolute":      {Name: "/evil", Size: 4},
		"backslash":     {Name: `package\..\..\evil`, Size: 4},
		"symbolic link": {Name: "package/a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"hard link":     {Name: "package/a", Typeflag: tar.TypeLink, Linkname: "package/b"},
		"device":        {Name: "package/a", Typeflag: tar.TypeChar},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			archive, fresh := filepath.Join(dir, "x.tgz"), filepath.Join(dir, "in", "fresh")
			body := ""
			if h.Size > 0 {
				body = "evil"
			}
			write(t, archive, tgz(t, h, body))
			if err := os.MkdirAll(fresh, 0o755); err != nil {
				t.Fatal(err)
			}
			err := unpack(t.Context(), archive, fresh, below("package/"))
			if err == nil || !strings.Contains(err.Error(), strconv.Quote(h.Name)) {
				t.Errorf("got %v want an error that names the entry", err)
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(found) != 1 {
				t.Errorf("got %v want the empty folder alone", found)
			}
		})
	}
}

func TestUnpackRefusesZipThatLeaves(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "x.whl")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if _, err := z.Create("../evil"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unpack(t.Context(), archive, t.TempDir(), below("")); err == nil {
		t.Error("got no error for an entry that leaves the archive")
	}
}

func TestUnpackSkipsLinksThatAreNotPicked(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "x.tgz")
	write(t, archive, tgz(t, tar.Header{Name: "doc/a", Typeflag: tar.TypeSymlink, Linkname: "b"}, ""))
	if err := unpack(t.Context(), archive, dir, below("package/")); err != nil {
		t.Error(err)
	}
}

func TestPicks(t *testing.T) {
	for _, c := range []struct {
		pick       func(string) string
		name, want string
	}{
		{below("a/b/"), "a/b/c/d", "c/d"},
		{below("a/b/"), "a/b", ""},
		{below("a/b/"), "x/a/b/c", ""},
		{flat("a/", "a/b/"), "a/b/c", "c"},
		{flat("a/", "a/b/"), "a/d/c", ""},
		{renamed("a/b.1.2", "b.1"), "a/b.1.2", "b.1"},
		{renamed("a/b.1.2", "b.1"), "a/b.1", ""},
	} {
		if got := c.pick(c.name); got != c.want {
			t.Errorf("%s: got %q want %q", c.name, got, c.want)
		}
	}
}
