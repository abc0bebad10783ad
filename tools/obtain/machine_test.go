package main

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
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
	v := venv{requirements: filepath.Join(t.TempDir(), "requirements.txt")}
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
	v := venv{requirements: filepath.Join(t.TempDir(), "requirements.txt")}
	write(t, v.requirements, nil)
	err := v.build(t.Context(), filepath.Join(t.TempDir(), "python"), t.TempDir())
	if !errors.Is(err, prerequisite{"python3-venv", "python3-venv"}) || !strings.Contains(err.Error(), "sudo apt-get install python3-venv") {
		t.Errorf("got %v want the line that installs python3-venv", err)
	}
}

func TestDebsHoldWhatTheMachineLacks(t *testing.T) {
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("no system Python:", err)
	}
	fake(t, "apt-get", `case "$*" in
*--simulate*install\ sky=1-1) echo "Inst sky (1-1 Debian [all])"; echo "Inst sea (2-1 Debian [all])"; echo "Conf sky (1-1)" ;;
*download\ sky\ sea) touch sky_1-1_all.deb sea_2-1_all.deb ;;
*) exit 100 ;;
esac`)
	fake(t, "dpkg", `[ "$1" = --extract ] && mkdir -p "$3/usr" && touch "$3/usr/$(basename "$2")"`)
	d, dir := debsForPython("sys", "sky=1-1"), filepath.Join(t.TempDir(), "debs")
	if d.whole(dir) {
		t.Error("an empty folder passes for the packages")
	}
	if err := d.build(t.Context(), dir, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sky_1-1_all.deb", "sea_2-1_all.deb"} {
		if _, err := os.Stat(filepath.Join(dir, "usr", name)); err != nil {
			t.Errorf("the package was not unpacked: %v", err)
		}
	}
	if !d.whole(dir) {
		t.Error("what was built is not whole")
	}
	if debsForPython("sys", "sky=1-2").whole(dir) {
		t.Error("another version passes for the same")
	}
}

// TestStandIns builds a library that takes two functions from others, one of them of a version, and loads it with what stands in.
func TestStandIns(t *testing.T) {
	if need("gcc", "gcc") != nil {
		t.Skip("no C compiler")
	}
	root := t.TempDir()
	lib := filepath.Join(root, "lib", "python3.11", "site-packages", "torch", "lib")
	write(t, filepath.Join(lib, "cu.c"), []byte("int cuOne(void){return 0;} int ncclTwo(void){return 0;}"))
	write(t, filepath.Join(lib, "cu.map"), []byte("V1 { global: cuOne; };"))
	write(t, filepath.Join(lib, "nccl.c"), []byte("int ncclTwo(void){return 0;}"))
	write(t, filepath.Join(lib, "main.c"), []byte("int cuOne(void), ncclTwo(void); int main(void){return cuOne()+ncclTwo()==70 ? 0 : 1;}"))
	for _, args := range [][]string{
		{"-shared", "-fPIC", "-o", "libcu.so.1", "cu.c", "-Wl,-soname,libcu.so.1", "-Wl,--version-script=cu.map"},
		{"-shared", "-fPIC", "-o", "libnccl.so.2", "nccl.c", "-Wl,-soname,libnccl.so.2"},
		{"-o", "main.so", "main.c", "-Wl,-rpath,$ORIGIN", "-L.", "-l:libcu.so.1", "-l:libnccl.so.2"},
	} {
		if err := command(t.Context(), lib, "gcc", args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"libcu.so.1", "libnccl.so.2"} {
		if err := os.Remove(filepath.Join(lib, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := standInForCUDA(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if err := command(t.Context(), lib, "./main.so"); err != nil {
		t.Errorf("the program does not start with the stand-ins, or they return another number: %v", err)
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

func TestWhatIsForBenchmarksHasToBeAskedFor(t *testing.T) {
	items, err := choose(pinned("root", ""), nil)
	if err != nil || slices.ContainsFunc(items, func(it item) bool { return it.name == "torch" }) {
		t.Errorf("got %v, %v want all items but torch", items, err)
	}
	if items, err = choose(pinned("root", ""), []string{"torch"}); err != nil || len(items) != 1 {
		t.Errorf("got %v, %v want torch", items, err)
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
