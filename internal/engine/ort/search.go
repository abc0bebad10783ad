//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
// #include <stdlib.h>
// #cgo CFLAGS: -std=gnu11 -O2 -Wall
// #cgo LDFLAGS: -lm
// #cgo linux LDFLAGS: -ldl
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	yalue "github.com/yalue/onnxruntime_go"
)

// process is the library that this process uses. It is set once and stays: sessions, domains and kernels point into it.
var process struct {
	sync.Mutex
	library *Library
	handle  unsafe.Pointer
}

// place is where a library may be: a file, or a name for the system's loader.
type place struct {
	where, path string
	must        bool // an unusable library here ends the search
}

// Find looks for a library without starting it: at the explicit path, else in order at ASTRONNX_ORT_LIB, in what the process has
// already mapped, at ONNXRUNTIME_SHARED_LIBRARY_PATH and ORT_DYLIB_PATH, beside the executable and in its lib folder, in Python's
// site-packages if python is set, and by the system's loader. Once a library is in use it is the only answer.
//
// An explicit path or ASTRONNX_ORT_LIB that cannot be used ends the search.
func Find(explicit string, python bool) (Search, error) {
	process.Lock()
	defer process.Unlock()
	s, handle, err := find(explicit, python)
	if handle != nil && handle != process.handle {
		C.ax_close(handle)
	}
	return s, err
}

func find(explicit string, python bool) (Search, unsafe.Pointer, error) {
	var s Search
	if lib := process.library; lib != nil {
		a := Attempt{Where: "in use by this process", Path: lib.Path, Version: lib.Version}
		if explicit != "" && !sameFile(explicit, lib.Path) {
			a.Err = fmt.Errorf("a process uses one ONNX Runtime, and this one started with %s", lib.Path)
			a.Where, a.Path = "explicit path", explicit
			s.Tried = append(s.Tried, a)
			return s, nil, errs.New(errs.Unavailable, "%v", a).WithHint("start a new process to use another library")
		}
		s.Tried, s.Library = append(s.Tried, a), lib
		return s, process.handle, nil
	}
	for _, p := range places(explicit, python) {
		a := Attempt{Where: p.where, Path: p.path}
		lib, handle, err := probe(p.path)
		if lib != nil {
			a.Path, a.Version = lib.Path, lib.Version
		}
		a.Err = err
		s.Tried = append(s.Tried, a)
		if err == nil {
			s.Library = lib
			return s, handle, nil
		}
		if p.must {
			return s, nil, errs.New(errs.Unavailable, "%s", a).WithHint(
				"name a libonnxruntime of version %s or newer (%s recommended), or remove the setting", oldest, recommended)
		}
	}
	return s, nil, errs.New(errs.Unavailable, "%w of ONNX Runtime %s or newer; tried\n%s\n", engine.ErrNoLibrary, oldest, s).WithHint(
		"set ASTRONNX_ORT_LIB to a libonnxruntime (%s recommended)", recommended)
}

func places(explicit string, python bool) []place {
	if explicit != "" {
		return []place{{"explicit path", explicit, true}}
	}
	var list []place
	if path := os.Getenv("ASTRONNX_ORT_LIB"); path != "" {
		return []place{{"ASTRONNX_ORT_LIB", path, true}}
	}
	var buf [4096]C.char
	if C.ax_resident(&buf[0], C.size_t(len(buf))) != 0 {
		list = append(list, place{where: "already in this process", path: C.GoString(&buf[0])})
	}
	for _, name := range []string{"ONNXRUNTIME_SHARED_LIBRARY_PATH", "ORT_DYLIB_PATH"} {
		if path := os.Getenv(name); path != "" {
			list = append(list, place{where: name, path: path})
		}
	}
	names := []string{"libonnxruntime.so.1", "libonnxruntime.so"}
	if goruntime.GOOS == "darwin" {
		names = []string{"libonnxruntime.dylib"}
	}
	if exe, err := os.Executable(); err == nil {
		for _, dir := range []string{filepath.Dir(exe), filepath.Join(filepath.Dir(exe), "lib")} {
			for _, name := range names {
				list = append(list, place{where: "beside the executable", path: filepath.Join(dir, name)})
			}
		}
	}
	if python {
		for _, path := range pythonLibraries() {
			list = append(list, place{where: "Python's onnxruntime", path: path})
		}
	}
	for _, name := range names {
		list = append(list, place{where: "the system's loader", path: name})
	}
	return list
}

