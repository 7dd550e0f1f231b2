// Plays random awareness sessions of three clients and prints, one JSON object per line, what y-protocols makes of them:
//   node awareness.mjs SEED CASES
// Every line: {id, clients, steps: [{do, who, arg, events, all}…]}; messages are in base64.
import * as Y from 'yjs'
import * as awareness from 'y-protocols/awareness'

const b64 = u => Buffer.from(u).toString('base64')

let seed = 1
const rnd = n => {
  seed ^= seed << 13; seed >>>= 0
  seed ^= seed >>> 17
  seed ^= seed << 5; seed >>>= 0
  return seed % n
}
const pick = list => list[rnd(list.length)]
const state = () => pick([
  () => ({}), () => ({ n: rnd(3) }), () => ({ user: { name: pick(['Zoë', '😀', 'a\ud83d', '']), list: [1, null, { x: 1e21 }] } }),
  () => ({ b: 1, a: 2, 10: 'x', 9: 'y' }), () => null
])()

const run = id => {
  seed = (id * 2654435761) >>> 0 || 1
  rnd(2)
  const clients = [1, 2 ** 32 - 1, 7]
  let events = []
  const all = clients.map((client, i) => {
    const doc = new Y.Doc()
    doc.clientID = client
    const a = new awareness.Awareness(doc)
    clearInterval(a._checkInterval)
    for (const kind of ['change', 'update']) a.on(kind, ({ added, updated, removed }, origin) => events.push([i, kind, added, updated, removed, String(origin)]))
    return a
  })
  const messages = []
  const steps = []
  for (let n = 5 + rnd(25); n > 0; n--) {
    events = []
    const who = rnd(3)
    const a = all[who]
    let step
    switch (rnd(8)) {
      case 0: case 1: { const s = state(); a.setLocalState(s); step = { do: 'set', arg: JSON.stringify(s) }; break }
      case 2: { const v = pick([1, 'x', null]); a.setLocalStateField('f', v); step = { do: 'field', arg: JSON.stringify(v) }; break }
      case 3: { const gone = clients.filter((c, i) => i !== who && rnd(2)); awareness.removeAwarenessStates(a, gone, 'gone'); step = { do: 'remove', arg: gone }; break }
      default: {
        if (messages.length === 0 || rnd(3) === 0) {
          const known = [...a.meta.keys()].filter(() => rnd(3))
          const m = awareness.encodeAwarenessUpdate(a, known)
          messages.push(b64(m))
          step = { do: 'encode', arg: [known, b64(m)] }
        } else {
          const m = rnd(2) ? messages[messages.length - 1] : pick(messages)
          awareness.applyAwarenessUpdate(a, Buffer.from(m, 'base64'), 'net')
          step = { do: 'apply', arg: m }
        }
      }
    }
    steps.push({ ...step, who, events, all: b64(awareness.encodeAwarenessUpdate(a, [...a.states.keys()])) })
  }
  process.stdout.write(JSON.stringify({ id, clients, steps }) + '\n')
}

const first = Number(process.argv[2]); const cases = Number(process.argv[3])
for (let i = 0; i < cases; i++) run(first + i)
