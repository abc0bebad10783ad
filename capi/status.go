//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"unicode/utf8"
	"unsafe"

	"github.com/astronnx/astronnx/internal/errs"
)

// The statuses up to ASTRONNX_CLOSED are the codes of errs: an index out of range here is a number that differs.
var (
	_ = [1]int{C.ASTRONNX_INVALID - C.int(errs.Invalid): 0}
	_ = [1]int{C.ASTRONNX_UNSUPPORTED_OP - C.int(errs.UnsupportedOp): 0}
	_ = [1]int{C.ASTRONNX_LIMIT - C.int(errs.Limit): 0}
	_ = [1]int{C.ASTRONNX_UNSAFE - C.int(errs.Unsafe): 0}
	_ = [1]int{C.ASTRONNX_ENGINE - C.int(errs.Engine): 0}
	_ = [1]int{C.ASTRONNX_UNAVAILABLE - C.int(errs.Unavailable): 0}
	_ = [1]int{C.ASTRONNX_INPUT - C.int(errs.Input): 0}
	_ = [1]int{C.ASTRONNX_OUTPUT - C.int(errs.Output): 0}
	_ = [1]int{C.ASTRONNX_CANCELED - C.int(errs.Canceled): 0}
	_ = [1]int{C.ASTRONNX_CLOSED - C.int(errs.Closed): 0}
)

// refusal is an error with a status that no code of errs has.
type refusal struct {
	status C.int
	text   string
}

func (r *refusal) Error() string { return r.text }

func badHandle(format string, args ...any) error {
	return &refusal{C.ASTRONNX_HANDLE, "bad handle: " + fmt.Sprintf(format, args...)}
}

// try runs f and tells the caller how it ended. A panic ends here: it must not unwind through C.
func try(e *C.astronnx_error, f func() error) (status C.int) {
	defer func() {
		if r := recover(); r != nil {
			status = fail(e, &refusal{C.ASTRONNX_INTERNAL, fmt.Sprintf("internal error: %v\n%s", r, debug.Stack())})
		}
	}()
	if err := f(); err != nil {
		return fail(e, err)
	}
	return C.ASTRONNX_OK
}

func fail(e *C.astronnx_error, err error) C.int {
	status := statusOf(err)
	if e == nil {
		return status
	}
	*e = C.astronnx_error{status: C.int32_t(status)}
	set(e.message[:], err.Error())
	var detail *errs.Error
	if errors.As(err, &detail) {
		set(e.op[:], detail.Op)
		set(e.node[:], detail.Node)
		set(e.hint[:], detail.Hint)
	}
	return status
}

func statusOf(err error) C.int {
	var code errs.Code
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r.status
	case errors.As(err, &code):
		return C.int(code)
	}
	var e *errs.Error
	if errors.As(err, &e) {
		return C.int(e.Code)
	}
	var system *fs.PathError
	if errors.As(err, &system) {
		return C.ASTRONNX_INPUT
	}
	return C.ASTRONNX_INTERNAL
}

// set writes text with a 0 behind it, cut between two characters where it is too long.
func set(to []C.char, text string) {
	n := min(len(text), len(to)-1)
	for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(to))), n), text)
	to[n] = 0
}

// given reports an argument that is NULL.
func given(name string, p unsafe.Pointer) error {
	if p == nil {
		return errs.New(errs.Input, "%s is NULL", name)
	}
	return nil
}

//export goVersion
func goVersion() *C.char { return version }

// version is made once and stays.
var version = func() *C.char {
	text := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			text = info.Main.Version
		}
		text += ", " + info.GoVersion
	}
	return C.CString(text)
}()
