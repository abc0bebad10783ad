package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/train"
	"github.com/spf13/cobra"
)

// trainFlags are the flags of train.
type trainFlags struct {
	data, target         []string
	columns, dataColumns []string
	unseen               string
	validation, group    string

	loss, optimizer, schedule string
	rate, decay               float64
	epochs, batch, patience   int
	accumulate                int
	clipNorm, clipValue, ema  float64
	freeze, augment           []string
	seed                      uint64
	dropout                   float64 // of all Dropout nodes; below 0: as they are
	network                   map[string]string

	search         []string
	runs, parallel int

	checkpoint string
	out        string
	overwrite  bool
	engine     engineFlags
}

func (t *tool) trainCommand() *cobra.Command {
	f := trainFlags{dropout: -1}
	cmd := &cobra.Command{
		Use:   "train NETWORK",
		Short: "Train a network on files",
		Long: `train fits the weights of a network to data and writes the network of the best epoch as a portable file, compared on all
engines at hand before it is written.

NETWORK is an .onnx file in inference form, as PyTorch or "astronnx models write" writes it, or one of "astronnx models list"
with its options: nnhealpix:nside=8,outputs=2.

--data and --target hold one sample a row along the first axis of .npy and .npz arrays, one a FITS map, or one a row of a table
(.csv, .txt; --target: a FITS table too). Several files, or a quoted pattern, are shards in the order of their names; where a
table has a column of the names of the FITS maps, its rows are found by these. U of maps with POLCCONV = IAU gets HEALPix's
sign, as in estimate. Arrays are for the network's inputs and the loss's targets of the same names; where one array and one of these
are left over, they are for each other.

Losses: ` + train.LossNames + `.
Optimisers: ` + train.OptimizerNames + `.
Schedules: ` + train.ScheduleNames + `.

--checkpoint is a folder for checkpoints, history.csv, TensorBoard events, loss.png and, without -o, the network. Where it holds
a checkpoint of the same run, the run goes on from there. Ctrl-C ends the step under way and writes a checkpoint.

--search NAME=RANGE, repeated, trains once for each point of a grid, or with --runs for points drawn at random, and prints a
table of what they came to; the network that is written is the best. NAME is ` + searchNames + `,
or an option of the network; RANGE is a list of numbers, log:LOW:HIGH, uniform:LOW:HIGH or int:LOW:HIGH. Each run has a folder in
that of --checkpoint, and those that have ended are not repeated.

The commands below learn from skies that they simulate.`,
		Example: `  astronnx train net.onnx --data maps.npz --target params.csv --columns tau --checkpoint run --epochs 40
  astronnx train net.onnx --data 'sims/*.fits' --target params.csv --loss moments --augment sphere -o tau.onnx
  astronnx train nnhealpix:nside=8,outputs=3 --data sky.npz --loss cross-entropy --schedule warm-up:100:cosine -o classes.onnx
  astronnx train net.onnx --data sky.npz --checkpoint runs --search rate=log:1e-4:1e-2 --search batch=16,32 --runs 12 --parallel 2`,
		Args: exactly("NETWORK"),
		RunE: func(cmd *cobra.Command, args []string) error { return t.train(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.data, "data", nil, "files of the network's inputs, or a pattern; may be repeated (required)")
	flags.StringArrayVar(&f.target, "target", nil, "files of the loss's targets (default: in the files of --data)")
	flags.StringSliceVar(&f.columns, "columns", nil, "columns of the table that are the target (default: all of numbers)")
	flags.StringSliceVar(&f.dataColumns, "data-columns", nil, "columns of FITS maps, or of a table, that the network reads (default: the first)")
	flags.StringVar(&f.unseen, "unseen", "auto", "what the network reads where maps have no data: zero, keep (UNSEEN), auto (keep if the network "+
		"knows masks, else an error)")
	flags.StringVar(&f.validation, "validation", "0.1", "part of the samples that are not trained on and judge the epochs, or files of such; 0: none")
	flags.StringVar(&f.group, "group", "", "column or array: samples that are equal in it are in one part")
	flags.StringVar(&f.loss, "loss", "mse", "what is made small, see above")
	flags.StringVar(&f.optimizer, "optimizer", "adam", "how, see above")
	flags.StringVar(&f.schedule, "schedule", "constant", "how the rate goes, see above")
	flags.Float64Var(&f.rate, "rate", 1e-3, "learning rate")
	flags.Float64Var(&f.decay, "weight-decay", 0, "decay of weights; with adamw decoupled from the gradient")
	flags.IntVar(&f.epochs, "epochs", 20, "how often all samples are gone through")
	flags.IntVar(&f.batch, "batch", 32, "samples a step")
	flags.IntVar(&f.patience, "patience", 0, "end after so many epochs without a smaller loss; 0: never")
	flags.Float64Var(&f.clipNorm, "clip-norm", 0, "scale gradients down to this norm; 0: not")
	flags.Float64Var(&f.clipValue, "clip-value", 0, "bound every element of gradients; 0: not")
	flags.IntVar(&f.accumulate, "accumulate", 1, "batches whose gradients make one change")
	flags.Float64Var(&f.ema, "ema", 0, "decay of running means of the weights, as 0.999, which are then what is kept; 0: none")
	flags.StringArrayVar(&f.freeze, "freeze", nil, "weights that stay, by name or pattern; may be repeated")
	flags.StringSliceVar(&f.augment, "augment", nil, "turn and mirror samples at random: squares, cubes, sphere, shifts")
	flags.Uint64Var(&f.seed, "seed", 0, "of the split, the order, augmentation and dropout")
	flags.StringArrayVar(&f.search, "search", nil, "NAME=RANGE to try values of, see above; may be repeated")
	flags.IntVar(&f.runs, "runs", 0, "points to draw at random for --search (default: the grid)")
	flags.IntVar(&f.parallel, "parallel", 1, "runs of --search at a time, which share the threads")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "folder of the run")
	flags.StringVarP(&f.out, "out", "o", "", "the network's file (default: network.onnx in the folder)")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace a file that exists")
	f.engine.add(cmd)
	cmd.AddCommand(t.recipeCommands()...)
	return cmd
}

func (t *tool) train(ctx context.Context, name string, f trainFlags) error {
	switch {
	case len(f.data) == 0:
		return usagef("--data FILES says what the network learns from")
	case f.out == "" && f.checkpoint == "":
		return usagef("-o FILE.onnx or --checkpoint FOLDER says where the network goes")
	case !slices.Contains([]string{"auto", "keep", "zero"}, f.unseen):
		return usagef("--unseen %s: expected auto, keep or zero", f.unseen)
	}
	ranges, grid, err := parseRanges(f.search)
	if err != nil {
		return err
	}
	run, err := f.build(name)
	if err != nil {
		return err
	}
	data, err := f.samples(ctx, run.ports)
	if err != nil {
		return err
	}
	run.options.Validation = data.validation
	files := stage{overwrite: f.overwrite || f.out == ""}
	defer files.discard()
	if f.checkpoint != "" {
		if err := os.MkdirAll(f.checkpoint, 0o777); err != nil {
			return errs.New(errs.Output, "%w", err)
		}
	}
	out := cmp.Or(f.out, filepath.Join(f.checkpoint, "network.onnx"))
	tmp, err := files.add(out)
	if err != nil {
		return err
	}
	by, err := executor(run.options.Engine)
	if err != nil {
		return err
	}
	if line, slow := f.engine.trains(by); slow && !t.quiet && !t.json {
		fmt.Fprintln(t.err, line)
	}
	if len(ranges) > 0 {
		return t.search(ctx, name, f, ranges, grid, data, &files, out, tmp)
	}
	watch := t.watch()
	defer watch.done()
	run.options.Progress = watch.tell
	report, err := run.fit.Run(ctx, data.training, run.options)
	watch.done()
	if err != nil {
		return f.interrupted(err, report)
	}
	r := run.report(name, report, data)
	if r.Checks, err = run.export(tmp, data, report.BestEpoch, report.BestLoss); err != nil {
		return err
	}
	r.File = out
	if err := files.commit(); err != nil {
		return err
	}
	if f.checkpoint != "" {
		picture := filepath.Join(f.checkpoint, "loss.png")
		if err := drawLoss(picture, path.Base(filepath.ToSlash(name)), run.loss.Name, report.History); err != nil {
			return err
		}
		r.Folder = f.checkpoint
	}
	return t.show(r, r.write)
}

// export writes the best network of a run that has ended.
func (r *trainRun) export(file string, data *samples, epoch int, loss float64) ([]export.Check, error) {
	x, err := export.Write(file, r.fit.Best(), export.Options{
		Engine: r.options.Engine,
		Training: &export.Training{
			Data: data.about, Samples: int64(data.training.Len()), Epochs: epoch + 1, Loss: r.loss.Name, Value: loss, Seed: r.options.Seed,
		},
	})
	return x.Checks, err
}

// interrupted says how to go on with a run that was cut.
func (f *trainFlags) interrupted(err error, report *train.Report) error {
	if !errors.Is(err, errs.Canceled) || report == nil {
		return err
	}
	e := errs.New(errs.Canceled, "interrupted in epoch %d of %d, after %d steps", min(len(report.History)+1, f.epochs), f.epochs, report.Steps)
	if f.checkpoint == "" {
		return e.WithHint("nothing is kept without --checkpoint FOLDER")
	}
	return e.WithHint("the same command goes on from %s", f.checkpoint)
}

// trainRun is a network with all that is set of its training.
type trainRun struct {
	net       *graph.Model
	loss      train.Loss
	optimizer train.Optimizer
	fit       *train.Fit
	options   train.Options
	ports     ports
}

// build makes a training of the flags.
func (f *trainFlags) build(name string) (*trainRun, error) {
	cfg, err := f.engine.config()
	if err != nil {
		return nil, err
	}
	r := &trainRun{}
	if r.loss, err = train.ParseLoss(f.loss); err != nil {
		return nil, flagError("--loss", err)
	}
	if r.optimizer, err = train.ParseOptimizer(f.optimizer, f.rate, f.decay); err != nil {
		return nil, flagError("--optimizer", err)
	}
	schedule, err := train.ParseSchedule(f.schedule, f.epochs)
	if err != nil {
		return nil, flagError("--schedule", err)
	}
	if r.net, err = f.openNetwork(name); err != nil {
		return nil, err
	}
	step, _, err := train.NewStep(r.net, train.Config{
		Loss: r.loss, Optimizer: r.optimizer, Batch: f.batch, Freeze: f.freeze, Target: train.TargetOf(cfg),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.ports = portsOf(r.net, step)
	r.fit = train.New(r.net, r.loss, r.optimizer)
	r.options = train.Options{
		Epochs: f.epochs, Batch: f.batch, Schedule: schedule, Patience: f.patience, Seed: f.seed, Checkpoint: f.checkpoint,
		Accumulate: f.accumulate, Freeze: f.freeze, ClipValue: f.clipValue, ClipNorm: f.clipNorm, EMA: f.ema, Engine: cfg,
	}
	r.options.Augment, err = r.ports.augment(f.augment)
	return r, err
}
