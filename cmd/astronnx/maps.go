package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// readMap is sky.ReadMap with the hints of this program.
func readMap(name string, o sky.ReadOptions) (*sky.Map, error) {
	m, err := sky.ReadMap(name, o)
	var e *errs.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Hint, "say RING or NESTED when reading") {
		return nil, fmt.Errorf("%s: %w", name, e.WithHint("--ordering RING or --ordering NESTED says it"))
	}
	return m, err
}

// readMask reads which pixels to use, and in which order it says so.
func readMask(name string, order healpix.Order) ([]bool, healpix.Grid, error) {
	m, err := readMap(name, sky.ReadOptions{Order: order})
	if err != nil {
		return nil, healpix.Grid{}, err
	}
	grid, err := healpix.New(m.Nside, m.Order)
	if err != nil {
		return nil, healpix.Grid{}, errs.New(errs.Input, "%s: %w", name, err)
	}
	valid, err := m.Mask(m.Columns[0].Name)
	if err != nil {
		return nil, healpix.Grid{}, err
	}
	use := make([]bool, grid.Npix())
	for i, v := range m.Columns[0].Float64() {
		p := i
		if m.Pixels != nil {
			p = int(m.Pixels[i])
		}
		use[p] = valid[i] && v != 0
	}
	return use, grid, nil
}

func orderFlag(name, value string) (healpix.Order, error) {
	if value == "" {
		return 0, nil
	}
	o, err := healpix.ParseOrder(strings.ToUpper(value))
	if err != nil {
		return 0, usagef("%s %s: expected RING or NESTED", name, value)
	}
	return o, nil
}

// orderName is an order as FITS spells it.
func orderName(o healpix.Order) string {
	if o == healpix.Nested {
		return "NESTED"
	}
	return o.String()
}
