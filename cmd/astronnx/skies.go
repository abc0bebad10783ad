package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/recipes"
	"github.com/astronnx/astronnx/train"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// recipeCommands are the subcommands of train that simulate what they learn from.
func (t *tool) recipeCommands() []*cobra.Command {
	var list []*cobra.Command
	for _, r := range recipes.All() {
		list = append(list, t.recipeCommand(r))
	}
	return list
}

func (t *tool) recipeCommand(r *recipes.Recipe) *cobra.Command {
	var o recipes.Options
	var engine engineFlags
	cmd := &cobra.Command{
		Use:   r.Name,
		Short: "Learn " + r.Doc,
		Long: `train ` + r.Name + ` learns ` + r.Doc + `.

It simulates skies as the training asks for them, trains, exports and measures skies that no training has seen, beside the best
constant and the exact likelihood. The folder then holds report.md with its pictures and, of each case and seed, the network with
what it needs to know of maps inside, for "astronnx estimate".

Each of --noise and of --fsky is a case. A run that was interrupted goes on by the same command, and cases that are done are not
repeated.`,
		Example: `  astronnx train ` + r.Name + ` --out ` + r.Name + `
  astronnx train ` + r.Name + ` --quick --out trial                # seconds, to see it work
  astronnx train ` + r.Name + ` --seeds 3 --parallel 3 --skies 100000 --out ` + r.Name,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return t.recipe(cmd.Context(), cmd, r, o, engine) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Folder, "out", "o", r.Name, "folder of the report, networks and checkpoints")
	flags.IntVar(&o.Skies, "skies", 0, "skies to train on, kept in memory up to 4 GiB (default 64000)")
	flags.IntVar(&o.Epochs, "epochs", 0, "how often all skies are gone through, each time turned and under another noise (default 5)")
	flags.IntVar(&o.Test, "test", 0, "unseen skies to judge on (default 1000)")
	flags.IntVar(&o.Seeds, "seeds", 1, "networks of each case, of seeds from --first-seed on")
	flags.IntVar(&o.FirstSeed, "first-seed", 1, "the first of --seeds: 2 and 3 may be trained on another machine, and put into one folder for a report of all")
	flags.IntVar(&o.Parallel, "parallel", 1, "networks of a case in training at a time, which share the threads: as many as there are seeds is quickest")
	flags.Float64SliceVar(&o.Noise, "noise", r.Noise, "standard deviation of the noise of a pixel, of two channels together")
	flags.Float64SliceVar(&o.Fsky, "fsky", r.Fsky, "part of the sky that is seen")
	flags.BoolVar(&o.Template, "template", false, "a second case of each: with a fixed pattern of random amplitude in the first channel")
	if r.Polarised() {
		flags.BoolVar(&o.Transport, "transport", false, "a second case of each: the first layer carries Q and U into the frame of each pixel")
	}
	flags.Float64Var(&o.Dropout, "dropout", 0, "part of what the dense layers read that training drops, 0.2 in the papers")
	flags.Float64Var(&o.Rate, "rate", 2e-3, "learning rate, which rises in a twentieth of the steps and falls in half a cosine wave")
	flags.IntVar(&o.Batch, "batch", 32, "skies a step")
	flags.BoolVar(&o.Quick, "quick", false, "nside 4, a small network and few skies: shows that all of it works")
	engine.add(cmd)
	return cmd
}

func (t *tool) recipe(ctx context.Context, cmd *cobra.Command, r *recipes.Recipe, o recipes.Options, engine engineFlags) error {
	var err error
	if o.Engine, err = engine.config(); err != nil {
		return err
	}
	by, err := executor(o.Engine)
	if err != nil {
		return err
	}
	begins, _ := engine.trains(by)
	o.Command = cmd.CommandPath()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "library", "quiet", "json":
		default:
			o.Command += " --" + f.Name
			if list, ok := f.Value.(pflag.SliceValue); ok {
				for i, x := range list.GetSlice() {
					list := strings.TrimRight(strings.TrimRight(x, "0"), ".")
					o.Command += [...]string{" ", ","}[min(i, 1)] + list
				}
			} else if f.Value.Type() != "bool" {
				o.Command += " " + f.Value.String()
			}
		}
	})
	w := t.watch()
	defer w.done()
	o.Threads = engine.threads
	o.Progress = func(seed int, p train.Progress) {
		if o.Parallel > 1 {
			w.tellOne(seed, o.Seeds, p)
		} else {
			w.tell(p)
		}
	}
	o.Watch = func(what string) {
		if begins != "" && !t.quiet && !t.json { // the options are right
			fmt.Fprintln(t.err, begins)
		}
		begins = ""
		part, _, _ := strings.Cut(what, ":")
		w.begin(part)
		if w.lines != nil {
			fmt.Fprintln(w.lines, what)
		}
	}
	report, err := r.Run(ctx, o)
	w.done()
	if errors.Is(err, errs.Canceled) {
		return errs.New(errs.Canceled, "interrupted: %w", err).WithHint("the same command goes on from %s", o.Folder)
	}
	if err != nil {
		return err
	}
	return t.show(struct {
		*recipes.Report
		Engine engineInfo `json:"engine"`
	}{report, by}, func(w io.Writer) error { return writeRecipe(w, report, by) })
}

func writeRecipe(w io.Writer, r *recipes.Report, by engineInfo) error {
	var b strings.Builder
	for i, c := range r.Cases {
		if i > 0 {
			b.WriteByte('\n')
		}
		tab := table{head: []string{c.Name, ">mean %", ">median %", ">RMS %", ">bias", ">slope", ">pull"}}
		for _, row := range c.Rows() {
			tab.add(row...)
		}
		if err := tab.write(&b); err != nil {
			return err
		}
		fmt.Fprintln(&b, " ", c.Verdict())
	}
	fmt.Fprintf(&b, "\n  %s skies to train on, %s unseen; %s\n  trained by %s\n  wrote %s and its pictures, and networks in folders of %s\n",
		thousands(r.Skies), thousands(r.Test), timeText(time.Duration(r.Seconds*float64(time.Second))), by.line(), r.File, filepath.Dir(r.File))
	for _, note := range by.remarks() {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
