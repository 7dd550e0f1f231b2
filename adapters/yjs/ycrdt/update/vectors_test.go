package update_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/internal/vectors"
)

func scenarios(t testing.TB, name string) []lib0.Any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "yjs"), name))
	require.NoError(t, err)
	file, err := lib0.ParseJSON(text)
	require.NoError(t, err)
	return field(file, "scenarios").List()
}

func field(v lib0.Any, key string) lib0.Any {
	f, _ := v.Get(key)
	return f
}

func blob(t testing.TB, v lib0.Any) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(v.Str())
	require.NoError(t, err)
	return b
}

func TestVectors_UpdateUtils(t *testing.T) {
	cases := scenarios(t, "update-utils.json")
	passed := 0
	for _, c := range cases {
		if t.Run(field(c, "id").Str(), func(t *testing.T) { checkUtils(t, c) }) {
			passed++
		}
	}
	vectors.Report(t, "yjs/update-utils", passed, len(cases))
}

func checkUtils(t *testing.T, c lib0.Any) {
	get := func(key string) []byte { return blob(t, field(c, key)) }
	var v1, v2, gap1, gap2 [][]byte
	for j, u := range field(c, "updates").List() {
		b1, b2 := blob(t, field(u, "v1")), blob(t, field(u, "v2"))
		v1, v2 = append(v1, b1), append(v2, b2)
		if j%4 != 2 {
			gap1, gap2 = append(gap1, b1), append(gap2, b2)
		}
	}
	merge := func(v update.Version, us [][]byte) []byte {
		b, err := update.Merge(v, us, nil)
		require.NoError(t, err)
		return b
	}
	merged1, merged2 := merge(update.V1, v1), merge(update.V2, v2)
	require.Equal(t, get("merged_v1"), merged1)
	require.Equal(t, get("merged_v2"), merged2)
	gapped1, gapped2 := merge(update.V1, gap1), merge(update.V2, gap2)
	require.Equal(t, get("gap_merged_v1"), gapped1)
	require.Equal(t, get("gap_merged_v2"), gapped2)

	sv, err := update.DecodeStateVector(get("sv"), nil)
	require.NoError(t, err)
	diff1, err := update.Diff(update.V1, merged1, sv, nil)
	require.NoError(t, err)
	require.Equal(t, get("diff_v1"), diff1)
	diff2, err := update.Diff(update.V2, merged2, sv, nil)
	require.NoError(t, err)
	require.Equal(t, get("diff_v2"), diff2)

	for v, b := range map[update.Version][]byte{update.V1: merged1, update.V2: merged2} {
		sv, err = update.StateVectorOf(v, b, nil)
		require.NoError(t, err)
		require.Equal(t, get("sv_from_update"), sv.Encode())
	}
	for v, b := range map[update.Version][]byte{update.V1: gapped1, update.V2: gapped2} {
		sv, err = update.StateVectorOf(v, b, nil)
		require.NoError(t, err)
		require.Equal(t, get("sv_from_gap_update"), sv.Encode())
		meta, err := update.MetaOf(v, b, nil)
		require.NoError(t, err)
		require.Equal(t, clocks(field(field(c, "gap_meta"), "from")), meta.From)
		require.Equal(t, clocks(field(field(c, "gap_meta"), "to")), meta.To)
	}

	converted, err := update.V1ToV2(merged1)
	require.NoError(t, err)
	require.Equal(t, get("v1_to_v2"), converted)
	converted, err = update.V2ToV1(merged2)
	require.NoError(t, err)
	require.Equal(t, get("v2_to_v1"), converted)
}

func clocks(v lib0.Any) update.StateVector {
	sv := make(update.StateVector)
	for _, e := range v.List() {
		sv[uint64(e.List()[0].Number())] = uint32(e.List()[1].Number())
	}
	return sv
}

// pairs are all updates that the files hold in both formats.
func pairs(t testing.TB) (out [][2][]byte) {
	t.Helper()
	add := func(v lib0.Any, one, two string) {
		if a, b := field(v, one), field(v, two); a.Kind() == lib0.String && b.Kind() == lib0.String {
			out = append(out, [2][]byte{blob(t, a), blob(t, b)})
		}
	}
	for _, name := range []string{"apply.json", "foreign.json", "scripts.json", "values.json"} {
		for _, c := range scenarios(t, name) {
			for _, s := range field(c, "steps").List() {
				add(s, "v1", "v2")
			}
			for _, txn := range field(c, "updates").List() {
				for _, u := range txn.List() {
					add(u, "v1", "v2")
				}
			}
			add(field(c, "expect"), "state_v1", "state_v2")
		}
	}
	for _, c := range scenarios(t, "update-utils.json") {
		for _, u := range field(c, "updates").List() {
			add(u, "v1", "v2")
		}
		add(c, "merged_v1", "merged_v2")
	}
	return out
}

// A document writes the key bit of an item also where the key itself does not follow. A conversion without a document does
// not know of the key there and leaves the bit out, in yjs as here. So what is compared is what both formats become.
func TestVectors_Convert(t *testing.T) {
	all := pairs(t)
	passed := 0
	for i, p := range all {
		to2, err := update.V1ToV2(p[0])
		require.NoError(t, err)
		to1, err := update.V2ToV1(p[1])
		require.NoError(t, err)
		same1, err := update.Convert(p[0], update.V1, update.V1, nil)
		require.NoError(t, err)
		same2, err := update.Convert(p[1], update.V2, update.V2, nil)
		require.NoError(t, err)
		if bytes.Equal(to2, same2) && bytes.Equal(to1, same1) && len(same1) == len(p[0]) {
			passed++
		} else {
			dump, _ := update.Dump(update.V1, p[0], nil)
			t.Errorf("pair %d differs:\n%x\n%x\n%s", i, to2, same2, dump)
		}
	}
	vectors.Report(t, "yjs/convert", passed, len(all))
}
