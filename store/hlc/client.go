package hlc

import (
	"fmt"
	"io"

	"github.com/rowloom/rowloom/internal/fnv1a"
)

// Client is the 30-bit id of who makes stamps. Of two stamps with equal time and counter the higher client's is later, so
// two stores must never have the same one.
type Client uint32

// ClientOf returns the client that TinyBase derives from the unique id of a store: the lower 30 bits of its FNV-1a hash.
func ClientOf(uniqueID string) Client {
	return Client(fnv1a.String(fnv1a.Offset, uniqueID)) & MaxClient
}

// RandomClient returns a client made of random bytes.
func RandomClient(random io.Reader) (Client, error) {
	var b [4]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("hlc: random client: %w", err)
	}
	return (Client(b[0]) | Client(b[1])<<8 | Client(b[2])<<16 | Client(b[3])<<24) & MaxClient, nil
}

// ParseClient reads the 5 characters of a client. The error is a [*FormatError].
func ParseClient(text string) (Client, error) {
	if len(text) != 5 {
		return 0, &FormatError{text}
	}
	var c uint64
	for i := range 5 {
		v := sextet(text[i])
		if v > 63 {
			return 0, &FormatError{text}
		}
		c = c<<6 | v
	}
	return Client(c), nil
}

// String returns the 5 characters that end the stamps of c.
func (c Client) String() string {
	var text [5]byte
	for i := range text {
		text[i] = alphabet[c>>(24-6*i)&63]
	}
	return string(text[:])
}
