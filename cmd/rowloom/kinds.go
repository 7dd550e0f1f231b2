package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/store"
)

// look is what a file seems to be.
type look struct {
	kind   string // json, tinybase, yjs, yjs2, automerge, scenario, or nothing that a command reads
	what   string
	advice string
}

// lookAt guesses what a file is. It is asked only when a command could not read it.
func lookAt(b []byte) (l look) {
	text := bytes.TrimLeft(b, " \t\r\n")
	reads := func(v update.Version) bool { return update.WriteDump(io.Discard, v, b, nil) == nil }
	holds := func(f store.Form) bool { _, err := store.ParseContent(b, f); return err == nil }
	switch {
	case bytes.HasPrefix(b, []byte{0x85, 0x6f, 0x4a, 0x83}):
		return look{"automerge", "an Automerge document", "see it with rowloom automerge dump, convert it with --from=automerge"}
	case bytes.HasPrefix(b, []byte("SQLite format 3\x00")):
		return look{"", "an SQLite database", "rowloom serve --data=FOLDER serves the one it has made"}
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return look{"", "a compressed file", "unpack it first"}
	case bytes.HasPrefix(text, []byte("replicas ")):
		return look{"scenario", "a scenario", "play it with rowloom lab"}
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")), bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return look{"", "text with a byte order mark", "save it as UTF-8 without one"}
	case reads(update.V1):
		return look{"yjs", "a Yjs update of format V1", "see it with rowloom yjs dump, convert it with --from=yjs, make V2 of it with rowloom yjs convert --to=2"}
	case reads(update.V2):
		return look{"yjs2", "a Yjs update of format V2", "rowloom yjs convert --to=1 makes V1 of it"}
	case bytes.HasPrefix(text, []byte("[[")):
		return look{"", "TinyBase's file of a MergeableStore, with stamps", "save its tables and values alone, as JSON.stringify(store.getContent()), for --from=tinybase"}
	case bytes.HasPrefix(text, []byte(`{"room":`)):
		return look{"", "a room as the server answers", "keep its tables and values alone, as jq '{tables, values}' does, for --from=json"}
	case !bytes.HasPrefix(text, []byte("{")) && !bytes.HasPrefix(text, []byte("[")):
		return look{}
	case holds(store.NativeForm):
		return look{"json", "JSON with tables and values", "convert it with --from=json"}
	case text[0] == '[' && holds(store.TinyBaseForm): // in braces almost everything is
		return look{"tinybase", "TinyBase's file of a Store", "convert it with --from=tinybase"}
	}
	return look{"", "JSON", "tables and values as JSON can be converted with --from=json"}
}

// misread adds to an error of reading a file what the file seems to be, if that is not what was wanted.
func misread(b []byte, wanted string, err error) error {
	l := lookAt(b)
	json := wanted == "json" || wanted == "tinybase"
	if l.what == "" || l.kind == wanted || json && l.what == "JSON" {
		return err
	}
	return fmt.Errorf("%w; it looks like %s: %s", err, l.what, l.advice)
}
