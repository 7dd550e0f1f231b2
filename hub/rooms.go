package hub

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

// rooms answers with the list of rooms.
func (a *answer) rooms() error {
	if err := a.need(""); err != nil {
		return err
	}
	if a.hub.closed() {
		return ErrClosed
	}
	query := a.r.URL.Query()
	limit := 0
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return &problem{status: http.StatusBadRequest, detail: "limit is not a number from 1"}
		}
		limit = n
	}
	names, err := a.hub.Rooms(a.r.Context(), query.Get("after"), limit)
	if err != nil {
		return err
	}
	b := append([]byte(nil), `{"rooms":[`...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsjson.AppendString(append(b, `{"room":`...), name), '}')
	}
	b = append(b, ']')
	if limit > 0 && len(names) == limit { // there may be more
		b = jsjson.AppendString(append(b, `,"next":`...), names[len(names)-1])
	}
	return a.send(http.StatusOK, jsonType, append(b, "}\n"...))
}

const jsonType = "application/json"

// room answers with what a room holds, or changes it.
func (a *answer) room(r *Room) error {
	if a.r.Method == http.MethodPatch {
		return a.patch(r)
	}
	snap := r.store.Snapshot()
	return a.sendOf(r, snap, func(b []byte) []byte {
		b = jsjson.AppendString(append(b, `{"room":`...), r.name)
		for _, f := range a.hub.opts.Families {
			if f, ok := f.(Addressed); ok {
				field, address := f.Address(r.name)
				b = append(jsjson.AppendString(append(b, ','), field), ':')
				b = jsjson.AppendString(b, address)
			}
		}
		b = appendTables(append(b, `,"tables":`...), snap)
		b = appendValues(append(b, `,"values":`...), snap)
		return append(b, '}')
	})
}

func appendTables(b []byte, s store.Reader) []byte {
	return appendObject(b, func(member func(string)) {
		for table := range s.Tables() {
			member(table)
			b = appendRows(b, s, table)
		}
	}, &b)
}

func appendRows(b []byte, s store.Reader, table string) []byte {
	return appendObject(b, func(member func(string)) {
		for row := range s.Rows(table) {
			member(row)
			b = appendCells(b, s, table, row)
		}
	}, &b)
}

func appendCells(b []byte, s store.Reader, table, row string) []byte {
	return appendObject(b, func(member func(string)) {
		for cell, v := range s.Cells(table, row) {
			member(cell)
			b = v.AppendJSON(b)
		}
	}, &b)
}

func appendValues(b []byte, s store.Reader) []byte {
	return appendObject(b, func(member func(string)) {
		for id, v := range s.Values() {
			member(id)
			b = v.AppendJSON(b)
		}
	}, &b)
}

// appendObject writes an object whose members fn writes into *at, each after calling member with its key.
func appendObject(b []byte, fn func(member func(key string)), at *[]byte) []byte {
	*at = append(b, '{')
	first := true
	fn(func(key string) {
		if !first {
			*at = append(*at, ',')
		}
		first = false
		*at = append(jsjson.AppendString(*at, key), ':')
	})
	return append(*at, '}')
}

// httpOrigin signs what is changed by requests.
const httpOrigin = "http"

// change runs a transaction if the conditions of the request hold then, waits until it is durable, and answers. exists says whether there is something at the
// address.
func (a *answer) change(r *Room, exists func(store.Reader) bool, fn func(*store.Tx) error) error {
	var version uint64
	err := r.Update(httpOrigin, func(tx *store.Tx) error {
		version = tx.Before().Version()
		if err := a.condition(r.etag(version), exists(tx)); err != nil {
			return err
		}
		err := fn(tx)
		if tx.Writes() > 0 {
			version++
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := r.Sync(a.r.Context()); err != nil {
		if a.r.Context().Err() != nil {
			return err
		}
		return &problem{status: http.StatusServiceUnavailable, header: map[string]string{"Retry-After": "5"},
			detail: "the change could not be stored, and may be lost"}
	}
	a.w.Header().Set("ETag", r.etag(version))
	b := jsjson.AppendString(append([]byte(nil), `{"room":`...), r.name)
	b = strconv.AppendUint(append(b, `,"version":`...), version, 10)
	return a.send(http.StatusOK, jsonType, append(b, "}\n"...))
}

// body reads the body of a request.
func (a *answer) body() ([]byte, error) {
	if coding := a.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &problem{status: http.StatusUnsupportedMediaType, detail: "the Content-Encoding " + coding + " is not possible here: send the body as it is",
			header: map[string]string{"Accept-Encoding": "identity"}}
	}
	_ = http.NewResponseController(a.w).SetReadDeadline(time.Now().Add(a.hub.opts.Limits.BodyTimeout))
	defer func() { _ = http.NewResponseController(a.w).SetReadDeadline(time.Time{}) }()
	b, err := io.ReadAll(http.MaxBytesReader(a.w, a.r.Body, a.hub.opts.Limits.Body))
	if err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return nil, err
		}
		return nil, &problem{status: http.StatusBadRequest, detail: "the body could not be read to its end"}
	}
	return b, nil
}

// patch applies a JSON merge patch.
func (a *answer) patch(r *Room) error {
	kind, _, err := mime.ParseMediaType(a.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/merge-patch+json" && kind != jsonType {
		return &problem{status: http.StatusUnsupportedMediaType, detail: "the Content-Type has to be application/merge-patch+json (RFC 7396)",
			header: map[string]string{"Accept-Patch": "application/merge-patch+json"}}
	}
	body, err := a.body()
	if err != nil {
		return err
	}
	p, err := parsePatch(body)
	if err != nil {
		return err
	}
	return a.change(r, func(store.Reader) bool { return true }, p.apply)
}
