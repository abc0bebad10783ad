package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// tool is one invocation of the program: where it writes, and the flags that all commands share.
type tool struct {
	out, err io.Writer
	json     bool
	quiet    bool
}

// execute runs the command that args name and returns the exit code. Results go to out; messages and progress to errw.
func execute(ctx context.Context, args []string, out, errw io.Writer) int {
	t := &tool{out: out, err: errw}
	root := t.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errw)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	// Flags of a line that could not be parsed are not set, yet a program that asked for JSON waits for it.
	t.json = t.json || slices.Contains(args, "--json")
	return t.report(ctx, cmd, err)
}

func (t *tool) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "astronnx",
		Short: "Neural networks on the sky",
		Long: `astronnx runs ONNX networks with HEALPix operators on sky maps.

Maps are HEALPix FITS files as healpy reads and writes them, RING or NESTED, full or partial sky. Networks are .onnx
files; onnxruntime executes them where its library is found ("astronnx doctor" tells).

` + exitHelp,
		Example: `  astronnx demo --out demo                      # the whole way, on a real WMAP map
  astronnx run net.onnx map.fits -o out.fits    # a network over a map
  astronnx train net.onnx --data maps.npz --target params.csv --checkpoint run
  astronnx inspect net.onnx                     # what is in a network, and who would execute it
  astronnx plot map.fits -o map.png             # a Mollweide view`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.BoolVar(&t.json, "json", false, "print the result, or the error, as JSON")
	flags.BoolVarP(&t.quiet, "quiet", "q", false, "no progress bar")
	root.AddCommand(t.runCommand(), t.inspectCommand(), t.plotCommand(), t.doctorCommand(), t.demoCommand(), t.modelsCommand(),
		t.trainCommand(), t.simulateCommand(), t.estimateCommand(), t.exportCommand(), t.opsCommand(), t.conformanceCommand(), t.versionCommand())
	root.SetVersionTemplate("astronnx {{.Version}}\n")
	root.Version = readBuild().Version
	return root
}

// group is what a command that only has subcommands does: it shows its help, or names the subcommand that is not there.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := fmt.Sprintf("%q lists the commands", cmd.CommandPath()+" --help")
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("unknown command %q; %s", args[0], hint)
}

// exactly and atLeast check the number of arguments, naming what is expected.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usagef("expected %s, got %s", counted(names), given(args))
		}
		return nil
	}
}

func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("expected %s or more, got %s", counted(names), given(args))
		}
		return nil
	}
}

func counted(names []string) string {
	switch len(names) {
	case 0:
		return "no argument"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func given(args []string) string {
	if len(args) == 0 {
		return "nothing"
	}
	return strings.Join(args, " ")
}

// show prints v as JSON where that was asked for, else as text.
func (t *tool) show(v any, text func(w io.Writer) error) error {
	if t.json {
		return writeJSON(t.out, v)
	}
	return text(t.out)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
