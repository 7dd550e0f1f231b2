package automerge

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Dump writes what a document, changes or a sync message hold, for people to read: every chunk, every change with its
// operations, and the places with more than one value. Changes that stand alone are shown also without an engine; a document
// chunk needs one, and must come from own storage. What is wrong is written too, and returned.
func Dump(w io.Writer, data []byte, lim *amchange.Limits) error {
	whole := false
	for c, err := range amchange.Chunks(data, lim) {
		whole = whole || err == nil && c.Type == amchange.DocumentChunk
	}
	if !whole {
		return amchange.Dump(w, data, lim)
	}
	out := bufio.NewWriter(w)
	err := dump(out, data, lim)
	if err != nil {
		fmt.Fprintln(out, "error:", err)
	}
	return errors.Join(err, out.Flush())
}

func dump(out io.Writer, data []byte, lim *amchange.Limits) error {
	for c, err := range amchange.Chunks(data, lim) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "chunk %s, %d bytes, checksum %x\n", c.Type, len(c.Data), c.Checksum)
	}
	d, err := Load(data, &DocOptions{Limits: lim})
	if err != nil {
		return err
	}
	changes, err := d.SaveSince()
	if err != nil {
		return err
	}
	parsed, err := amchange.ParseAll(changes, trusted(lim))
	if err != nil {
		return err
	}
	for _, c := range parsed {
		amchange.DumpChange(out, c)
	}
	fmt.Fprintln(out, d)
	for _, h := range d.Heads() {
		fmt.Fprintln(out, "head", h)
	}
	for _, c := range d.Conflicts() {
		fmt.Fprintln(out, "conflict", c)
	}
	if n := d.Waiting(); n > 0 {
		fmt.Fprintf(out, "%d changes wait for others that are not here\n", n)
	}
	return nil
}
