// Command ycrdt compares the Yjs engine with yjs and ywasm in Node: go run ./bench/ycrdt
//
// The workloads are those of crdt-benchmarks (B1 to B4) and a tabular set (T1 to T6). In every round each engine runs each
// group of them in a process of its own, the engines in turns. All must end with the same state: the Go engine with the
// same bytes as yjs, ywasm at least with the same content. Printed are medians over the rounds, of the time on the wall and
// of the processor time of the whole process, which tells more on a machine that is busy with other things.
// With the default -cpu, yjs has little time to warm up; with 1500 it has.
//
// The inputs are those of the folder ROWLOOM_DATA, or ../shared/data beside the project; where there is none, inputs of
// the same shape and size are made.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/rowloom/rowloom/bench/internal/duel"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 3, "how often each side runs each workload, at most")
	budget := flag.Duration("budget", 150*time.Second, "begin no further group after the first round when so much time is gone; 0 for no bound")
	only := flag.String("run", "", "run the workloads whose name matches this regular expression")
	reps := flag.Int("reps", 25, "how often a workload is repeated in a round, at most")
	cpuMs := flag.Float64("cpu", 150, "stop repeating a workload after so many milliseconds of processor time")
	wasm := flag.Bool("ywasm", true, "compare with ywasm too, one round before the last, if there is time")
	slow := flag.Bool("slow", false, "include what takes ywasm minutes")
	goSide := flag.String("go", "", "be the Go side of one round: run these workloads, separated by spaces, and print lines of JSON")
	profile := flag.String("cpuprofile", "", "with -go: write a profile to this file")
	flag.Parse()
	if err := run(*rounds, *budget, *only, effort{*reps, *cpuMs}, *wasm, *slow, *goSide, *profile); err != nil {
		log.Fatal("ycrdt: ", err)
	}
}

func run(rounds int, budget time.Duration, only string, e effort, wasm, slow bool, goSide, profile string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	made, remove, err := findInputs()
	if err != nil {
		return err
	}
	defer remove()
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if goSide != "" {
		return measureAll(strings.Fields(goSide), e)
	}
	_, here, _, _ := runtime.Caller(0)
	m := match{dir: filepath.Dir(here), effort: e, results: map[string]*result{}}
	if err := duel.Install(m.dir); err != nil {
		return err
	}
	var groups []string
	chosen := map[string][]workload{}
	for _, w := range workloads {
		if !pattern.MatchString(w.Name) {
			continue
		}
		group := w.Name[:2]
		if w.Name[0] == 'T' || w.single {
			group, _, _ = strings.Cut(w.Name, "/")
			group = strings.TrimSuffix(group, "b")
		}
		if chosen[group] == nil {
			groups = append(groups, group)
		}
		chosen[group] = append(chosen[group], w)
		m.results[w.Name] = &result{workload: w}
	}
	began := time.Now()
	spent := func() bool { return budget > 0 && time.Since(began) > budget }
	for round := range rounds {
		if wasm && round == min(2, rounds-1) {
			if err := m.wasmAll(groups, chosen, slow, spent); err != nil {
				return err
			}
		}
		for _, group := range groups {
			if round > 0 && spent() {
				break
			}
			if err := m.round(round, chosen[group]); err != nil {
				return fmt.Errorf("%s: %w", group, err)
			}
			fmt.Fprintf(os.Stderr, "round %d, %s, %s\n", round+1, group, time.Since(began).Round(time.Second))
		}
	}
	m.print(os.Stdout, made)
	return m.differences()
}
