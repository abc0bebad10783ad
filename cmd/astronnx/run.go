package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sky"
	"github.com/spf13/cobra"
)

// runFlags are the flags of run.
type runFlags struct {
	out             string
	columns         []string
	hdu             int
	ordering        string
	networkOrdering string
	mask            string
	unseen          string
	degrade         bool
	outputs         []string
	overwrite       bool
	engine          engineFlags
}

func (t *tool) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run MODEL MAP...",
		Short: "Run a network over maps",
		Long: `run reads HEALPix maps from FITS files, brings them into the form that the network wants, executes it and writes the
results. Results that are maps go to files; results that are numbers (class scores, parameters) are printed as a table, or
written with the maps.

What fits by itself: a RING map in a network that reads NESTED, and the reverse (results come back in the order of the map);
a partial sky (the rest is without data); float64 and integer columns. What does not is an error that says so: another
nside (--degrade averages a finer map down), pixels without data in a network without a mask (--unseen).

The name of the output says its form:
  .fits  .fits.gz   maps, a file for each output of the network, a column for each channel, with the order, coordinates,
                    units and the UNSEEN pixels of the input. healpy: hp.read_map("out.fits", field=None)
  .npy  .npz        arrays, of all maps along the first axis; .npz holds every output under its name
  .json             everything, with a description of how it was made
In the name, {map} stands for the name of the input file and {output} for the network's output; where they are needed and
missing, a name out.fits becomes out_OUTPUT.fits. A folder is short for FOLDER/{map}_{output}.fits.

Nothing is left of the files where anything fails.`,
		Example: `  astronnx run bands.onnx wmap.fits -o band.fits               # writes band_OUTPUT.fits for each output
  astronnx run bands.onnx wmap.fits --output band_0 -o fine.fits
  astronnx run classes.onnx sky1.fits sky2.fits                # prints a table of scores
  astronnx run clean.onnx map.fits --columns I,Q,U --mask mask.fits -o clean.fits
  astronnx run tau.onnx map.fits --degrade --provider cuda --json`,
		Args: atLeast("MODEL", "MAP"),
		RunE: func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args[0], args[1:], f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "where results go: .fits, .fits.gz, .npy, .npz, .json or a folder")
	flags.StringSliceVar(&f.columns, "columns", nil, "columns to read, by name (or I, Q, U) or number from 0 (default: the first)")
	flags.IntVar(&f.hdu, "hdu", 0, "number of the HDU that holds the map (default: the first that does)")
	flags.StringVar(&f.ordering, "ordering", "", "RING or NESTED, in place of what the maps' headers say")
	flags.StringVar(&f.networkOrdering, "network-ordering", "", "RING or NESTED, where the network does not say what it reads")
	flags.StringVar(&f.mask, "mask", "", "map of the pixels to use: not 0 and not UNSEEN")
	flags.StringVar(&f.unseen, "unseen", "auto", "what the network reads where there are no data: zero, mean (of the column), "+
		"keep (UNSEEN), auto (keep if the network knows masks, else an error)")
	flags.BoolVar(&f.degrade, "degrade", false, "average a finer map down to the network's nside")
	flags.StringSliceVar(&f.outputs, "output", nil, "outputs of the network to compute (default: all)")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that exist")
	f.engine.add(cmd)
	return cmd
}

func (t *tool) run(ctx context.Context, file string, maps []string, f runFlags) error {
	cfg, err := f.engine.config()
	if err != nil {
		return err
	}
	if !slices.Contains(policies, f.unseen) {
		return usagef("--unseen %s: expected %s", f.unseen, strings.Join(policies, ", "))
	}
	order, err := orderFlag("--ordering", f.ordering)
	if err != nil {
		return err
	}
	networkOrder, err := orderFlag("--network-ordering", f.networkOrdering)
	if err != nil {
		return err
	}
	net, err := readNetwork(file)
	if err != nil {
		return err
	}
	defer net.close()
	outputs, err := net.outputs(f.outputs)
	if err != nil {
		return err
	}
	sink, err := newSink(f.out, f.overwrite, maps, outputs)
	if err != nil {
		return err
	}
	defer sink.discard()
	how := fitting{columns: f.columns, unseen: f.unseen, degrade: f.degrade}
	if f.mask != "" {
		if how.mask, how.maskIn, err = readMask(f.mask, order); err != nil {
			return err
		}
	}

	bar := t.progress(1 + 3*len(maps))
	defer bar.done()
	bar.step("loading " + filepath.Base(file))
	if err := net.open(cfg, networkOrder); err != nil {
		return err
	}
	report := runReport{Model: file, Engine: engineOf(net.model.Report())}
	for i, name := range maps {
		bar.step("reading " + filepath.Base(name))
		m, err := readMap(name, sky.ReadOptions{HDU: f.hdu, Order: order})
		if err != nil {
			return err
		}
		fitted, err := fit(m, net.need, how)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		bar.step("running over " + filepath.Base(name))
		results, took, err := net.execute(ctx, fitted, outputs)
		if err != nil {
			return err
		}
		bar.step("writing results of " + filepath.Base(name))
		r := fitted.report(name)
		r.Seconds = took.Seconds()
		if r.Outputs, err = sink.put(i, fitted, net.gives, outputs, results); err != nil {
			return err
		}
		report.Maps = append(report.Maps, r)
	}
	bar.done()
	if err := ctx.Err(); err != nil {
		return err
	}
	if report.Files, err = sink.close(&report); err != nil {
		return err
	}
	return t.show(report, report.write)
}

// execute runs the network over one map and returns its results in the order of outputs, with the time of the run alone.
func (n *network) execute(ctx context.Context, f *fitted, outputs []*graph.Value) ([]*graph.Tensor, time.Duration, error) {
	x, err := f.tensor(n.need.dtype)
	if err != nil {
		return nil, 0, err
	}
	in := runtime.Inputs{n.need.input: x}
	if n.mask != nil {
		if in[n.mask.Name], err = f.maskFor(n.mask.Type); err != nil {
			return nil, 0, err
		}
	}
	if n.pixels != nil {
		all := make([]int64, f.grid.Npix())
		for p := range all {
			all[p] = int64(p)
		}
		in[n.pixels.Name] = graph.Vector(all...)
	}
	names := make([]string, len(outputs))
	for i, v := range outputs {
		names[i] = v.Name
	}
	start := time.Now()
	out, err := n.model.Run(ctx, in, names...)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", n.file, err)
	}
	took := time.Since(start)
	results := make([]*graph.Tensor, len(outputs))
	for i, name := range names {
		results[i] = out[name]
	}
	return results, took, nil
}

// maskFor returns the mask of the map in the shape of the network's input: (P) or (N, 1, P).
func (f *fitted) maskFor(t *graph.Type) (*graph.Tensor, error) {
	p := int64(len(f.joint))
	switch t.Rank() {
	case 1:
		return graph.FromSlice(f.joint, p), nil
	case 3:
		return graph.FromSlice(f.joint, 1, 1, p), nil
	}
	return nil, errs.New(errs.Input, "the network's mask has type %v: want shape (pixel) or (N, 1, pixel)", t)
}
