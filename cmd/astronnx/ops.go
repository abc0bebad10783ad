package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/ops"
	"github.com/spf13/cobra"
)

func (t *tool) opsCommand() *cobra.Command {
	var markdown bool
	var library string
	cmd := &cobra.Command{
		Use:   "ops",
		Short: "List the operators: opsets, engines, gradients, tests",
		Long: `ops lists every operator that astronnx defines, those of the ONNX standard, those of the sphere and those of training: from
which opsets on, which engines of this machine run it (of several versions the newest), whether it has a gradient, and how many
examples define it.`,
		Example: `  astronnx ops
  astronnx ops --markdown > docs/operators.md`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			engines, missing := conformance.Engines(library)
			if missing != nil && library != "" {
				return missing
			}
			var rows []conformance.Operator
			for _, set := range []*ops.Set{ops.Standard(), healpixop.Set(), ops.Fused()} {
				rows = append(rows, conformance.Coverage(set, engines, engine.Options{Library: library, Threads: 1})...)
			}
			if markdown {
				return conformance.WriteMarkdown(t.out, rows)
			}
			return t.show(rows, func(w io.Writer) error {
				tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(tw, "operator\topsets\tengines\tgradient\tcases")
				for _, r := range rows {
					fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\n", r.Name, strings.Trim(fmt.Sprint(r.Opsets), "[]"), strings.Join(r.Engines, ", "),
						r.Gradient, r.Cases)
				}
				return tw.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print a Markdown table")
	cmd.Flags().StringVar(&library, "library", "", "path of onnxruntime's library")
	return cmd
}
