// The workloads of workloads.go, done with yjs or ywasm: node twin.mjs ENGINE WORKLOAD... Prints one line of JSON for
// each: what one repetition took in milliseconds (wall: the median; cpu: the mean of the whole process) and the hashes of
// the bytes and of the content that were left in the end. A workload that the engine has no API for is skipped.
import * as Y from 'yjs';
import {createHash} from 'crypto';
import {readFileSync} from 'fs';
import {createRequire} from 'module';
import {gunzipSync} from 'zlib';

const [engine, ...chosen] = process.argv.slice(2);
const {ROWLOOM_DATA: DIR, ROWLOOM_REPS, ROWLOOM_CPU_MS, ROWLOOM_CONTENT} = process.env;
const MAX_REPS = Number(ROWLOOM_REPS);
const CPU_MS = Number(ROWLOOM_CPU_MS);
const ME = 4242;

const cache = new Map();
const once = (name, fn) => {
  if (!cache.has(name)) cache.set(name, fn());
  return cache.get(name);
};
const unzip = (name) => gunzipSync(readFileSync(`${DIR}/${name}.gz`));
const read = (name) => once(name, () => new Uint8Array(unzip(name)));
const json = (name) => once(name, () => JSON.parse(unzip(name + '.json')));
const updates = (name) => once('updates ' + name, () => json(name).map((s) => new Uint8Array(Buffer.from(s, 'base64'))));

const ROWS = Array.from({length: 10_000}, (_, i) => 'r' + i);
const CELLS = Array.from({length: 10}, (_, i) => 'c' + i);

// What the workloads need of an engine.
const yjs = {
  create(id = ME) {
    const doc = new Y.Doc();
    doc.clientID = id;
    return doc;
  },
  listen: (doc, fn) => doc.on('update', fn),
  apply: (doc, u) => Y.applyUpdate(doc, u),
  applyV2: (doc, u) => Y.applyUpdateV2(doc, u),
  encode: (doc, sv) => Y.encodeStateAsUpdate(doc, sv),
  encodeV2: (doc) => Y.encodeStateAsUpdateV2(doc),
  stateVector: (doc) => Y.encodeStateVector(doc),
  merge: (list) => Y.mergeUpdates(list),
  diff: (bytes) => Y.diffUpdate(bytes, Y.encodeStateVectorFromUpdate(bytes)),
  build(doc) {
    const root = doc.getMap('m');
    doc.transact(() => {
      const table = new Y.Map();
      root.set('t1', table);
      for (let r = 0; r < ROWS.length; r++) {
        const row = new Y.Map();
        table.set(ROWS[r], row);
        for (let c = 0; c < CELLS.length; c++) row.set(CELLS[c], r * c);
      }
    });
  },
  overwrite(doc, n) {
    const table = doc.getMap('m').get('t1');
    for (let i = 1; i <= n; i++) table.get(ROWS[(i * 7919) % 10_000]).set(CELLS[i % 10], i);
  },
  keys(doc, key) {
    const map = doc.getMap('m');
    for (let i = 0; i < 6000; i++) map.set(key(i), i);
  },
  play(doc, edits) {
    const text = doc.getText('t');
    for (const [at, deleted, inserted] of edits) {
      doc.transact(() => {
        if (deleted) text.delete(at, deleted);
        if (inserted) text.insert(at, inserted);
      });
    }
  },
  free: () => {},
};

const W = engine === 'ywasm' ? createRequire(import.meta.url)('ywasm') : null;
const transact = (doc, fn) => {
  const txn = doc.beginTransaction(null);
  try {
    return fn(txn);
  } finally {
    txn.free();
  }
};
const ywasm = {
  create: (id = ME) => new W.YDoc({clientID: id}),
  listen: (doc, fn) => doc.onUpdate(fn),
  apply: (doc, u) => W.applyUpdate(doc, u, null),
  applyV2: (doc, u) => W.applyUpdateV2(doc, u, null),
  encode: (doc, sv) => W.encodeStateAsUpdate(doc, sv),
  encodeV2: (doc) => W.encodeStateAsUpdateV2(doc),
  stateVector: (doc) => W.encodeStateVector(doc),
  build(doc) {
    const root = doc.getMap('m');
    transact(doc, (txn) => {
      root.set('t1', new W.YMap({}), txn);
      const table = root.get('t1', txn);
      for (let r = 0; r < ROWS.length; r++) {
        table.set(ROWS[r], new W.YMap({}), txn);
        const row = table.get(ROWS[r], txn);
        for (let c = 0; c < CELLS.length; c++) row.set(CELLS[c], r * c, txn);
        row.free();
      }
    });
  },
  overwrite(doc, n) {
    const table = doc.getMap('m').get('t1', undefined);
    for (let i = 1; i <= n; i++) {
      transact(doc, (txn) => {
        const row = table.get(ROWS[(i * 7919) % 10_000], txn);
        row.set(CELLS[i % 10], i, txn);
        row.free();
      });
    }
  },
  keys(doc, key) {
    const map = doc.getMap('m');
    for (let i = 0; i < 6000; i++) map.set(key(i), i, undefined);
  },
  play(doc, edits) {
    const text = doc.getText('t');
    for (const [at, deleted, inserted] of edits) {
      transact(doc, (txn) => {
        if (deleted) text.delete(at, deleted, txn);
        if (inserted) text.insert(at, inserted, undefined, txn);
      });
    }
  },
  free: (doc) => doc.free(),
};
const E = W ? ywasm : yjs;

