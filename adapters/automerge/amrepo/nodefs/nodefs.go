// Package nodefs keeps Automerge documents in a folder, in the layout of automerge-repo's file system storage, so that Go
// opens a folder that JavaScript has written and the other way round.
//
// A key is a list of strings. The first one is split after two characters, and all parts become a path:
//
//	DOCUMENT "snapshot" HASH      DO/CUMENT/snapshot/HASH       a whole document; the hash is that of its heads
//	DOCUMENT "incremental" HASH   DO/CUMENT/incremental/HASH    changes; the hash is that of the file
//	DOCUMENT "sync-state" PEER    DO/CUMENT/sync-state/PEER     how far a peer has come
//	"storage-adapter-id"          st/orage-adapter-id           the id of the folder, a UUID
//
// Unlike the original, which writes files in place, this package writes a file beside the documents, makes it durable and
// then moves it to its name, so that a crash leaves no half a file. One process may use a folder at a time.
//
// Source: automerge-repo 2.5.6 and automerge-repo-storage-nodefs 2.5.6.
package nodefs

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

const (
	snapshot    = "snapshot"
	incremental = "incremental"
	syncState   = "sync-state"
	storageKey  = "storage-adapter-id"
	temporary   = ".rowloom-tmp" // not a name that a document can have
)

// Doc is what a folder needs of a document to save it.
type Doc interface {
	Heads() []amchange.Hash
	// Save returns the whole document, SaveSince the changes that are not in the history of the heads.
	Save() ([]byte, error)
	SaveSince(heads ...amchange.Hash) ([]byte, error)
}

// Folder is a folder with documents. It is safe for concurrent use.
type Folder struct {
	dir string

	mu    sync.Mutex
	saved map[amrepo.DocumentID]*saved
}

// saved is what a folder has of one document.
type saved struct {
	heads  []amchange.Hash // what Save has written last; nil is unknown
	chunks []chunk
}

type chunk struct {
	kind, name string
	size       int
}

var _ amrepo.SyncStates = (*Folder)(nil)

// Open opens a folder, and makes it when it is missing.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("nodefs: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, temporary)); err != nil { // what a crash has left
		return nil, fmt.Errorf("nodefs: %w", err)
	}
	return &Folder{dir: dir, saved: map[amrepo.DocumentID]*saved{}}, nil
}

// path returns the file or folder of a key.
func (f *Folder) path(key ...string) string {
	first := key[0]
	return filepath.Join(append([]string{f.dir, first[:min(2, len(first))], first[min(2, len(first)):]}, key[1:]...)...)
}

