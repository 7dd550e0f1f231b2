package amchange

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
)

// ChunkType is the kind of a chunk.
type ChunkType byte

// The chunk types.
const (
	DocumentChunk ChunkType = 0 // a whole document, compressed across its changes
	ChangeChunk   ChunkType = 1
	DeflatedChunk ChunkType = 2 // a change whose body is deflated
	BundleChunk   ChunkType = 3 // several changes compressed together; written by newer libraries on request
)

func (t ChunkType) String() string {
	switch t {
	case DocumentChunk:
		return "document"
	case ChangeChunk:
		return "change"
	case DeflatedChunk:
		return "deflated change"
	case BundleChunk:
		return "bundle"
	}
	return fmt.Sprintf("chunk type %d", byte(t))
}

// magic begins every chunk.
const magic = "\x85\x6f\x4a\x83"

// Chunk is one chunk as it stands in a file or message: four magic bytes, four bytes of checksum, the type, the length and
// the body. Data and Body alias the bytes it was read from.
type Chunk struct {
	Type     ChunkType
	Checksum [4]byte
	Body     []byte
	Data     []byte // the whole chunk
}

// ReadChunk splits the first chunk off b. It does not verify the checksum.
func ReadChunk(b []byte, lim *Limits) (c Chunk, rest []byte, err error) {
	if len(b) < 10 {
		return c, b, fmt.Errorf("amchange: chunk of %d bytes: %w", len(b), errShort)
	}
	if string(b[:4]) != magic {
		return c, b, fmt.Errorf("amchange: chunk begins with %x instead of %x", b[:4], magic)
	}
	copy(c.Checksum[:], b[4:8])
	c.Type = ChunkType(b[8])
	r := reader{s: string(b[9:min(len(b), 19)])}
	n, err := r.uleb()
	if err != nil {
		return c, b, fmt.Errorf("amchange: length of chunk: %w", err)
	}
	if n > uint64(lim.or().Chunk) {
		return c, b, fmt.Errorf("amchange: chunk of %d bytes: %w", n, ErrTooLarge)
	}
	start := 9 + r.at
	if n > uint64(len(b)-start) {
		return c, b, fmt.Errorf("amchange: chunk of %d bytes, %d are here: %w", n, len(b)-start, errShort)
	}
	end := start + int(n)
	c.Body, c.Data = b[start:end:end], b[:end:end]
	return c, b[end:], nil
}

// Chunks returns the chunks that b holds one behind the other. The sequence ends with the first error.
func Chunks(b []byte, lim *Limits) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for len(b) > 0 {
			c, rest, err := ReadChunk(b, lim)
			if !yield(c, err) || err != nil {
				return
			}
			b = rest
		}
	}
}

// change returns the chunk as a plain change chunk, inflated when necessary, and its verified hash.
func (c Chunk) change(lim Limits) (data []byte, hash Hash, err error) {
	switch c.Type {
	case ChangeChunk:
		data = c.Data
	case DeflatedChunk:
		body, err := inflate(c.Body, min(lim.Chunk, max(lim.Inflate, 64*len(c.Body))))
		if err != nil {
			return nil, hash, err
		}
		data = wrap(body)
	case DocumentChunk:
		return nil, hash, ErrDocumentChunk
	default:
		return nil, hash, fmt.Errorf("%s: %w", c.Type, ErrUnsupported)
	}
	hash = sha256.Sum256(data[8:])
	if [4]byte(hash[:4]) != c.Checksum {
		return nil, hash, fmt.Errorf("checksum is %x, the bytes have %x", c.Checksum, hash[:4])
	}
	return data, hash, nil
}

// wrap makes a change chunk of a body, without its checksum.
func wrap(body []byte) []byte {
	data := make([]byte, 0, len(body)+20)
	data = append(data, magic+"\x00\x00\x00\x00\x01"...)
	data = appendUleb(data, uint64(len(body)))
	return append(data, body...)
}

// inflate expands raw deflate data to at most limit bytes.
func inflate(b []byte, limit int) ([]byte, error) {
	src := bytes.NewReader(b)
	z := flate.NewReader(src)
	defer z.Close()
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("inflate: %w", err)
	case n > int64(limit):
		return nil, fmt.Errorf("inflated to more than %d bytes: %w", limit, ErrTooLarge)
	case src.Len() > 0:
		return nil, fmt.Errorf("inflate: %d bytes left over", src.Len())
	}
	return out.Bytes(), nil
}
