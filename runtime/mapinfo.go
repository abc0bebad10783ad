package runtime

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// MapInfo says what the pixels of an input or output are, where the model's metadata say it. The keys are
//
//	astronnx.<name>.nside          resolution of a HEALPix map, e.g. 256
//	astronnx.<name>.ordering       RING, NESTED or XY
//	astronnx.<name>.coordsys       G, E or C
//	astronnx.<name>.unit           unit of the values, e.g. uK_CMB; one, or one for each column
//	astronnx.<name>.columns        names of the channels, e.g. I,Q,U
//	astronnx.<name>.normalisation  what was done to the values, in words the model's author chose, e.g. "(x-mean)/std"
//	astronnx.<name>.unseen         the value that marks missing pixels, e.g. -1.6375e+30
//
// where <name> is the name of the input or output; lists are separated by commas.
type MapInfo struct {
	Nside         int
	Ordering      string
	Coordsys      string
	Unit          []string
	Columns       []string
	Normalisation string
	Unseen        *float64 // nil: no mark
}

// Pixels returns the number of pixels of a full sky, 0 if Nside is not known.
func (m *MapInfo) Pixels() int64 { return 12 * int64(m.Nside) * int64(m.Nside) }

const mapPrefix = "astronnx."

// mapInfos reads the metadata of all inputs and outputs.
func mapInfos(m *graph.Model) (map[string]*MapInfo, error) {
	infos := map[string]*MapInfo{}
	for _, list := range [][]*graph.Value{m.Graph.Inputs, m.Graph.Outputs} {
		for _, v := range list {
			info, err := mapInfo(m.Metadata, v.Name)
			if err != nil {
				return nil, err
			}
			if info != nil {
				infos[v.Name] = info
			}
		}
	}
	return infos, nil
}

func mapInfo(metadata map[string]string, name string) (*MapInfo, error) {
	var info MapInfo
	found := false
	get := func(key string) string {
		v, ok := metadata[mapPrefix+name+"."+key]
		found = found || ok
		return strings.TrimSpace(v)
	}
	bad := func(key, want string) error {
		full := mapPrefix + name + "." + key
		return errs.New(errs.Invalid, "metadata %s is %q, expected %s", full, metadata[full], want)
	}
	if s := get("nside"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1<<29 {
			return nil, bad("nside", "an integer from 1 to 2^29")
		}
		info.Nside = n
	}
	switch s := strings.ToUpper(get("ordering")); s {
	case "", "RING", "NESTED", "XY":
		info.Ordering = s
	case "NEST":
		info.Ordering = "NESTED"
	default:
		return nil, bad("ordering", "RING, NESTED or XY")
	}
	if s := get("unseen"); s != "" {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, bad("unseen", "a number")
		}
		info.Unseen = &x
	}
	info.Coordsys, info.Normalisation = get("coordsys"), get("normalisation")
	info.Unit, info.Columns = list(get("unit")), list(get("columns"))
	if !found {
		return nil, nil
	}
	return &info, nil
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// explain adds what a wrong number of pixels means in Nside.
func (m *MapInfo) explain(t *Tensor) string {
	if m == nil || m.Nside == 0 || t == nil || len(t.Shape) == 0 {
		return ""
	}
	got := t.Shape[len(t.Shape)-1]
	if got == m.Pixels() {
		return ""
	}
	text := fmt.Sprintf("the model takes Nside %d, %d pixels", m.Nside, m.Pixels())
	for n := int64(1); 12*n*n <= got; n++ {
		if 12*n*n == got {
			return fmt.Sprintf("%s, and the map has Nside %d: change its resolution first", text, n)
		}
	}
	return text
}
