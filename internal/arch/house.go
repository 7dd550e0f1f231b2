package arch

import (
	"fmt"
	"slices"
	"strings"
)

// Module is the path of this module.
const Module = "github.com/rowloom/rowloom"

// engine is the module that needs cgo.
const engine = "github.com/automerge/automerge-go"

// room is a part of the house: one package and all below it.
type room struct {
	path  string // below the module
	level int
}

const (
	outside = -1 // may import everything, is imported by nobody outside
	ground  = 0  // the standard library only
)

// rooms lists the house. The longest path that contains a package is its room.
var rooms = []room{
	{"interop", outside}, {"bench", outside}, {"examples", outside},

	{"cmd", 4},
	{"hub", 3}, {"conflict", 3},
	{"adapters/yjs", 2}, {"adapters/automerge", 2}, {"adapters/tinybase", 2}, {"adapters/sqlite", 2}, {"adapters/file", 2},
	{"adapters/internal", 2}, // what only tests of adapters import
	{"synclog", 2},
	{"store/persist", 1}, {"store/mergeable", 1}, {"synchronizer", 1},
	{"store", ground}, {"store/hlc", ground}, {"internal", ground},
}

// manyAdapters are the rooms that may know more than one adapter.
var manyAdapters = []string{"hub", "conflict", "cmd"}

// Package is what the check needs to know of a package: its path, what it imports, and whether it has C code.
type Package struct {
	ImportPath string
	Standard   bool
	Imports    []string
	CgoFiles   []string
}

// Wrong returns one line for each arrow between pkgs that the house does not have, sorted. pkgs must hold everything that
// is imported, as `go list -deps` gives it.
func Wrong(pkgs []Package) []string {
	byPath := make(map[string]Package, len(pkgs))
	for _, p := range pkgs {
		byPath[p.ImportPath] = p
	}
	var wrong []string
	for _, p := range pkgs {
		from, ours := below(p.ImportPath)
		if !ours || from == "" || from == "internal/depend" { // the latter names modules before they have users
			continue
		}
		r, ok := roomOf(from)
		if !ok {
			wrong = append(wrong, from+" is in no room of the house: give it a place in internal/arch and docs/design.md")
			continue
		}
		if r.level == outside {
			continue
		}
		direct := len(wrong)
		for _, to := range p.Imports {
			if why := arrow(from, r, to, byPath[to]); why != "" {
				wrong = append(wrong, fmt.Sprintf("%s -> %s: %s", from, name(to), why))
			}
		}
		if len(wrong) == direct { // a wrong arrow of its own explains what is reached through it
			wrong = append(wrong, reach(from, r, byPath)...)
		}
	}
	slices.Sort(wrong)
	return wrong
}

// arrow says what is wrong with a direct import, or returns "".
func arrow(from string, r room, to string, target Package) string {
	if to == "C" {
		if r.path != "adapters/automerge" || from != r.path {
			return "only adapters/automerge itself has C code"
		}
		return ""
	}
	dst, ours := below(to)
	if !ours {
		switch {
		case r.level == ground && !target.Standard:
			return "level 0 uses the standard library only"
		case strings.HasPrefix(to, engine) && from != "adapters/automerge":
			return "only adapters/automerge talks to the Automerge engine"
		}
		return ""
	}
	if within(from, "adapters/yjs/ycrdt") && !within(dst, "adapters/yjs/ycrdt") {
		return "the Yjs engine uses nothing of this module"
	}
	if within(dst, "internal/depend") {
		return "internal/depend is a list, not a library"
	}
	d, ok := roomOf(dst)
	switch {
	case !ok:
		return "" // reported once, as a package
	case d.level == outside:
		return d.path + " is for tests and examples, nobody imports it"
	case d == r, d.level < r.level, r.level == ground && d.level == ground:
		return ""
	case d.level == r.level:
		return fmt.Sprintf("%s and %s are neighbours on level %d", r.path, d.path, r.level)
	}
	return fmt.Sprintf("goes up from level %d to level %d", r.level, d.level)
}

// reach says what is wrong with all that a package needs, directly or not.
func reach(from string, r room, byPath map[string]Package) []string {
	var wrong []string
	adapters, cgo := map[string][]string{}, []string(nil)
	seen := map[string]bool{}
	var walk func(path []string)
	walk = func(path []string) {
		p := byPath[path[len(path)-1]]
		if at, ours := below(p.ImportPath); ours {
			if d, ok := roomOf(at); ok && strings.HasPrefix(d.path, "adapters/") && adapters[d.path] == nil {
				adapters[d.path] = path
			}
		}
		if cgo == nil && !p.Standard && len(p.CgoFiles) > 0 {
			cgo = path
		}
		for _, to := range p.Imports {
			if !seen[to] {
				seen[to] = true
				walk(append(slices.Clone(path), to))
			}
		}
	}
	walk([]string{Module + "/" + from})

	if len(adapters) > 1 && !slices.Contains(manyAdapters, r.path) {
		var ways []string
		for _, path := range adapters {
			ways = append(ways, chain(path))
		}
		slices.Sort(ways)
		wrong = append(wrong, fmt.Sprintf("%s knows several adapters, which only %s may: %s", from, strings.Join(manyAdapters, ", "), strings.Join(ways, "; ")))
	}
	if cgo != nil && from != "adapters/automerge" && !slices.Contains(manyAdapters, r.path) {
		wrong = append(wrong, fmt.Sprintf("%s needs cgo, which only adapters/automerge and who contains it may: %s", from, chain(cgo)))
	}
	return wrong
}

func chain(path []string) string {
	names := make([]string, len(path))
	for i, p := range path {
		names[i] = name(p)
	}
	return strings.Join(names, " -> ")
}

// roomOf returns the room with the longest path that contains the package, given below the module.
func roomOf(path string) (room, bool) {
	var best room
	found := false
	for _, r := range rooms {
		if within(path, r.path) && len(r.path) > len(best.path) {
			best, found = r, true
		}
	}
	return best, found
}

// below returns the path below this module, and whether the package belongs to it.
func below(path string) (string, bool) {
	if path == Module {
		return "", true
	}
	return strings.CutPrefix(path, Module+"/")
}

func name(path string) string {
	if b, ours := below(path); ours && b != "" {
		return b
	}
	return path
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
