package amrepo

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// PeerID names one end of a connection for as long as its process lives. It is any string.
type PeerID string

// StorageID names a place where documents are kept, for as long as that exists.
type StorageID string

// The types of messages.
const (
	typeJoin          = "join"
	typePeer          = "peer"
	typeError         = "error"
	typeLeave         = "leave"
	typeRequest       = "request"
	typeSync          = "sync"
	typeUnavailable   = "doc-unavailable"
	typeEphemeral     = "ephemeral"
	typeSubscriptions = "remote-subscription-change"
	typeHeads         = "remote-heads-changed"
)

// message is any message: a CBOR map with the fields that its type has.
type message struct {
	Type     string `cbor:"type"`
	SenderID PeerID `cbor:"senderId"`
	TargetID PeerID `cbor:"targetId,omitempty"`

	// join, peer, error
	Metadata *metadata `cbor:"peerMetadata,omitempty"`
	Versions []string  `cbor:"supportedProtocolVersions,omitempty"`
	Version  string    `cbor:"selectedProtocolVersion,omitempty"`
	Message  string    `cbor:"message,omitempty"`

	// sync, request, doc-unavailable, ephemeral, remote-heads-changed
	DocumentID DocumentID `cbor:"documentId,omitempty"`
	Data       []byte     `cbor:"data,omitempty"`

	// ephemeral
	Count     uint64 `cbor:"count,omitempty"`
	SessionID string `cbor:"sessionId,omitempty"`

	// remote-subscription-change
	Add    []StorageID `cbor:"add,omitempty"`
	Remove []StorageID `cbor:"remove,omitempty"`

	// remote-heads-changed
	NewHeads map[StorageID]remoteHeads `cbor:"newHeads,omitempty"`
}

type metadata struct {
	StorageID StorageID `cbor:"storageId,omitempty"`
	Ephemeral bool      `cbor:"isEphemeral"`
}

type remoteHeads struct {
	Heads     []string `cbor:"heads"`
	Timestamp float64  `cbor:"timestamp"` // milliseconds since 1970
}

// Bounds on what is in a message, apart from its data.
const (
	maxIDLength = 1 << 10
	maxListed   = 1 << 12
)

var decMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		MaxNestedLevels:  8,
		MaxArrayElements: maxListed,
		MaxMapPairs:      maxListed,
		IndefLength:      cbor.IndefLengthAllowed,
	}.DecMode()
	if err != nil {
		panic(err) // the options above are constant
	}
	return mode
}()

func decode(b []byte) (*message, error) {
	m := &message{}
	if err := decMode.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("message of %d bytes: %w", len(b), err)
	}
	if m.Type == "" {
		return nil, errors.New("message without a type")
	}
	long := len(m.Type) + len(m.SenderID) + len(m.TargetID) + len(m.DocumentID) + len(m.SessionID)
	if m.Metadata != nil {
		long += len(m.Metadata.StorageID)
	}
	if long > maxIDLength {
		return nil, fmt.Errorf("message with names of %d bytes", long)
	}
	switch m.Type {
	case typeSync, typeRequest, typeUnavailable, typeEphemeral, typeHeads:
		if _, err := ParseDocumentID(string(m.DocumentID)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Type, err)
		}
	}
	switch m.Type {
	case typeSync, typeRequest, typeEphemeral:
		if len(m.Data) == 0 {
			return nil, fmt.Errorf("%s without data", m.Type)
		}
	}
	return m, nil
}

func (m *message) encode() []byte {
	b, err := cbor.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and bytes can be encoded
	}
	return b
}
