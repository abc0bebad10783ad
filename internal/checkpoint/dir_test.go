package checkpoint_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/checkpoint"
	"github.com/astronnx/astronnx/internal/errs"
)

func open(t testing.TB, path string, keep int) *checkpoint.Dir {
	t.Helper()
	d, err := checkpoint.OpenDir(path, keep)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// save writes a checkpoint of n equal numbers, which are the step's.
func save(d *checkpoint.Dir, step int64, n int) error {
	w := named("w", graph.NewTensor(graph.Float64, int64(n)))
	for i := range n {
		graph.Data[float64](w)[i] = float64(step)
	}
	return d.Save(step, document{Epoch: int(step)}, w)
}

func mustSave(t testing.TB, d *checkpoint.Dir, steps ...int64) {
	t.Helper()
	for _, n := range steps {
		if err := save(d, n, 10); err != nil {
			t.Fatal(err)
		}
	}
}

// latest checks that the newest checkpoint agrees with itself and returns its step.
func latest(t testing.TB, d *checkpoint.Dir) *checkpoint.Found {
	t.Helper()
	var doc document
	found, err := d.Latest(&doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range graph.Data[float64](found.Tensors[0]) {
		if v != float64(found.Step) || doc.Epoch != int(found.Step) {
			t.Fatalf("%s holds %v and %v", found.Path, v, doc)
		}
	}
	return found
}

func list(t testing.TB, path string) []string {
	t.Helper()
	files, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimPrefix(f.Name(), "step-000000"))
	}
	return names
}

func TestDirKeepsTheLastAndTheBest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "a")
	d := open(t, path, 2)
	if _, err := d.Latest(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v want %v", err, fs.ErrNotExist)
	}
	if _, err := d.Best(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v want %v", err, fs.ErrNotExist)
	}
	mustSave(t, d, 1, 2)
	if err := d.SaveBest(document{Epoch: 2}, named("w", graph.Scalar(2.0))); err != nil {
		t.Fatal(err)
	}
	mustSave(t, d, 3, 10)
	if got := list(t, path); !slices.Equal(got, []string{"best.npz", "003.npz", "010.npz"}) {
		t.Errorf("got %v", got)
	}
	if found := latest(t, d); found.Step != 10 || found.Damaged != nil {
		t.Errorf("got %+v want step 10", found)
	}
	var doc document
	if got, err := d.Best(&doc); err != nil || graph.Data[float64](got[0])[0] != 2 || doc.Epoch != 2 {
		t.Errorf("best: got %v, %v, %v", got, doc, err)
	}
	if _, err := checkpoint.OpenDir(path, 0); !errors.Is(err, errs.Input) {
		t.Errorf("got %v", err)
	}
	if err := save(d, -1, 1); !errors.Is(err, errs.Input) {
		t.Errorf("got %v", err)
	}
}

func TestDirPassesOverDamagedCheckpoints(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, 3)
	mustSave(t, d, 1, 2, 3)
	for _, step := range []int{3, 2} {
		file := filepath.Join(path, fmt.Sprintf("step-%09d.npz", step))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 4
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	d = open(t, path, 3)
	found := latest(t, d)
	if found.Step != 1 || len(found.Damaged) != 2 || !strings.Contains(found.Damaged[0].Error(), "step-000000003.npz") {
		t.Errorf("got %+v want step 1 and two damaged", found)
	}
	mustSave(t, d, 2) // the run goes on from 1: nothing newer must take the place of what it writes
	if got := list(t, path); !slices.Equal(got, []string{"001.npz", "002.npz"}) {
		t.Errorf("got %v", got)
	}
	for _, name := range list(t, path) {
		if err := os.Truncate(filepath.Join(path, "step-000000"+name), 100); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Latest(nil); !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "step-000000002.npz") {
		t.Errorf("got %v want errs.Invalid", err)
	}
}

// A checkpoint of another release is no damaged one: it is named and stays.
func TestDirStopsAtAnotherVersion(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, 2)
	mustSave(t, d, 1, 2)
	file := filepath.Join(path, "step-000000002.npz")
	var other bytes.Buffer
	z := zip.NewWriter(&other)
	e, err := z.CreateHeader(&zip.FileHeader{Name: "meta.json", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(e, `{"format": "astronnx checkpoint", "version": 2}`)
	z.SetComment(strings.Repeat(" ", 71))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, checkpoint.Sign(other.Bytes()[:other.Len()-71]), 0o666); err != nil {
		t.Fatal(err)
	}
	const want = `version 2: want "astronnx checkpoint", version 1`
	if _, err := d.Latest(nil); !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v want %s", err, want)
	}
	mustSave(t, d, 3)
	if got := list(t, path); !slices.Equal(got, []string{"002.npz", "003.npz"}) {
		t.Errorf("got %v", got)
	}
}

func TestDirSweepsWhatAKilledRunLeft(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{".step-000000007.npz.0123abcd.tmp", ".best.npz.00000000.tmp", ".other.tmp", "step-1.npz", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	mustSave(t, open(t, path, 1), 1, 2)
	if got := list(t, path); !slices.Equal(got, []string{".other.tmp", "notes.txt", "002.npz", "step-1.npz"}) {
		t.Errorf("got %v", got)
	}
}

// The test's own binary stands for a training that saves again and again: with a limit on the size of files, or until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("CHECKPOINT_TEST_SAVE"); path != "" {
		os.Exit(saver(path))
	}
	os.Exit(m.Run())
}

func saver(path string) int {
	d, err := checkpoint.OpenDir(path, 2)
	for step := int64(1); err == nil; step++ {
		if err = save(d, step, 1<<17); err == nil { // 1 MiB
			fmt.Println(step)
		}
	}
	fmt.Println(err)
	return 1
}

func TestAKilledRunLosesOneCheckpointAtMost(t *testing.T) {
	path := t.TempDir()
	for range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CHECKPOINT_TEST_SAVE="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 3 {
			lines.Scan()
		}
		time.Sleep(time.Duration(rand.IntN(20000)) * time.Microsecond)
		cmd.Process.Kill()
		said := lines.Text()
		for lines.Scan() {
			said = lines.Text()
		}
		cmd.Wait()
		d := open(t, path, 2)
		found := latest(t, d)
		if got := fmt.Sprint(found.Step); found.Damaged != nil || got != said && got != fmt.Sprint(number(said)+1) {
			t.Errorf("killed after it said %s: the newest checkpoint is %s, damaged %v", said, got, found.Damaged)
		}
		for _, name := range list(t, path) {
			if strings.HasSuffix(name, ".tmp") {
				t.Errorf("%s was left", name)
			}
			if err := os.Remove(filepath.Join(path, "step-000000"+name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func number(s string) (n int64) {
	fmt.Sscan(s, &n)
	return n
}
