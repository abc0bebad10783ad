package main

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake puts a shell script on the path in a program's place.
func fake(t *testing.T, program, script string) {
	t.Helper()
	bin := t.TempDir()
	write(t, filepath.Join(bin, program), []byte("#!/bin/sh\n"+script))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestDebFetchesListsOfItsOwn(t *testing.T) {
	fake(t, "apt-get", `case "$*" in
*Dir::State::Lists=*update) touch lists/fresh ;;
*Dir::State::Lists=*download*sky=1-1) [ -e lists/fresh ] && touch sky_1-1_all.deb ;;
*) echo "E: Unable to locate package sky"; exit 100 ;;
esac`)
	got, err := deb{"sky", "1-1"}.fetch(t.Context(), t.TempDir())
	if err != nil || filepath.Base(got) != "sky_1-1_all.deb" {
		t.Errorf("got %q, %v want the package", got, err)
	}
}

func TestFailedCommandSaysWhatItSaid(t *testing.T) {
	fake(t, "npm", `echo "no such version" >&2; exit 3`)
	_, err := npm{"goods", "9"}.fetch(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "no such version") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v want npm's own words and its exit status", err)
	}
}

func TestVenvIsBuiltOnceARequirementsFile(t *testing.T) {
	fake(t, "python3", `[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && printf '#!/bin/sh\n' >"$3/bin/python" && chmod +x "$3/bin/python"`)
	v := venv{filepath.Join(t.TempDir(), "requirements.txt")}
	write(t, v.requirements, []byte("numpy==2.4.6\n"))
	dir := filepath.Join(t.TempDir(), "python")
	if v.whole(dir) {
		t.Error("an empty folder passes for an environment")
	}
	if err := v.build(t.Context(), dir, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if !v.whole(dir) {
		t.Error("what was built is not whole")
	}
	write(t, v.requirements, []byte("numpy==2.4.7\n"))
	if v.whole(dir) {
		t.Error("other requirements pass for the same")
	}
}

func TestVenvWithoutPipIsNamed(t *testing.T) {
	fake(t, "python3", "exit 1")
	v := venv{filepath.Join(t.TempDir(), "requirements.txt")}
	write(t, v.requirements, nil)
	err := v.build(t.Context(), filepath.Join(t.TempDir(), "python"), t.TempDir())
	if !errors.Is(err, prerequisite{"python3-venv", "python3-venv"}) || !strings.Contains(err.Error(), "sudo apt-get install python3-venv") {
		t.Errorf("got %v want the line that installs python3-venv", err)
	}
}

func TestNamedCasesAreTheOnlySource(t *testing.T) {
	named := onnxCases("root", "mine.tar.xz")
	if len(named) != 1 || named[0].from != (local{"mine.tar.xz"}) {
		t.Errorf("got %v want the named archive alone", named)
	}
	if found := onnxCases("root", ""); len(found) != 2 {
		t.Errorf("got %v want a neighbour and a wheel", found)
	}
}

func TestPinsAreComplete(t *testing.T) {
	items := append(pinned("root", ""), onnxRuntime("linux/amd64"), onnxRuntime("linux/arm64"))
	for _, it := range items {
		if it.name == "" || it.about == "" || !filepath.IsLocal(it.dir) {
			t.Errorf("%+v: a name, a line about it and a folder below the cache are needed", it)
		}
		if (it.keep == nil) != (len(it.sources) > 0) || len(it.sources) > 0 && len(it.trees) == 0 {
			t.Errorf("%s: needs sources with digests of their contents, or a keeper", it.name)
		}
		sums := it.trees
		for _, s := range it.sources {
			sums = append(sums, s.sha256)
			if s.size <= 0 || s.pick == nil {
				t.Errorf("%s from %s: no size or no pick", it.name, s.from)
			}
		}
		for _, sum := range sums {
			if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 {
				t.Errorf("%s: %q is no SHA-256", it.name, sum)
			}
		}
	}
	if it := onnxRuntime("plan9/mips"); len(it.sources) > 0 {
		t.Error("a library for a platform without one")
	}
}
