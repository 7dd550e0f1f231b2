package amrepo

import (
	"crypto/sha256"
	"errors"
	"strings"
)

// Base58check is base 58 in Bitcoin's alphabet, with the first four bytes of a double SHA-256 behind the data.

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func base58check(b []byte) string {
	sum := checksum(b)
	b = append(append(make([]byte, 0, len(b)+4), b...), sum[:]...)
	var digits []byte // least significant first
	for _, c := range b {
		carry := int(c)
		for i := range digits {
			carry += int(digits[i]) << 8
			digits[i] = byte(carry % 58)
			carry /= 58
		}
		for carry > 0 {
			digits = append(digits, byte(carry%58))
			carry /= 58
		}
	}
	var out strings.Builder
	for _, c := range b {
		if c != 0 {
			break
		}
		out.WriteByte(alphabet[0])
	}
	for i := len(digits) - 1; i >= 0; i-- {
		out.WriteByte(alphabet[digits[i]])
	}
	return out.String()
}

// maxBase58 bounds the work, which grows with the square of the length.
const maxBase58 = 128

func decodeBase58check(s string) ([]byte, error) {
	if len(s) > maxBase58 {
		return nil, errors.New("too long")
	}
	var bytes []byte // least significant first
	for i := range len(s) {
		carry := strings.IndexByte(alphabet, s[i])
		if carry < 0 {
			return nil, errors.New("not in base 58")
		}
		for i := range bytes {
			carry += int(bytes[i]) * 58
			bytes[i] = byte(carry)
			carry >>= 8
		}
		for carry > 0 {
			bytes = append(bytes, byte(carry))
			carry >>= 8
		}
	}
	zeros := len(s) - len(strings.TrimLeft(s, alphabet[:1]))
	out := make([]byte, zeros, zeros+len(bytes))
	for i := len(bytes) - 1; i >= 0; i-- {
		out = append(out, bytes[i])
	}
	if len(out) < 4 {
		return nil, errors.New("too short")
	}
	data, sum := out[:len(out)-4], checksum(out[:len(out)-4])
	if string(out[len(out)-4:]) != string(sum[:]) {
		return nil, errors.New("checksum is wrong")
	}
	return data, nil
}

func checksum(b []byte) [4]byte {
	once := sha256.Sum256(b)
	twice := sha256.Sum256(once[:])
	return [4]byte(twice[:4])
}
