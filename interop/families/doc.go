// Package families holds the tests of rowloom's main promise: JavaScript clients of all families, unmodified, edit one live
// table on one server at the same time. There are bare Yjs documents, TinyBase Stores on Yjs documents, TinyBase's
// MergeableStores, Automerge documents, TinyBase Stores on Automerge documents, and the HTTP addresses.
package families
