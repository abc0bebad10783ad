package main

import (
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// pick returns the columns that the network is to read.
func pick(m *sky.Map, n need, names []string) ([]*sky.Column, error) {
	have := columnNames(m)
	if len(names) == 0 {
		want := n.channels
		if want < 0 {
			want = len(m.Columns)
		}
		if want > len(m.Columns) {
			return nil, errs.New(errs.Input, "the network reads %d columns, the map has %d (%s)", want, len(m.Columns), have)
		}
		names = make([]string, want)
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
	}
	if n.channels >= 0 && len(names) != n.channels {
		return nil, errs.New(errs.Input, "--columns names %d columns, the network reads %d", len(names), n.channels)
	}
	columns := make([]*sky.Column, len(names))
	for i, name := range names {
		c, err := column(m, name)
		if err != nil {
			return nil, err
		}
		columns[i] = c
	}
	return columns, nil
}

// column finds a column by its name, by its number from 0, or by the name of a Stokes parameter that begins the column's name,
// as Q does Q_POLARISATION and Q_STOKES.
func column(m *sky.Map, name string) (*sky.Column, error) {
	c, err := m.Column(name)
	if err == nil {
		return c, nil
	}
	if i, bad := strconv.Atoi(name); bad == nil {
		if i < 0 || i >= len(m.Columns) {
			return nil, errs.New(errs.Input, "no column %d; the map has 0 to %d (%s)", i, len(m.Columns)-1, columnNames(m))
		}
		return &m.Columns[i], nil
	}
	stokes := strings.ToUpper(name)
	for i := range m.Columns {
		n := strings.ToUpper(m.Columns[i].Name)
		if len(stokes) == 1 && strings.HasPrefix(n, stokes+"_") || stokes == "I" && n == "TEMPERATURE" {
			return &m.Columns[i], nil
		}
	}
	return nil, err
}

func columnNames(m *sky.Map) string {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}
