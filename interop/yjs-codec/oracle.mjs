// Plays random Yjs sessions and prints, one JSON object per line, what yjs makes of their updates without a document:
//   node oracle.mjs SEED CASES
// Every line: {id, updates: [[v1, v2]…], checks: [{fn, version, in: [indexes or bytes], arg, out}…]}, bytes in base64.
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'

const b64 = u => Buffer.from(u).toString('base64')

// A small seeded generator (xorshift).
let state = 1
const seed = n => { state = (n * 2654435761) >>> 0 || 1 }
const rnd = n => {
  state ^= state << 13; state >>>= 0
  state ^= state >>> 17
  state ^= state << 5; state >>>= 0
  return state % n
}
const pick = list => list[rnd(list.length)]

const words = ['a', 'bc', '', 'naïve', '日本', '😀', 'x😀y', '👩‍👩‍👧', '\u2028<&>"\\', '\u0000\n', 'a\ud83d', '\ude00z', 'long'.repeat(20)]
const keys = ['k', 'id', '', 'ключ', '😀', '10', '2', '__x', 'a b']
const scalar = () => pick([
  () => null, () => true, () => false, () => rnd(100), () => -rnd(1e6), () => -0, () => 2 ** 31, () => 1.5, () => 0.1, () => NaN,
  () => Infinity, () => 1e21, () => 1e-7, () => 2 ** 53, () => pick(words)
])()
const value = depth => {
  if (depth <= 0 || rnd(4) > 0) return scalar()
  if (rnd(3) === 0) return new Uint8Array([rnd(256), 0, 255])
  if (rnd(2) === 0) return Array.from({ length: rnd(4) }, () => value(depth - 1))
  const o = {}
  for (let i = rnd(4); i > 0; i--) o[pick(keys)] = value(depth - 1)
  return o
}
const attrs = () => ({ [pick(['bold', 'color', '', 'ключ'])]: pick([true, null, 'red', '"q"', { href: '<x>', 2: [1e300] }, -0, 1.25]) })

const edit = doc => {
  const m = doc.getMap('m'); const a = doc.getArray('a'); const t = doc.getText('t'); const x = doc.getXmlFragment('ключ x')
  switch (rnd(16)) {
    case 0: case 1: return m.set(pick(keys), value(2))
    case 2: return m.delete(pick(keys))
    case 3: return m.set(pick(keys), pick([undefined, 12n, -5n, new Uint8Array([1, 2])]))
    case 4: {
      const row = new Y.Map()
      m.set('row' + rnd(3), row)
      row.set(pick(keys), value(1))
      return
    }
    case 5: { const row = m.get('row' + rnd(3)); if (row instanceof Y.Map) row.set(pick(keys), value(1)); return }
    case 6: return a.insert(rnd(a.length + 1), Array.from({ length: 1 + rnd(5) }, () => value(1)))
    case 7: if (a.length > 0) { const i = rnd(a.length); a.delete(i, Math.min(1 + rnd(3), a.length - i)) } return
    case 8: case 9: return t.insert(rnd(t.length + 1), pick(words) || 'w')
    case 10: if (t.length > 0) { const i = rnd(t.length); t.delete(i, Math.min(1 + rnd(5), t.length - i)) } return
    case 11: if (t.length > 0) { const i = rnd(t.length); t.format(i, Math.min(1 + rnd(4), t.length - i), attrs()) } return
    case 12: return t.insertEmbed(rnd(t.length + 1), { image: pick(words), 7: 1 }, rnd(2) ? attrs() : undefined)
    case 13: {
      const e = pick([() => new Y.XmlElement(pick(['p', 'дом', ''])), () => new Y.XmlText(pick(words)), () => new Y.XmlHook(pick(keys))])()
      x.insert(rnd(x.length + 1), [e])
      if (e instanceof Y.XmlElement && !(e instanceof Y.XmlHook)) e.setAttribute(pick(keys) || 'z', pick(words))
      return
    }
    case 14: if (x.length > 0) x.delete(rnd(x.length), 1); return
    case 15: return m.set('doc' + rnd(2), new Y.Doc({ guid: 'g' + rnd(9), gc: rnd(2) === 0, autoLoad: rnd(2) === 0, meta: pick([null, { b: 1, 1: 2 }, 'm']) }))
  }
}

const session = id => {
  const n = 1 + rnd(4)
  const updates = []
  const docs = Array.from({ length: n }, (_, i) => {
    const doc = new Y.Doc({ gc: rnd(4) > 0 })
    doc.clientID = pick([i + 1, 100 + i, 2 ** 32 - 1 - i, 2 ** 53 - 1 - i, 1000 * id + i])
    return doc
  })
  const mine = docs.map(() => [])
  docs.forEach((doc, i) => {
    doc.on('update', (u, origin) => { if (origin !== 'sync') mine[i].push([u, null]) })
    doc.on('updateV2', (u, origin) => { if (origin !== 'sync') mine[i][mine[i].length - 1][1] = u })
  })
  for (let step = 3 + rnd(25); step > 0; step--) {
    const i = rnd(n)
    docs[i].transact(() => { for (let k = 1 + rnd(3); k > 0; k--) edit(docs[i]) })
    if (rnd(4) === 0 && n > 1) {
      const j = rnd(n)
      if (i !== j) Y.applyUpdate(docs[i], Y.encodeStateAsUpdate(docs[j], Y.encodeStateVector(docs[i])), 'sync')
    }
  }
  mine.forEach(list => updates.push(...list))
  docs.forEach(doc => updates.push([Y.encodeStateAsUpdate(doc), Y.encodeStateAsUpdateV2(doc)]))
  return { pairs: updates.filter(u => u[0] && u[1]), events: mine.flat().filter(u => u[0] && u[1]) }
}

