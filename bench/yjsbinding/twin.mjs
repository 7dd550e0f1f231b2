// The workloads of main.go, done with TinyBase's createYjsPersister. Prints {"value": ...}: nanoseconds per operation, the median.
import {createStore} from 'tinybase';
import {createYjsPersister} from 'tinybase/persisters/persister-yjs';
import * as Y from 'yjs';

const [, what, size] = process.argv[2].match(/^([a-z-]+)\/(?:rows|cells)=(\d+)k/);
const rows = what.startsWith('load') || what === 'encode' ? 33_334 : size * 1000;

const fill = (store) => store.transaction(() => {
  for (let r = 0; r < rows; r++) store.setRow('t1', 'r' + r, {c0: r, c1: r, c2: r});
});

const idle = async (persister) => {
  do await null; while (persister.getStatus() !== 0);
};

const arrived = (yes) => {
  if (!yes) throw new Error('it did not arrive');
};

const bind = async (doc, store = createStore()) => {
  const persister = createYjsPersister(store, doc);
  await persister.startAutoLoad();
  await persister.startAutoSave();
  return [store, persister];
};

// time repeats fn for some seconds after a warm-up, and returns the median in ns per call.
const time = async (fn, within = 3000) => {
  const samples = [];
  const end = performance.now() + within;
  for (let i = 1; performance.now() < end || samples.length < 3; i++) {
    const t0 = performance.now();
    await fn(i);
    samples.push((performance.now() - t0) * 1e6);
    await new Promise(setImmediate); // a write that follows at once would not be saved by the persister
  }
  const kept = samples.slice(samples.length > 5 ? samples.length >> 2 : 0).sort((a, b) => a - b);
  return kept[kept.length >> 1];
};

const filled = new Y.Doc();
{
  const store = createStore();
  fill(store);
  await createYjsPersister(store, filled).save();
}

const works = {
  cell: async () => {
    const [store, persister] = await bind(filled);
    return time(async (i) => {
      const row = 'r' + ((i * 7919) % rows);
      store.setCell('t1', row, 'c1', -i);
      await idle(persister);
      arrived(filled.getMap('tinybase').get('t').get('t1').get(row).get('c1') === -i);
    });
  },
  row: async () => {
    const [store, persister] = await bind(filled);
    return time(async (i) => {
      store.setRow('t1', 'new' + i, {c0: i, c1: i, c2: i});
      await idle(persister);
      arrived(filled.getMap('tinybase').get('t').get('t1').has('new' + i));
    });
  },
  remote: async () => {
    const other = new Y.Doc();
    Y.applyUpdate(other, Y.encodeStateAsUpdate(filled));
    const [store, persister] = await bind(filled);
    const table = other.getMap('tinybase').get('t').get('t1');
    const updates = [];
    other.on('update', (u) => updates.push(u));
    for (let i = 1; i <= 20_000; i++) table.get('r' + ((i * 7919) % rows)).set('c1', -i);
    let done = 0;
    const ns = await time(async () => {
      Y.applyUpdate(filled, updates[done++ % updates.length]);
      await idle(persister);
    }, 1500);
    arrived(store.getCell('t1', 'r' + (7919 % rows), 'c1') < 0);
    return ns;
  },
  'load-document': async () => {
    const state = Y.encodeStateAsUpdate(filled);
    return time(() => Y.applyUpdate(new Y.Doc(), state));
  },
  'load-store': async () => {
    const state = Y.encodeStateAsUpdate(filled);
    return time(async () => {
      const doc = new Y.Doc();
      Y.applyUpdate(doc, state);
      await bind(doc);
    });
  },
  encode: async () => time(() => Y.encodeStateAsUpdate(filled)),
};

console.log(JSON.stringify({value: await works[what]()}));
process.exit(0);
