package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/runtime"
	"github.com/spf13/cobra"
)

// exportFlags are the flags of export.
type exportFlags struct {
	out       string
	float16   bool
	opset     int64
	fold      bool
	weights   string
	metadata  []string
	overwrite bool
	library   string
	python    bool
}

func (t *tool) exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export MODEL",
		Short: "Write a trained network as a portable file",
		Long: fmt.Sprintf(`export takes what training needs out of an ONNX network and writes the rest for any runtime: Dropout goes, BatchNormalization
is folded into the layer before it, constants are computed, operators of the sphere carry function bodies in standard operators,
and the opset is at most %d.

Before the file is written, its bytes are read back and run beside the network on random inputs, on the reference engine and on
onnxruntime where its library is found. Outputs may differ by %g of their largest value; with --float16 by %g.

Keys of --metadata such as astronnx.map.unit say what the inputs and outputs are; "astronnx inspect" shows them.`,
			export.NewestOpset, export.Tolerance, export.Float16Tolerance),
		Example: `  astronnx export trained.onnx -o tau.onnx
  astronnx export trained.onnx -o tau.onnx --weights tau.npz --metadata astronnx.map.unit=uK_CMB --metadata author=me
  astronnx export trained.onnx -o small.onnx --float16 --json
  astronnx export trained.onnx -o old.onnx --opset 17 --fold=false`,
		Args: exactly("MODEL"),
		RunE: func(_ *cobra.Command, args []string) error { return t.export(args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "the file (required)")
	flags.BoolVar(&f.float16, "float16", false, "store matrices and kernels in half the bytes")
	flags.Int64Var(&f.opset, "opset", 0, "opset of the standard domain (default: the network's, if it serves)")
	flags.BoolVar(&f.fold, "fold", true, "fold BatchNormalization; --fold=false leaves the nodes")
	flags.StringVar(&f.weights, "weights", "", "also write the weights of MODEL, by name, to this .npz file")
	flags.StringArrayVar(&f.metadata, "metadata", nil, "key=value to put into the file's metadata; may be repeated")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that exist")
	libraryFlags(cmd, &f.library, &f.python)
	return cmd
}

// exported is what export says as JSON.
type exported struct {
	Network string `json:"network"`
	export.Report
	Weights string `json:"weights,omitempty"`
}

func (t *tool) export(file string, f exportFlags) error {
	if f.out == "" {
		return usagef("-o FILE.onnx says where the network goes")
	}
	if f.weights != "" && !strings.HasSuffix(f.weights, ".npz") {
		return usagef("--weights %s: expected a name that ends in .npz", f.weights)
	}
	metadata := map[string]string{}
	for _, text := range f.metadata {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return usagef("--metadata %s: expected key=value", text)
		}
		metadata[key] = value
	}
	m, err := onnxio.LoadFile(file, onnxio.Options{})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	files := stage{overwrite: f.overwrite}
	defer files.discard()
	tmp, err := files.add(f.out)
	if err != nil {
		return err
	}
	r := exported{Network: file, Weights: f.weights}
	if f.weights != "" {
		weights, err := files.add(f.weights)
		if err != nil {
			return err
		}
		if err := export.WriteWeights(weights, m); err != nil {
			return err
		}
	}
	r.Report, err = export.Write(tmp, m, export.Options{
		KeepBatchNorm: !f.fold, Float16: f.float16, Opset: f.opset, Metadata: metadata,
		Engine: runtime.NewConfig().WithLibrary(f.library).WithPythonLibrary(f.python),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	r.Path = f.out
	if err := files.commit(); err != nil {
		return err
	}
	return t.show(r, r.write)
}

func (r exported) write(w io.Writer) error {
	var b strings.Builder
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	if len(r.Changes) > 0 {
		b.WriteByte('\n')
	}
	checks := table{head: []string{"compared on", "output", ">difference", ">allowed"}}
	for _, c := range r.Checks {
		checks.add(c.Engine, c.Output, fmt.Sprintf("%.1e", c.Difference), fmt.Sprintf("%.0e", c.Tolerance))
	}
	if err := checks.write(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n  wrote %s: opset %d, %s", r.Path, r.Opset, bytesText(r.Bytes))
	if r.Halved > 0 {
		fmt.Fprintf(&b, ", %d weights in float16 (error %.1e of the largest)", r.Halved, r.HalvedError)
	}
	b.WriteByte('\n')
	if r.Weights != "" {
		fmt.Fprintf(&b, "  wrote %s\n", r.Weights)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "  note: %s\n", oneLine(n))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
