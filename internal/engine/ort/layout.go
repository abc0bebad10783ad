//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"reflect"
	"strings"
	"unsafe"

	"github.com/astronnx/astronnx/internal/errs"
	yalue "github.com/yalue/onnxruntime_go"
)

// This file alone knows where yalue keeps ONNX Runtime's pointers, which it does not hand out. checkLayout refuses to go on if a
// version of it keeps them elsewhere.

func checkLayout() error {
	for _, want := range []struct {
		holder reflect.Type
		field  string
		target string
		fields int
	}{
		{reflect.TypeFor[yalue.SessionOptions](), "o", "OrtSessionOptions", 1},
		{reflect.TypeFor[yalue.DynamicAdvancedSession](), "s", "AdvancedSession", 1},
		{reflect.TypeFor[yalue.AdvancedSession](), "ortSession", "OrtSession", 5},
	} {
		f := want.holder.Field(0)
		if want.holder.NumField() != want.fields || f.Name != want.field || f.Offset != 0 || f.Type.Kind() != reflect.Pointer ||
			strings.TrimPrefix(strings.TrimPrefix(f.Type.Elem().Name(), "_Ctype_"), "struct_") != want.target {
			return errs.New(errs.Unavailable, "onnxruntime_go keeps %s in another way than its version 1.27.0", want.holder.Name())
		}
	}
	return nil
}

func optionsPointer(o *yalue.SessionOptions) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(o))
}

func sessionPointer(s *yalue.DynamicAdvancedSession) unsafe.Pointer {
	inner := *(**yalue.AdvancedSession)(unsafe.Pointer(s))
	return *(*unsafe.Pointer)(unsafe.Pointer(inner))
}
