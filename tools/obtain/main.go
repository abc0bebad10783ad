// Command obtain puts what the module needs and does not carry into the cache folder: libonnxruntime, real sky maps, the official
// ONNX cases and a Python for reference comparisons. Everything but the Python packages is pinned by SHA-256, the archive as well as
// what comes out of it; the Python packages are pinned by version. It downloads through the machine's own npm, pip and apt-get, so
// their mirrors and proxies are respected, needs no root, and downloads nothing that is already there and whole.
//
//	go run ./tools/obtain                          everything that tests and demos need
//	go run ./tools/obtain onnxruntime healpy-data  two items
//	go run ./tools/obtain -check -json             what is where; fetches nothing
//
// The cache is ASTRONNX_CACHE, or .cache in the module's root. It exits with 1 where something that was asked for is missing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root, err := moduleRoot()
	if err == nil {
		err = run(ctx, root, os.Args[1:], os.Stdout, os.Stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "obtain:", err)
		os.Exit(1)
	}
}

// run is the program: args without its name, reports to stdout, progress and trouble to stderr.
func run(ctx context.Context, root string, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("obtain", flag.ContinueOnError)
	fs.SetOutput(stderr)
	asJSON := fs.Bool("json", false, "print what is where as JSON")
	check := fs.Bool("check", false, "fetch nothing; exit with 1 where something is missing or broken")
	cases := fs.String("onnx-tests", os.Getenv("ASTRONNX_ONNX_TESTS"), "`path` of onnx-node-tests-1.22.0.tar.xz, where a copy is at hand")
	items := func() []item { return pinned(root, *cases) }
	fs.Usage = func() {
		fmt.Fprint(stderr, "usage: obtain [flags] [item ...]\n\nitems:\n")
		for _, it := range items() {
			about := it.about
			if it.asked {
				about += "; only by name"
			}
			fmt.Fprintf(stderr, "  %-12s %s\n", it.name, about)
		}
		fmt.Fprint(stderr, "\nflags:\n")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(items(), fs.Args())
	if err != nil {
		return err
	}
	cache := os.Getenv("ASTRONNX_CACHE")
	if cache == "" {
		cache = filepath.Join(root, ".cache")
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return err
	}
	o := &obtainer{cache: cache, log: stderr, check: *check, named: fs.NArg() > 0}
	results, err := o.all(ctx, chosen)
	if err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(results); err != nil {
			return err
		}
	} else {
		report(stdout, cache, results)
	}
	return verdict(chosen, results)
}

func choose(items []item, names []string) ([]item, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(items, func(it item) bool { return it.asked }), nil
	}
	var known []string
	for _, it := range items {
		known = append(known, it.name)
	}
	var chosen []item
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, fmt.Errorf("no item %q; there are: %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, items[i])
	}
	return chosen, nil
}

// report prints a line for each item that changed or is missing, and one in all where nothing had to be done.
func report(w io.Writer, cache string, results []result) {
	quiet := true
	for _, r := range results {
		switch r.State {
		case obtained:
			fmt.Fprintf(w, "%s: obtained from %s\n", r.Item, r.Source)
		case missing:
			fmt.Fprintf(w, "%s: missing\n  %s\n", r.Item, strings.ReplaceAll(r.Error, "\n", "\n  "))
		default:
			continue
		}
		quiet = false
	}
	if quiet {
		fmt.Fprintf(w, "obtain: up to date in %s\n", cache)
	}
}

// verdict is an error where an item is missing that is neither optional nor replaced by its stand-in.
func verdict(items []item, results []result) error {
	there := map[string]bool{}
	for _, r := range results {
		there[r.Item] = r.State != missing
	}
	var lacking []string
	for _, it := range items {
		if !there[it.name] && !it.optional && !there[it.standIn] {
			lacking = append(lacking, it.name)
		}
	}
	if len(lacking) > 0 {
		return fmt.Errorf("missing: %s", strings.Join(lacking, ", "))
	}
	return nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("no go.mod in or above %s: run this inside the module", dir)
		}
	}
}
