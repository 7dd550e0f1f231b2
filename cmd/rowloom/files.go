package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFile bounds what a command reads into memory.
const maxFile = 1 << 30

// readFile reads a file, or the standard input for "-".
func readFile(name string) ([]byte, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return b, err
}

// writeFile writes a file, or the standard output for "-". A file appears whole or not at all.
func (env *environment) writeFile(name string, b []byte) (err error) {
	if name == "-" {
		_, err = env.stdout.Write(b)
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".rowloom-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