let heard = 0;
const listened = (id) => {
  const doc = E.create(id);
  E.listen(doc, (u) => (heard += u.length));
  return doc;
};
const loaded = (name) => {
  const doc = E.create();
  E.apply(doc, read(name));
  return doc;
};
const heavy = (name) => once('doc ' + name, () => loaded(name));
const applyAll = (doc, list) => {
  for (const u of list) E.apply(doc, u);
};

// A workload has run(x), which is timed, and before(), which makes x. What is left is the document x, or with `bytes` what
// run returns. `calls` says how often run does the work of one.
const edits = (list) => ({before: () => listened(), run: (doc) => E.play(doc, list())});
const load = (name, v2) => ({
  before: () => (read(name), E.create()),
  run: (doc) => (v2 ? E.applyV2 : E.apply)(doc, read(name)),
});
const receive = (base, list, listen = true) => ({
  before() {
    list();
    const doc = base ? loaded(base) : E.create();
    if (listen) E.listen(doc, (u) => (heard += u.length));
    return doc;
  },
  run: (doc) => applyAll(doc, list()),
});
const encode = (name, v2) => ({before: () => heavy(name), run: v2 ? E.encodeV2 : (doc) => E.encode(doc), bytes: true, v2, keep: true});
// Two users type into a text of 100 characters; in the end each gets the other's updates.
const pair = (first) => ({
  before() {
    const base = E.create(1);
    E.play(base, [[0, 0, 'x'.repeat(100)]]);
    const start = E.encode(base);
    return [2, 3].map((id) => {
      const user = {doc: E.create(id), sent: [], own: true};
      E.apply(user.doc, start);
      E.listen(user.doc, (u) => user.own && user.sent.push(u));
      return user;
    });
  },
  run(users) {
    users.forEach((u, i) => E.play(u.doc, json('b2')[first + i]));
    for (const u of users) u.own = false;
    users.forEach((u, i) => applyAll(u.doc, users[1 - i].sent));
  },
  left: (users) => users[0].doc,
});
const latency = (percentile) => ({
  reps: 1,
  measure() {
    const list = updates('cellupdates');
    const doc = loaded('table.v1');
    const samples = list.map((u) => {
      const t0 = performance.now();
      E.apply(doc, u);
      return performance.now() - t0;
    });
    samples.sort((a, b) => a - b);
    return [samples[Math.floor(samples.length * percentile)], doc];
  },
});

