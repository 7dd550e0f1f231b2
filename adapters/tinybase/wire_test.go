package tinybase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-mergeable"), name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

// relay is the smallest server: it checks what a client sends and says what another client gets.
type relay struct{ assembler *tinybase.Assembler }

func (r relay) receive(frame []byte, now time.Time) (out []string, err error) {
	to, rest, err := tinybase.SplitFrame(frame)
	if err != nil {
		return nil, err
	}
	text, pieces, err := r.assembler.Add(to, rest, now)
	if err != nil || text == nil {
		return nil, err
	}
	if _, err := tinybase.ParseMessage(text); err != nil {
		return nil, err
	}
	if to != "" {
		return nil, nil
	}
	for _, p := range pieces {
		out = append(out, string(tinybase.AppendFrame(nil, "<SENDER>", p)))
	}
	return out, nil
}

func TestVectors_Protocol(t *testing.T) {
	var v struct {
		Cases []struct {
			Name                 string
			FramesSent           []string
			StillOpen            bool
			CloseCode            *int
			CloseReason          *string
			RelayedToOtherClient []string
		}
	}
	readVectors(t, "protocol", &v)
	passed := 0
	for _, c := range v.Cases {
		r := relay{tinybase.NewAssembler(nil)}
		var relayed []string
		var closed *tinybase.ProtocolError
		for _, f := range c.FramesSent {
			out, err := r.receive([]byte(f), time.UnixMilli(0))
			if err != nil {
				require.ErrorAs(t, err, &closed, c.Name)
				break
			}
			relayed = append(relayed, out...)
		}
		ok := slices.Equal(relayed, c.RelayedToOtherClient) && (closed == nil) == c.StillOpen
		if closed != nil && c.CloseCode != nil {
			ok = ok && closed.Code == *c.CloseCode && closed.CloseReason() == *c.CloseReason
		}
		if ok {
			passed++
		} else {
			t.Logf("%s: %q, closed: %v", c.Name, relayed, closed)
		}
	}
	vectors.Report(t, "tinybase-mergeable/protocol", passed, len(v.Cases))
}

// Every data frame that the original clients and servers sent in the recorded sessions is read, and written again alike.
func TestVectors_SessionFramesAreReadAndWrittenAlike(t *testing.T) {
	var v struct {
		Sessions []struct {
			Name   string
			Frames []struct{ Event, Client, Dir, Text, Reason string }
		}
	}
	readVectors(t, "sessions", &v)
	passed, total := 0, 0
	for _, s := range v.Sessions {
		assemblers := map[string]*tinybase.Assembler{}
		for i, f := range s.Frames {
			if f.Dir == "" {
				continue
			}
			total++
			err := rewrite(assemblers, f.Client+f.Dir, []byte(f.Text))
			// A socket that the original closed for this frame is closed here too, for the same reason.
			var wrong *tinybase.ProtocolError
			if closed := i+1 < len(s.Frames) && s.Frames[i+1].Event == "close" && s.Frames[i+1].Client == f.Client && s.Frames[i+1].Reason != ""; closed {
				if errors.As(err, &wrong) && wrong.CloseReason() == s.Frames[i+1].Reason {
					passed++
					continue
				}
			} else if err == nil {
				passed++
				continue
			}
			t.Logf("%s: %q: %v", s.Name, f.Text, err)
		}
	}
	vectors.Report(t, "tinybase-mergeable/sessions frames", passed, total)
}

