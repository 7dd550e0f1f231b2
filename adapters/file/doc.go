// Package file keeps the content of a Store in one file, in the form of TinyBase's file persister: the JSON text
// [tables, values].
//
// A [Target] goes into a queued Persister:
//
//	t, err := file.Open("pets.json", nil)
//	p := persist.Queued(s, t, nil)
//
// # What a crash can do
//
// A new version is written to a temporary file beside the old one, synced to the disk, and renamed over the old one; then
// the directory is synced. So at every moment the file is either the old version or the new one, whole. A temporary file that
// a crash has left is removed by a later Open.
//
// # What others can do
//
// A file that does not hold a content is an error, and is never overwritten. What another program has changed in the file
// since it was read is kept by a write, except for the places that the write is about. Watching uses the notifications of the
// operating system, and looks from time to time as well, because not every file system sends them.
//
// Two programs that write at the same moment are told apart by the file's time, size and number just before the rename. In
// the moment between the two the later one wins: a file is not a database.
package file
