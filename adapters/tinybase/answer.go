package tinybase

import (
	"strconv"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store/mergeable"
)

// answer returns the head of the response to a question.
func (m Message) answer() Message { return Message{ID: m.ID, NoID: m.NoID, Kind: Response} }

func appendContentHashes(h [2]uint32) func([]byte) []byte {
	return func(dst []byte) []byte {
		dst = strconv.AppendUint(append(dst, '['), uint64(h[0]), 10)
		dst = strconv.AppendUint(append(dst, ','), uint64(h[1]), 10)
		return append(dst, ']')
	}
}

// readContentHashes reads a body that has been checked.
func readContentHashes(body []byte) (h [2]uint32) {
	r := jsjson.NewReader(body, nil)
	r.BeginArray()
	for i := range h {
		r.NextElement()
		h[i] = uint32(int64(r.Number()))
	}
	return h
}

// answer answers a question for differences.
func (e *engine) answer(from string, m Message) {
	r := jsjson.NewReader(m.Body, nil)
	switch m.Kind {
	case GetTableDiff:
		lacks, differ := e.m.TableDiff(mergeable.ReadHashes(r))
		e.differences(from, m, lacks, differ.AppendJSON)
	case GetRowDiff:
		lacks, differ := e.m.RowDiff(mergeable.ReadRowHashes(r))
		e.differences(from, m, lacks, differ.AppendJSON)
	case GetCellDiff:
		e.differences(from, m, e.m.CellDiff(mergeable.ReadCellHashes(r)), nil)
	case GetValueDiff:
		diff := e.m.ValueDiff(mergeable.ReadHashes(r))
		values := diff.AppendValues(nil)
		if len(values) > e.MaxAnswer {
			e.owe(from, m, owing{values: diff.Parts(e.Piece)})
			values = []byte("[{}]")
		}
		e.send(from, m.answer(), func(dst []byte) []byte { return append(dst, values...) })
	}
}

// differences answers with what the peer lacks, and with hashes, when differ is not nil. What does not fit is owed.
func (e *engine) differences(to string, m Message, lacks mergeable.Missing, differ func([]byte) []byte) {
	var hashes []byte
	if differ != nil {
		hashes = differ(nil)
	}
	tables, ok := lacks.AppendWithin(nil, max(e.MaxAnswer-len(hashes), 0))
	if !ok {
		e.owe(to, m, owing{what: lacks})
		tables = []byte("[{}]")
	}
	e.send(to, m.answer(), func(dst []byte) []byte {
		if differ == nil {
			return append(dst, tables...)
		}
		dst = append(append(append(dst, '['), tables...), ',')
		return append(append(dst, hashes...), ']')
	})
}
