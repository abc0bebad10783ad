package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/kernel"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
	"github.com/spf13/cobra"
)

// finding is what one check found.
type finding struct {
	Name   string   `json:"name"`
	Status status   `json:"status"`
	Found  string   `json:"found"`
	More   []string `json:"more,omitempty"`
	Do     string   `json:"do,omitempty"` // what helps
}

// status says what a finding means for the main job.
type status string

const (
	good    status = "ok"
	absent  status = "absent" // not there, and not needed
	missing status = "missing"
)

func (s status) mark() string {
	switch s {
	case good:
		return "✓"
	case missing:
		return "✗"
	}
	return "–"
}

// diagnosis is the whole of what doctor found.
type diagnosis struct {
	Ready    bool      `json:"ready"` // networks run through onnxruntime
	Findings []finding `json:"findings"`
}

func (t *tool) doctorCommand() *cobra.Command {
	var library string
	var python bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what was found on this machine, and what to do about what was not",
		Long: `doctor looks for everything that astronnx can use: the onnxruntime library, in every place where a run would look,
its execution providers, devices, the instructions that kernels will use, data for the demo, and reference packages in
Python. It executes a small network to see whether the whole works.

The exit code is 0 if networks run through onnxruntime, and 1 if they do not.`,
		Example: `  astronnx doctor
  astronnx doctor --library /opt/onnxruntime/lib/libonnxruntime.so.1
  astronnx doctor --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := diagnose(cmd.Context(), library, python)
			if err := t.show(d, d.write); err != nil {
				return err
			}
			if !d.Ready {
				return silent(exitFailure)
			}
			return nil
		},
	}
	libraryFlags(cmd, &library, &python)
	return cmd
}

func diagnose(ctx context.Context, library string, python bool) diagnosis {
	b := readBuild()
	program := finding{Name: "astronnx", Status: good, Found: strings.TrimPrefix(b.String(), "astronnx ")}
	runtimeLibrary := findLibrary(library, python)
	trial := tryNetwork(ctx, library, python)
	return diagnosis{
		Ready: runtimeLibrary.Status == good && trial.Status == good,
		Findings: []finding{
			program, processor(), runtimeLibrary, trial, providers(), devices(), skyData(), pythonPackages(ctx),
		},
	}
}

// tryNetwork takes a small network of HEALPix operators through everything that a run needs.
func tryNetwork(ctx context.Context, library string, python bool) finding {
	f := finding{Name: "network", Status: missing}
	const nside = 4
	m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: nside, Levels: 1})
	if err == nil {
		e := engineFlags{provider: "cpu", library: library, python: python}
		var cfg runtime.Config
		if cfg, err = e.config(); err == nil {
			err = f.execute(ctx, m, cfg, nside)
		}
	}
	if err != nil {
		f.Found = "does not run: " + cause(err)
	}
	return f
}

func (f *finding) execute(ctx context.Context, m *graph.Model, cfg runtime.Config, nside int64) error {
	model, err := runtime.Compile(m, cfg)
	if err != nil {
		return err
	}
	defer model.Close()
	start := time.Now()
	if _, err := model.Run(ctx, runtime.Inputs{"map": graph.NewTensor(graph.Float32, 1, 1, 12*nside*nside)}); err != nil {
		return err
	}
	r := engineOf(model.Report())
	f.Status, f.Found = good, fmt.Sprintf("a small one ran by %s, in %s", r.line(), timeText(time.Since(start)))
	if r.Engine != ort.Engine.Name() {
		f.Status = absent
		f.More = append(f.More, "the reference engine is exact and slow: it is for checks")
	}
	f.More = append(f.More, r.kernels()...)
	return nil
}

// processor says what the kernels have to work with.
func processor() finding {
	f := finding{Name: "processor", Status: good, Found: goruntime.GOARCH}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				f.Found = strings.TrimSpace(value)
				break
			}
		}
	}
	f.Found += fmt.Sprintf(", %d usable", goruntime.GOMAXPROCS(0))
	path := kernel.Portable
	for _, p := range []kernel.Path{kernel.AVX2, kernel.AVX512} {
		if p.Available() {
			path = p
		}
	}
	f.More = append(f.More, "kernels use their "+path.String()+" path")
	return f
}

// findLibrary looks for onnxruntime where a run would look.
func findLibrary(library string, python bool) finding {
	f := finding{Name: "onnxruntime", Status: good}
	search, err := ort.Find(library, python)
	for _, a := range search.Tried {
		f.More = append(f.More, a.String())
	}
	if err != nil {
		f.Status, f.Found, f.Do = missing, "no library that can be used", adviseLibrary(search, err)
		return f
	}
	f.Found = fmt.Sprintf("%s, %s", search.Library.Version, search.Library.Path)
	f.Do = search.Library.Warning
	return f
}

// adviseLibrary says how to come by a library, the shortest way first.
func adviseLibrary(search ort.Search, err error) string {
	if len(search.Tried) == 1 && search.Tried[0].Path == "" { // no place was tried: the build cannot load libraries
		return hintOf(err)
	}
	if cached := filepath.Join(cacheFolder(), "onnxruntime", "lib", "libonnxruntime.so.1"); exists(cached) {
		if abs, err := filepath.Abs(cached); err == nil {
			return fmt.Sprintf("the cache folder has one: export ASTRONNX_ORT_LIB=%s", abs)
		}
	}
	return `"make deps" puts one into the cache folder; or install one with "npm install onnxruntime-node" or ` +
		`"pip install onnxruntime", and name it in ASTRONNX_ORT_LIB`
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cause is the message of an error without its code and hint.
func cause(err error) string {
	var e *errs.Error
	if errors.As(err, &e) && e.Err != nil {
		return oneLine(e.Err.Error())
	}
	return oneLine(err.Error())
}

// providers lists what onnxruntime was built with. It is in use by now, if it can be used.
func providers() finding {
	list := ort.Providers()
	if len(list) == 0 {
		return finding{Name: "providers", Status: absent, Found: "none: no library is in use"}
	}
	for i, p := range list {
		list[i] = strings.TrimSuffix(p, "ExecutionProvider")
	}
	f := finding{Name: "providers", Status: good, Found: strings.Join(list, ", ")}
	if !slices.Contains(list, "CUDA") && len(gpus()) > 0 {
		f.Do = `for CUDA use the library of the package "onnxruntime-gpu", and name it in ASTRONNX_ORT_LIB`
	}
	return f
}

func devices() finding {
	list := gpus()
	if len(list) == 0 {
		return finding{Name: "devices", Status: absent, Found: "no NVIDIA GPU: networks run on the processor"}
	}
	return finding{Name: "devices", Status: good, Found: strings.Join(list, ", ")}
}

// gpus lists the NVIDIA devices that the kernel driver shows.
func gpus() []string {
	var list []string
	files, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	for i, file := range files {
		name := "NVIDIA GPU"
		if info, err := os.ReadFile(file); err == nil {
			for line := range strings.Lines(string(info)) {
				if model, ok := strings.CutPrefix(line, "Model:"); ok {
					name = strings.TrimSpace(model)
				}
			}
		}
		list = append(list, fmt.Sprintf("%d: %s", i, name))
	}
	return list
}

// skyData looks for the maps of the demo.
func skyData() finding {
	f := finding{Name: "sky maps", Status: good}
	dir, err := findData("")
	if err != nil {
		f.Status, f.Found, f.Do = absent, "no WMAP maps: the demo needs them", `"make deps" obtains them`
		return f
	}
	f.Found = "WMAP maps in " + dir
	return f
}

// pythonPackages looks for what is worth comparing with. astronnx itself needs no Python.
func pythonPackages(ctx context.Context) finding {
	const script = `
import importlib.metadata as m
def version(p):
    try: return m.version(p)
    except m.PackageNotFoundError: return "absent"
print(", ".join(p + " " + version(p) for p in ("healpy", "numpy", "onnx", "onnxruntime")))`
	f := finding{Name: "python", Status: absent, Found: "none; it is not needed"}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, python := range []string{filepath.Join(cacheFolder(), "python", "bin", "python"), "python3"} {
		out, err := exec.CommandContext(ctx, python, "-c", script).Output()
		if err == nil {
			f.Status, f.Found = good, strings.TrimSpace(string(out))+" (to compare with, not needed)"
			return f
		}
	}
	return f
}

// cacheFolder is where "make deps" puts what it obtains.
func cacheFolder() string { return cmp.Or(os.Getenv("ASTRONNX_CACHE"), ".cache") }

// findData returns the folder that holds the maps of Debian's healpy-data: dir if it is not empty, else in the cache or where the
// package is installed.
func findData(dir string) (string, error) {
	places := []string{
		filepath.Join(cacheFolder(), "healpy-data"), "/usr/share/healpy/test/data", "/usr/share/healpy/data",
	}
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(filepath.Dir(exe)), ".cache", "healpy-data"))
	}
	if dir != "" {
		places = []string{dir}
	}
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, wmapFile)); err == nil {
			return p, nil
		} else if !errors.Is(err, fs.ErrNotExist) && dir != "" {
			return "", errs.New(errs.Input, "%w", err)
		}
	}
	return "", errs.New(errs.Input, "no %s in %s", wmapFile, strings.Join(places, ", ")).
		WithHint(`"make deps" obtains Debian's healpy-data, --data names its folder`)
}

func (d diagnosis) write(w io.Writer) error {
	var b strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "  %s %-12s %s\n", f.Status.mark(), f.Name, f.Found)
		for _, m := range f.More {
			fmt.Fprintf(&b, "    %-12s   %s\n", "", m)
		}
		if f.Do != "" {
			fmt.Fprintf(&b, "    %-12s → %s\n", "", f.Do)
		}
	}
	verdict := "\nNetworks run through onnxruntime here.\n"
	if !d.Ready {
		verdict = "\nNetworks do not run through onnxruntime here: see ✗ above.\n"
	}
	b.WriteString(verdict)
	_, err := io.WriteString(w, b.String())
	return err
}
