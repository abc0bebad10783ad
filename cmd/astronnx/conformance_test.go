package main

import (
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/internal/testkit"
)

func TestConformance(t *testing.T) {
	dir := testkit.OfficialCases(t)
	text := ok(t, "conformance", dir, "--engine", "reference", "--match", "^test_abs$").out
	if !strings.Contains(text, "1 cases") || !strings.Contains(text, "reference     1") {
		t.Errorf("got\n%s", text)
	}
	r := decode[struct{ Engines []struct{ Engine string } }](t, ok(t, "conformance", dir, "--match", "^test_relu", "--engine", "reference", "--json").out)
	if len(r.Engines) != 1 || r.Engines[0].Engine != "reference" {
		t.Errorf("got %+v", r)
	}
	if page := ok(t, "conformance", dir, "--match", "^test_relu", "--engine", "reference", "--html").out; !strings.HasPrefix(page, "<!doctype html>") {
		t.Errorf("got %.80s", page)
	}
	fails(t, call(t, "conformance", dir, "--capi", t.TempDir()), exitMissing, "astronnx-pipe", "capi/build.sh")
}

func TestOps(t *testing.T) {
	rows := decode[[]conformance.Operator](t, ok(t, "ops", "--json").out)
	for _, want := range []string{"Conv", "ai.astronnx.healpix:HealpixConv"} {
		found := false
		for _, r := range rows {
			found = found || r.Name == want && (r.Gradient == "yes" || r.Gradient == "through its parts") && strings.Contains(strings.Join(r.Engines, " "), "reference")
		}
		if !found {
			t.Errorf("no %s with a gradient and the reference engine", want)
		}
	}
	if text := ok(t, "ops", "--markdown").out; !strings.Contains(text, "| Relu | 6 | reference") {
		t.Errorf("got %.200s", text)
	}
}
