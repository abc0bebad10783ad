package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// channelsOf returns the columns of each channel of a network whose columns are numbered by channel, as Q_1, U_1, Q_2, U_2: Q and U twice.
func channelsOf(columns []string) (channels [][]string) {
	for _, name := range columns {
		i := strings.LastIndexByte(name, '_')
		k, err := strconv.Atoi(name[i+1:])
		switch {
		case i < 0 || err != nil || k < len(channels) || k > len(channels)+1 || k < 1:
			return nil
		case k > len(channels):
			channels = append(channels, nil)
		}
		channels[k-1] = append(channels[k-1], name[:i])
	}
	return channels
}

// joined makes one map of maps that hold a channel each, which files name: with the network's columns, U in HEALPix's sign, and UNSEEN
// where there is no data. columns names what to read of each map, in place of the channel's own.
func joined(maps []*sky.Map, files []string, channels [][]string, columns []string) (*sky.Map, error) {
	first := maps[0]
	whole := &sky.Map{Nside: first.Nside, Order: first.Order, Coord: first.Coord}
	for k, m := range maps {
		switch {
		case m.Nside != first.Nside:
			return nil, errs.New(errs.Input, "%s has nside %d, %s %d: expected channels of one nside", files[k], m.Nside, files[0], first.Nside)
		case m.Coord != "" && whole.Coord != "" && m.Coord != whole.Coord:
			return nil, errs.New(errs.Input, "%s is in coordinates %s, %s in %s: expected channels in the same", files[k], m.Coord, files[0], whole.Coord)
		case whole.Coord == "":
			whole.Coord = m.Coord
		}
		names := channels[k]
		if len(columns) > 0 {
			names = columns
		}
		if len(names) != len(channels[k]) {
			return nil, errs.New(errs.Input, "--columns names %d columns, a channel of the network has %d (%s)", len(names), len(channels[k]),
				strings.Join(channels[k], ", "))
		}
		m, err := m.Reorder(first.Order)
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			c, err := column(m, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", files[k], err)
			}
			c, err = spread(m, c, m.Polcconv == "IAU" && sky.HoldsU(channels[k][i]))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", files[k], err)
			}
			c.Name = channels[k][i] + "_" + strconv.Itoa(k+1)
			whole.Columns = append(whole.Columns, *c)
		}
	}
	return whole, nil
}

// spread returns a column of m over the whole sky as float32, its sign turned if asked.
func spread(m *sky.Map, c *sky.Column, turned bool) (*sky.Column, error) {
	t, err := m.Tensor(c.Name)
	if err != nil {
		return nil, err
	}
	values := graph.Data[float32](t)
	if turned {
		sky.Negate(values)
	}
	part := &sky.Map{Nside: m.Nside, Order: m.Order, Pixels: m.Pixels, Columns: []sky.Column{
		{Unit: c.Unit, Data: graph.FromSlice(values, int64(len(values)))},
	}}
	whole, err := part.Full(healpix.Unseen)
	if err != nil {
		return nil, err
	}
	return &whole.Columns[0], nil
}