func rewrite(assemblers map[string]*tinybase.Assembler, dir string, frame []byte) error {
	if tinybase.IsControl(frame) {
		if c, err := tinybase.ParseControl(frame); err == nil {
			if again := c.Append(nil); string(again) != string(frame) {
				return fmt.Errorf("written as %q", again)
			}
			return nil
		}
	}
	if channel, inner, ok := tinybase.SplitChannel(frame); ok {
		if err := tinybase.CheckChannel(channel); err != nil {
			return err
		}
		if again := tinybase.AppendChannel(nil, channel, inner); string(again) != string(frame) {
			return fmt.Errorf("written as %q", again)
		}
		frame = inner
	}
	client, rest, err := tinybase.SplitFrame(frame)
	if err != nil {
		return err
	}
	a := assemblers[dir]
	if a == nil {
		a = tinybase.NewAssembler(&tinybase.AssemblerOptions{Timeout: time.Hour})
		assemblers[dir] = a
	}
	text, _, err := a.Add(client, rest, time.UnixMilli(0))
	if err != nil || text == nil {
		return err
	}
	m, err := tinybase.ParseMessage(text)
	if err != nil {
		return err
	}
	if again := m.Append(nil); string(again) != string(text) {
		return fmt.Errorf("written as %q", again)
	}
	return nil
}

func TestParseMessage_SaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`["x",3,[[{"t":[{"r":[{"c":[1,"bad"]}]}]}],[{}],1]]`: `hlc: "bad" is not a stamp`,
		`["x",9,1]`:                     "there is no message 9",
		`["x",2,[0,-1]]`:                "-1 is not a hash",
		`["x",0,[[{}],{"a":1,"b":{}}]]`: "hashes of two depths",
		`["\ufffc",1,""]`:               "an id is null or a string",
		`["x",1,""`:                     "the text ends",
		`["x",1,"",0]`:                  "three elements",
		`["x",3,[[{"t":[{"r":[{"c":[-1e999]}]}]}],[{}],1]]`: "infinite",
	} {
		_, err := tinybase.ParseMessage([]byte(text))
		var p *tinybase.ProtocolError
		require.ErrorAs(t, err, &p, text)
		require.ErrorContains(t, err, want)
		require.Equal(t, tinybase.CloseInvalid, p.Code)
		require.Equal(t, "tinybase:14", p.CloseReason())
	}
}

func TestParseMessage_AcceptsWhatJavaScriptDoes(t *testing.T) {
	for _, text := range []string{
		`[null,0,[{"v":["x"]},"NjEtLV-----7JQY8"]]`, `["x",-0,[1,2]]`, `["x",2e0,[0,4294967295]]`, `["x",0,[{}]]`, `["x",0,[[{}],{"t":{"r":1}}]]`,
		`["x",3,[[{"t":[{"r":[{"c":["\ufffc"]}]}]}],[{}]]]`, `["\ud800",1,""]`,
	} {
		m, err := tinybase.ParseMessage([]byte(text))
		require.NoError(t, err, text)
		again, err := tinybase.ParseMessage(m.Append(nil))
		require.NoError(t, err)
		require.Equal(t, m, again)
	}
}

func TestSplitFrame_RefusesWhatIsTooLong(t *testing.T) {
	_, _, err := tinybase.SplitFrame(append([]byte("\n"), make([]byte, tinybase.MaxFrame)...))
	require.ErrorContains(t, err, "tinybase:15:socket")
	long := append([]byte("to\n0123456789abcdef\n0\n2\n"), make([]byte, tinybase.MaxFrame)...)
	_, _, err = tinybase.SplitFrame(long)
	require.ErrorContains(t, err, "tinybase:15:fragments")
}