// StorageID returns the id of the folder, and makes one when there is none. random is crypto/rand when it is nil.
func (f *Folder) StorageID(random io.Reader) (amrepo.StorageID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := os.ReadFile(f.path(storageKey))
	if err == nil {
		return amrepo.StorageID(b), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("nodefs: storage id: %w", err)
	}
	if random == nil {
		random = rand.Reader
	}
	var u [16]byte
	if _, err := io.ReadFull(random, u[:]); err != nil {
		return "", fmt.Errorf("nodefs: storage id: %w", err)
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	id := fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
	return amrepo.StorageID(id), f.write([]byte(id), storageKey)
}

// Documents returns the ids of all documents in the folder, sorted.
func (f *Folder) Documents() ([]amrepo.DocumentID, error) {
	var out []amrepo.DocumentID
	tops, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("nodefs: %w", err)
	}
	for _, top := range tops {
		if !top.IsDir() || top.Name() == temporary {
			continue
		}
		rests, err := os.ReadDir(filepath.Join(f.dir, top.Name()))
		if err != nil {
			return nil, fmt.Errorf("nodefs: %w", err)
		}
		for _, rest := range rests {
			if id, err := amrepo.ParseDocumentID(top.Name() + rest.Name()); err == nil && rest.IsDir() {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Load returns all chunks of a document, snapshots first, or nil when there is no such document.
func (f *Folder) Load(id amrepo.DocumentID) ([]byte, error) {
	if _, err := amrepo.ParseDocumentID(string(id)); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &saved{}
	var out []byte
	for _, kind := range []string{snapshot, incremental} {
		files, err := os.ReadDir(f.path(string(id), kind))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("nodefs: %w", err)
		}
		for _, file := range files {
			name := f.path(string(id), kind, file.Name())
			b, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("nodefs: %w", err)
			}
			for _, err := range amchange.Chunks(b, &amchange.Limits{Chunk: len(b)}) {
				if err != nil {
					return nil, fmt.Errorf("nodefs: %s: %w", name, err)
				}
			}
			s.chunks = append(s.chunks, chunk{kind, file.Name(), len(b)})
			out = append(out, b...)
		}
	}
	f.saved[id] = s
	return out, nil
}

// Loaded tells the folder that a document has, with these heads, exactly what Load has returned, so that the next Save writes
// only what is new.
func (f *Folder) Loaded(id amrepo.DocumentID, heads []amchange.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.saved[id]; s != nil {
		s.heads = heads
	}
}

// Save writes what is new in a document. When the changes that were written one by one have become more than the last
// snapshot, or that is small, it writes a new snapshot and removes what that contains.
func (f *Folder) Save(id amrepo.DocumentID, doc Doc) error {
	if _, err := amrepo.ParseDocumentID(string(id)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.saved[id]
	if s == nil {
		s = &saved{}
		f.saved[id] = s
	}
	heads := doc.Heads()
	if len(heads) == 0 || slices.Equal(heads, s.heads) {
		return nil
	}
	if len(s.heads) == 0 || s.wantsSnapshot() {
		return f.saveAll(id, doc, s)
	}
	b, err := doc.SaveSince(s.heads...)
	if err != nil || len(b) == 0 {
		return err
	}
	c := chunk{incremental, hashOf(b), len(b)}
	if err := f.write(b, string(id), c.kind, c.name); err != nil {
		return err
	}
	s.chunks = append(s.chunks, c)
	s.heads = heads // the document may have more by now, which the next Save writes, or writes again
	return nil
}

// wantsSnapshot is the rule of the original.
func (s *saved) wantsSnapshot() bool {
	sizes := map[string]int{}
	for _, c := range s.chunks {
		sizes[c.kind] += c.size
	}
	return sizes[snapshot] < 1024 || sizes[incremental] >= sizes[snapshot]
}

func (f *Folder) saveAll(id amrepo.DocumentID, doc Doc, s *saved) error {
	heads := doc.Heads()
	b, err := doc.Save()
	if err != nil {
		return err
	}
	var names strings.Builder
	for _, h := range heads {
		names.WriteString(h.String())
	}
	c := chunk{snapshot, hashOf([]byte(names.String())), len(b)}
	if err := f.write(b, string(id), c.kind, c.name); err != nil {
		return err
	}
	for _, old := range s.chunks {
		if old.kind == c.kind && old.name == c.name {
			continue
		}
		if err := os.Remove(f.path(string(id), old.kind, old.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("nodefs: %w", err)
		}
	}
	s.chunks, s.heads = []chunk{c}, heads
	return nil
}

// Remove deletes a document.
func (f *Folder) Remove(id amrepo.DocumentID) error {
	if _, err := amrepo.ParseDocumentID(string(id)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.saved, id)
	if err := os.RemoveAll(f.path(string(id))); err != nil {
		return fmt.Errorf("nodefs: %w", err)
	}
	return nil
}

// LoadSyncState implements [amrepo.SyncStates].
func (f *Folder) LoadSyncState(id amrepo.DocumentID, peer amrepo.StorageID) ([]byte, error) {
	if err := checkPeer(id, peer); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(f.path(string(id), syncState, string(peer)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("nodefs: %w", err)
	}
	return b, nil
}

// SaveSyncState implements [amrepo.SyncStates].
func (f *Folder) SaveSyncState(id amrepo.DocumentID, peer amrepo.StorageID, state []byte) error {
	if err := checkPeer(id, peer); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(state, string(id), syncState, string(peer))
}

// checkPeer refuses names that are no file names: peers choose them.
func checkPeer(id amrepo.DocumentID, peer amrepo.StorageID) error {
	if _, err := amrepo.ParseDocumentID(string(id)); err != nil {
		return err
	}
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	if peer == "" || len(peer) > 100 || strings.ContainsFunc(string(peer), func(r rune) bool { return !plain(r) }) {
		return fmt.Errorf("nodefs: storage id %.60q cannot be a file name", peer)
	}
	return nil
}

// write makes a file appear, whole and durable. f.mu is held.
func (f *Folder) write(b []byte, key ...string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("nodefs: %w", err)
		}
	}()
	path, tmp := f.path(key...), filepath.Join(f.dir, temporary)
	for _, dir := range []string{filepath.Dir(path), tmp} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	file, err := os.CreateTemp(tmp, "write-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(b)
	if err == nil {
		err = file.Chmod(0o666 &^ 0o022)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
