package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/recipes"
	"github.com/spf13/cobra"
)

func (t *tool) simulateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Write simulated skies to train on",
		Long: `simulate writes the skies that a recipe of train learns from, with their parameters, for "astronnx train NETWORK --data" and for
other programs. The folder's manifest.json tells what they are, and the SHA-256 of each file.`,
		Example: `  astronnx simulate tau --skies 20000 --out skies
  astronnx train nnhealpix:nside=16,maps=2,outputs=1 --data 'skies/*.npz' --checkpoint run`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	for _, r := range recipes.All() {
		cmd.AddCommand(t.simulateRecipe(r))
	}
	return cmd
}

func (t *tool) simulateRecipe(r *recipes.Recipe) *cobra.Command {
	var o recipes.SetOptions
	var format string
	cmd := &cobra.Command{
		Use:   r.Name,
		Short: "Skies to learn " + r.Doc,
		Long: `simulate ` + r.Name + ` writes skies to learn ` + r.Doc + `.

npz: each shard has arrays map, [skies, channels, pixels] in RING order, and params, [skies, parameters]. fits: each sky is a map
of its own, and params.csv names the file and the parameters of each. Pixels that a part of the sky leaves out are 0.

A run that was interrupted goes on by the same command: shards that are complete by their checksum are kept.`,
		Example: `  astronnx simulate ` + r.Name + ` --skies 20000 --seed 7 --out skies
  astronnx simulate ` + r.Name + ` --skies 500 --format fits --out maps`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "npz" && format != "fits" {
				return usagef("--format %s: expected npz or fits", format)
			}
			o.FITS = format == "fits"
			return t.simulate(cmd.Context(), r, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Folder, "out", "o", r.Name+"-skies", "folder of the shards and their manifest")
	flags.IntVar(&o.Skies, "skies", 20_000, "skies to write")
	flags.Float64Var(&o.Noise, "noise", r.Noise[0], "standard deviation of the noise of a pixel, of two channels together")
	flags.Float64Var(&o.Fsky, "fsky", r.Fsky[0], "part of the sky that is seen")
	flags.BoolVar(&o.Template, "template", false, "with a fixed pattern of random amplitude in the first channel")
	flags.Uint32Var(&o.Seed, "seed", 1, "of the skies; those of two seeds have nothing in common")
	flags.IntVar(&o.Shard, "shard", 1000, "skies that are written at once, and that an .npz file holds")
	flags.StringVar(&format, "format", "npz", "npz or fits")
	flags.BoolVar(&o.Quick, "quick", false, "nside 4")
	return cmd
}

// simulated is what simulate says as JSON.
type simulated struct {
	Folder   string   `json:"folder"`
	Manifest string   `json:"manifest"`
	Format   string   `json:"format"`
	Skies    int      `json:"skies"`
	Files    int      `json:"files"`
	Shape    []int64  `json:"shape"` // of a map
	Kept     int      `json:"kept"`  // skies that were there before
	Damaged  []string `json:"damaged,omitempty"`
	Seconds  float64  `json:"seconds"`
}

func (t *tool) simulate(ctx context.Context, r *recipes.Recipe, o recipes.SetOptions) error {
	o.Version = readBuild().Version
	bar := t.progress(o.Skies)
	defer bar.done()
	o.Progress = func(n int) { bar.set(n, o.Skies, "skies") }
	begun := time.Now()
	m, err := r.Simulate(ctx, o)
	bar.done()
	if errors.Is(err, errs.Canceled) {
		return errs.New(errs.Canceled, "interrupted: %s", cause(err)).WithHint("the same command goes on from %s", o.Folder)
	}
	if err != nil {
		return err
	}
	s := simulated{Folder: o.Folder, Manifest: filepath.Join(o.Folder, dataset.ManifestFile), Format: m.Format, Skies: m.Samples, Files: len(m.Files),
		Shape: m.Fields[0].Shape, Kept: m.Kept, Damaged: m.Damaged, Seconds: time.Since(begun).Seconds()}
	return t.show(s, s.write)
}

func (s simulated) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s skies %v in %s %s and %s of %s", thousands(s.Skies), s.Shape, thousands(s.Files), plural(s.Files, "file"), dataset.ManifestFile, s.Folder)
	if made := s.Skies - s.Kept; made > 0 {
		fmt.Fprintf(&b, ", %s of them simulated in %s", thousands(made), timeText(time.Duration(s.Seconds*float64(time.Second))))
	}
	if s.Kept > 0 {
		fmt.Fprintf(&b, ", %s there before and as their checksums say", thousands(s.Kept))
	}
	b.WriteByte('\n')
	for _, file := range s.Damaged {
		fmt.Fprintf(&b, "  note: %s was missing or damaged, and is made again\n", file)
	}
	target := ""
	if s.Format == "fits" {
		target = " --target " + filepath.Join(s.Folder, dataset.ParamsFile)
	}
	fmt.Fprintf(&b, "  astronnx train NETWORK --data '%s'%s learns from them\n", filepath.Join(s.Folder, "*."+s.Format), target)
	_, err := io.WriteString(w, b.String())
	return err
}
