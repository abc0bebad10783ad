package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/plot"
	"github.com/astronnx/astronnx/sky"
	"github.com/spf13/cobra"
)

// plotFlags are the flags of plot.
type plotFlags struct {
	out       string
	column    string
	hdu       int
	ordering  string
	min, max  float64
	central   float64
	title     string
	unit      string
	palette   string
	width     int
	graticule bool
	rotation  []float64
	overwrite bool
}

func (t *tool) plotCommand() *cobra.Command {
	var f plotFlags
	cmd := &cobra.Command{
		Use:   "plot MAP",
		Short: "Draw a map as a PNG picture",
		Long: `plot draws a column of a HEALPix map: the whole sky in the Mollweide projection with a colour bar, longitude growing to
the left as in healpy's mollview. Pixels without data are grey.

The colours span the middle 99 % of the values, so that a few bright pixels do not make the rest dark; --central, --min and
--max change that.`,
		Example: `  astronnx plot map.fits -o map.png
  astronnx plot map.fits -o q.png --column Q --palette bluered --min -0.1 --max 0.1 --unit mK
  astronnx plot map.fits -o centre.png --rotation 45,30 --graticule`,
		Args: exactly("MAP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options(cmd.Flags().Changed("min"), cmd.Flags().Changed("max"))
			if err != nil {
				return err
			}
			return t.plot(args[0], f, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "the picture, a name that ends in .png (required)")
	flags.StringVar(&f.column, "column", "0", "column to draw, by name (or I, Q, U) or number from 0")
	flags.IntVar(&f.hdu, "hdu", 0, "number of the HDU that holds the map (default: the first that does)")
	flags.StringVar(&f.ordering, "ordering", "", "RING or NESTED, in place of what the map's header says")
	flags.Float64Var(&f.min, "min", 0, "value of the first colour (default: from the values)")
	flags.Float64Var(&f.max, "max", 0, "value of the last colour (default: from the values)")
	flags.Float64Var(&f.central, "central", 99, "percentage of the values that the colours span without --min or --max")
	flags.StringVar(&f.title, "title", "", "title (default: name of the file and the column)")
	flags.StringVar(&f.unit, "unit", "", "unit beside the colour bar (default: that of the column)")
	flags.StringVar(&f.palette, "palette", "ember", "ember, or bluered, which is symmetric about 0")
	flags.IntVar(&f.width, "width", 1200, "width of the picture in pixels")
	flags.BoolVar(&f.graticule, "graticule", false, "draw meridians and parallels, 30° apart")
	flags.Float64SliceVar(&f.rotation, "rotation", nil, "longitude and latitude of the centre, and turn of the picture, in degrees")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace a file that exists")
	return cmd
}

// options checks the flags and makes the options of the drawing.
func (f *plotFlags) options(hasMin, hasMax bool) (plot.Options, error) {
	o := plot.Options{Title: f.title, Unit: f.unit, Central: f.central, Width: f.width, Graticule: f.graticule}
	switch {
	case f.out == "":
		return o, usagef("-o map.png says where the picture goes")
	case !strings.EqualFold(filepath.Ext(f.out), ".png"):
		return o, usagef("-o %s: expected a name that ends in .png", f.out)
	case !(f.central > 0 && f.central <= 100):
		return o, usagef("--central %g: expected more than 0 and up to 100", f.central)
	case len(f.rotation) > 3:
		return o, usagef("--rotation: expected up to 3 angles, got %d", len(f.rotation))
	case hasMin && hasMax && !(f.min < f.max):
		return o, usagef("--min %g is not below --max %g", f.min, f.max)
	}
	if err := checkWidth(f.width); err != nil {
		return o, err
	}
	for _, x := range append(slices.Clone(f.rotation), f.min, f.max) {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return o, usagef("expected finite numbers, got %g", x)
		}
	}
	copy(o.Rotation[:], f.rotation)
	if hasMin {
		o.Min = &f.min
	}
	if hasMax {
		o.Max = &f.max
	}
	var err error
	if o.Palette, err = plot.PaletteNamed(f.palette); err != nil {
		return o, usagef("--palette %s: expected ember or bluered", f.palette)
	}
	return o, nil
}

func checkWidth(width int) error {
	if width < 100 || width > 20000 {
		return usagef("--width %d: expected 100 to 20000", width)
	}
	return nil
}

// plotReport is what plot says as JSON.
type plotReport struct {
	Map      string `json:"map"`
	Column   string `json:"column"`
	Nside    int    `json:"nside"`
	Ordering string `json:"ordering"`
	Pixels   int    `json:"pixels"`
	Masked   int    `json:"masked"`
	File     string `json:"file"`
}

func (t *tool) plot(name string, f plotFlags, o plot.Options) error {
	order, err := orderFlag("--ordering", f.ordering)
	if err != nil {
		return err
	}
	files := stage{overwrite: f.overwrite}
	defer files.discard()
	tmp, err := files.add(f.out)
	if err != nil {
		return err
	}
	m, err := readMap(name, sky.ReadOptions{HDU: f.hdu, Order: order})
	if err != nil {
		return err
	}
	c, err := column(m, f.column)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	o.Title = cmp.Or(o.Title, filepath.Base(name)+", "+c.Name)
	r := plotReport{
		Map: name, Column: c.Name, Nside: m.Nside, Ordering: orderName(m.Order), Pixels: m.Len(), File: f.out,
	}
	if r.Masked, err = drawColumn(tmp, m, c, o); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := files.commit(); err != nil {
		return err
	}
	return t.show(r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "  %s of %s, nside %d, %s pixels, %s without data\n  wrote %s\n", c.Name, name, m.Nside,
			thousands(r.Pixels), thousands(r.Masked), f.out)
		return err
	})
}

// drawColumn draws a column of m into a file and returns the number of pixels without data.
func drawColumn(file string, m *sky.Map, c *sky.Column, o plot.Options) (masked int, err error) {
	one := *m
	one.Columns = []sky.Column{*c}
	valid, err := one.Mask()
	if err != nil {
		return 0, err
	}
	for _, ok := range valid {
		if !ok {
			masked++
		}
	}
	if masked == len(valid) {
		return 0, errs.New(errs.Input, "column %s has no data to draw", c.Name)
	}
	field, err := plot.FromMap(&one, "")
	if err != nil {
		return 0, err
	}
	return masked, sky.WriteFile(file, func(w io.Writer) error { return plot.Mollweide(w, field, o) })
}
