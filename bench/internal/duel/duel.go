// Package duel times a Go program and a JavaScript original that do the same work, in turns, and prints medians and ratios.
//
// The JavaScript side is one script. It is started once per workload and round, with the name of the workload as its
// argument, and prints one line of JSON on standard output: {"value": 123.4}, in the unit of the workload.
package duel

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Workload is one thing that both sides do.
type Workload struct {
	Name string

	// Go does the work b.N times. Its result is ns/op, or the metric called Unit that it reports with b.ReportMetric.
	Go func(b *testing.B)

	// Unit of the result; "ns/op" when empty. Smaller is better.
	Unit string

	// Want is the ratio (JavaScript / Go) to reach; 0 when there is none. Ceiling is the greatest result of Go that will
	// do; 0 when there is none.
	Want, Ceiling float64

	// Alone says that the original cannot do it: only Go is timed.
	Alone bool
}

// Options of Run; nil means defaults.
type Options struct {
	Rounds    int           // how often each side runs each workload; 5 when 0
	BenchTime time.Duration // how long Go repeats a workload in one round; 300 ms when 0
	Out       io.Writer     // os.Stdout when nil
}

// Result is the outcome of one workload: medians over the rounds.
type Result struct {
	Workload
	GoMedian, JSMedian float64
	Allocs             int64 // per operation
	Bytes              int64 // allocated per operation
}

// Ratio says how many times better Go is, or 0 without a JavaScript side.
func (r Result) Ratio() float64 {
	if r.GoMedian == 0 {
		return 0
	}
	return r.JSMedian / r.GoMedian
}

// Verdict compares the result with what was wanted: "yes", "NO", or "" when nothing was.
func (r Result) Verdict() string {
	switch {
	case r.Want == 0 && r.Ceiling == 0:
		return ""
	case r.Want > 0 && !r.Alone && r.Ratio() < r.Want, r.Ceiling > 0 && r.GoMedian > r.Ceiling:
		return "NO"
	}
	return "yes"
}

// Run runs the workloads against the script in dir, which has a package-lock.json, and prints a Markdown table.
func Run(dir, script string, workloads []Workload, o *Options) ([]Result, error) {
	opts := Options{}
	if o != nil {
		opts = *o
	}
	if opts.Rounds == 0 {
		opts.Rounds = 5
	}
	if opts.BenchTime == 0 {
		opts.BenchTime = 300 * time.Millisecond
	}
	if opts.Out == nil {
		opts.Out = os.Stdout
	}
	if err := Install(dir); err != nil {
		return nil, err
	}
	testing.Init()
	if err := flag.Set("test.benchtime", opts.BenchTime.String()); err != nil {
		return nil, err
	}
	var results []Result
	for _, w := range workloads {
		r, err := run(dir, script, w, opts)
		if err != nil {
			return results, fmt.Errorf("duel: %s: %w", w.Name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", w.Name, r.line())
		results = append(results, r)
	}
	Print(opts.Out, results)
	return results, nil
}

func run(dir, script string, w Workload, opts Options) (Result, error) {
	r := Result{Workload: w}
	var ours, theirs []float64
	for range opts.Rounds {
		b := testing.Benchmark(w.Go)
		v := float64(b.T.Nanoseconds()) / float64(max(b.N, 1))
		if w.Unit != "" && w.Unit != "ns/op" {
			v = b.Extra[w.Unit]
		}
		ours = append(ours, v)
		r.Allocs, r.Bytes = b.AllocsPerOp(), b.AllocedBytesPerOp()
		runtime.GC()
		if w.Alone {
			continue
		}
		v, err := node(dir, script, w.Name)
		if err != nil {
			return r, err
		}
		theirs = append(theirs, v)
	}
	r.GoMedian, r.JSMedian = median(ours), median(theirs)
	return r, nil
}

func node(dir, script, workload string) (float64, error) {
	cmd := exec.Command("node", "--expose-gc", "--max-old-space-size=4096", script, workload)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("node %s: %w", script, err)
	}
	var line struct{ Value float64 }
	if err := json.Unmarshal(out, &line); err != nil {
		return 0, fmt.Errorf("node %s: %w in %q", script, err, out)
	}
	return line.Value, nil
}

// Install brings the script's packages, by its lock file.
func Install(dir string) error {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("duel: the comparison needs Node: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err == nil {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("duel: npm ci in %s: %w", dir, err)
	}
	return nil
}

// Print prints results as a Markdown table.
func Print(w io.Writer, results []Result) {
	fmt.Fprintln(w, "| workload | Go | JavaScript | ratio | wanted | reached | allocs/op | B/op |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|---|--:|--:|")
	for _, r := range results {
		js, ratio, want := "", "", ""
		if !r.Alone {
			js, ratio = r.value(r.JSMedian), fmt.Sprintf("%.1f", r.Ratio())
		}
		if r.Want > 0 {
			want = fmt.Sprintf("%.0fx", r.Want)
		}
		if r.Ceiling > 0 {
			want = strings.TrimSpace(want + " <= " + r.value(r.Ceiling))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %d | %d |\n", r.Name, r.value(r.GoMedian), js, ratio, want, r.Verdict(), r.Allocs, r.Bytes)
	}
}

func (r Result) line() string {
	if r.Alone {
		return r.value(r.GoMedian)
	}
	return fmt.Sprintf("%s against %s, %.1f times", r.value(r.GoMedian), r.value(r.JSMedian), r.Ratio())
}

// value prints one result.
func (r Result) value(v float64) string {
	if r.Unit != "" && r.Unit != "ns/op" {
		return fmt.Sprintf("%.1f %s", v, r.Unit)
	}
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f ms", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.2f µs", v/1e3)
	}
	return fmt.Sprintf("%.0f ns", v)
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
