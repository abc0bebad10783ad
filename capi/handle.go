//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"sync"

	"github.com/astronnx/astronnx/internal/errs"
)

// handles are the open objects by their number. Numbers begin at first and are never used again, so that a closed handle is known.
var handles = struct {
	sync.RWMutex
	next    C.uintptr_t
	objects map[C.uintptr_t]any
}{next: firstHandle, objects: map[C.uintptr_t]any{}}

// firstHandle is no address that a program has, nor a small number that one passes by mistake.
const firstHandle = 0x5a57_0000_0001

func newHandle(object any) C.uintptr_t {
	handles.Lock()
	defer handles.Unlock()
	h := handles.next
	handles.next++
	handles.objects[h] = object
	return h
}

// lookup returns the object of a handle.
func lookup[T any](h C.uintptr_t, kind string) (T, error) {
	handles.RLock()
	object, next := handles.objects[h], handles.next
	handles.RUnlock()
	return identify[T](h, next, object, kind)
}

// take returns the object of a handle, and closes the handle.
func take[T any](h C.uintptr_t, kind string) (T, error) {
	handles.Lock()
	defer handles.Unlock()
	t, err := identify[T](h, handles.next, handles.objects[h], kind)
	if err == nil {
		delete(handles.objects, h)
	}
	return t, err
}

func identify[T any](h, next C.uintptr_t, object any, kind string) (T, error) {
	t, ok := object.(T)
	switch {
	case ok:
		return t, nil
	case object != nil:
		return t, badHandle("the handle is of another kind: expected %s", kind)
	case h == 0:
		return t, badHandle("the handle is NULL: expected %s", kind)
	case h >= firstHandle && h < next:
		return t, errs.New(errs.Closed, "the %s was closed", kind)
	}
	return t, badHandle("%#x is no handle: expected %s", h, kind)
}
