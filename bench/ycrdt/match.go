package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A match collects what the engines say.
type match struct {
	dir     string
	effort  effort
	results map[string]*result
}

// A result is all that was measured of one workload, a line for each round.
type result struct {
	workload
	ours, yjs, ywasm []line
}

// round runs a group once with Go and once with yjs, who begin in turns. What takes yjs long it runs in the first only.
func (m *match) round(round int, group []workload) error {
	var ours, theirs []string
	for _, w := range group {
		ours = append(ours, w.Name)
		if r := m.results[w.Name]; !w.alone && (len(r.yjs) == 0 || r.yjs[0].CPU < 1000) {
			theirs = append(theirs, w.Name)
		}
	}
	sides := []func() error{
		func() error {
			lines, err := m.golang(ours)
			for _, l := range lines {
				m.results[l.Name].ours = append(m.results[l.Name].ours, l)
			}
			return err
		},
		func() error {
			lines, err := m.node("yjs", theirs, m.effort, round == 0)
			for _, l := range lines {
				m.results[l.Name].yjs = append(m.results[l.Name].yjs, l)
			}
			return err
		},
	}
	first := round % 2
	return errors.Join(sides[first](), sides[1-first]())
}

// wasmAll runs the groups with ywasm as long as there is time.
func (m *match) wasmAll(groups []string, chosen map[string][]workload, slow bool, spent func() bool) error {
	for _, group := range groups {
		if spent() {
			fmt.Fprintln(os.Stderr, "no time left for ywasm:", group)
			continue
		}
		if err := m.wasm(chosen[group], slow); err != nil {
			return fmt.Errorf("ywasm: %s: %w", group, err)
		}
		fmt.Fprintln(os.Stderr, "ywasm,", group)
	}
	return nil
}

// wasm runs a group once with ywasm, each workload as seldom as possible.
func (m *match) wasm(group []workload, slow bool) error {
	var names []string
	for _, w := range group {
		if !w.alone && (slow || !w.slow) {
			names = append(names, w.Name)
		}
	}
	lines, err := m.node("ywasm", names, effort{min(m.effort.Reps, 2), m.effort.CPUMs / 2}, true)
	for _, l := range lines {
		m.results[l.Name].ywasm = append(m.results[l.Name].ywasm, l)
	}
	return err
}

func (m *match) golang(names []string) ([]line, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return lines(exec.Command(self, "-go", strings.Join(names, " "), "-reps", fmt.Sprint(m.effort.Reps), "-cpu", fmt.Sprint(m.effort.CPUMs)))
}

func (m *match) node(engine string, names []string, e effort, content bool) ([]line, error) {
	if len(names) == 0 {
		return nil, nil
	}
	cmd := exec.Command("node", append([]string{"--expose-gc", "--max-old-space-size=4096", "twin.mjs", engine}, names...)...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), fmt.Sprint("ROWLOOM_REPS=", e.Reps), fmt.Sprint("ROWLOOM_CPU_MS=", e.CPUMs))
	if content {
		cmd.Env = append(cmd.Env, "ROWLOOM_CONTENT=1")
	}
	return lines(cmd)
}

func lines(cmd *exec.Cmd) (list []line, err error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.Args[0], err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var l line
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("%s: %w", cmd.Args[0], err)
		}
		list = append(list, l)
	}
	return list, nil
}

// same says whether all rounds of all engines ended with the same state: "yes" or "NO", or "" without another engine.
func (r *result) same() string {
	if len(r.yjs) == 0 {
		return ""
	}
	for _, list := range [][]line{r.ours, r.yjs} {
		for _, l := range list {
			if l.State != r.yjs[0].State {
				return "NO"
			}
		}
	}
	for _, l := range r.ywasm {
		if l.State != r.yjs[0].State && l.Content != r.yjs[0].Content {
			return "NO"
		}
	}
	return "yes"
}

// differences is an error when engines do not end with the same state.
func (m *match) differences() error {
	var bad []string
	for _, w := range workloads {
		if r := m.results[w.Name]; r != nil && r.same() == "NO" {
			bad = append(bad, w.Name)
		}
	}
	if bad != nil {
		return fmt.Errorf("the engines do not end with the same state: %s", strings.Join(bad, ", "))
	}
	return nil
}

// print prints a Markdown table.
func (m *match) print(w io.Writer, made bool) {
	if made {
		fmt.Fprintln(w, "Inputs made from a seed.")
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "| workload | Go | yjs | ywasm | ratio, wall | ratio, CPU | wanted | reached | same state | rounds |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|---|---|--:|")
	for _, one := range workloads {
		r := m.results[one.Name]
		if r == nil || len(r.ours) == 0 {
			continue
		}
		ours, theirs, wasm := middle(r.ours), middle(r.yjs), middle(r.ywasm)
		wanted := ""
		if r.want > 0 {
			wanted = fmt.Sprintf("%.0fx", r.want)
		}
		if r.ceiling > 0 {
			wanted = "<= " + r.value(line{Wall: r.ceiling})
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %d/%d |\n", r.Name, r.value(ours), r.value(theirs), r.value(wasm),
			times(theirs.Wall, ours.Wall), times(theirs.CPU, ours.CPU), wanted, r.reached(ours, theirs), r.same(), len(r.ours), len(r.yjs))
	}
	fmt.Fprintln(w, "\nTimes are those on the wall, with processor time in brackets. Rounds are those of Go and of yjs; ywasm has one.")
}

// middle returns the medians over the rounds.
func middle(list []line) (l line) {
	var walls, cpus []float64
	for _, one := range list {
		walls, cpus = append(walls, one.Wall), append(cpus, one.CPU)
	}
	l.Wall, l.CPU = median(walls), median(cpus)
	return l
}

// reached says whether the ratio is as wanted on the wall and in processor time, where that is known.
func (r *result) reached(ours, theirs line) string {
	if r.ceiling > 0 {
		return map[bool]string{true: "yes", false: "NO"}[ours.Wall <= r.ceiling]
	}
	if r.want == 0 {
		return ""
	}
	wall, cpu := theirs.Wall >= r.want*ours.Wall, theirs.CPU >= r.want*ours.CPU
	switch {
	case wall && cpu:
		return "yes"
	case wall:
		return "wall only"
	case cpu && ours.CPU > 0:
		return "CPU only"
	}
	return "NO"
}

func times(theirs, ours float64) string {
	if theirs == 0 || ours == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", theirs/ours)
}

// value prints one result.
func (r *result) value(l line) string {
	switch {
	case l.Wall == 0:
		return ""
	case r.unit == "objects":
		return fmt.Sprintf("%.0f", l.Wall)
	case r.unit != "":
		return fmt.Sprintf("%.1f %s", l.Wall, r.unit)
	case l.CPU == 0:
		return scaled(l.Wall)
	}
	return fmt.Sprintf("%s (%s)", scaled(l.Wall), scaled(l.CPU))
}

func scaled(ms float64) string {
	switch {
	case ms < 0.01:
		return fmt.Sprintf("%.2f µs", ms*1e3)
	case ms < 1:
		return fmt.Sprintf("%.0f µs", ms*1e3)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
