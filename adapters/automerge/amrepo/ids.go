package amrepo

import (
	"fmt"
	"io"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// DocumentID names a document: base58check of 16 bytes, as it stands in messages, file names and URLs.
type DocumentID string

// NewDocumentID makes a random id from 16 bytes of random, in the form of a version 4 UUID as the JavaScript library does.
func NewDocumentID(random io.Reader) (DocumentID, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("amrepo: new document id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return DocumentIDOf(b), nil
}

// DocumentIDOf returns the id of 16 bytes.
func DocumentIDOf(b [16]byte) DocumentID { return DocumentID(base58check(b[:])) }

// ParseDocumentID verifies the checksum.
func ParseDocumentID(s string) (DocumentID, error) {
	if _, err := decodeBase58check(s); err != nil {
		return "", fmt.Errorf("amrepo: document id %.60q: %w", s, err)
	}
	return DocumentID(s), nil
}

// URL is the address of a document, or of one of its states when there are heads.
type URL struct {
	Document DocumentID
	Heads    []amchange.Hash
}

const urlPrefix = "automerge:"

// String returns automerge:ID or automerge:ID#HEAD|HEAD.
func (u URL) String() string {
	s := urlPrefix + string(u.Document)
	for i, h := range u.Heads {
		s += string("#|"[min(i, 1)]) + encodeHead(h)
	}
	return s
}

// ParseURL reads a document's address.
func ParseURL(s string) (URL, error) {
	rest, ok := strings.CutPrefix(s, urlPrefix)
	if !ok {
		return URL{}, fmt.Errorf("amrepo: URL %.60q does not begin with %s", s, urlPrefix)
	}
	id, heads, hasHeads := strings.Cut(rest, "#")
	doc, err := ParseDocumentID(id)
	if err != nil {
		return URL{}, err
	}
	u := URL{Document: doc}
	if !hasHeads {
		return u, nil
	}
	for h := range strings.SplitSeq(heads, "|") {
		hash, err := decodeHead(h)
		if err != nil {
			return URL{}, fmt.Errorf("amrepo: URL %.60q: %w", s, err)
		}
		u.Heads = append(u.Heads, hash)
	}
	return u, nil
}

func encodeHead(h amchange.Hash) string { return base58check(h[:]) }

func decodeHead(s string) (amchange.Hash, error) {
	b, err := decodeBase58check(s)
	if err == nil && len(b) != len(amchange.Hash{}) {
		err = fmt.Errorf("%d bytes", len(b))
	}
	if err != nil {
		return amchange.Hash{}, fmt.Errorf("head %.60q: %w", s, err)
	}
	return amchange.Hash(b), nil
}
