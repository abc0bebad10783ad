package export

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
)

const prefix = "astronnx."

// describe writes the file's metadata but the checksum.
func describe(m *graph.Model, o Options) error {
	if m.Metadata == nil {
		m.Metadata = map[string]string{}
	}
	set := func(key string, v any) error {
		text, err := json.Marshal(v)
		if err != nil {
			return errs.New(errs.Input, "metadata %s: %w", key, err)
		}
		m.Metadata[prefix+key] = string(text)
		return nil
	}
	for name, p := range o.Inputs {
		describeMap(m, name, p.Map)
		if p.active() {
			if err := set(name+".preprocessing", p); err != nil {
				return err
			}
			if p.Map.Normalisation == "" { // the one that was asked of the caller is inside now
				delete(m.Metadata, prefix+name+".normalisation")
			}
		}
	}
	parameters := map[string][]Parameter{}
	for name, p := range o.Outputs {
		describeMap(m, name, p.Map)
		if p.active() {
			if err := set(name+".postprocessing", p); err != nil {
				return err
			}
		}
		if len(p.Parameters) > 0 {
			parameters[name] = p.Parameters
			var names, units []string
			for _, q := range p.Parameters {
				names, units = append(names, q.Name), append(units, q.Unit)
			}
			describeMap(m, name, runtime.MapInfo{Columns: names, Unit: units})
		}
	}
	if len(parameters) > 0 {
		if err := set("parameters", parameters); err != nil {
			return err
		}
	}
	if o.Training != nil {
		if err := set("training", o.Training); err != nil {
			return err
		}
	}
	if o.Version != "" {
		m.Metadata[prefix+"version"] = o.Version
	}
	maps.Copy(m.Metadata, o.Metadata)
	return nil
}

// describeMap writes the fields that are set.
func describeMap(m *graph.Model, name string, d runtime.MapInfo) {
	put := func(key, value string) {
		if strings.Trim(value, ",") != "" {
			m.Metadata[prefix+name+"."+key] = value
		}
	}
	if d.Nside > 0 {
		put("nside", strconv.Itoa(d.Nside))
	}
	if d.Unseen != nil {
		put("unseen", strconv.FormatFloat(*d.Unseen, 'g', -1, 64))
	}
	put("ordering", d.Ordering)
	put("coordsys", d.Coordsys)
	put("unit", strings.Join(d.Unit, ","))
	put("columns", strings.Join(d.Columns, ","))
	put("normalisation", d.Normalisation)
}

// markOf returns the value that marks missing pixels in an input or output, nil if there is none.
func markOf(m *graph.Model, name string) *float64 {
	x, err := strconv.ParseFloat(strings.TrimSpace(m.Metadata[prefix+name+".unseen"]), 64)
	if err != nil {
		return nil
	}
	return &x
}

// Checksum returns the SHA-256, in hexadecimal, of the weights of m: the dense initializers of its main graph in order of their
// names, of each a line "name type shape" and its bytes as the file has them.
func Checksum(m *graph.Model) string {
	h := sha256.New()
	list := slices.Clone(m.Graph.Initializers)
	slices.SortFunc(list, func(a, b *graph.Value) int { return strings.Compare(a.Name, b.Name) })
	for _, v := range list {
		if t := v.Const; t != nil {
			fmt.Fprintf(h, "%s %s %v\n", v.Name, t.DType, t.Shape)
			h.Write(t.Raw)
			for _, s := range t.Strings {
				fmt.Fprintf(h, "%q\n", s)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
