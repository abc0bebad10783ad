package main

import (
	"strings"

	"github.com/astronnx/astronnx/healpixop"
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
