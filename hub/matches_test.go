package hub

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMatches_FindsATagInEveryListThatHasIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tags := rapid.SliceOfN(rapid.StringMatching(`"[a-z,*/ ]{0,4}"`), 1, 5).Draw(t, "tags")
		wanted := rapid.SampledFrom(tags).Draw(t, "wanted")
		var list strings.Builder
		strong := false
		for i, tag := range tags {
			if i > 0 {
				list.WriteString(rapid.SampledFrom([]string{",", ", ", " ,\t", ",,"}).Draw(t, "comma"))
			}
			if weak := rapid.Bool().Draw(t, "weak"); weak {
				list.WriteString("W/")
			} else {
				strong = strong || tag == wanted
			}
			list.WriteString(tag)
		}
		lines := []string{list.String()}
		require.True(t, matches(lines, wanted, true, true))
		require.Equal(t, strong, matches(lines, wanted, true, false))
		require.False(t, matches(lines, `"other"`, true, true))
		require.False(t, matches(lines, wanted, false, true), "where nothing is nothing matches")
	})
}

func TestMatches_TakesAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[W/"*, ab\t\x00]{0,12}`)).Draw(t, "lines")
		weak := matches(lines, `"a"`, true, true)
		if matches(lines, `"a"`, true, false) {
			require.True(t, weak, "what matches strongly matches weakly")
		}
	})
}
