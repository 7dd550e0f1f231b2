package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/term"
)

// maxFile bounds what a command reads into memory.
const maxFile = 1 << 30

// readFile reads a file, or the standard input for "-". No kind of file that a command reads can be empty.
func readFile(name string) ([]byte, error) {
	b, err := readAll(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", called(name), bare(err))
	case len(b) == 0:
		return nil, fmt.Errorf("%s is empty", called(name))
	case len(b) > maxFile:
		return nil, fmt.Errorf("cannot read %s: %w", called(name), errTooLarge)
	}
	return b, nil
}

var errTooLarge = errors.New("it is larger than 1 GiB, which is the limit")

func readAll(name string) ([]byte, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	if stat, err := f.Stat(); err == nil && stat.Mode().IsRegular() && stat.Size() > maxFile {
		return nil, errTooLarge
	}
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// called is how messages call a file.
func called(name string) string {
	switch name {
	case "-":
		return "the standard input"
	case "":
		return `""`
	}
	return name
}

// bare takes off an error of the file system what the message around it says already.
func bare(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// once refuses to read the standard input for several files.
func once(names ...string) error {
	n := 0
	for _, name := range names {
		if name == "-" {
			n++
		}
	}
	if n > 1 {
		return usageError{errors.New("only one file can be -: the standard input is read once")}
	}
	return nil
}

// isTerminal says whether somebody looks at what is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// binaryTo refuses to write a binary result where it would garble a terminal. Commands ask before they begin.
func (env *environment) binaryTo(name string) error {
	if name == "-" && isTerminal(env.stdout) {
		return usageError{errors.New("the result is binary, which a terminal cannot show: name a file with -o FILE, or redirect it with > FILE")}
	}
	return nil
}

// writeFile writes a file, or the standard output for "-". A file appears whole or not at all, and keeps its mode if it was there.
func (env *environment) writeFile(name string, b []byte) error {
	if name == "-" {
		if _, err := env.stdout.Write(b); err != nil {
			return fmt.Errorf("cannot write the standard output: %w", bare(err))
		}
		return nil
	}
	if err := replaceFile(name, b); err != nil {
		return fmt.Errorf("cannot write %s: %w", called(name), bare(err))
	}
	return nil
}

func replaceFile(name string, b []byte) (err error) {
	if name == "" {
		return errors.New("a file needs a name")
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	stat, err := os.Stat(name)
	switch {
	case err != nil:
		stat = nil
	case stat.IsDir():
		return errors.New("it is a directory")
	case !stat.Mode().IsRegular(): // a device or a pipe
		return os.WriteFile(name, b, 0)
	}
	f, err := os.OpenFile(filepath.Join(filepath.Dir(name), ".rowloom-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
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
	if stat != nil {
		if err = f.Chmod(stat.Mode().Perm()); err != nil {
			return err
		}
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// note says something on standard error that is worth knowing, and no error.
func (env *environment) note(format string, args ...any) {
	fmt.Fprintf(env.stderr, "rowloom: note: "+format+"\n", args...)
}
