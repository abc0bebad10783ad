//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	goruntime "runtime"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// skyMap is what an astronnx_map stands for: columns in Go memory, pinned, and their description in C's.
type skyMap struct {
	memory memory
	pin    goruntime.Pinner
}

const aMap = "map"

//export goMapRead
func goMapRead(path *C.char, columns **C.char, n C.size_t, order, hdu C.int32_t, info **C.astronnx_map_info, wanted C.int,
	handle *C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		if wanted == 0 || info == nil {
			return errs.New(errs.Input, "map or info is NULL")
		}
		if err := given("path", unsafe.Pointer(path)); err != nil {
			return err
		}
		names, err := view[*C.char]("columns", columns, n, 1)
		if err != nil {
			return err
		}
		if order != 0 && order != C.ASTRONNX_RING && order != C.ASTRONNX_NESTED {
			return errs.New(errs.Input, "order is %d: expected 0, ASTRONNX_RING or ASTRONNX_NESTED", order)
		}
		options := sky.ReadOptions{HDU: int(hdu)}
		for i, name := range names {
			if name == nil {
				return errs.New(errs.Input, "columns[%d] is NULL", i)
			}
			options.Columns = append(options.Columns, C.GoString(name))
		}
		m, err := sky.ReadMap(C.GoString(path), options)
		if err == nil && order != 0 {
			m, err = m.Reorder(healpix.Order(order))
		}
		if err != nil {
			return err
		}
		s := &skyMap{}
		*info = s.describe(m)
		*handle = newHandle(s)
		return nil
	})
}

func (s *skyMap) describe(m *sky.Map) *C.astronnx_map_info {
	info := &array[C.astronnx_map_info](&s.memory, 1)[0]
	info.nside, info.order, info.n_pixels = C.int64_t(m.Nside), C.int32_t(m.Order), C.int64_t(m.Len())
	info.coord = s.memory.text(m.Coord)
	if m.Pixels != nil {
		info.pixels = (*C.int64_t)(pinned(&s.pin, m.Pixels))
	}
	columns := array[C.astronnx_column](&s.memory, len(m.Columns))
	for i := range m.Columns {
		c := &m.Columns[i]
		columns[i].name, columns[i].unit = s.memory.text(c.Name), s.memory.text(c.Unit)
		if c.Data.DType == graph.Float32 {
			columns[i].dtype, columns[i].data = C.ASTRONNX_FLOAT32, pinned(&s.pin, c.Data.Raw)
			continue
		}
		columns[i].dtype, columns[i].data = C.ASTRONNX_FLOAT64, pinned(&s.pin, c.Float64())
	}
	info.columns, info.n_columns = unsafe.SliceData(columns), C.size_t(len(columns))
	return info
}

//export goMapClose
func goMapClose(handle C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		s, err := take[*skyMap](handle, aMap)
		if err == nil {
			s.pin.Unpin()
			s.memory.free()
		}
		return err
	})
}