func pythonLibraries() []string {
	roots := []string{os.Getenv("VIRTUAL_ENV"), os.Getenv("CONDA_PREFIX"), "/usr/local", "/usr"}
	if home, err := os.UserHomeDir(); err == nil {
		roots = append(roots, filepath.Join(home, ".local"))
	}
	var list []string
	for _, root := range roots {
		if root == "" {
			continue
		}
		for _, packages := range []string{"python3*/site-packages", "python3*/dist-packages", "python3/dist-packages"} {
			found, err := filepath.Glob(filepath.Join(root, "lib", packages, "onnxruntime", "capi", "libonnxruntime.*"))
			if err == nil {
				list = append(list, found...)
			}
		}
	}
	return list
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// probe opens path and asks what it is. The library is returned, with an error, also where it is too old.
func probe(path string) (*Library, unsafe.Pointer, error) {
	if strings.ContainsRune(path, filepath.Separator) {
		if _, err := os.Stat(path); err != nil {
			return nil, nil, errors.New("no such file")
		}
	}
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	var why *C.char
	handle := C.ax_open(cpath, 1, &why)
	if handle == nil {
		defer C.free(unsafe.Pointer(why))
		return nil, nil, fmt.Errorf("cannot be loaded: %s", C.GoString(why))
	}
	lib, err := identify(handle, path)
	if err != nil {
		C.ax_close(handle)
		return lib, nil, err
	}
	return lib, handle, nil
}

func identify(handle unsafe.Pointer, path string) (*Library, error) {
	base := C.ax_base(handle)
	if base == nil {
		return nil, errors.New("is not ONNX Runtime: it has no OrtGetApiBase")
	}
	var buf [4096]C.char
	if C.ax_where(handle, &buf[0], C.size_t(len(buf))) != 0 {
		path = C.GoString(&buf[0])
	}
	lib := &Library{Path: path, Version: C.GoString(C.ax_version(base))}
	minor, ok := minorVersion(lib.Version)
	// The version comes first: an old library answers a request for a new interface with a message on standard error.
	if ok && minor < 24 || C.ax_has_api(base) == 0 {
		return lib, fmt.Errorf("is ONNX Runtime %s, too old: version %s or newer is needed (interface %d)",
			lib.Version, oldest, int(C.ORT_API_NEEDED))
	}
	if ok && minor < 27 {
		lib.Warning = fmt.Sprintf("ONNX Runtime %s reads files outside the model's folder through sparse external data; 1.27 "+
			"or newer does not, %s is recommended", lib.Version, recommended)
	}
	return lib, nil
}

// minorVersion returns y of a version 1.y.z; a later major version counts as newer than all of these.
func minorVersion(version string) (int, bool) {
	part := strings.SplitN(version, ".", 3)
	if len(part) < 2 {
		return 0, false
	}
	major, err1 := strconv.Atoi(part[0])
	minor, err2 := strconv.Atoi(part[1])
	if err1 != nil || err2 != nil {
		return 0, false
	}
	return minor + 1000*(major-1), true
}

// start makes a library the one of this process.
func start(explicit string, python bool) (*Library, error) {
	process.Lock()
	defer process.Unlock()
	s, handle, err := find(explicit, python)
	if err != nil {
		return nil, err
	}
	if process.library != nil {
		return process.library, nil
	}
	if err := checkLayout(); err != nil {
		return nil, err
	}
	if !yalue.IsInitialized() {
		yalue.SetSharedLibraryPath(s.Library.Path)
		if err := yalue.InitializeEnvironment(yalue.WithLogLevelFatal()); err != nil {
			return nil, errs.New(errs.Unavailable, "%s: %w", s.Library.Path, err)
		}
	}
	if C.ax_bind(C.ax_base(handle), C.ORT_API_NEEDED) == 0 {
		return nil, errs.New(errs.Unavailable, "%s: interface %d does not answer", s.Library.Path, int(C.ORT_API_NEEDED))
	}
	keepLittle()
	learnCodes()
	process.library, process.handle = s.Library, handle
	return s.Library, nil
}

// largeBlock is the size of the buffers that a closed model must give back.
const largeBlock = 1 << 20

// keepLittle makes glibc return large buffers when they are freed. By default it learns to keep them, up to 64 MB in each of the
// arenas that Go's threads come to use, where malloc_trim does not reach. Who has set a limit of their own keeps it.
func keepLittle() {
	if os.Getenv("MALLOC_MMAP_THRESHOLD_") == "" && !strings.Contains(os.Getenv("GLIBC_TUNABLES"), "mmap_threshold") {
		C.ax_large_blocks(largeBlock)
	}
}

// Providers returns the execution providers that the library in use was built with; nil before one is in use.
func Providers() []string {
	process.Lock()
	defer process.Unlock()
	if process.library == nil {
		return nil
	}
	var names **C.char
	var n C.int
	if check(C.ax_providers(&names, &n)) != nil {
		return nil
	}
	defer C.ax_providers_release(names, n)
	list := make([]string, n)
	for i, name := range unsafe.Slice(names, n) {
		list[i] = C.GoString(name)
	}
	return list
}
