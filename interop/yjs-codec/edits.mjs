// Plays random Yjs sessions with an undo manager and a second author, and prints, one JSON object per line, what happened:
//   node edits.mjs SEED CASES
// Every line: {id, gc, ignore, whole, long, steps: [{do, arg, updates, stacks, positions, snapshot}…], state, restored}; updates and
// state are V1 in base64. Positions are [list, index, assoc, bytes], and those found again are [bytes, index or null].
import * as Y from 'yjs'

const b64 = u => Buffer.from(u).toString('base64')

let seed = 1
const rnd = n => {
  seed ^= seed << 13; seed >>>= 0
  seed ^= seed >>> 17
  seed ^= seed << 5; seed >>>= 0
  return seed % n
}
const pick = list => list[rnd(list.length)]

const words = ['a', 'bc', 'def', 'naïve', '日本', '😀']
const keys = ['', 'k', '2', 'row']
const value = () => pick([() => rnd(100), () => pick(words), () => null, () => true])()

// An operation is [what, ...args]; the same list is done here and in Go.
const randomOp = doc => {
  const t = doc.getText('t'); const a = doc.getArray('a'); const m = doc.getMap('m')
  switch (rnd(20)) {
    case 0: case 1: return ['tins', rnd(t.length + 1), pick(words)]
    case 2: { const i = rnd(t.length + 1); return ['tdel', i, Math.min(rnd(4), t.length - i)] }
    case 3: { const i = rnd(t.length + 1); return ['fmt', i, Math.min(rnd(4), t.length - i), pick(['bold', 'color']), pick([true, null, 'red'])] }
    case 4: return ['embed', rnd(t.length + 1), value()]
    case 5: return ['ins', rnd(a.length + 1), [value(), value()].slice(rnd(2))]
    case 6: { const i = rnd(a.length + 1); return ['del', i, Math.min(rnd(3), a.length - i)] }
    case 7: case 8: return ['set', pick(keys), value()]
    case 9: return ['mdel', pick(keys)]
    case 10: return ['setmap', pick(keys), pick(keys), value()]
    case 11: return ['insmap', rnd(a.length + 1), pick(keys), value()]
    case 12: {
      const maps = a.toArray().map((v, i) => v instanceof Y.Map ? i : -1).filter(i => i >= 0)
      return maps.length ? ['arrset', pick(maps), pick(keys), value()] : ['insmap', 0, pick(keys), value()]
    }
    case 13: return ['xml', rnd(doc.getXmlFragment('x').length + 1), pick(['p', 'h1']), pick(words)]
    case 14: { const x = doc.getXmlFragment('x'); const i = rnd(x.length + 1); return ['xmldel', i, Math.min(rnd(3), x.length - i)] }
    case 15: { const x = doc.getXmlFragment('x'); return x.length ? ['xmlattr', rnd(x.length), pick(keys), pick(words)] : ['clear'] }
    case 16: { const x = doc.getXmlFragment('x'); return x.length ? ['xmltext', rnd(x.length), pick(words)] : ['set', 'k', value()] }
    case 17: return rnd(3) ? ['deep', pick(keys), pick(keys), value()] : ['clear']
    case 18: return ['bin', pick(keys)]
    default: {
      const nested = keys.filter(k => m.get(k) instanceof Y.Map)
      return nested.length ? ['nested', pick(nested), pick(keys), value()] : ['set', pick(keys), value()]
    }
  }
}

const perform = (doc, [what, ...args]) => {
  const x = doc.getXmlFragment('x')
  const t = doc.getText('t'); const a = doc.getArray('a'); const m = doc.getMap('m')
  switch (what) {
    case 'tins': return t.insert(args[0], args[1])
    case 'tdel': return t.delete(args[0], args[1])
    case 'fmt': return t.format(args[0], args[1], { [args[2]]: args[3] })
    case 'embed': return t.insertEmbed(args[0], { v: args[1] })
    case 'ins': return a.insert(args[0], args[1])
    case 'del': return a.delete(args[0], args[1])
    case 'set': return m.set(args[0], args[1])
    case 'mdel': return m.delete(args[0])
    case 'setmap': { const n = new Y.Map(); m.set(args[0], n); n.set(args[1], args[2]); return }
    case 'insmap': { const n = new Y.Map(); a.insert(args[0], [n]); n.set(args[1], args[2]); return }
    case 'arrset': return a.get(args[0]).set(args[1], args[2])
    case 'xml': { const e = new Y.XmlElement(args[1]); x.insert(args[0], [e]); const c = new Y.XmlText(); e.insert(0, [c]); c.insert(0, args[2]); return }
    case 'xmldel': return x.delete(args[0], args[1])
    case 'xmlattr': return x.get(args[0]).setAttribute(args[1], args[2])
    case 'xmltext': return x.get(args[0]).get(0).insert(0, args[1])
    case 'clear': return m.clear()
    case 'deep': { const n = new Y.Map(); const o = new Y.Map(); m.set(args[0], n); n.set(args[1], o); o.set('x', args[2]); return }
    case 'bin': return m.set(args[0], new Uint8Array([1, 2, 3]))
    case 'nested': return m.get(args[0]).set(args[1], args[2])
  }
}

