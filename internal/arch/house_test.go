package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/internal/arch"
)

// list returns all packages of the module and what they need, as the go command sees them with or without cgo.
func list(t *testing.T, cgo string) []arch.Package {
	noteSources(t)
	cmd := exec.Command("go", "list", "-deps", "-e", "-json=ImportPath,Standard,Imports,CgoFiles", arch.Module+"/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go list: %s", &stderr)

	var pkgs []arch.Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p arch.Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else {
			require.NoError(t, err)
		}
		pkgs = append(pkgs, p)
	}
}

// noteSources opens every folder of the module, so that the go command runs these tests again after any source has changed.
func noteSources(t *testing.T) {
	require.NoError(t, filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		return err
	}))
}

func TestHouse_EveryArrowGoesDown(t *testing.T) {
	pkgs := list(t, "1")
	ours := 0
	for _, p := range pkgs {
		if strings.HasPrefix(p.ImportPath, arch.Module) {
			ours++
		}
	}
	require.Greater(t, ours, 5, "go list found too few packages of this module to mean anything")
	for _, w := range arch.Wrong(pkgs) {
		t.Error(w)
	}
}

func TestHouse_WithoutCgoNobodyReachesTheAutomergeEngine(t *testing.T) {
	for _, p := range list(t, "0") {
		for _, to := range p.Imports {
			if strings.HasPrefix(to, "github.com/automerge/automerge-go") && !strings.HasPrefix(p.ImportPath, "github.com/automerge/") {
				t.Errorf("%s -> %s: without cgo this cannot be built; give the file the build tag cgo and a twin that says what is missing", p.ImportPath, to)
			}
		}
	}
}

func TestWrong_NamesTheArrow(t *testing.T) {
	at := func(path string) string {
		if dot := strings.Index(path, "."); dot >= 0 || path == "fmt" || path == "C" {
			return path
		}
		return arch.Module + "/" + path
	}
	cases := []struct {
		name, graph, want string // graph: "from to,to; from to"
	}{
		{"down is fine", "cmd/rowloom hub; hub adapters/yjs,adapters/automerge; adapters/yjs store/persist,adapters/yjs/ycrdt; store/persist store; store internal/jsjson,fmt", ""},
		{"within a room is fine", "synchronizer/ws synchronizer,github.com/coder/websocket; adapters/yjs/ycrdt adapters/yjs/ycrdt/lib0", ""},
		{"tests and examples may all", "interop/yjs hub,adapters/yjs,adapters/file; examples/walkthrough adapters/yjs,adapters/automerge", ""},
		{"up", "store/persist hub", "store/persist -> hub: goes up from level 1 to level 3"},
		{"up from the ground", "store store/persist", "store -> store/persist: goes up from level 0 to level 1"},
		{"up out of internal", "internal/x adapters/yjs", "internal/x -> adapters/yjs: goes up from level 0 to level 2"},
		{"neighbours", "adapters/tinybase adapters/file", "adapters/tinybase -> adapters/file: adapters/tinybase and adapters/file are neighbours on level 2"},
		{"neighbours below", "store/mergeable synchronizer", "store/mergeable -> synchronizer: store/mergeable and synchronizer are neighbours on level 1"},
		{"the engine alone", "adapters/yjs/ycrdt/update internal/jsjson", "adapters/yjs/ycrdt/update -> internal/jsjson: the Yjs engine uses nothing of this module"},
		{"ground and modules", "store github.com/x/y", "store -> github.com/x/y: level 0 uses the standard library only"},
		{"the list", "hub internal/depend", "hub -> internal/depend: internal/depend is a list, not a library"},
		{"interop in the library", "hub interop/node", "hub -> interop/node: interop is for tests and examples, nobody imports it"},
		{"no room", "shed fmt", "shed is in no room of the house: give it a place in internal/arch and docs/design.md"},
		{"automerge elsewhere", "adapters/automerge/amrepo github.com/automerge/automerge-go", "adapters/automerge/amrepo -> github.com/automerge/automerge-go: only adapters/automerge talks to the Automerge engine"},
		{"C elsewhere", "adapters/sqlite C", "adapters/sqlite -> C: only adapters/automerge itself has C code"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			known := map[string]bool{}
			var pkgs []arch.Package
			for _, line := range strings.Split(c.graph, "; ") {
				from, to, _ := strings.Cut(line, " ")
				p := arch.Package{ImportPath: at(from)}
				for _, d := range strings.Split(to, ",") {
					p.Imports = append(p.Imports, at(d))
				}
				pkgs, known[p.ImportPath] = append(pkgs, p), true
			}
			for _, p := range pkgs {
				for _, d := range p.Imports {
					if !known[d] {
						pkgs, known[d] = append(pkgs, arch.Package{ImportPath: d, Standard: d == "fmt"}), true
					}
				}
			}
			require.Equal(t, c.want, strings.Join(arch.Wrong(pkgs), "\n"))
		})
	}
}

func TestWrong_SeesWhatIsReachedByDetours(t *testing.T) {
	m := arch.Module
	got := arch.Wrong([]arch.Package{
		{ImportPath: m + "/synclog", Imports: []string{"example.com/glue"}},
		{ImportPath: "example.com/glue", Imports: []string{m + "/adapters/yjs", m + "/adapters/file", "example.com/native"}},
		{ImportPath: "example.com/native", CgoFiles: []string{"native.go"}},
		{ImportPath: m + "/adapters/yjs"},
		{ImportPath: m + "/adapters/file"},
		{ImportPath: m + "/hub", Imports: []string{"example.com/glue"}},
	})
	require.Equal(t, []string{
		"synclog knows several adapters, which only hub, conflict, cmd may: synclog -> example.com/glue -> adapters/file; synclog -> example.com/glue -> adapters/yjs",
		"synclog needs cgo, which only adapters/automerge and who contains it may: synclog -> example.com/glue -> example.com/native",
	}, got)
}
