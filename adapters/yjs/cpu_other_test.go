//go:build !unix

package yjs_test

func processor() int64 { return 0 }
