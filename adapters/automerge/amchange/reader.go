package amchange

import (
	"errors"
	"fmt"
	"math"
)

var (
	errShort    = errors.New("ends too early")
	errOverlong = errors.New("number is not in its shortest form")
	errRange    = errors.New("number is out of range")
)

// reader walks over bytes held as a string, so that parts of it can be kept without copying. Numbers must be in their
// shortest LEB128 form: a change is named by the hash of its bytes, and an engine that writes it again writes the shortest.
type reader struct {
	s  string
	at int
}

func (r *reader) done() bool { return r.at >= len(r.s) }

func (r *reader) left() int { return len(r.s) - r.at }

func (r *reader) byte() (byte, error) {
	if r.done() {
		return 0, errShort
	}
	b := r.s[r.at]
	r.at++
	return b, nil
}

func (r *reader) uleb() (uint64, error) {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		if shift == 63 && b > 1 {
			return 0, errRange
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 {
				return 0, errOverlong
			}
			return v, nil
		}
	}
}

func (r *reader) sleb() (int64, error) {
	var v int64
	var last byte
	for shift := uint(0); ; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		if shift == 63 && b != 0 && b != 0x7f {
			return 0, errRange
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if shift < 57 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			if shift > 0 && (b == 0 && last&0x40 == 0 || b == 0x7f && last&0x40 != 0) {
				return 0, errOverlong
			}
			return v, nil
		}
		last = b
	}
}

// count reads a number of things of at least size bytes each, and refuses more than there can be.
func (r *reader) count(size int) (int, error) {
	n, err := r.uleb()
	if err != nil {
		return 0, err
	}
	if n > uint64(r.left()/size) {
		return 0, errShort
	}
	return int(n), nil
}

func (r *reader) take(n int) (string, error) {
	if n < 0 || n > r.left() {
		return "", errShort
	}
	s := r.s[r.at : r.at+n]
	r.at += n
	return s, nil
}

// prefixed reads a length and that many bytes.
func (r *reader) prefixed() (string, error) {
	n, err := r.count(1)
	if err != nil {
		return "", err
	}
	return r.take(n)
}

func (r *reader) hash() (Hash, error) {
	var h Hash
	s, err := r.take(len(h))
	copy(h[:], s)
	return h, err
}

func (r *reader) hashes() ([]Hash, error) {
	n, err := r.count(len(Hash{}))
	if err != nil {
		return nil, err
	}
	out := make([]Hash, n)
	for i := range out {
		out[i], _ = r.hash() // counted above
	}
	return out, nil
}

func appendUleb(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendSleb(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendHashes(b []byte, hs []Hash) []byte {
	b = appendUleb(b, uint64(len(hs)))
	for _, h := range hs {
		b = append(b, h[:]...)
	}
	return b
}

// in says where something went wrong.
func in(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

const maxCounter = math.MaxUint32
