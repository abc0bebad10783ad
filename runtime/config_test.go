package runtime

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/ops"
)

// recorder is an engine that keeps the options it is given and compiles nothing.
type recorder struct {
	name string
	got  *engine.Options
}

var errRecorded = errors.New("recorded")

func (r recorder) Name() string { return r.name }

func (r recorder) Compile(_ *graph.Model, o engine.Options) (engine.Plan, error) {
	*r.got = o
	return nil, errRecorded
}

// use replaces the engines for the rest of the test.
func use(t *testing.T, e ...engine.Engine) {
	had := engines
	t.Cleanup(func() { engines = had })
	engines = e
}

// optionsOf returns what the engine is given where a model is compiled with c, which may name no engine.
func optionsOf(t *testing.T, c Config) (got engine.Options) {
	t.Helper()
	use(t, recorder{"recorder", &got})
	if _, err := Compile(emptyModel(), c); !errors.Is(err, errRecorded) {
		t.Fatalf("got %v: the engine was not asked", err)
	}
	return got
}

func emptyModel() *graph.Model {
	g := &graph.Graph{Name: "empty"}
	x := g.NewInput("x", graph.TensorType(graph.Float32))
	g.Outputs = []*graph.Value{x}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func TestConfigReachesTheEngine(t *testing.T) {
	set := ops.NewSet("test")
	type options = engine.Options
	// Two settings of one map must not replace one another.
	table := map[string]struct {
		change func(Config) Config
		want   func(*options)
	}{
		"WithThreads":      {func(c Config) Config { return c.WithThreads(3) }, func(o *options) { o.Threads = 3 }},
		"WithInterThreads": {func(c Config) Config { return c.WithInterThreads(4) }, func(o *options) { o.InterThreads = 4 }},
		"WithSpinning":     {func(c Config) Config { return c.WithSpinning(true) }, func(o *options) { o.Spinning = true }},
		"WithArena":        {func(c Config) Config { return c.WithArena(false) }, func(o *options) { o.Arena = false }},
		"WithMemoryPattern": {func(c Config) Config { return c.WithMemoryPattern(false) },
			func(o *options) { o.NoPattern = true }},
		"WithProvider":    {func(c Config) Config { return c.WithProvider("P") }, func(o *options) { o.Provider = "P" }},
		"WithDevice":      {func(c Config) Config { return c.WithDevice(2) }, func(o *options) { o.Device = 2 }},
		"WithFallback":    {func(c Config) Config { return c.WithFallback(true) }, func(o *options) { o.Fallback = true }},
		"WithOps":         {func(c Config) Config { return c.WithOps(set) }, func(o *options) { o.Ops = set }},
		"WithMemoryLimit": {func(c Config) Config { return c.WithMemoryLimit(5) }, func(o *options) { o.MemoryLimit = 5 }},
		"WithLibrary":     {func(c Config) Config { return c.WithLibrary("lib") }, func(o *options) { o.Library = "lib" }},
		"WithPythonLibrary": {func(c Config) Config { return c.WithPythonLibrary(true) },
			func(o *options) { o.PythonLibrary = true }},
		"WithProfile": {func(c Config) Config { return c.WithProfile("prof") }, func(o *options) { o.Profile = "prof" }},
		"WithDeterministic": {func(c Config) Config { return c.WithDeterministic(true) },
			func(o *options) { o.Deterministic = true }},
		"WithFunctionBodies": {func(c Config) Config { return c.WithFunctionBodies(true) },
			func(o *options) { o.Bodies = true }},
		"WithDim": {func(c Config) Config { return c.WithDim("N", 1).WithDim("M", 2) },
			func(o *options) { o.Dims = map[string]int64{"N": 1, "M": 2} }},
		"WithProviderOption": {func(c Config) Config { return c.WithProviderOption("a", "1").WithProviderOption("b", "2") },
			func(o *options) { o.ProviderOptions = map[string]string{"a": "1", "b": "2"} }},
		"WithEngineOption": {func(c Config) Config { return c.WithEngineOption("a", "1").WithEngineOption("b", "2") },
			func(o *options) { o.Config = map[string]string{"a": "1", "b": "2"} }},
		"WithRunOption": {func(c Config) Config { return c.WithRunOption("a", "1").WithRunOption("b", "2") },
			func(o *options) { o.RunConfig = map[string]string{"a": "1", "b": "2"} }},
	}
	plain := options{Arena: true}
	all, wantAll := NewConfig(), plain
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			base, want := NewConfig(), plain
			c.want(&want)
			if got := optionsOf(t, c.change(base)); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v want %+v", got, want)
			}
			if got := optionsOf(t, base); !reflect.DeepEqual(got, plain) {
				t.Errorf("the configuration it was called on became %+v", got)
			}
		})
		all = c.change(all)
		c.want(&wantAll)
	}
	if got := optionsOf(t, all); !reflect.DeepEqual(got, wantAll) {
		t.Errorf("all together: got %+v want %+v", got, wantAll)
	}

	// Nothing is left out: neither a method nor an option.
	elsewhere := map[string]bool{"WithEngine": true, "WithLimits": true, "WithVerify": true} // the tests below
	for m := range reflect.TypeFor[Config]().Methods() {
		if _, ok := table[m.Name]; strings.HasPrefix(m.Name, "With") && !ok && !elsewhere[m.Name] {
			t.Errorf("%s is not tested", m.Name)
		}
	}
	for i := range reflect.TypeFor[options]().NumField() {
		if reflect.DeepEqual(reflect.ValueOf(wantAll).Field(i).Interface(), reflect.ValueOf(plain).Field(i).Interface()) {
			t.Errorf("option %s is set by none", reflect.TypeFor[options]().Field(i).Name)
		}
	}
}

