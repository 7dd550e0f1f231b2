package amchange

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Dump writes what the bytes hold, for people to read: one line per chunk and change, one per operation, and what is wrong
// where something is. It reads chunks, one behind the other, or one sync message. It stops at an error and returns it.
func Dump(w io.Writer, b []byte, lim *Limits) error {
	out := bufio.NewWriter(w)
	err := dump(out, b, lim)
	if err != nil {
		fmt.Fprintln(out, "error:", err)
	}
	return errors.Join(err, out.Flush())
}

func dump(out *bufio.Writer, b []byte, lim *Limits) error {
	if len(b) > 0 && (b[0] == syncV1 || b[0] == syncState) {
		return dumpSync(out, b, lim)
	}
	for c, err := range Chunks(b, lim) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "chunk %s, %d bytes, checksum %x\n", c.Type, len(c.Data), c.Checksum)
		if c.Type == DocumentChunk {
			fmt.Fprintln(out, "  (only an engine can take a document chunk apart)")
			continue
		}
		ch, err := Parse(c, lim)
		if err != nil {
			return err
		}
		DumpChange(out, ch)
	}
	return nil
}

func dumpSync(out *bufio.Writer, b []byte, lim *Limits) error {
	if b[0] == syncState {
		if hashes, err := CheckSyncState(b); err == nil {
			fmt.Fprintln(out, "sync state: both have", list(hashes))
			return nil
		}
	}
	m, err := ParseSyncMessage(b, lim)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, m)
	fmt.Fprintln(out, "  heads", list(m.Heads))
	fmt.Fprintln(out, "  needs", list(m.Need))
	for _, c := range m.Changes {
		DumpChange(out, c)
	}
	return nil
}

// DumpChange writes one change and its operations, each on a line.
func DumpChange(w io.Writer, c *Change) {
	fmt.Fprintln(w, "change", c)
	fmt.Fprintln(w, "  after", list(c.Deps))
	for op := range c.Ops() {
		fmt.Fprintln(w, "  ", op)
	}
}

// list is how hashes stand in a dump.
func list(hashes []Hash) string {
	if len(hashes) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for i, h := range hashes {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(short(h))
	}
	return b.String()
}
