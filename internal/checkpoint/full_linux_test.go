package checkpoint_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A file that may not grow to its size stands for a full disk: a write in the middle fails.
func TestAFullDiskCostsThatCheckpointAlone(t *testing.T) {
	path := t.TempDir()
	mustSave(t, open(t, path, 2), 1)
	cmd := exec.Command("sh", "-c", `ulimit -f 1000; exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), "CHECKPOINT_TEST_SAVE="+path)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "bad output: cannot write "+path) {
		t.Fatalf("got %v: %s", err, out)
	}
	if got := list(t, path); len(got) != 1 {
		t.Errorf("the folder holds %v", got)
	}
	if found := latest(t, open(t, path, 2)); found.Step != 1 || found.Damaged != nil {
		t.Errorf("got %+v want step 1", found)
	}
}
