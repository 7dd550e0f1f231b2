// Plays random sessions of several yjs clients and prints each as one line of JSON, for TestOracle.
//
//   node cases.cjs SEED COUNT        (yjs must be found, for example through NODE_PATH)
//
// A session is a list of steps. In {do: client, ops} a client runs one transaction (the operations are those of the golden
// scripts); in {give: client, updates} it is given updates that others have made, in some order, perhaps twice or never.
// Every step says which updates the client then sent. At the end stands what each client and some late readers have.
'use strict'
const Y = require('yjs')

let state = 1
const random = () => { // mulberry32
  state = (state + 0x6D2B79F5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const int = n => Math.floor(random() * n)
const pick = list => list[int(list.length)]
const b64 = bytes => Buffer.from(bytes).toString('base64')

const KEYS = ['a', 'b', 'c', '', 'long key name', 'ключ', '😀', '7', '12']
const BMP = ['a', 'b', ' ', 'é', '日', 'xyz', '\n']
const ASTRAL = ['😀', 'a', '𝒳', '👩‍👩‍👧', 'é']
const ATTRS = [['bold', true], ['bold', null], ['italic', true], ['italic', null], ['color', 'red'], ['color', 'blue'], ['color', null],
  ['link', { href: 'x' }], ['link', null], ['size', 3], ['deep', { a: { b: 1 } }], ['deep', null]]
const NAMES = ['p', 'div', 'h1']

const scalar = () => pick([null, true, false, 0, -0, 1, -1, 63, 64, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 40, 2 ** 53 - 1, 1.5, 0.1, 1e300, NaN, Infinity, -Infinity,
  '', 'text', 'ünï 日本 😀', 'x'.repeat(int(300)), int(1000), int(1000)])
const plain = depth => {
  if (depth > 2 || random() < 0.75) return scalar()
  if (random() < 0.5) return Array.from({ length: int(4) }, () => plain(depth + 1))
  const o = {}
  for (let i = int(4); i > 0; i--) o[pick(KEYS)] = plain(depth + 1)
  return o
}
const bytes = () => new Uint8Array(Array.from({ length: int(6) }, () => int(256)))

const marked = v => {
  if (v === undefined) return { $undef: 1 }
  if (typeof v === 'bigint') return { $big: String(v) }
  if (typeof v === 'number') return Number.isFinite(v) && !Object.is(v, -0) ? v : { $num: Object.is(v, -0) ? '-0' : String(v) }
  if (v === null || typeof v !== 'object') return v
  if (v instanceof Uint8Array) return { $bin: b64(v) }
  if (v instanceof Y.Doc) return { $doc: v.guid }
  if (v instanceof Y.XmlHook) { const o = {}; v.forEach((x, k) => { o[k] = marked(x) }); return o }
  if (v instanceof Y.XmlFragment || v instanceof Y.Text) return v.toString()
  if (v instanceof Y.Array) return v.toArray().map(marked)
  if (v instanceof Y.Map) { const o = {}; v.forEach((x, k) => { o[k] = marked(x) }); return o }
  if (Array.isArray(v)) return v.map(marked)
  const o = {}
  for (const k in v) o[k] = marked(v[k])
  return o
}

// A value to be set: what the script says, and a function that makes it.
const mapValue = (depth, p) => {
  const r = random()
  if (p.types && r < 0.25) return typeValue(depth, p)
  if (r < 0.32) { const b = bytes(); return { say: marked(b), make: () => b } }
  if (r < 0.36) return { say: { $undef: 1 }, make: () => undefined }
  if (r < 0.4) { const n = BigInt(int(1e9)) * BigInt(pick([1, -1, 9e9])); return { say: marked(n), make: () => n } }
  const v = plain(0)
  return { say: marked(v), make: () => v }
}
const listValue = (depth, p) => {
  const r = random()
  if (p.types && r < 0.15) return typeValue(depth, p)
  if (r < 0.22) { const b = bytes(); return { say: marked(b), make: () => b } }
  const v = plain(0)
  return { say: marked(v), make: () => v }
}
const typeValue = (depth, p) => {
  if (p.subdoc && random() < 0.4) {
    const guid = 'g' + int(1000)
    const opts = pick([undefined, { autoLoad: true }, { gc: false }, { meta: { k: 1 } }])
    return { say: { $doc: opts ? { guid, opts } : { guid } }, make: () => new Y.Doc({ guid, ...opts }) }
  }
  const kind = pick(p.text ? ['map', 'array', 'text'] : ['map', 'map', 'array'])
  if (kind === 'text') { const s = word(p); return { say: { $type: 'text', init: s }, make: () => new Y.Text(s) } }
  const n = depth > 2 ? 0 : int(3)
  if (kind === 'array') {
    const init = Array.from({ length: n }, () => listValue(depth + 1, p))
    return { say: { $type: 'array', init: init.map(x => x.say) }, make: () => Y.Array.from(init.map(x => x.make())) }
  }
  const init = []
  for (let i = 0; i < n; i++) {
    const k = pick(KEYS)
    if (!init.some(x => x[0] === k)) init.push([k, mapValue(depth + 1, p)])
  }
  return { say: { $type: 'map', init: init.map(([k, v]) => [k, v.say]) }, make: () => new Y.Map(init.map(([k, v]) => [k, v.make()])) }
}
const xmlValue = (depth, p) => {
  const r = random()
  if (r < 0.4) { const s = word(p); return { say: { $type: 'xmltext', init: s }, make: () => new Y.XmlText(s) } }
  if (r < 0.45) return { say: { $type: 'xmlhook', name: 'hook' }, make: () => new Y.XmlHook('hook') }
  const name = pick(NAMES)
  const attrs = random() < 0.5 ? [['id', 'i' + int(9)]] : []
  const children = Array.from({ length: depth > 2 ? 0 : int(3) }, () => xmlValue(depth + 1, p))
  return {
    say: { $type: 'xml', name, attrs, children: children.map(c => c.say) },
    make: () => {
      const e = new Y.XmlElement(name)
      for (const [k, v] of attrs) e.setAttribute(k, v)
      e.insert(0, children.map(c => c.make()))
      return e
    }
  }
}
const word = p => { let s = ''; for (let i = 1 + int(4); i > 0; i--) s += pick(p.astral && random() < 0.4 ? ASTRAL : BMP); return s }
const attributes = () => { const o = {}; for (let i = 1 + int(2); i > 0; i--) { const [k, v] = pick(ATTRS); o[k] = v && typeof v === 'object' ? JSON.parse(JSON.stringify(v)) : v } return o }

// All types of a document with their paths.
const typesOf = doc => {
  const out = []
  const walk = (t, path) => {
    out.push([t, path])
    if (path.length > 5) return
    if (t instanceof Y.Map) t.forEach((v, k) => { if (v instanceof Y.AbstractType) walk(v, [...path, k]) })
    else if (t instanceof Y.Array || t instanceof Y.XmlFragment) t.toArray().forEach((v, i) => { if (v instanceof Y.AbstractType) walk(v, [...path, i]) })
  }
  walk(doc.getMap('m'), ['m'])
  walk(doc.getArray('a'), ['a'])
  walk(doc.getText('t'), ['t'])
  walk(doc.getXmlFragment('x'), ['x'])
  return out
}

// One random operation, done and described.
const operate = (doc, p) => {
  const all = typesOf(doc).filter(([t, path]) => p.roots.includes(path[0]))
  const [t, path] = random() < 0.4 ? pick(all.filter(([, path]) => path.length === 1)) : pick(all)
  const r = random()
  if (t instanceof Y.Map) {
    const k = pick(KEYS)
    if (r < 0.72) { const v = mapValue(path.length, p); t.set(k, v.make()); return ['set', path, k, v.say] }
    if (r < 0.97) { t.delete(k); return ['mdel', path, k] }
    t.clear()
    return ['clear', path]
  }
  if (t instanceof Y.Text) {
    const n = t.length
    const at = int(n + 1)
    if (p.format && r < 0.3 && n > 0) {
      const i = int(n)
      const len = 1 + int(Math.min(6, n - i))
      const a = attributes()
      const say = marked(a)
      t.format(i, len, a)
      return ['fmt', path, i, len, say]
    }
    if (r < 0.5 && n > 0) {
      const i = int(n)
      const len = 1 + int(Math.min(5, n - i))
      t.delete(i, len)
      return ['del', path, i, len]
    }
    if (p.format && r < 0.58) {
      const a = random() < 0.5 ? attributes() : null
      const embed = { image: 'u' + int(9) }
      const say = marked(a)
      if (a) t.insertEmbed(at, embed, a); else t.insertEmbed(at, embed)
      return ['embed', path, at, embed, say]
    }
    if (p.format && r < 0.66) {
      const delta = []
      let left = n
      for (let i = 1 + int(3); i > 0; i--) {
        const k = random()
        if (k < 0.4) delta.push(random() < 0.5 ? { insert: word(p) } : { insert: word(p), attributes: attributes() })
        else if (left > 0) {
          const len = 1 + int(Math.min(left, 4))
          left -= len
          delta.push(k < 0.8 ? (random() < 0.5 ? { retain: len } : { retain: len, attributes: attributes() }) : { delete: len })
        }
      }
      const say = marked(delta)
      t.applyDelta(delta)
      return ['delta', path, say]
    }
    if (r < 0.7) { const k = pick(KEYS); const v = scalar(); t.setAttribute(k, v); return ['attr', path, k, marked(v)] }
    if (r < 0.72) { const k = pick(KEYS); t.removeAttribute(k); return ['rattr', path, k] }
    const s = word(p)
    if (p.format && random() < 0.4) { const a = attributes(); const say = marked(a); t.insert(at, s, a); return ['tins', path, at, s, say] }
    t.insert(at, s)
    return ['tins', path, at, s, null]
  }
  const xml = t instanceof Y.XmlFragment
  const n = t.length
  if (r < 0.35 && n > 0) {
    const i = int(n)
    const len = 1 + int(Math.min(3, n - i))
    t.delete(i, len)
    return ['del', path, i, len]
  }
  if (t instanceof Y.XmlElement && r < 0.5) {
    const k = pick(['id', 'class', 'data'])
    if (random() < 0.3) { t.removeAttribute(k); return ['rattr', path, k] }
    const v = 'v' + int(9)
    t.setAttribute(k, v)
    return ['attr', path, k, v]
  }
  const vs = Array.from({ length: 1 + int(3) }, () => xml ? xmlValue(path.length, p) : listValue(path.length, p))
  const at = int(n + 1)
  if (r > 0.9 && !xml) { t.push(vs.map(v => v.make())); return ['push', path, vs.map(v => v.say)] }
  t.insert(at, vs.map(v => v.make()))
  return ['ins', path, at, vs.map(v => v.say)]
}

const PROFILES = [
  ...Array(6).fill({ name: 'maps', roots: ['m'], types: true }),
  ...Array(2).fill({ name: 'arrays', roots: ['a', 'm'], types: true }),
  ...Array(3).fill({ name: 'text', roots: ['t'] }),
  ...Array(2).fill({ name: 'astral', roots: ['t'], astral: true }),
  ...Array(3).fill({ name: 'formatted', roots: ['t'], format: true }),
  ...Array(2).fill({ name: 'xml', roots: ['x'], format: true }),
  ...Array(2).fill({ name: 'mixed', roots: ['m', 'a', 't', 'x'], types: true, text: true, format: true, astral: true }),
  { name: 'subdocs', roots: ['m', 'a'], types: true, subdoc: true }
]

const eventValue = v => v instanceof Y.Doc ? { $doc: v.guid } : v instanceof Y.AbstractType ? { $shared: v.constructor.name.replace(/^_/, '') } : Array.isArray(v) || (v && typeof v === 'object' && v.constructor === Object) ? marked(v) : marked(v)

const open = (id, gc, watch) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = id
  const roots = { m: doc.getMap('m'), a: doc.getArray('a'), t: doc.getText('t'), x: doc.getXmlFragment('x') }
  const sent = []
  doc.on('update', (u, origin, _, transaction) => sent.push({ v1: b64(u), local: transaction.local }))
  doc.on('updateV2', u => { sent[sent.length - 1].v2 = b64(u) })
  const events = []
  if (watch) {
    for (const root of ['m', 'a', 'x']) {
      roots[root].observeDeep(list => events.push({
        root,
        events: list.map(e => {
          const keys = {}
          e.changes.keys.forEach((c, k) => { keys[k] = { action: c.action, oldValue: eventValue(c.oldValue) } })
          return {
            path: e.path, target: e.target.constructor.name.replace(/^_/, ''), keys,
            delta: e.changes.delta.map(op => op.insert ? { insert: op.insert.map(eventValue) } : op)
          }
        })
      }))
    }
  }
  return { doc, sent, events }
}

const pendingOf = store => ({
  structs: store.pendingStructs ? b64(store.pendingStructs.update) : null,
  ds: store.pendingDs ? b64(store.pendingDs) : null
})
const deltasOf = doc => {
  const out = {}
  for (const [t, path] of typesOf(doc)) if (t instanceof Y.Text && !path.some(s => String(s).includes('/'))) out[path.join('/')] = marked(t.toDelta())
  return out
}
const endOf = doc => {
  const json = {}
  for (const [name, t] of doc.share) json[name] = marked(t)
  return {
    json, deltas: deltasOf(doc), sv: b64(Y.encodeStateVector(doc)), v1: b64(Y.encodeStateAsUpdate(doc)), v2: b64(Y.encodeStateAsUpdateV2(doc)), pending: pendingOf(doc.store)
  }
}

const session = seed => {
  state = seed | 0
  const p = PROFILES[seed % PROFILES.length]
  const gc = random() < 0.75
  const watch = !p.format && !p.roots.includes('t') && !p.text && random() < 0.5
  const count = 2 + int(3)
  const ids = []
  while (ids.length < count) {
    const id = pick([() => 1 + int(100), () => int(2 ** 32), () => 2 ** 53 - 1 - int(1000)])()
    if (id > 0 && !ids.includes(id)) ids.push(id)
  }
  const peers = ids.map(id => open(id, gc, watch))
  const updates = [] // all local updates: {from, v1, v2}
  const has = peers.map(() => new Set())
  const steps = []
  const give = (peer, i, list, v2) => {
    peer.sent.length = peer.events.length = 0
    for (const u of list) {
      if (v2) Y.applyUpdateV2(peer.doc, Buffer.from(updates[u].v2, 'base64')); else Y.applyUpdate(peer.doc, Buffer.from(updates[u].v1, 'base64'))
    }
    return { give: i, v2, updates: list, sent: peer.sent.slice(), events: peer.events.slice() }
  }
  for (let n = 4 + int(16); n > 0; n--) {
    const i = int(count)
    const peer = peers[i]
    if (random() < 0.65) {
      peer.sent.length = peer.events.length = 0
      const ops = []
      peer.doc.transact(() => { for (let k = 1 + int(3); k > 0; k--) ops.push(operate(peer.doc, p)) })
      const sent = peer.sent.slice()
      for (const u of sent) { has[i].add(updates.length); updates.push(u) }
      steps.push({ do: i, ops, sent, events: peer.events.slice() })
    } else {
      let list = updates.map((_, u) => u).filter(u => !has[i].has(u) && random() < 0.8)
      if (random() < 0.4) list = list.sort(() => random() - 0.5)
      if (random() < 0.2) list = list.concat(list.filter(() => random() < 0.3))
      if (list.length === 0) continue
      list.forEach(u => has[i].add(u))
      steps.push(give(peer, i, list, random() < 0.35))
      // What formatting cleanup has sent is an update like others. Foreign ones are not passed on: where one struct waits
      // twice, once whole and once collected, mergeUpdates takes the one or the other.
      for (const u of peer.sent) if (u.local) { has[i].add(updates.length); updates.push(u) }
    }
  }
  const ends = peers.map(x => endOf(x.doc))
  const readers = []
  for (const mode of ['inorder', 'shuffled', 'twice', 'missing']) {
    const reader = open(4000000000, gc, false)
    let list = updates.map((_, u) => u)
    if (mode !== 'inorder') list = list.sort(() => random() - 0.5)
    if (mode === 'twice') list = list.concat(list.filter(() => random() < 0.4)).sort(() => random() - 0.5)
    if (mode === 'missing') list = list.filter(u => u !== 0)
    const step = give(reader, mode, list, random() < 0.35)
    delete step.sent
    delete step.events
    readers.push({ ...step, end: endOf(reader.doc) })
  }
  return { seed, profile: p.name, gc, ids, updates, steps, ends, readers }
}

const print = text => {
  const all = Buffer.from(text)
  for (let at = 0; at < all.length;) at += require('fs').writeSync(1, all, at)
}

const [from, n] = process.argv.slice(2).map(Number)
for (let seed = from; seed < from + n; seed++) print(JSON.stringify(session(seed)) + '\n')
