package main

import (
	"context"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// standInForCUDA makes a PyTorch built for CUDA start on a machine without it: PyPI has no other for this platform. Beside its
// libraries go ones with the names and symbols of NVIDIA's, gigabytes that nobody would run. Every function in them returns
// cudaErrorInsufficientDriver, so that PyTorch finds no device.
func standInForCUDA(ctx context.Context, dir string) error {
	if err := need("gcc", "gcc"); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(dir, "lib", "python3*", "site-packages", "torch", "lib"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d folders of PyTorch's libraries in %s, expected one: %w", len(found), dir, err)
	}
	files, err := filepath.Glob(filepath.Join(found[0], "*.so*"))
	if err != nil {
		return err
	}
	libraries := map[string]map[string][]string{} // names of symbols by library and version
	var anywhere []string                         // symbols without a version
	for _, file := range files {
		if err := imports(file, libraries, &anywhere); err != nil {
			return err
		}
	}
	slices.Sort(anywhere)
	anywhere = slices.Compact(anywhere)
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		if err := standIn(ctx, filepath.Join(found[0], name), libraries[name], anywhere); err != nil {
			return err
		}
		anywhere = nil // one library has them all
	}
	return nil
}

// imports adds the libraries of NVIDIA's that file needs and the symbols that it takes from them.
func imports(file string, libraries map[string]map[string][]string, anywhere *[]string) error {
	f, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	foreign := false
	for _, name := range needed {
		if !slices.ContainsFunc([]string{"libcu", "libnccl", "libnv"}, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		foreign = true
		if libraries[name] == nil {
			libraries[name] = map[string][]string{}
		}
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range symbols {
		switch versions := libraries[s.Library]; {
		case versions != nil && s.Version != "":
			versions[s.Version] = append(versions[s.Version], s.Name)
		case foreign && s.Library == "" && slices.ContainsFunc([]string{"cu", "nccl", "nv"}, func(p string) bool { return strings.HasPrefix(s.Name, p) }):
			*anywhere = append(*anywhere, s.Name)
		}
	}
	return nil
}

// standIn compiles a library.
func standIn(ctx context.Context, path string, versions map[string][]string, plain []string) error {
	var source, script strings.Builder
	define := func(names []string) {
		for _, n := range names {
			fmt.Fprintf(&source, "int %s(void) { return 35; }\n", n)
		}
	}
	define(plain)
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		names := slices.Compact(slices.Sorted(slices.Values(versions[v])))
		define(names)
		fmt.Fprintf(&script, "%s { global: %s; };\n", v, strings.Join(names, "; "))
	}
	args := []string{"-shared", "-fPIC", "-O1", "-w", "-fno-builtin", "-Wl,-soname," + filepath.Base(path), "-o", path, path + ".c"}
	err := os.WriteFile(path+".c", []byte(source.String()), 0o644)
	if err == nil && script.Len() > 0 {
		err = os.WriteFile(path+".map", []byte(script.String()), 0o644)
		args = append(args, "-Wl,--version-script="+path+".map")
	}
	if err == nil {
		err = command(ctx, filepath.Dir(path), "gcc", args...)
	}
	os.Remove(path + ".c")
	os.Remove(path + ".map")
	return err
}