// A change of a configuration made from another one, its maps included, reaches neither that one nor a sibling.
func TestConfigsAreValues(t *testing.T) {
	for name, set := range map[string]func(Config, string) Config{
		"WithDim":            func(c Config, v string) Config { return c.WithDim("k", int64(len(v))).WithDim(v, 0) },
		"WithProviderOption": func(c Config, v string) Config { return c.WithProviderOption("k", v).WithProviderOption(v, "") },
		"WithEngineOption":   func(c Config, v string) Config { return c.WithEngineOption("k", v).WithEngineOption(v, "") },
		"WithRunOption":      func(c Config, v string) Config { return c.WithRunOption("k", v).WithRunOption(v, "") },
	} {
		base := set(NewConfig(), "base")
		one, two := set(base, "a"), set(base, "bb")
		for _, c := range []struct{ got, want Config }{
			{base, set(NewConfig(), "base")}, {one, set(set(NewConfig(), "base"), "a")}, {two, set(set(NewConfig(), "base"), "bb")},
		} {
			if got, want := optionsOf(t, c.got), optionsOf(t, c.want); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v want %+v", name, got, want)
			}
		}
	}
}

func TestConfigSelectsTheEngine(t *testing.T) {
	var first, second engine.Options
	use(t, recorder{"first", &first}, recorder{"second", &second})
	if _, err := Compile(emptyModel(), NewConfig().WithThreads(7).WithEngine("second")); !errors.Is(err, errRecorded) {
		t.Fatal(err)
	}
	if first.Threads != 0 || second.Threads != 7 {
		t.Errorf("the engines got %d and %d threads, want 0 and 7", first.Threads, second.Threads)
	}
}

func TestConfigBoundsTheLoader(t *testing.T) {
	data, err := onnxio.Marshal(emptyModel())
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(data))
	for name, c := range map[string]struct {
		config Config
		fits   bool
	}{
		"limit":                    {NewConfig().WithLimits(Limits{File: size}), true},
		"limit below":              {NewConfig().WithLimits(Limits{File: size - 1}), false},
		"memory limit":             {NewConfig().WithMemoryLimit(size), true},
		"memory limit below":       {NewConfig().WithMemoryLimit(size - 1), false},
		"memory limit below limit": {NewConfig().WithLimits(Limits{File: size}).WithMemoryLimit(size - 1), false},
		"limit below memory limit": {NewConfig().WithLimits(Limits{File: size - 1}).WithMemoryLimit(size), false},
	} {
		m, err := LoadBytes(data, c.config.WithEngine("reference"))
		if err == nil {
			m.Close()
		}
		if (err == nil) != c.fits || err != nil && !errors.Is(err, errs.Limit) {
			t.Errorf("%s: got %v, want it to fit: %v", name, err, c.fits)
		}
	}
}

func TestConfigVerifies(t *testing.T) {
	var got engine.Options
	use(t, recorder{"recorder", &got})
	m := emptyModel()
	m.Graph.Outputs = []*graph.Value{{Name: "made by none"}}
	for on, want := range map[bool]error{true: errs.Invalid, false: errRecorded} {
		if _, err := Compile(m, NewConfig().WithVerify(!on).WithVerify(on)); !errors.Is(err, want) {
			t.Errorf("WithVerify(%v): got %v want %v", on, err, want)
		}
	}
}
