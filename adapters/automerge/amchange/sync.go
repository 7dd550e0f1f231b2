package amchange

import (
	"fmt"
	"strings"
)

// The first byte of sync messages and sync states.
const (
	syncV1    = 0x42
	syncState = 0x43
)

// SyncMessage is a message of Automerge's sync protocol, version 1.
type SyncMessage struct {
	Heads []Hash // what the sender has
	Need  []Hash // what it asks for
	Have  []Have
	// Changes are the change chunks in the message, parsed.
	Changes []*Change
	// Flags are the bytes behind the message: newer libraries say there what else they can do.
	Flags string
}

// Have sums up what a peer has got since the changes in LastSync: a Bloom filter over the hashes of all later ones.
type Have struct {
	LastSync []Hash
	Bloom    Bloom
}

// Bloom is a Bloom filter. The zero value is that of an empty set.
type Bloom struct {
	Entries, BitsPerEntry, Probes uint64
	Bits                          string
}

// maxProbes bounds the work for one look-up. Every library uses seven.
const maxProbes = 64

// ParseSyncMessage reads and checks a sync message and the changes in it.
//
// Version 2 is told apart by its first byte and refused as ErrUnsupported. Peers send it only to those who say, in the
// flags, that they understand it.
func ParseSyncMessage(b []byte, lim *Limits) (*SyncMessage, error) {
	m, err := parseSyncMessage(b, lim)
	return m, in(err, "amchange: sync message")
}

func parseSyncMessage(b []byte, lim *Limits) (*SyncMessage, error) {
	if l := lim.or(); len(b) > l.Chunk {
		return nil, fmt.Errorf("%d bytes: %w", len(b), ErrTooLarge)
	}
	r := reader{s: string(b)}
	version, err := r.byte()
	switch {
	case err != nil:
		return nil, err
	case version == 0x43:
		return nil, fmt.Errorf("version 2: %w", ErrUnsupported)
	case version != syncV1:
		return nil, fmt.Errorf("begins with 0x%02x instead of 0x%02x: %w", version, syncV1, ErrUnsupported)
	}
	m := &SyncMessage{}
	if m.Heads, err = r.hashes(); err != nil {
		return nil, in(err, "heads")
	}
	if m.Need, err = r.hashes(); err != nil {
		return nil, in(err, "need")
	}
	n, err := r.count(2)
	if err != nil {
		return nil, in(err, "have")
	}
	for i := range n {
		h := Have{}
		if h.LastSync, err = r.hashes(); err != nil {
			return nil, in(err, "have %d", i)
		}
		bloom, err := r.prefixed()
		if err != nil {
			return nil, in(err, "have %d", i)
		}
		if h.Bloom, err = parseBloom(bloom); err != nil {
			return nil, in(err, "have %d: Bloom filter", i)
		}
		m.Have = append(m.Have, h)
	}
	if n, err = r.count(1); err != nil {
		return nil, in(err, "changes")
	}
	for i := range n {
		s, err := r.prefixed()
		if err != nil {
			return nil, in(err, "change %d", i)
		}
		c, err := parseOne([]byte(s), lim)
		if err != nil {
			return nil, in(err, "change %d", i)
		}
		m.Changes = append(m.Changes, c)
	}
	m.Flags, _ = r.take(r.left())
	return m, nil
}

// parseOne reads bytes that are exactly one change chunk.
func parseOne(b []byte, lim *Limits) (*Change, error) {
	chunk, rest, err := ReadChunk(b, lim)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes behind the chunk", len(rest))
	}
	return Parse(chunk, lim)
}

// parseBloom checks that the sizes of a filter agree. A filter with entries and no bits makes an engine divide by zero.
func parseBloom(s string) (Bloom, error) {
	var b Bloom
	if s == "" {
		return b, nil
	}
	r := reader{s: s}
	var err error
	for _, p := range []*uint64{&b.Entries, &b.BitsPerEntry, &b.Probes} {
		if *p, err = r.uleb(); err != nil {
			return b, err
		}
		if *p > maxCounter {
			return b, errRange
		}
	}
	if want := (b.Entries*b.BitsPerEntry + 7) / 8; uint64(r.left()) != want {
		return b, fmt.Errorf("%d bytes for %d entries of %d bits", r.left(), b.Entries, b.BitsPerEntry)
	}
	switch {
	case b.Entries == 0:
		return b, nil
	case b.BitsPerEntry == 0:
		return b, fmt.Errorf("no bits for %d entries", b.Entries)
	case b.Probes > maxProbes:
		return b, fmt.Errorf("%d probes: %w", b.Probes, ErrTooLarge)
	}
	b.Bits, err = r.take(r.left())
	return b, err
}

// Encode writes the message. Changes are written plain.
func (m *SyncMessage) Encode() []byte {
	b := appendHashes([]byte{syncV1}, m.Heads)
	b = appendHashes(b, m.Need)
	b = appendUleb(b, uint64(len(m.Have)))
	for _, h := range m.Have {
		b = appendHashes(b, h.LastSync)
		bloom := h.Bloom.encode()
		b = append(appendUleb(b, uint64(len(bloom))), bloom...)
	}
	b = appendUleb(b, uint64(len(m.Changes)))
	for _, c := range m.Changes {
		b = append(appendUleb(b, uint64(c.Size())), c.data...)
	}
	return append(b, m.Flags...)
}

func (b Bloom) encode() []byte {
	if b == (Bloom{}) {
		return nil
	}
	return append(appendUleb(appendUleb(appendUleb(nil, b.Entries), b.BitsPerEntry), b.Probes), b.Bits...)
}

// String returns one line that counts what is in the message.
func (m *SyncMessage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sync message: %d heads, %d needed, %d changes", len(m.Heads), len(m.Need), len(m.Changes))
	for _, h := range m.Have {
		fmt.Fprintf(&b, ", has %d since %d", h.Bloom.Entries, len(h.LastSync))
	}
	if m.Flags != "" {
		fmt.Fprintf(&b, ", flags %x", m.Flags)
	}
	return b.String()
}

// CheckSyncState verifies the saved state of a sync conversation: 0x43 and the hashes that both sides have.
func CheckSyncState(b []byte) ([]Hash, error) {
	r := reader{s: string(b)}
	kind, err := r.byte()
	if err != nil || kind != syncState {
		return nil, fmt.Errorf("amchange: sync state: does not begin with 0x%02x", syncState)
	}
	hashes, err := r.hashes()
	if err == nil && !r.done() {
		err = fmt.Errorf("%d bytes left over", r.left())
	}
	return hashes, in(err, "amchange: sync state")
}