// Lists to take positions in: roots, and what lies in them.
const lists = doc => {
  const out = [['t'], ['a'], ['x']]
  doc.getXmlFragment('x').toArray().forEach((e, i) => {
    out.push(['x', i])
    if (e.length > 0) out.push(['x', i, 0])
  })
  return out
}
const listAt = (doc, [root, ...steps]) => steps.reduce((t, i) => t.get(i), { t: doc.getText('t'), a: doc.getArray('a'), x: doc.getXmlFragment('x') }[root])

const run = id => {
  seed = (id * 2654435761) >>> 0 || 1
  rnd(2); rnd(2)
  const gc = rnd(3) > 0
  const ignore = rnd(4) === 0
  const whole = rnd(3) === 0
  const long = rnd(3) === 0 // steps of several transactions
  const doc = new Y.Doc({ gc }); doc.clientID = 10
  const other = new Y.Doc({ gc }); other.clientID = rnd(2) ? 5 : 20
  for (const d of [doc, other]) { d.getMap('m'); d.getArray('a'); d.getText('t'); d.getXmlFragment('x') }
  // Over a whole document yjs counts transactions that change nothing as steps; we do not.
  const captureTransaction = tr => tr.deleteSet.clients.size > 0 ||
    [...tr.afterState].some(([client, clock]) => clock !== (tr.beforeState.get(client) || 0))
  const manager = new Y.UndoManager(whole ? doc : [doc.getMap('m'), doc.getText('t'), doc.getXmlFragment('x')], { captureTimeout: long ? 1e9 : 0, ignoreRemoteMapChanges: ignore, captureTransaction })
  let updates = []
  doc.on('update', u => updates.push(b64(u)))
  const steps = []
  const positions = []
  const snaps = []
  for (let n = 4 + rnd(25); n > 0; n--) {
    updates = []
    let step
    switch (rnd(long ? 10 : 8)) {
      case 8: case 9: manager.stopCapturing(); step = { do: 'stop' }; break
      case 0: case 1: case 2: {
        const ops = []
        doc.transact(() => { for (let k = 1 + rnd(3); k > 0; k--) { const op = randomOp(doc); ops.push(op); perform(doc, op) } })
        step = { do: 'txn', arg: ops }
        break
      }
      case 3: case 4: {
        Y.applyUpdate(other, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(other)))
        other.transact(() => { for (let k = 1 + rnd(2); k > 0; k--) perform(other, randomOp(other)) })
        const u = Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc))
        Y.applyUpdate(doc, u, 'net')
        step = { do: 'net', arg: b64(u) }
        break
      }
      case 5: case 6: manager.undo(); step = { do: 'undo' }; break
      case 7: manager.redo(); step = { do: 'redo' }; break
    }
    const list = pick(lists(doc))
    const type = listAt(doc, list)
    const index = rnd(type.length + 1); const assoc = pick([0, -1, 1])
    const bytes = b64(Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(type, index, assoc)))
    positions.push(bytes)
    const found = [pick(positions), pick(positions)].map(p => {
      const at = Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(Buffer.from(p, 'base64')), doc)
      return [p, at && at.index]
    })
    const snap = Y.snapshot(doc)
    snaps.push(snap)
    step.position = [list, index, assoc, bytes]
    step.found = found
    step.snapshot = [b64(Y.encodeSnapshot(snap)), b64(Y.encodeSnapshotV2(snap))]
    step.last = updates.map(u => Y.snapshotContainsUpdate(snap, Buffer.from(u, 'base64')))
    steps.push({ ...step, updates, stacks: [manager.undoStack.length, manager.redoStack.length] })
  }
  const state = b64(Y.encodeStateAsUpdate(doc)) // now: to restore a snapshot cuts the original
  const restored = gc
    ? []
    : snaps.map((snap, i) => i % 5 ? null : b64(Y.encodeStateAsUpdate(Y.createDocFromSnapshot(doc, snap))))
  process.stdout.write(JSON.stringify({ restored, id, gc, ignore, whole, long, steps, state }) + '\n')
}

const first = Number(process.argv[2]); const cases = Number(process.argv[3])
for (let i = 0; i < cases; i++) {
  try { run(first + i) } catch (e) { process.stdout.write(JSON.stringify({ id: first + i, thrown: String(e) }) + '\n') }
}
