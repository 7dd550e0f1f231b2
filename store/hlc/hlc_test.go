package hlc_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func clockAt(t testing.TB, id string, now *int64, o hlc.Options) *hlc.Clock {
	t.Helper()
	o.UniqueID, o.Now = &id, func() time.Time { return time.UnixMilli(*now) }
	c, err := hlc.NewClock(&o)
	require.NoError(t, err)
	return c
}

func TestVectors_HLC(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-mergeable"), "hlc.json"))
	require.NoError(t, err)
	type parts struct {
		HLC                  string
		LogicalTime, Counter float64
		ClientID, UniqueID   string
		Decoded              *parts
	}
	var v struct {
		ClientIDs          []struct{ UniqueID, ClientID string }
		Encode, DecodeOnly []parts
		Sequences          []struct {
			Name, UniqueID, ClientID string
			Steps                    []struct {
				Op                           string
				HLC                          *string
				Now                          int64
				LastLogicalTime, LastCounter int64
			}
		}
		LexicographicOrder []string
	}
	require.NoError(t, json.Unmarshal(text, &v))
	passed, total := 0, 0
	check := func(ok bool, what ...any) {
		total++
		if ok {
			passed++
		} else {
			t.Log(append([]any{"wrong:"}, what...)...)
		}
	}
	for _, c := range v.ClientIDs {
		check(hlc.ClientOf(c.UniqueID).String() == c.ClientID, c)
	}
	same := func(s hlc.Stamp, p parts) bool {
		return s.Millis() == int64(p.LogicalTime) && s.Counter() == int(p.Counter) && s.Client().String() == p.ClientID
	}
	for _, e := range v.Encode {
		s := hlc.New(uint64(e.LogicalTime), uint64(e.Counter), hlc.ClientOf(e.UniqueID))
		back, err := hlc.Parse(e.HLC)
		check(s.String() == e.HLC && err == nil && back == s && (e.Decoded == nil || same(s, *e.Decoded)), e, s)
	}
	wellFormed := regexp.MustCompile(`^[-0-9A-Z_a-z]{16}$`)
	for _, d := range v.DecodeOnly {
		s, err := hlc.Parse(d.HLC)
		if wellFormed.MatchString(d.HLC) {
			check(err == nil && same(s, d) && s.String() == d.HLC, d)
		} else {
			check(err != nil, d) // TinyBase decodes anything; here what is malformed is an error
		}
	}
	for _, q := range v.Sequences {
		now, ok := int64(0), true
		c := clockAt(t, q.UniqueID, &now, hlc.Options{})
		ok = c.Client().String() == q.ClientID
		for _, step := range q.Steps {
			switch step.Op {
			case "now":
				now = step.Now
			case "next":
				s, err := c.Next()
				ok = ok && err == nil && step.HLC != nil && s.String() == *step.HLC
			case "seen":
				var s hlc.Stamp
				if step.HLC != nil {
					if s, err = hlc.Parse(*step.HLC); err != nil {
						break // what is malformed is not seen
					}
				}
				_ = c.Seen(s) // what is too far ahead is refused, and the state below shows that it was
			}
			millis, counter := c.Last()
			ok = ok && millis == step.LastLogicalTime && counter == step.LastCounter
		}
		check(ok, q.Name)
	}
	sorted := slices.Clone(v.LexicographicOrder)
	slices.SortFunc(sorted, func(a, b string) int {
		x, err := hlc.Parse(a)
		require.NoError(t, err)
		y, err := hlc.Parse(b)
		require.NoError(t, err)
		return x.Compare(y)
	})
	check(slices.Equal(sorted, v.LexicographicOrder), "order")
	vectors.Report(t, "tinybase-mergeable/hlc", passed, total)
}

func TestStamp_TheZeroStampIsBeforeSixteenDashes(t *testing.T) {
	dashes, err := hlc.Parse(strings.Repeat("-", 16))
	require.NoError(t, err)
	require.False(t, dashes.IsZero())
	require.NotEqual(t, hlc.Stamp{}, dashes)
	require.True(t, dashes.After(hlc.Stamp{}))
	require.Equal(t, "", hlc.Stamp{}.String())
	require.Equal(t, strings.Repeat("-", 16), dashes.String())
	zero, err := hlc.Parse("")
	require.NoError(t, err)
	require.True(t, zero.IsZero())
}

func TestStamp_ComparesAsItsTextDoes(t *testing.T) {
	stamp := rapid.Custom(func(t *rapid.T) hlc.Stamp {
		return hlc.New(rapid.Uint64Range(0, hlc.MaxTime).Draw(t, "time"), rapid.Uint64Range(0, hlc.MaxCounter).Draw(t, "counter"),
			hlc.Client(rapid.Uint32Range(0, uint32(hlc.MaxClient)).Draw(t, "client")))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := stamp.Draw(t, "a"), stamp.Draw(t, "b")
		require.Equal(t, strings.Compare(a.String(), b.String()), a.Compare(b))
		back, err := hlc.Parse([]byte(a.String()))
		require.NoError(t, err)
		require.Equal(t, a, back)
		require.Equal(t, a, hlc.FromBits(a.Bits()))
		client, err := hlc.ParseClient(a.Client().String())
		require.NoError(t, err)
		require.Equal(t, a.Client(), client)
	})
}

