package ycrdt_test

import (
	"bufio"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

// TestOracle_DoesWhatYjsDoes plays sessions that yjs has played (testdata/oracle), step by step: every client's operations,
// what it sends, what it is given, what it has in the end. Set ROWLOOM_YJS to a node_modules folder with yjs 13.6.33, and
// ROWLOOM_ORACLE_SEED and ROWLOOM_ORACLE_CASES for other sessions than the first 300.
func TestOracle_DoesWhatYjsDoes(t *testing.T) {
	modules := os.Getenv("ROWLOOM_YJS")
	if modules == "" {
		t.Skip("ROWLOOM_YJS names no folder with yjs")
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	seed, count := number("ROWLOOM_ORACLE_SEED", 0), number("ROWLOOM_ORACLE_CASES", 300)
	passed, total, shown := 0, 0, 0
	bad := map[string]int{}
	for batch := 0; batch < count; batch += 500 {
		file, err := os.Create(filepath.Join(t.TempDir(), "cases"))
		require.NoError(t, err)
		cmd := exec.Command("node", filepath.Join("testdata", "oracle", "cases.cjs"), strconv.Itoa(seed+batch), strconv.Itoa(min(500, count-batch)))
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		cmd.Stdout, cmd.Stderr = file, os.Stderr
		require.NoError(t, cmd.Run())
		_, err = file.Seek(0, 0)
		require.NoError(t, err)
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			s, err := lib0.ParseJSON(lines.Bytes())
			require.NoError(t, err)
			total++
			c := &differ{t: t, quiet: shown >= 5}
			playSession(c, s)
			if !c.bad {
				passed++
				continue
			}
			bad[field(s, "profile").Str()]++
			if shown++; shown < 100 {
				t.Logf("^^^ seed %v, %s", field(s, "seed"), field(s, "profile"))
			}
		}
		require.NoError(t, lines.Err())
		require.NoError(t, file.Close())
	}
	t.Logf("not as yjs: %v", bad)
	vectors.Report(t, "oracle", passed, total)
}

type peer struct {
	d      *ycrdt.Doc
	v1, v2 [][]byte
	events []lib0.Any
}

func openPeer(id uint64, gc bool) *peer {
	p := &peer{d: newDoc(id, gc)}
	p.d.OnUpdate(func(u ycrdt.UpdateEvent) { p.v1 = append(p.v1, u.Update) })
	p.d.OnUpdateV2(func(u ycrdt.UpdateEvent) { p.v2 = append(p.v2, u.Update) })
	for _, root := range []string{"m", "a", "x"} {
		var ref ycrdt.Ref
		p.d.View(func(r *ycrdt.Reader) { ref = r.Root(root).Ref() })
		p.d.ObserveDeep(ref, func(events []ycrdt.Event) {
			var out []lib0.Any
			for _, e := range events {
				out = append(out, eventJSON(e))
			}
			p.events = append(p.events, lib0.ObjectOf(
				lib0.Field{Key: "root", Value: lib0.StringOf(root)}, lib0.Field{Key: "events", Value: lib0.ListOf(out...)}))
		})
	}
	return p
}

func playSession(c *differ, s lib0.Any) {
	gc := field(s, "gc").Bool()
	var peers []*peer
	for _, id := range field(s, "ids").List() {
		peers = append(peers, openPeer(uint64(id.Number()), gc))
	}
	updates := field(s, "updates").List()
	give := func(d *ycrdt.Doc, step lib0.Any) {
		for _, u := range field(step, "updates").List() {
			update := updates[int(u.Number())]
			if field(step, "v2").Bool() {
				c.ok("apply v2", d.ApplyV2(blob(update, "v2"), nil))
			} else {
				c.ok("apply v1", d.Apply(blob(update, "v1"), nil))
			}
		}
	}
	for i, step := range field(s, "steps").List() {
		what := "step " + strconv.Itoa(i)
		var p *peer
		if n, ok := step.Get("do"); ok {
			p = peers[int(n.Number())]
			p.v1, p.v2, p.events = nil, nil, nil
			c.ok(what, p.d.Update(nil, func(tx *ycrdt.Txn) error {
				for _, op := range field(step, "ops").List() {
					if err := perform(tx, op.List()); err != nil {
						return err
					}
				}
				return nil
			}))
		} else {
			p = peers[int(field(step, "give").Number())]
			p.v1, p.v2, p.events = nil, nil, nil
			give(p.d, step)
		}
		c.ok(what+" check", ycrdt.Check(p.d))
		c.sent(what, field(step, "sent").List(), p)
		if events := field(step, "events").List(); len(events) > 0 {
			c.value(what+" events", lib0.ListOf(events...), lib0.ListOf(p.events...))
		}
		if c.bad {
			c.logf("%v", step)
			return
		}
	}
	for i, end := range field(s, "ends").List() {
		c.end("end of "+strconv.Itoa(i), peers[i].d, end)
	}
	for _, r := range field(s, "readers").List() {
		d := newDoc(4000000000, gc)
		give(d, r)
		c.end("reader "+field(r, "give").Str(), d, field(r, "end"))
	}
}

func (c *differ) sent(what string, want []lib0.Any, p *peer) {
	if len(want) != len(p.v1) || len(want) != len(p.v2) {
		c.bad = true
		c.logf("%s: %d updates, want %d", what, len(p.v1), len(want))
		return
	}
	for j, w := range want {
		c.bytes(what+" v1", blob(w, "v1"), p.v1[j])
		c.bytes(what+" v2", blob(w, "v2"), p.v2[j])
	}
}

func (c *differ) end(what string, d *ycrdt.Doc, want lib0.Any) {
	if c.bad {
		return
	}
	c.ok(what+" check", ycrdt.Check(d))
	c.bytes(what+" state vector", blob(want, "sv"), d.StateVector())
	v1, err := d.EncodeStateAsUpdate(nil)
	c.ok(what, err)
	c.bytes(what+" v1", blob(want, "v1"), v1)
	v2, err := d.EncodeStateAsUpdateV2(nil)
	c.ok(what, err)
	c.bytes(what+" v2", blob(want, "v2"), v2)
	c.value(what+" json", field(want, "json"), docJSON(d))
	d.View(func(r *ycrdt.Reader) {
		for _, f := range field(want, "deltas").Fields() {
			c.value(what+" delta of "+f.Key, f.Value, deltaJSON(lookup(r, strings.Split(f.Key, "/")).Text().Delta()))
		}
	})
	pending := d.Pending()
	for key, got := range map[string][]byte{"structs": pending.Structs, "ds": pending.Deletes} {
		b, _ := base64.StdEncoding.DecodeString(field(want, "pending", key).Str())
		c.bytes(what+" pending "+key, b, got)
	}
}
