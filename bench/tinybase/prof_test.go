package main
import "testing"
func BenchmarkJoin(b *testing.B){ join(b, 100000, fresh) }
func BenchmarkJoin10(b *testing.B){ join(b, 10000, fresh) }
