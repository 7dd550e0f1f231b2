package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

// A line is what one engine says of one workload. Times are milliseconds of one repetition; in the lines of the heap Wall
// is megabytes or objects.
type line struct {
	Name    string  `json:"name"`
	Wall    float64 `json:"wall"`    // median of the repetitions
	CPU     float64 `json:"cpu"`     // mean of the repetitions, of the whole process
	Reps    int     `json:"reps"`    // how many
	State   string  `json:"state"`   // hash of the bytes that were left in the end
	Content string  `json:"content"` // hash of what yjs reads in them; of the JavaScript engines only
}

// effort bounds the repetitions of one workload in one round.
type effort struct {
	Reps  int     // at most
	CPUMs float64 // stop after so much processor time, and after eight times as much wall time
}

// measure repeats a workload. The first repetition warms up and does not count if there are more.
func measure(w workload, e effort) line {
	l := line{Name: w.Name}
	if w.measure != nil {
		var left []byte
		l.Wall, left = w.measure()
		l.Reps, l.State = 1, hash(left)
		return l
	}
	if w.single {
		e.Reps = 1
	}
	calls := float64(max(w.calls, 1))
	var walls, cpus []float64
	var spent float64
	var left func() []byte
	began := time.Now()
	for len(walls) == 0 || len(walls) < e.Reps && spent < e.CPUMs && float64(time.Since(began).Milliseconds()) < 8*e.CPUMs {
		run := w.prepare()
		if len(walls) == 0 {
			runtime.GC()
		}
		c0, t0 := cpuTime(), time.Now()
		left = run()
		walls = append(walls, float64(time.Since(t0).Nanoseconds())/1e6/calls)
		used := cpuTime() - c0
		cpus = append(cpus, used/calls)
		spent += used
	}
	l.State = hash(left())
	if len(walls) > 1 {
		walls, cpus = walls[1:], cpus[1:]
	}
	l.Wall, l.CPU, l.Reps = median(walls), mean(cpus), len(walls)
	return l
}

// measureAll is the Go side of one round: it prints lines as twin.mjs does.
func measureAll(names []string, e effort) error {
	out := json.NewEncoder(os.Stdout)
	for _, name := range names {
		i := slices.IndexFunc(workloads, func(w workload) bool { return w.Name == name })
		if i < 0 {
			return fmt.Errorf("no workload %s", name)
		}
		if err := out.Encode(measure(workloads[i], e)); err != nil {
			return err
		}
		clear(cache)
	}
	return nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

func mean(list []float64) float64 {
	var sum float64
	for _, v := range list {
		sum += v
	}
	return sum / float64(max(len(list), 1))
}
