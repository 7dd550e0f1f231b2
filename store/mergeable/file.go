package mergeable

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FileOptions are the choices of [OpenFile]. Nil, and each zero field, is the default.
type FileOptions struct {
	// Every is how long after a change the file is written; 100 ms when 0.
	Every time.Duration
	// Quarantine moves a file that cannot be read out of the way, to a name that ends in .corrupt and a number, and goes
	// on with what the Store holds. Otherwise OpenFile fails.
	Quarantine bool
	// OnError is told when a file could not be written; it stays to be written. It must not wait.
	OnError func(error)
}

// File keeps a Store in a file of TinyBase's format, which its file persister reads and writes too. What could not be read
// is never written over, and what was not written yet is written by Close.
type File struct {
	m     *Store
	path  string
	every time.Duration
	fail  func(error)
	feed  *Feed
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu    sync.Mutex
	dirty bool
}

// CorruptError says that a file is not one of a Store's. It is as it was, at Kept.
type CorruptError struct {
	Path, Kept string
	Err        error
}

// Error says what is wrong with the file, and where it is.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("mergeable: file %s cannot be read, and is kept as %s: %v", e.Path, e.Kept, e.Err)
}

// Unwrap returns the reason.
func (e *CorruptError) Unwrap() error { return e.Err }

// OpenFile loads the file at path into a Store, if there is one, and writes what changes from then on. An error that is a
// [*CorruptError] comes with a File when Quarantine is set. The File must be closed.
func OpenFile(m *Store, path string, o *FileOptions) (*File, Report, error) {
	if o == nil {
		o = &FileOptions{}
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	text, err := os.ReadFile(path)
	var report Report
	var corrupt error
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, report, fmt.Errorf("mergeable: %w", err)
	default:
		if report, err = m.Load(nil, text); err != nil {
			e := &CorruptError{Path: path, Kept: path, Err: err}
			if !o.Quarantine {
				return nil, report, e
			}
			e.Kept = fmt.Sprintf("%s.corrupt-%d", path, time.Now().UnixNano())
			if err := os.Rename(path, e.Kept); err != nil {
				return nil, report, fmt.Errorf("mergeable: %w", err)
			}
			corrupt = e
		}
	}
	f := &File{m: m, path: path, every: o.Every, fail: o.OnError, feed: m.Feed()}
	if f.every <= 0 {
		f.every = 100 * time.Millisecond
	}
	if f.fail == nil {
		f.fail = func(error) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.done.Go(func() { f.run(ctx) })
	return f, report, corrupt
}

func (f *File) run(ctx context.Context) {
	wait := time.NewTimer(f.every)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.feed.Wake():
		}
		wait.Reset(f.every)
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		if err := f.Save(); err != nil {
			f.fail(err)
			f.feed.poke() // try again
		}
	}
}

// Save writes the file, if anything has changed since it was written last. The file is replaced as a whole: whoever reads it
// meanwhile, or after a crash, sees the old content or the new one.
func (f *File) Save() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	deltas, lost := f.feed.Next()
	if f.dirty = f.dirty || lost || len(deltas) > 0; !f.dirty {
		return nil
	}
	if err := replaceFile(f.path, f.m.AppendContent(nil)); err != nil {
		return fmt.Errorf("mergeable: %w", err)
	}
	f.dirty = false
	return nil
}

// Close writes what has not been written, and leaves the Store.
func (f *File) Close() error {
	f.stop()
	f.done.Wait()
	err := f.Save()
	f.feed.Close()
	return err
}

// replaceFile writes beside the file and renames, with the mode of the old file.
func replaceFile(path string, text []byte) error {
	var random [6]byte
	_, _ = rand.Read(random[:])
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	temp := fmt.Sprintf("%s.%x.tmp", path, random)
	w, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Sync(), w.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// FileName returns a name for a file that stands for any text, a path on a server for example, and for no other: letters,
// digits, - and _ stay, all else is %XX of its bytes. A name that would be too long ends in a hash.
func FileName(text string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	if b.Len() == 0 {
		return "%"
	}
	if b.Len() <= 200 {
		return b.String()
	}
	return b.String()[:130] + "%" + sum(text)
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}
