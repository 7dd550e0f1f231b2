package serve

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Document is TinyBase's layout in a document.
type Document struct {
	T Tables `json:"t"`
	V Values `json:"v"`
}

// Content is what a Store holds of a document: containers without cells read as absent.
func (d Document) Content() Content {
	out := Content{Tables: Tables{}, Values: Values{}}
	for table, rows := range d.T {
		for row, cells := range rows {
			for cell, value := range cells {
				if out.Tables[table] == nil {
					out.Tables[table] = map[string]map[string]any{}
				}
				if out.Tables[table][row] == nil {
					out.Tables[table][row] = map[string]any{}
				}
				out.Tables[table][row][cell] = native(value)
			}
		}
	}
	for id, value := range d.V {
		out.Values[id] = native(value)
	}
	return out
}

// native decodes an object or array from the text that TinyBase keeps it as, in documents.
func native(value any) any {
	if s, ok := value.(string); ok {
		if text, ok := strings.CutPrefix(s, "\ufffd"); ok {
			var v any
			if json.Unmarshal([]byte(text), &v) == nil {
				return v
			}
		}
	}
	return value
}

// Show writes a value as JSON.
func Show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Settle waits until everybody sees what a room holds, and returns that. differ says who does not.
func (s *Server) Settle(t testing.TB, room string, differ func(Content) string) Content {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for calm := 0; ; time.Sleep(20 * time.Millisecond) {
		var wrong string
		r, err := s.TryRoom(room)
		if err != nil {
			wrong = err.Error()
		} else {
			wrong = differ(r.Content)
		}
		if wrong == "" {
			if calm++; calm == 3 { // and it stays so
				return r.Content
			}
		} else if calm = 0; time.Now().After(deadline) {
			t.Fatalf("not in step within %v: %s\nthe server's log ends with:\n%s", Patience, wrong, s.Log())
		}
	}
}