func TestAssembler_PutsPiecesTogetherInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zé日😀]{1,300}`).Draw(t, "text")
		size := rapid.IntRange(-1, 40).Draw(t, "size")
		pieces := tinybase.Split([]byte(text), size, "0123456789abcdef")
		require.LessOrEqual(t, len(pieces), tinybase.MaxFragments)
		for _, p := range pieces {
			require.True(t, utf8.Valid(p))
		}
		budget := tinybase.NewBudget(10, 1<<20, nil)
		a := tinybase.NewAssembler(&tinybase.AssemblerOptions{Budget: budget})
		order := rapid.Permutation(pieces).Draw(t, "order")
		for i, p := range order {
			whole, relayed, err := a.Add("to", p, time.UnixMilli(0))
			require.NoError(t, err)
			if i < len(order)-1 {
				require.Nil(t, whole)
				continue
			}
			require.Equal(t, text, string(whole))
			require.Equal(t, pieces, relayed)
		}
		groups, bytes := budget.Used()
		require.Equal(t, []int{0, 0}, []int{groups, bytes})
	})
}

func TestSplit_NeverMakesMoreThanAThousandPieces(t *testing.T) {
	pieces := tinybase.Split([]byte(strings.Repeat("😀", 100_000)), 1, "0123456789abcdef")
	require.LessOrEqual(t, len(pieces), tinybase.MaxFragments)
	require.Len(t, tinybase.Split([]byte("abcdef"), 6, "0123456789abcdef"), 1)
}

func fragmentOf(id string, index, total int) []byte {
	return fmt.Appendf(nil, "%s\n%d\n%d\npiece", id, index, total)
}

func TestAssembler_ForgetsWhatTakesTooLong(t *testing.T) {
	budget := tinybase.NewBudget(10, 1<<20, nil)
	a := tinybase.NewAssembler(&tinybase.AssemblerOptions{Timeout: time.Second, Budget: budget})
	start := time.UnixMilli(0)
	for i, id := range []string{"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"} {
		_, _, err := a.Add("to", fragmentOf(id, 0, 2), start.Add(time.Duration(i)*500*time.Millisecond))
		require.NoError(t, err)
	}
	text, _, err := a.Add("to", fragmentOf("aaaaaaaaaaaaaaaa", 1, 2), start.Add(time.Second))
	require.NoError(t, err)
	require.Nil(t, text, "the first piece was forgotten")
	text, _, err = a.Add("to", fragmentOf("bbbbbbbbbbbbbbbb", 1, 2), start.Add(time.Second))
	require.NoError(t, err)
	require.Equal(t, "piecepiece", string(text))
	a.Expire(start.Add(time.Hour))
	groups, bytes := budget.Used()
	require.Equal(t, []int{0, 0}, []int{groups, bytes})
}

func TestAssembler_KeepsToItsBudget(t *testing.T) {
	total := tinybase.NewBudget(1000, 600, nil)
	first := tinybase.NewAssembler(&tinybase.AssemblerOptions{Budget: tinybase.NewBudget(3, 1<<20, total)})
	id := func(i int) string { return fmt.Sprintf("%016d", i) }
	for i := range 3 {
		_, _, err := first.Add("to", fragmentOf(id(i), 0, 2), time.UnixMilli(0))
		require.NoError(t, err)
	}
	_, _, err := first.Add("to", fragmentOf(id(3), 0, 2), time.UnixMilli(0))
	require.ErrorContains(t, err, "tinybase:15:fragments")

	// Another socket finds the common budget used up, until the first one is gone.
	second := tinybase.NewAssembler(&tinybase.AssemblerOptions{Budget: tinybase.NewBudget(100, 1<<20, total)})
	long := append(fragmentOf(id(9), 0, 2), make([]byte, 450)...)
	_, _, err = second.Add("to", long, time.UnixMilli(0))
	require.ErrorContains(t, err, "tinybase:15:fragments")
	first.Close()
	_, _, err = second.Add("to", long, time.UnixMilli(0))
	require.NoError(t, err)
	second.Close()
	groups, bytes := total.Used()
	require.Equal(t, []int{0, 0}, []int{groups, bytes})
}

func TestAssembler_RefusesMoreThanAThousandPieces(t *testing.T) {
	_, _, err := tinybase.NewAssembler(nil).Add("to", fragmentOf("aaaaaaaaaaaaaaaa", 0, 1001), time.UnixMilli(0))
	require.ErrorContains(t, err, "tinybase:15:fragments")
	_, _, err = tinybase.NewAssembler(nil).Add("to", []byte("aaaaaaaaaaaaaaaa\n0\n99999999999999999999999\nx"), time.UnixMilli(0))
	require.ErrorContains(t, err, "tinybase:15:fragments")
}

func TestCheckChannel_HasTinyBasesRules(t *testing.T) {
	for _, name := range []string{"a", "a/b", "ü/日本", "..a", strings.Repeat("x", 1024)} {
		require.NoError(t, tinybase.CheckChannel(name))
	}
	for _, name := range []string{"", "/a", "a/", "a//b", ".", "a/../b", "a?b", "a#b", "a\nb", "a\rb"} {
		var p *tinybase.ProtocolError
		require.ErrorAs(t, tinybase.CheckChannel(name), &p, name)
		require.Equal(t, tinybase.CloseInvalid, p.Code)
	}
	require.ErrorContains(t, tinybase.CheckChannel(strings.Repeat("x", 1025)), "tinybase:15:channels")
}

func TestParseControl_RefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{
		"S\n[null,-1,[0,1]]", "S\n[\"x\",-1,[0,2]]", "S\n[\"x\",-1,[1,7]]", "S\n[\"x\",-1,[2,\"a\"]]", "S\n[null,-1,[3,\"a\"]]", "S\n[\"x\",-1,[0,1,2]]",
		"S\n[\"x\",-2,[0,1]]", "X\n[\"x\",-1,[0,1]]", "S\n[\"x\",-1,[0]]",
	} {
		_, err := tinybase.ParseControl([]byte(text))
		require.Error(t, err, text)
	}
}

func FuzzFrames(f *testing.F) {
	for _, s := range []string{
		"\n[\"x\",1,\"\"]", "to\n[\"x\",3,[[{\"t\":[{\"r\":[{\"c\":[1,\"NjEtLV-----7JQY8\"]}]}]}],[{}],1]]", "\n0123456789abcdef\n0\n2\n[", "M\nroom\n\n[null,2,[0,1]]",
		"S\n[\"x\",-1,[1,\"room\"]]", "S\n[null,-1,[2,\"room\"]]", "\n[\"x\",0,[[{}],{\"t\":{\"r\":1}}]]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if c, err := tinybase.ParseControl(frame); err == nil {
			again, err := tinybase.ParseControl(c.Append(nil))
			require.NoError(t, err)
			require.Equal(t, c, again)
		}
		if _, inner, ok := tinybase.SplitChannel(frame); ok {
			frame = inner
		}
		to, rest, err := tinybase.SplitFrame(frame)
		if err != nil {
			return
		}
		text, _, err := tinybase.NewAssembler(nil).Add(to, rest, time.UnixMilli(0))
		if err != nil || text == nil {
			return
		}
		m, err := tinybase.ParseMessage(text)
		var p *tinybase.ProtocolError
		if err != nil {
			require.True(t, errors.As(err, &p))
			return
		}
		again, err := tinybase.ParseMessage(m.Append(nil))
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}

func ExampleParseMessage() {
	client, rest, _ := tinybase.SplitFrame([]byte("\n[\"qnHoyRBSHSD.Elgb\",4,{\"pets\":7}]"))
	m, err := tinybase.ParseMessage(rest)
	fmt.Printf("to %q: %v: %s %v\n", client, m, m.Body, err)
	_, err = tinybase.ParseMessage([]byte(`["x",4,[]]`))
	fmt.Println(err)
	// Output:
	// to "": GetTableDiff "qnHoyRBSHSD.Elgb", 10 bytes: {"pets":7} <nil>
	// tinybase: not a message: json: '[' where an object was expected at byte 7 (tinybase:14)
}

func BenchmarkParseMessage(b *testing.B) {
	var text strings.Builder
	text.WriteString(`["x",3,[[{"t":[{`)
	for i := range 20_000 {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `"r%d":[{"a":[%d,"NjEtLV-----7JQY8"],"b":["text","NjEtLV-----7JQY8"],"c":[true,"NjEtLV-----7JQY8"],"d":[0.5,"NjEtLV-----7JQY8"],"e":[null,"NjEtLV-----7JQY8"]}]`, i, i)
	}
	text.WriteString(`}]}],[{}],1]]`)
	b.Run("ContentDiff/cells=100k", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tinybase.ParseMessage([]byte(text.String())); err != nil {
				b.Fatal(err)
			}
		}
	})
}
