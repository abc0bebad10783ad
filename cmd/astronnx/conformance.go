package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/astronnx/astronnx/conformance"
	"github.com/spf13/cobra"
)

func (t *tool) conformanceCommand() *cobra.Command {
	var only, match, library, capi string
	var html, failures bool
	cmd := &cobra.Command{
		Use:   "conformance FOLDER",
		Short: "Run the official ONNX node tests on the engines of this machine",
		Long: `conformance runs every case of FOLDER (one folder each, with model.onnx and test_data_set_*) on the reference engine and on
onnxruntime, and prints what each passes, in all and by opset. It makes no judgement: a case that fails is no failure of the command.

The cases are those of the ONNX project, onnx/backend/test/data/node; Debian has them in the package libonnx-testdata, and
"make deps" puts them into .cache/onnx-node-tests.

With --capi the same engines run once more through the C library, called by a program in C; capi/build.sh makes both.`,
		Example: `  astronnx conformance .cache/onnx-node-tests/1.22.0
  astronnx conformance CASES --match 'resize' --failures
  astronnx conformance CASES --html > report.html
  astronnx conformance CASES --capi bin/capi --engine capi/onnxruntime`,
		Args: exactly("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := conformance.SuiteOptions{Library: library}
			if match != "" {
				re, err := regexp.Compile(match)
				if err != nil {
					return usagef("--match: %v", err)
				}
				o.Match = re
			}
			engines, missing := conformance.Engines(library)
			if missing != nil && (library != "" || only == "onnxruntime") {
				return missing
			}
			if capi != "" {
				for _, e := range engines {
					c, err := conformance.NewCLibrary(cmd.Context(), capi, e.Name())
					if err != nil {
						return err
					}
					engines = append(engines, c)
				}
			}
			report := &conformance.Report{Suite: "ONNX " + filepath.Base(args[0]), Peers: conformance.Peers()}
			var names []string
			for _, e := range engines {
				names = append(names, e.Name())
				if only != "" && only != e.Name() {
					continue
				}
				results, err := conformance.RunSuite(cmd.Context(), args[0], e, o)
				if err != nil {
					return err
				}
				report.Add(e.Name(), results)
			}
			if len(report.Engines) == 0 {
				return usagef("--engine %s: there are %s", only, strings.Join(names, ", "))
			}
			if html {
				return report.WriteHTML(t.out)
			}
			if missing != nil && !t.quiet {
				fmt.Fprintf(t.err, "onnxruntime is left out: %v\n", missing)
			}
			return t.show(report, func(w io.Writer) error { return report.WriteText(w, failures) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&only, "engine", "", "run on this engine only: reference or onnxruntime, or one of these after capi/")
	f.StringVar(&match, "match", "", "run the cases whose name matches this regular expression")
	f.StringVar(&library, "library", "", "path of onnxruntime's library")
	f.StringVar(&capi, "capi", "", "judge the C library that capi/build.sh put into this folder, too")
	f.BoolVar(&html, "html", false, "print the report as one HTML page")
	f.BoolVar(&failures, "failures", false, "list the cases that do not pass, with the reasons")
	return cmd
}
