package nodefs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo/nodefs"
)

// doc is a document that saves its changes one by one in either case.
type doc struct {
	ix      *amchange.Index
	changes []*amchange.Change
}

func newDoc() *doc { return &doc{ix: amchange.NewIndex(nil)} }

func (d *doc) set(t *testing.T, key string, size int) {
	t.Helper()
	c, err := amchange.Draft{Actor: "\x01", Seq: d.ix.Seq("\x01") + 1, StartOp: d.ix.MaxOp() + 1, Deps: d.ix.Heads(), Ops: []amchange.Op{
		{Key: key, Action: amchange.Set, Value: amchange.BytesValue(make([]byte, size))}}}.Encode()
	require.NoError(t, err)
	_, err = d.ix.Add(c)
	require.NoError(t, err)
	d.changes = append(d.changes, c)
}

func (d *doc) Heads() []amchange.Hash { return d.ix.Heads() }

func (d *doc) Save() ([]byte, error) { return d.SaveSince() }

func (d *doc) SaveSince(heads ...amchange.Hash) ([]byte, error) {
	var out []byte
	found := len(heads) == 0
	for _, c := range d.changes {
		if found {
			out = append(out, c.Bytes()...)
		}
		found = found || c.Hash == heads[0]
	}
	return out, nil
}

const id = amrepo.DocumentID("zEf86vFxqoCUec8s7yAhLC51UPa")

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel)
		}
		return err
	}))
	return out
}

func TestFolder_SavesAndLoadsByTheRuleOfTheOriginal(t *testing.T) {
	dir := t.TempDir()
	f, err := nodefs.Open(dir)
	require.NoError(t, err)
	d := newDoc()
	require.NoError(t, f.Save(id, d))
	require.Empty(t, files(t, dir), "nothing is not saved")
	d.set(t, "a", 10)
	require.NoError(t, f.Save(id, d))
	d.set(t, "b", 2000)
	require.NoError(t, f.Save(id, d))
	require.Len(t, files(t, dir), 1, "a small snapshot is written anew")
	snapshot := files(t, dir)[0]
	require.Regexp(t, "^zE/f86vFxqoCUec8s7yAhLC51UPa/snapshot/[0-9a-f]{64}$", snapshot)
	for i := range 3 {
		d.set(t, fmt.Sprint("c", i), 600)
		require.NoError(t, f.Save(id, d))
		require.NoError(t, f.Save(id, d), "nothing new")
		require.Len(t, files(t, dir), i+2)
		require.Contains(t, files(t, dir), snapshot)
	}
	d.set(t, "d", 600)
	require.NoError(t, f.Save(id, d))
	d.set(t, "e", 600)
	require.NoError(t, f.Save(id, d))
	require.Len(t, files(t, dir), 1, "more changes than snapshot are gathered in a new one")

	want, err := d.Save()
	require.NoError(t, err)
	again, err := nodefs.Open(dir)
	require.NoError(t, err)
	got, err := again.Load(id)
	require.NoError(t, err)
	require.Equal(t, want, got)
	again.Loaded(id, d.Heads())
	require.NoError(t, again.Save(id, d))
	d.set(t, "f", 1)
	require.NoError(t, again.Save(id, d))
	require.Len(t, files(t, dir), 2)
	got, err = again.Load(id)
	require.NoError(t, err)
	want, _ = d.Save()
	require.Equal(t, want, got)

	ids, err := again.Documents()
	require.NoError(t, err)
	require.Equal(t, []amrepo.DocumentID{id}, ids)
	require.NoError(t, again.Remove(id))
	require.Empty(t, files(t, dir))
	got, err = again.Load(id)
	require.NoError(t, err)
	require.Nil(t, got)
}

func TestFolder_HasAnID(t *testing.T) {
	dir := t.TempDir()
	f, err := nodefs.Open(dir)
	require.NoError(t, err)
	a, err := f.StorageID(bytes.NewReader(make([]byte, 16)))
	require.NoError(t, err)
	require.Equal(t, amrepo.StorageID("00000000-0000-4000-8000-000000000000"), a)
	require.Equal(t, []string{"st/orage-adapter-id"}, files(t, dir))
	b, err := f.StorageID(nil)
	require.NoError(t, err)
	require.Equal(t, a, b)
	ids, err := f.Documents()
	require.NoError(t, err)
	require.Empty(t, ids)
}

func TestFolder_KeepsSyncStatesAndRefusesNamesThatLeadElsewhere(t *testing.T) {
	dir := t.TempDir()
	f, err := nodefs.Open(dir)
	require.NoError(t, err)
	b, err := f.LoadSyncState(id, "peer")
	require.NoError(t, err)
	require.Nil(t, b)
	require.NoError(t, f.SaveSyncState(id, "peer", []byte{0x43, 0}))
	b, err = f.LoadSyncState(id, "peer")
	require.NoError(t, err)
	require.Equal(t, []byte{0x43, 0}, b)
	for _, peer := range []amrepo.StorageID{"", "..", "../x", "a/b", "a\x00", "é"} {
		require.Error(t, f.SaveSyncState(id, peer, []byte{0x43, 0}), peer)
	}
	for _, bad := range []amrepo.DocumentID{"", "..", "../../etc/passwd"} {
		require.Error(t, f.SaveSyncState(bad, "peer", nil))
		_, err := f.Load(bad)
		require.Error(t, err)
		require.Error(t, f.Save(bad, newDoc()))
		require.Error(t, f.Remove(bad))
	}
	require.Len(t, files(t, dir), 1)
}

func TestFolder_NamesTheBrokenFile(t *testing.T) {
	dir := t.TempDir()
	f, err := nodefs.Open(dir)
	require.NoError(t, err)
	d := newDoc()
	d.set(t, "a", 10)
	require.NoError(t, f.Save(id, d))
	name := filepath.Join(dir, files(t, dir)[0])
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, b[:len(b)-3], 0o666))
	_, err = f.Load(id)
	require.ErrorContains(t, err, name)
}
