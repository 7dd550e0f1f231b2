//go:build unix

package main

import "syscall"

// cpuTime returns the milliseconds of processor time that this process has used, all threads together.
func cpuTime() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