// Writers other than yjs: JSON with spaces, numbers as float64, overlong numbers.
class OddV1 extends Y.UpdateEncoderV1 {
  writeJSON (v) { encoding.writeVarString(this.restEncoder, JSON.stringify(v, null, 1)) }
  writeAny (v) {
    if (typeof v === 'number') {
      encoding.writeUint8(this.restEncoder, 123)
      encoding.writeFloat64(this.restEncoder, v)
    } else super.writeAny(v)
  }
  writeParentInfo (root) { encoding.writeUint8(this.restEncoder, root ? 1 : 0) }
  writeLeftID (id) {
    encoding.writeVarUint(this.restEncoder, id.client)
    if (id.clock < 128) {
      encoding.writeUint8(this.restEncoder, id.clock | 128)
      encoding.writeUint8(this.restEncoder, 0)
    } else encoding.writeVarUint(this.restEncoder, id.clock)
  }
}

const shuffle = list => {
  for (let i = list.length - 1; i > 0; i--) {
    const j = rnd(i + 1);
    [list[i], list[j]] = [list[j], list[i]]
  }
  return list
}

const api = {
  1: { merge: Y.mergeUpdates, diff: Y.diffUpdate, sv: Y.encodeStateVectorFromUpdate, meta: Y.parseUpdateMeta, convert: Y.convertUpdateFormatV1ToV2 },
  2: { merge: Y.mergeUpdatesV2, diff: Y.diffUpdateV2, sv: Y.encodeStateVectorFromUpdateV2, meta: Y.parseUpdateMetaV2, convert: Y.convertUpdateFormatV2ToV1 }
}

const attempt = f => { try { return f() } catch (e) { return null } }

const run = (id) => {
  seed(id)
  const { pairs, events } = session(id)
  const checks = []
  const check = (fn, version, input, arg, f) => {
    const out = attempt(f)
    checks.push({ fn, version, in: input.map(b64), arg, out: out instanceof Uint8Array ? b64(out) : out })
    return out instanceof Uint8Array ? out : null
  }
  const full = version => (u, depth) => {
    const y = api[version]
    const other = check('convert', version, [u], '', () => y.convert(u))
    if (other && depth > 0) full(3 - version)(other, depth - 1)
    check('sv', version, [u], '', () => y.sv(u))
    check('meta', version, [u], '', () => { const m = y.meta(u); return { from: [...m.from], to: [...m.to] } })
    const pieces = []
    for (let k = 0; k < 3; k++) {
      const meta = attempt(() => y.meta(u))
      if (!meta) break
      const sv = new Map()
      meta.to.forEach((clock, client) => { if (rnd(4) > 0) sv.set(client, rnd(clock + 2)) })
      const bytes = Y.encodeStateVector(sv)
      const d = check('diff', version, [u], b64(bytes), () => y.diff(u, bytes))
      if (d) pieces.push(d)
    }
    return pieces
  }
  for (const version of [1, 2]) {
    const y = api[version]
    const all = pairs.map(p => p[version - 1])
    check('merge', version, [], '', () => y.merge([]))
    let parts = []
    for (let k = 0; k < 4; k++) {
      const some = shuffle(all.filter(() => rnd(3) > 0))
      if (rnd(2) === 0 && some.length > 0) some.push(pick(some))
      const merged = check('merge', version, some, '', () => y.merge(some))
      if (merged) { parts.push(merged); parts.push(...full(version)(merged, 1)) }
    }
    parts = shuffle(parts)
    for (let k = 0; k < 4; k++) {
      const some = parts.slice(rnd(parts.length)).concat(rnd(2) ? [pick(all)] : [])
      check('merge', version, some, '', () => y.merge(some))
    }
    full(version)(pick(all), 1)
    // Many, and everything several times.
    const many = shuffle([1, 2, 3, 4].flatMap(() => events.map(p => p[version - 1])))
    check('merge', version, many, '', () => y.merge(many))
  }
  // The same updates as somebody else would write them.
  for (let k = 0; k < 3; k++) {
    const odd = attempt(() => {
      const doc = new Y.Doc({ gc: false })
      pairs.slice(rnd(pairs.length)).forEach(p => Y.applyUpdate(doc, p[0]))
      return Y.encodeStateAsUpdateV2(doc, undefined, new OddV1())
    })
    if (odd) {
      full(1)(odd, 1)
      check('merge', 1, [odd, pairs[0][0]], '', () => Y.mergeUpdates([odd, pairs[0][0]]))
    }
  }
  // Damaged updates: whoever accepts them must agree. (Only V1: yjs does not come back from some damaged V2 updates.)
  for (let k = 0; k < 20; k++) {
    const version = 1
    const bad = Uint8Array.from(pick(pairs)[version - 1])
    for (let j = 1 + rnd(2); j > 0; j--) bad[rnd(bad.length)] = rnd(3) ? rnd(256) : bad[rnd(bad.length)] ^ (1 << rnd(8))
    check('damaged', version, [bad], '', () => api[version].convert(bad))
  }
  process.stdout.write(JSON.stringify({ id, checks }) + '\n')
}

const first = Number(process.argv[2]); const cases = Number(process.argv[3])
for (let i = 0; i < cases; i++) run(first + i)
