package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
	"github.com/spf13/cobra"
)

// engineFlags are the flags of commands that execute networks.
type engineFlags struct {
	engine   string
	provider string
	device   int
	fallback bool
	threads  int
	library  string
	python   bool
}

func (f *engineFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.provider, "provider", "cpu", "what executes the network: cpu, cuda, or onnxruntime's name of a provider")
	flags.IntVar(&f.device, "device", 0, "number of the provider's device")
	flags.BoolVar(&f.fallback, "allow-fallback", false, "let the CPU execute what the provider cannot")
	flags.IntVar(&f.threads, "threads", 0, "threads of the network (default: one a processor)")
	flags.StringVar(&f.engine, "engine", "", "onnxruntime or reference (default: onnxruntime where its library is found)")
	libraryFlags(cmd, &f.library, &f.python)
}

// libraryFlags adds the flags that say where onnxruntime is.
func libraryFlags(cmd *cobra.Command, library *string, python *bool) {
	cmd.Flags().StringVar(library, "library", "", "path of libonnxruntime (default: ASTRONNX_ORT_LIB, then a search)")
	cmd.Flags().BoolVar(python, "python-library", false, "look for libonnxruntime in Python's site-packages too")
}

func (f *engineFlags) config() (runtime.Config, error) {
	cfg := runtime.NewConfig().WithOps(healpixop.Set())
	switch {
	case f.threads < 0:
		return cfg, usagef("--threads %d: expected 0 or more", f.threads)
	case f.device < 0:
		return cfg, usagef("--device %d: expected 0 or more", f.device)
	case f.engine != "" && f.engine != "onnxruntime" && f.engine != "reference":
		return cfg, usagef("--engine %s: expected onnxruntime or reference", f.engine)
	}
	provider := runtime.Provider(f.provider)
	for _, known := range []runtime.Provider{runtime.CPU, runtime.CUDA} {
		if strings.EqualFold(f.provider, string(known)) {
			provider = known
		}
	}
	return cfg.WithProvider(provider).WithDevice(f.device).WithFallback(f.fallback).WithThreads(f.threads).
		WithLibrary(f.library).WithPythonLibrary(f.python).WithEngine(f.engine), nil
}

// engineInfo is a runtime.Report as JSON.
type engineInfo struct {
	Engine    string          `json:"engine"`
	Version   string          `json:"version,omitempty"`
	Library   string          `json:"library,omitempty"`
	Provider  string          `json:"provider"`
	Device    int             `json:"device"`
	Threads   int             `json:"threads"`
	Why       string          `json:"why,omitempty"`
	Notes     []string        `json:"notes,omitempty"`
	Kernels   []kernelInfo    `json:"kernels,omitempty"`
	Placement []placementInfo `json:"placement,omitempty"`
}

// kernelInfo tells how the nodes of one operator are executed.
type kernelInfo struct {
	Op     string `json:"op"`
	Nodes  int    `json:"nodes"`
	Native bool   `json:"native"`
	Why    string `json:"why,omitempty"` // why not by a kernel
}

// placementInfo counts the nodes that one provider executes.
type placementInfo struct {
	Provider string         `json:"provider"`
	Nodes    int            `json:"nodes"`
	Ops      map[string]int `json:"ops,omitempty"`
}

func engineOf(r runtime.Report) engineInfo {
	e := engineInfo{
		Engine: r.Engine, Version: r.Version, Library: r.Library, Provider: string(r.Provider), Device: r.Device,
		Threads: r.Threads, Why: oneLine(r.Why), Notes: r.Notes,
	}
	for _, k := range r.Kernels {
		e.Kernels = append(e.Kernels, kernelInfo{k.Op, k.Nodes, k.Native, k.Why})
	}
	for _, p := range r.Placement {
		e.Placement = append(e.Placement, placementInfo{p.Provider, p.Nodes, p.Ops})
	}
	return e
}

// line is who executed a network, in a few words.
func (r engineInfo) line() string {
	s := r.Engine
	if r.Version != "" {
		s += " " + r.Version
	}
	s += fmt.Sprintf(" on %s", r.Provider)
	if r.Provider != string(runtime.CPU) {
		s += fmt.Sprintf(" %d", r.Device)
	}
	return s + fmt.Sprintf(", %d %s", r.Threads, plural(r.Threads, "thread"))
}

// remarks are what a person should know about the choice of the engine.
func (r engineInfo) remarks() []string {
	if r.Engine == "reference" && r.Why != "" {
		return append([]string{"the slow reference engine ran it, \"astronnx doctor\" says why"}, r.Notes...)
	}
	return r.Notes
}

// executor tells who executes networks by a configuration: it makes a small one.
func executor(cfg runtime.Config) (engineInfo, error) {
	m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 4, Levels: 1})
	if err != nil {
		return engineInfo{}, err
	}
	model, err := runtime.Compile(m, cfg)
	if err != nil {
		return engineInfo{}, err
	}
	defer model.Close()
	return engineOf(model.Report()), nil
}

// trains says in a line who is to train and, where that is slow by no one's wish, how it goes faster.
func (f *engineFlags) trains(r engineInfo) (line string, slow bool) {
	line = "training by " + r.line()
	if r.Engine != "reference" || f.engine == "reference" || r.Why == "" {
		return line, false
	}
	search, err := ort.Find(f.library, f.python)
	advice := `"astronnx doctor" says why onnxruntime does not`
	if err != nil {
		advice = "onnxruntime was not found: " + adviseLibrary(search, err)
	}
	return line + ", which is slow; " + advice, true
}

// kernels says in lines by what the HEALPix operators of a network are executed.
func (r engineInfo) kernels() []string {
	by := map[string][]string{}
	for _, k := range r.Kernels {
		how := "by its kernel"
		switch {
		case r.Engine == "reference":
			how = "by its definition in Go"
		case !k.Native:
			how = "by its function body"
			if k.Why != "" {
				how += ": " + k.Why
			}
		}
		name := k.Op[strings.LastIndex(k.Op, ":")+1:]
		name, _, _ = strings.Cut(name, "_") // variants of a body carry a digest
		if !slices.Contains(by[how], name) {
			by[how] = append(by[how], name)
		}
	}
	var lines []string
	for _, how := range slices.Sorted(maps.Keys(by)) {
		each := how
		if len(by[how]) > 1 {
			each = strings.Replace(how, "by its", "each by its", 1)
		}
		slices.Sort(by[how])
		lines = append(lines, strings.Join(by[how], ", ")+" "+each)
	}
	return lines
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
