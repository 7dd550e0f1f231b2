package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rowloom/rowloom/store"
)

// Options of [Open]; nil means defaults.
type Options struct {
	// Poll is how often a watched file is looked at, whether or not the system has sent a notification; 1 second when 0.
	Poll time.Duration

	// Mode is for a file that does not exist yet; 0644 when 0, less what the process masks. A file that exists keeps its own.
	Mode fs.FileMode

	// MaxSize is the greatest size of a file that is read, in bytes; 1 GiB when 0.
	MaxSize int64
}

// Target is one file. It implements [persist.Target] and [persist.Watcher]. Its methods may be called by any goroutine.
type Target struct {
	path string
	opts Options
	step func(string) // called before each step of a write; tests end the process there

	mu    sync.Mutex
	known state           // of the file when content was read or written
	held  *store.Snapshot // what the file held then; nil if that is not known
	wrote state           // of the file after the last write
	news  int             // how often a write has met something that no Read has given
}

// state tells versions of a file apart.
type state struct {
	exists bool
	size   int64
	time   time.Time
	file   os.FileInfo
}

func (s state) same(o state) bool {
	return s.exists == o.exists && s.size == o.size && s.time.Equal(o.time) && (!s.exists || os.SameFile(s.file, o.file))
}

// Open returns the Target of the file at path, which need not exist; its directory must. A symbolic link is followed: what
// it leads to is replaced, not the link.
func Open(path string, o *Options) (*Target, error) {
	t := &Target{step: func(string) {}}
	if o != nil {
		t.opts = *o
	}
	if t.opts.Poll <= 0 {
		t.opts.Poll = time.Second
	}
	if t.opts.Mode == 0 {
		t.opts.Mode = 0o644
	}
	if t.opts.MaxSize <= 0 {
		t.opts.MaxSize = 1 << 30
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("file: %w", err)
	}
	t.path = path
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("file: %s is not a directory", filepath.Dir(path))
	}
	t.removeLeftovers()
	return t, nil
}

// Path returns the file's absolute path, with symbolic links followed.
func (t *Target) Path() string { return t.path }

// String returns "file PATH".
func (t *Target) String() string { return "file " + t.path }

// Read implements [persist.Target]. A file that is missing or has no bytes has not been written.
func (t *Target) Read(_ context.Context, _ []store.Path) (content *store.Snapshot, exists bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return nil, false, err
	}
	return t.held, t.known.size > 0, nil
}

// read brings held up to date.
func (t *Target) read() error {
	now, err := t.stat()
	if err != nil {
		return err
	}
	if t.held != nil && now.same(t.known) {
		return nil
	}
	t.held = nil
	switch {
	case now.size > t.opts.MaxSize:
		return fmt.Errorf("file: read %s: its %d bytes are more than the limit of %d", t.path, now.size, t.opts.MaxSize)
	case now.size == 0:
		t.held = &store.Snapshot{}
	default:
		f, err := os.Open(t.path)
		if err != nil {
			return fmt.Errorf("file: %w", err)
		}
		defer f.Close()
		// A file that grows while it is read is not read beyond the limit; its state tells later that it has changed.
		content, err := store.ReadContent(io.LimitReader(f, t.opts.MaxSize), store.TinyBaseForm, nil)
		if err != nil {
			return fmt.Errorf("file: read %s: %w", t.path, err)
		}
		t.held = content
	}
	t.known = now
	return nil
}

func (t *Target) stat() (state, error) {
	info, err := os.Stat(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state{}, nil
	case err != nil:
		return state{}, fmt.Errorf("file: %w", err)
	case info.IsDir():
		return state{}, fmt.Errorf("file: %s is a directory", t.path)
	}
	return state{true, info.Size(), info.ModTime(), info}, nil
}

// tries bounds how often a write begins again because somebody else has written meanwhile.
const tries = 10

// Write implements [persist.Target]. A file that does not hold a content is left as it is, and the error says so.
func (t *Target) Write(ctx context.Context, _ store.Origin, c store.Changes, _ store.Reader) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range tries {
		if err := ctx.Err(); err != nil {
			return err
		}
		was := t.held
		if err := t.read(); err != nil {
			return err
		}
		if t.held != was {
			t.news++
		}
		next, err := t.held.Apply(c)
		if err != nil {
			return fmt.Errorf("file: write %s: %w", t.path, err)
		}
		if t.known.size > 0 && store.Diff(t.held, next).IsEmpty() {
			return nil
		}
		done, err := t.replace(next)
		if err != nil {
			return fmt.Errorf("file: write %s: %w", t.path, err)
		}
		if done {
			return nil
		}
	}
	return fmt.Errorf("file: write %s: somebody else keeps writing it", t.path)
}

// replace puts a new version in the place of the known one. It does nothing and returns false if that is not there any more.
func (t *Target) replace(next *store.Snapshot) (done bool, err error) {
	dir, name := filepath.Split(t.path)
	t.step("create")
	f, err := os.CreateTemp(dir, prefix(name)+"*"+suffix)
	if err != nil {
		return false, err
	}
	defer func() {
		_ = f.Close() // again, which does no harm
		if !done {
			_ = os.Remove(f.Name())
		}
	}()
	t.step("write")
	if err := store.WriteContent(&stepper{f, t.step}, next, store.TinyBaseForm); err != nil {
		return false, err
	}
	mode := t.opts.Mode
	if t.known.exists {
		mode = t.known.file.Mode().Perm()
	}
	if err := f.Chmod(mode); err != nil {
		return false, err
	}
	t.step("sync")
	if err := f.Sync(); err != nil {
		return false, err
	}
	if err := f.Close(); err != nil {
		return false, err
	}
	now, err := t.stat()
	if err != nil {
		return false, err
	}
	if !now.same(t.known) {
		return false, nil
	}
	t.step("rename")
	if err := os.Rename(f.Name(), t.path); err != nil {
		return false, err
	}
	t.step("sync directory")
	if err := syncDir(dir); err != nil {
		return true, err
	}
	t.step("end")
	t.known, err = t.stat()
	t.wrote, t.held = t.known, next
	return true, err
}

// stepper marks the middle of a long write.
type stepper struct {
	to   io.Writer
	step func(string)
}

func (s *stepper) Write(b []byte) (int, error) {
	n, err := s.to.Write(b[:len(b)/2])
	if err != nil {
		return n, err
	}
	s.step("half")
	m, err := s.to.Write(b[n:])
	return n + m, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Names of temporary files: hidden, so that nobody takes one for the file.
const suffix = ".rowloom-new"

func prefix(name string) string { return "." + name + "." }

// leftover is the age from which a temporary file belongs to nobody.
const leftover = time.Minute

// removeLeftovers removes what writes that were cut off have left.
func (t *Target) removeLeftovers() {
	dir, name := filepath.Split(t.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix(name)) || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftover {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
