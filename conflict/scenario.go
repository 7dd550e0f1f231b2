package conflict

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// Limits of a scenario.
const (
	MaxReplicas = 5      // Explore tries every order in which they can hear of each other
	MaxEdits    = 10_000 // in one scenario
)

// Scenario is what is played: a base that all replicas know, and edits that they make at the same time.
type Scenario struct {
	Replicas []uint64 // the ids: a Yjs client id, the beginning of an Automerge actor, the name of a TinyBase store
	Base     []Edit   // made by the first replica; Replica is ignored
	Edits    []Edit
}

// Edit is one write: it sets a cell or a value, or deletes what At names if Value is absent.
type Edit struct {
	Replica int // index in Replicas
	At      store.Path
	Value   store.Value
}

// String prints the edit as a line of a scenario, without the replica.
func (e Edit) String() string {
	if !e.Value.Exists() {
		return "delete " + e.At.String()
	}
	return e.At.String() + " = " + e.Value.String()
}

// apply makes the edit in a transaction.
func (e Edit) apply(tx *store.Tx) error {
	table, row, cell := e.At.IDs()
	switch {
	case !e.Value.Exists():
		return tx.ReplaceIn(e.At, nil)
	case e.At.Level() == store.AtValue:
		return tx.SetValue(cell, e.Value)
	}
	return tx.SetCell(table, row, cell, e.Value)
}

// String prints the scenario in the form that Parse reads.
func (s *Scenario) String() string {
	var b strings.Builder
	b.WriteString("replicas")
	for _, id := range s.Replicas {
		fmt.Fprintf(&b, " %d", id)
	}
	b.WriteByte('\n')
	for _, e := range s.Base {
		fmt.Fprintf(&b, "base %v\n", e)
	}
	for _, e := range s.Edits {
		fmt.Fprintf(&b, "%d %v\n", s.Replicas[e.Replica], e)
	}
	return b.String()
}

// Parse reads a scenario. Lines are "replicas ID ID...", "base EDIT" and "ID EDIT", where EDIT is "PLACE = JSON" or "delete
// PLACE", and PLACE is table/row/cell or :value (to delete, also table/row or table). An id that is not plain letters, digits,
// "-", "_" and "." is a quoted string. Empty lines and what follows # at the beginning of a line are ignored. Errors name
// the line.
func Parse(r io.Reader) (*Scenario, error) {
	s := &Scenario{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := s.line(line); err != nil {
			return nil, fmt.Errorf("conflict: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("conflict: %w", err)
	}
	if len(s.Replicas) == 0 {
		return nil, fmt.Errorf("conflict: there is no line with the replicas, such as: replicas 1 2")
	}
	return s, nil
}

func (s *Scenario) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case word == "replicas":
		if s.Replicas != nil {
			return fmt.Errorf("the replicas are named twice")
		}
		return s.replicas(strings.Fields(rest))
	case len(s.Replicas) == 0:
		return fmt.Errorf("the first line has to name the replicas, such as: replicas 1 2")
	case len(s.Base)+len(s.Edits) == MaxEdits:
		return fmt.Errorf("there are more than %d edits", MaxEdits)
	}
	e, err := parseEdit(rest)
	if err != nil {
		return err
	}
	if word == "base" {
		s.Base = append(s.Base, e)
		return nil
	}
	id, err := strconv.ParseUint(word, 10, 64)
	for i, known := range s.Replicas {
		if err == nil && known == id {
			e.Replica = i
			s.Edits = append(s.Edits, e)
			return nil
		}
	}
	return fmt.Errorf("%q is neither base nor one of the replicas", word)
}

func (s *Scenario) replicas(ids []string) error {
	if len(ids) == 0 || len(ids) > MaxReplicas {
		return fmt.Errorf("%d replicas; choose 1 to %d", len(ids), MaxReplicas)
	}
	for _, f := range ids {
		id, err := strconv.ParseUint(f, 10, 32)
		if err != nil || id == 0 {
			return fmt.Errorf("replica %q: an id is a number from 1 to 4294967295", f)
		}
		for _, known := range s.Replicas {
			if known == id {
				return fmt.Errorf("replica %d is named twice", id)
			}
		}
		s.Replicas = append(s.Replicas, id)
	}
	return nil
}

func parseEdit(text string) (e Edit, err error) {
	if rest, ok := strings.CutPrefix(text, "delete "); ok {
		e.At, rest, err = parsePlace(strings.TrimSpace(rest))
		if err == nil && rest != "" {
			err = fmt.Errorf("unexpected %q", rest)
		}
		return e, err
	}
	at, rest, err := parsePlace(text)
	if err != nil {
		return e, err
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(rest), "=")
	if !ok {
		return e, fmt.Errorf("%q: expected PLACE = JSON or delete PLACE", text)
	}
	if at.Level() != store.AtCell && at.Level() != store.AtValue {
		return e, fmt.Errorf("%v is no cell or value: write TABLE/ROW/CELL or :VALUE", at)
	}
	v, err := store.ParseJSON(strings.TrimSpace(rest))
	if err != nil {
		return e, fmt.Errorf("%v: %w", at, err)
	}
	return Edit{At: at, Value: v}, nil
}

// parsePlace reads a place from the beginning of text and returns the rest.
func parsePlace(text string) (at store.Path, rest string, err error) {
	if after, ok := strings.CutPrefix(text, ":"); ok {
		id, rest, err := parseID(after)
		return store.ValueOf(id), rest, err
	}
	var ids []string
	for rest = text; ; rest = rest[1:] {
		var id string
		if id, rest, err = parseID(rest); err != nil {
			return at, rest, err
		}
		ids = append(ids, id)
		if rest == "" || rest[0] != '/' || len(ids) == 3 {
			break
		}
	}
	at = store.Table(ids[0])
	if len(ids) > 1 {
		at = at.Row(ids[1])
	}
	if len(ids) > 2 {
		at = at.Cell(ids[2])
	}
	return at, rest, nil
}

// parseID reads a plain or quoted id.
func parseID(text string) (id, rest string, err error) {
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		id, err = strconv.Unquote(quoted)
		return id, text[len(quoted):], err
	}
	n := strings.IndexFunc(text, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if n < 0 {
		n = len(text)
	}
	if n == 0 {
		return "", text, fmt.Errorf("%q: expected an id, plain or in quotes", text)
	}
	return text[:n], text[n:], nil
}