const workloads = {
  'B1.1/append/edits=6k': edits(() => json('b1')[0]),
  'B1.3/prepend/edits=6k': edits(() => json('b1')[1]),
  'B1.4/random-characters/edits=6k': edits(() => json('b1')[2]),
  'B1.5/random-words/edits=6k': edits(() => json('b1')[3]),
  'B1.7/insert-delete/edits=6k': edits(() => json('b1')[4]),
  'B1/map/keys=6k': {before: () => listened(), run: (doc) => E.keys(doc, (i) => 'k' + i)},
  'B1/map/keys=1/sets=6k': {before: () => listened(), run: (doc) => E.keys(doc, () => 'k')},
  'B2.2/two-users-characters/edits=6k': pair(0),
  'B2.4/two-users-insert-delete/edits=6k': pair(2),
  'B3/map/clients=1540': receive('', () => updates('b3map')),
  'B3/object/clients=1540': receive('', () => updates('b3obj')),
  'B3/text/clients=1540': receive('', () => updates('b3text')),
  'B4/trace/edits=260k': {...edits(() => json('trace').edits), reps: 1},
  'B4/load/v1': load('b4.v1'),
  'B4/encode/v1': encode('b4.v1'),
  'T1/build/rows=10k/cells=10': {before: () => E.create(), run: (doc) => E.build(doc)},
  'T2/overwrite/cells=100k/listener=update': {...receive('table.v1', () => []), run: (doc) => E.overwrite(doc, 100_000), reps: 1},
  'T3/remote-cells=1k/cells=100k': receive('table.v1', () => updates('cellupdates').slice(0, 1000), false),
  'T3b/remote-cells=1k/cells=100k/listener=update': receive('table.v1', () => updates('cellupdates').slice(0, 1000)),
  'T3/remote-cell-median/cells=100k': latency(0.5),
  'T4/apply/cells=100k/v1': load('table.v1'),
  'T4/apply/cells=100k/v2': load('table.v2', true),
  'T4/apply/cells=100k,history=100k/v1': load('tablehist.v1'),
  'T4/encode/cells=100k/v1': encode('table.v1'),
  'T4/encode/cells=100k/v2': encode('table.v1', true),
  'T5/merge/updates=10k': W ? null : {before: () => updates('cellupdates'), run: (list) => E.merge(list), bytes: true, keep: true, opaque: true},
  'T5b/apply-singly/updates=10k/cells=100k': receive('table.v1', () => updates('cellupdates')),
  'T6/diff-nothing-new/cells=100k': {
    before: () => [heavy('table.v1'), E.stateVector(heavy('table.v1'))],
    run([doc, sv]) {
      let u;
      for (let i = 0; i < 20; i++) u = E.encode(doc, sv);
      return u;
    },
    calls: 20,
    bytes: true,
    keep: true,
  },
  'T6b/diff-update-on-bytes/cells=100k': W ? null : {before: () => read('table.v1'), run: (b) => E.diff(b), bytes: true, keep: true},
  'memory/heap/cells=100k': W ? null : {
    reps: 1,
    measure() {
      cache.clear();
      const used = () => {
        globalThis.gc();
        globalThis.gc();
        const m = process.memoryUsage();
        return (m.heapUsed + m.arrayBuffers) / 1e6;
      };
      const before = used();
      const doc = loaded('table.v1');
      cache.clear();
      return [used() - before, doc];
    },
  },
};

const sha = (x) => createHash('sha256').update(x).digest('hex').slice(0, 16);
const sorted = (x) =>
  x && typeof x === 'object' && !Array.isArray(x) ? Object.fromEntries(Object.keys(x).sort().map((k) => [k, sorted(x[k])])) : x;
// content reads the state with yjs, whichever engine wrote it.
const content = (bytes, v2) => {
  const doc = new Y.Doc();
  (v2 ? Y.applyUpdateV2 : Y.applyUpdate)(doc, bytes);
  return sha(JSON.stringify([sorted(doc.getMap('m').toJSON()), doc.getText('t').toString()]));
};
const cpu = () => {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
};

const time = (w) => {
  if (w.measure) {
    const [wall, doc] = w.measure();
    return {wall, cpu: 0, reps: 1, bytes: E.encode(doc)};
  }
  const walls = [];
  const cpus = [];
  const most = Math.min(w.reps ?? MAX_REPS, MAX_REPS);
  const began = performance.now();
  let spent = 0;
  let bytes;
  while (walls.length === 0 || (walls.length < most && spent < CPU_MS && performance.now() - began < 8 * CPU_MS)) {
    const x = w.before();
    if (walls.length === 0) globalThis.gc();
    const c0 = cpu();
    const t0 = performance.now();
    const out = w.run(x);
    walls.push((performance.now() - t0) / (w.calls ?? 1));
    const used = cpu() - c0;
    cpus.push(used / (w.calls ?? 1));
    spent += used;
    if (w.bytes) bytes = out;
    else {
      const doc = w.left ? w.left(x) : x;
      bytes = E.encode(doc);
      if (!w.left) E.free(doc);
    }
  }
  // The first repetition warms up.
  if (walls.length > 1) {
    walls.shift();
    cpus.shift();
  }
  walls.sort((a, b) => a - b);
  return {wall: walls[walls.length >> 1], cpu: cpus.reduce((a, b) => a + b, 0) / cpus.length, reps: walls.length, bytes};
};

for (const name of chosen) {
  if (!(name in workloads)) throw new Error('no workload ' + name);
  const w = workloads[name];
  if (!w) continue;
  const {bytes, ...line} = time(w);
  line.state = sha(bytes);
  if (ROWLOOM_CONTENT && !w.opaque) line.content = content(bytes, w.v2);
  console.log(JSON.stringify({name, ...line}));
}