func TestParse_RefusesWhatIsNotAStamp(t *testing.T) {
	for _, text := range []string{"short", "!!!!!!!!!!!!!!!!", "NjEtLV-----7JQY8x", "NjEtLV-----7JQ 8", strings.Repeat("é", 8)} {
		_, err := hlc.Parse(text)
		var format *hlc.FormatError
		require.ErrorAs(t, err, &format)
		require.ErrorContains(t, err, "is not a stamp")
	}
	_, err := hlc.ParseClient("abc")
	require.Error(t, err)
}

func TestNext_AscendsWhateverTheClockDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now int64
		id := "s1"
		c, err := hlc.NewClock(&hlc.Options{UniqueID: &id, Now: func() time.Time { return time.UnixMilli(now) }, MaxAhead: -1})
		require.NoError(t, err)
		var last hlc.Stamp
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = rapid.Int64Range(0, 5).Draw(t, "now")
			if rapid.Bool().Draw(t, "remote") {
				s := hlc.New(rapid.Uint64Range(0, 6).Draw(t, "time"), rapid.Uint64Range(hlc.MaxCounter-2, hlc.MaxCounter).Draw(t, "counter"), 7)
				require.NoError(t, c.Seen(s))
				if s.After(last) {
					last = s
				}
			}
			s, err := c.Next()
			require.NoError(t, err)
			require.True(t, s.After(last))
			last = s
		}
	})
}

func TestSeen_RefusesAStampTooFarAhead(t *testing.T) {
	now := int64(1_700_000_000_000)
	c := clockAt(t, "s1", &now, hlc.Options{MaxAhead: time.Second})
	require.NoError(t, c.Seen(hlc.New(1_700_000_001_000, 3, 5)))
	err := c.Seen(hlc.New(1_700_000_003_000, 0, hlc.ClientOf("bob")))
	var ahead *hlc.AheadError
	require.ErrorAs(t, err, &ahead)
	require.Equal(t, hlc.ClientOf("bob"), ahead.Stamp.Client())
	require.ErrorContains(t, err, "of client 5le2J is 3s ahead of the local clock, more than the allowed 1s")
	millis, counter := c.Last()
	require.Equal(t, []int64{1_700_000_001_000, 3}, []int64{millis, counter})
	require.Equal(t, int64(1_700_000_001_000), c.Limit().Millis())
	require.NoError(t, c.Check(hlc.Stamp{}))
}

func TestFollow_GoesAboveItsOwnStampsHoweverFarAhead(t *testing.T) {
	now := int64(1000)
	c := clockAt(t, "s1", &now, hlc.Options{})
	own := hlc.New(1_800_000_000_000, 9, c.Client())
	c.Follow(own)
	s, err := c.Next()
	require.NoError(t, err)
	require.True(t, s.After(own))
}

func TestNext_SaysThatTheRangeIsExhausted(t *testing.T) {
	now := int64(1000)
	c := clockAt(t, "s1", &now, hlc.Options{MaxAhead: -1})
	require.NoError(t, c.Seen(hlc.New(hlc.MaxTime, hlc.MaxCounter-1, 7)))
	last, err := c.Next()
	require.NoError(t, err)
	require.Equal(t, "zzzzzzzzzzz7JQY8", last.String())
	for range 3 {
		_, err = c.Next()
		require.ErrorIs(t, err, hlc.ErrExhausted)
	}
	millis, counter := c.Last()
	require.Equal(t, []int64{hlc.MaxTime, hlc.MaxCounter}, []int64{millis, counter})
}

func TestNewClock_IsRandomWithoutAnID(t *testing.T) {
	a, err := hlc.NewClock(&hlc.Options{Random: strings.NewReader("\x01\x02\x03\xff")})
	require.NoError(t, err)
	require.Equal(t, hlc.Client(0x3f030201), a.Client())
	_, err = hlc.NewClock(&hlc.Options{Random: strings.NewReader("")})
	require.ErrorContains(t, err, "hlc: random client")
	a.SetClient(hlc.ClientOf("s1"))
	require.Equal(t, "clock of 7JQY8 at 0+-1", a.String())
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "NjEtLV-----7JQY8", "----------------", "zzzzzzzzzzzzzzzz", "short"} {
		f.Add(s)
	}
	wellFormed := regexp.MustCompile(`^([-0-9A-Z_a-z]{16})?$`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := hlc.Parse(text)
		if (err == nil) != (wellFormed.MatchString(text) && !strings.HasSuffix(text, "\n")) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && s.String() != text {
			t.Fatalf("%q became %q", text, s)
		}
	})
}

func BenchmarkClock(b *testing.B) {
	c, _ := hlc.NewClock(&hlc.Options{Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) }})
	b.Run("next", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Next()
		}
	})
	s, _ := c.Next()
	text := s.Append(nil)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = hlc.Parse(text)
		}
	})
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var out [hlc.Len]byte
		for b.Loop() {
			s.Append(out[:0])
		}
	})
}
