// Package vectors finds the golden data that tests of every package read.
package vectors

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Dir returns the folder of golden data called name, for example "yjs".
//
// It lies in testdata/vectors of this project or, when the environment variable ROWLOOM_VECTORS is set, in the directory
// of the same shape that the variable names. A folder that is not there fails the test.
func Dir(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("ROWLOOM_VECTORS")
	if root == "" {
		_, here, _, _ := runtime.Caller(0)
		root = filepath.Join(filepath.Dir(here), "..", "..", "testdata", "vectors")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("vectors: %v", err)
	}
	return dir
}

// Files returns the JSON files in the folder called name, sorted. It fails the test when there is none.
func Files(t testing.TB, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Dir(t, name), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("vectors: no JSON files in %q (%v)", name, err)
	}
	return files
}

// Report logs the line "vectors NAME: PASSED of TOTAL" and fails the test when a case is missing or there was none.
func Report(t testing.TB, name string, passed, total int) {
	t.Helper()
	t.Logf("vectors %s: %d of %d", name, passed, total)
	if total == 0 || passed < total {
		t.Errorf("vectors %s: %d of %d passed", name, passed, total)
	}
}
