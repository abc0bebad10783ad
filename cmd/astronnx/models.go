package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/sky"
	"github.com/spf13/cobra"
)

func (t *tool) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List and write the networks that come with astronnx",
		Example: `  astronnx models list
  astronnx models write multiresolution --nside 64 --levels 4 -o bands.onnx
  astronnx models write nnhealpix --nside 16 --outputs 9 --seed 7 -o classes.onnx`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	write := &cobra.Command{
		Use:   "write",
		Short: "Write a network as an .onnx file",
		Long: `write makes one of the networks that come with astronnx and writes it as an .onnx file. The file carries function bodies in
standard operators for its HEALPix operators, so that any ONNX runtime of opset 18 executes it. Equal options and seeds give
equal files.`,
		Example: `  astronnx models write multiresolution --nside 64 -o bands.onnx
  astronnx models write nnhealpix --help`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	for _, n := range models.All() {
		write.AddCommand(t.writeModelCommand(n))
	}
	cmd.AddCommand(t.listModelsCommand(), write)
	return cmd
}

// modelInfo is a network as models list shows it in JSON.
type modelInfo struct {
	Name    string        `json:"name"`
	About   string        `json:"about"`
	Options []modelOption `json:"options"`
}

type modelOption struct {
	Name    string `json:"name"`
	Help    string `json:"help"`
	Default string `json:"default,omitempty"`
}

func (t *tool) listModelsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the networks",
		Example: "  astronnx models list --json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			var list []modelInfo
			tab := table{head: []string{"network", "what it does"}}
			for _, n := range models.All() {
				info := modelInfo{Name: n.Name, About: n.Doc}
				for _, o := range n.Options {
					info.Options = append(info.Options, modelOption{o.Name, o.Help, o.Default})
				}
				list = append(list, info)
				tab.add(n.Name, n.Doc)
			}
			return t.show(list, func(w io.Writer) error {
				if err := tab.write(w); err != nil {
					return err
				}
				_, err := fmt.Fprintln(w, "\n  astronnx models write NETWORK --help shows its options")
				return err
			})
		},
	}
}

// writtenModel is what models write says as JSON.
type writtenModel struct {
	File       string            `json:"file"`
	Network    string            `json:"network"`
	Options    map[string]string `json:"options"` // those that were given
	Parameters int64             `json:"parameters"`
	Bytes      int64             `json:"bytes"`
}

// writeModelCommand is the command that writes one network; its flags are the network's options.
func (t *tool) writeModelCommand(n models.Network) *cobra.Command {
	var out string
	var overwrite bool
	cmd := &cobra.Command{
		Use:     n.Name,
		Short:   strings.ToUpper(n.Doc[:1]) + n.Doc[1:],
		Example: fmt.Sprintf("  astronnx models write %s -o %s.onnx", n.Name, n.Name),
		Args:    exactly(),
	}
	flags := cmd.Flags()
	flags.StringVarP(&out, "out", "o", "", "the file (required)")
	flags.BoolVar(&overwrite, "overwrite", false, "replace a file that exists")
	values := map[string]*string{}
	for _, o := range n.Options {
		help := o.Help
		if o.Default != "" {
			help += fmt.Sprintf(" (default: %s)", o.Default)
		}
		// Flags are texts: the network reads them, and says what it expected.
		values[o.Name] = flags.String(o.Name, "", help)
	}
	cmd.RunE = func(*cobra.Command, []string) error {
		given := map[string]string{}
		for name, v := range values {
			if flags.Changed(name) {
				given[name] = *v
			}
		}
		return t.writeModel(n, given, out, overwrite)
	}
	return cmd
}

func (t *tool) writeModel(n models.Network, options map[string]string, out string, overwrite bool) error {
	if out == "" {
		return usagef("-o %s.onnx says where the network goes", n.Name)
	}
	m, err := n.New(options)
	if err != nil {
		return usageError{err}
	}
	files := stage{overwrite: overwrite}
	defer files.discard()
	tmp, err := files.add(out)
	if err != nil {
		return err
	}
	r := writtenModel{File: out, Network: n.Name, Options: options, Parameters: parameters(m)}
	err = sky.WriteFile(tmp, func(w io.Writer) error {
		c := counter{w: w}
		err := onnxio.Write(&c, m)
		r.Bytes = c.n
		return err
	})
	if err != nil {
		return err
	}
	if err := files.commit(); err != nil {
		return err
	}
	return t.show(r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "  wrote %s: %s, %s parameters, %s\n", out, n.Name, thousands(r.Parameters), bytesText(r.Bytes))
		return err
	})
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
