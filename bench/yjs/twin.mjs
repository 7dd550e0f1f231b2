// The workloads of main.go, done with yjs. Prints {"value": ...}: nanoseconds per operation, unless said otherwise.
import * as Y from 'yjs';
import {readFileSync} from 'fs';
import {gunzipSync} from 'zlib';

const DIR = process.env.ROWLOOM_DATA;
const read = (name) => gunzipSync(readFileSync(`${DIR}/${name}.gz`));
const json = (name) => JSON.parse(read(name + '.json'));
const updates = (name) => json(name).map((s) => Buffer.from(s, 'base64'));

// time repeats fn, and returns the median of what it took in ns per call. before makes what fn needs and is not timed.
const time = (fn, {before = () => {}, calls = 1, least = 3} = {}) => {
  const samples = [];
  const end = performance.now() + 1200;
  while (performance.now() < end || samples.length < least) {
    const x = before();
    const t0 = performance.now();
    fn(x);
    samples.push(((performance.now() - t0) * 1e6) / calls);
  }
  samples.sort((a, b) => a - b);
  return samples[samples.length >> 1];
};

const listened = () => {
  const doc = new Y.Doc();
  doc.on('update', () => {});
  return doc;
};
const load = (bytes, v2) => {
  const doc = new Y.Doc();
  if (v2) Y.applyUpdateV2(doc, bytes);
  else Y.applyUpdate(doc, bytes);
  return doc;
};
const play = (edits, doc = listened()) => {
  const text = doc.getText('t');
  for (const [at, deleted, inserted] of edits) {
    doc.transact(() => {
      if (deleted) text.delete(at, deleted);
      if (inserted) text.insert(at, inserted);
    });
  }
  return doc;
};
// Two users type, each gets the other's updates in the end.
const pair = (lists) => {
  const start = new Y.Doc();
  start.getText('t').insert(0, 'x'.repeat(100));
  const base = Y.encodeStateAsUpdate(start);
  const sent = lists.map((edits) => {
    const out = [];
    const doc = load(base);
    doc.on('update', (u) => out.push(u));
    play(edits, doc);
    return [doc, out];
  });
  for (const u of sent[1][1]) Y.applyUpdate(sent[0][0], u);
  for (const u of sent[0][1]) Y.applyUpdate(sent[1][0], u);
};
const NAMES = Array.from({length: 10_000}, (_, i) => 'r' + i);
const CELLS = Array.from({length: 10}, (_, i) => 'c' + i);
const build = () => {
  const doc = new Y.Doc();
  doc.transact(() => {
    const table = new Y.Map();
    doc.getMap('m').set('t1', table);
    for (let r = 0; r < 10_000; r++) {
      const row = new Y.Map();
      table.set(NAMES[r], row);
      for (let c = 0; c < 10; c++) row.set(CELLS[c], r * c);
    }
  });
  return doc;
};
const overwrite = (listen) => {
  const doc = load(read('table.v1'));
  if (listen) doc.on('update', () => {});
  const table = doc.getMap('m').get('t1');
  let i = 0;
  return time(
    () => {
      for (let k = 0; k < 5000; k++) {
        i++;
        table.get(NAMES[(i * 7919) % 10_000]).set(CELLS[i % 10], i);
      }
    },
    {calls: 5000}
  );
};
const each = (list) => () => {
  const doc = listened();
  for (const u of list) Y.applyUpdate(doc, u);
};

const workloads = {
  'T1/build/rows=10k/cells=10': () => time(build),
  'T2/overwrite/cells=100k/listener=none': () => overwrite(false),
  'T2/overwrite/cells=100k/listener=update': () => overwrite(true),
  'T3/remote-cell/cells=100k': () => {
    const list = updates('cellupdates');
    const table = read('table.v1');
    return time((doc) => list.forEach((u) => Y.applyUpdate(doc, u)), {before: () => load(table), calls: list.length});
  },
  'T4/apply/cells=100k/v1': () => { const b = read('table.v1'); return time(() => load(b)); },
  'T4/apply/cells=100k/v2': () => { const b = read('table.v2'); return time(() => load(b, true)); },
  'T4/apply/cells=100k,history=100k/v1': () => { const b = read('tablehist.v1'); return time(() => load(b)); },
  'T4/encode/cells=100k/v1': () => { const d = load(read('table.v1')); return time(() => Y.encodeStateAsUpdate(d)); },
  'T4/encode/cells=100k/v2': () => { const d = load(read('table.v1')); return time(() => Y.encodeStateAsUpdateV2(d)); },
  'T5/merge/updates=10k': () => { const l = updates('cellupdates'); return time(() => Y.mergeUpdates(l)); },
  'T5/apply-singly-too-early/updates=10k': () => { const l = updates('cellupdates'); return time(each(l), {least: 1}); },
  'T6/diff-nothing-new/cells=100k': () => {
    const d = load(read('table.v1'));
    const sv = Y.encodeStateVector(d);
    return time(() => Y.encodeStateAsUpdate(d, sv));
  },
  'T6/diff-update-on-bytes/cells=100k': () => {
    const b = read('table.v1');
    const sv = Y.encodeStateVectorFromUpdate(b);
    return time(() => Y.diffUpdate(b, sv));
  },
  'B1.1/append/edits=6k': () => { const l = json('b1')[0]; return time(() => play(l)); },
  'B1.3/prepend/edits=6k': () => { const l = json('b1')[1]; return time(() => play(l)); },
  'B1.4/random-characters/edits=6k': () => { const l = json('b1')[2]; return time(() => play(l)); },
  'B1.5/random-words/edits=6k': () => { const l = json('b1')[3]; return time(() => play(l)); },
  'B1.7/insert-delete/edits=6k': () => { const l = json('b1')[4]; return time(() => play(l)); },
  'B2.2/two-users-characters': () => { const l = json('b2'); return time(() => pair(l.slice(0, 2))); },
  'B2.4/two-users-insert-delete': () => { const l = json('b2'); return time(() => pair(l.slice(2, 4))); },
  'B3/map/clients=1540': () => time(each(updates('b3map'))),
  'B3/object/clients=1540': () => time(each(updates('b3obj'))),
  'B3/text/clients=1540': () => time(each(updates('b3text'))),
  'B4/trace/edits=260k': () => { const t = json('trace'); return time(() => play(t.edits), {least: 1}); },
  'B4/apply/v1': () => { const b = read('b4.v1'); return time(() => load(b)); },
  'B4/encode/v1': () => { const d = load(read('b4.v1')); return time(() => Y.encodeStateAsUpdate(d)); },
  // megabytes
  'memory/cells=100k': () => {
    const b = read('table.v1');
    globalThis.gc();
    const before = process.memoryUsage();
    const doc = load(b);
    globalThis.gc();
    const after = process.memoryUsage();
    doc.getMap('m');
    return (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 1e6;
  },
};

const workload = workloads[process.argv[2]];
if (!workload) throw new Error('no workload ' + process.argv[2]);
console.log(JSON.stringify({value: workload()}));
