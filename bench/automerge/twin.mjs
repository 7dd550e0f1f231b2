// The workloads of main.go, done with TinyBase and automerge-repo. Prints {"value": ...}: nanoseconds per operation. The
// document is in the file that ROWLOOM_BENCH_DOCUMENT names.
import {readFileSync} from 'node:fs';
import * as A from '@automerge/automerge';
import {Repo} from '@automerge/automerge-repo';
import {createStore} from 'tinybase';
import {createAutomergePersister} from 'tinybase/persisters/persister-automerge';

const saved = new Uint8Array(readFileSync(process.env.ROWLOOM_BENCH_DOCUMENT));
const [name, size] = process.argv[2].split('/rows=');
const rows = parseInt(size) * 1000;

const median = (samples) => samples.sort((a, b) => a - b)[samples.length >> 1];

// time repeats fn for a second and a half, at least three times, and returns the median in ns. What takes longer than ten seconds
// is done once.
const time = async (fn, within = 1500) => {
  const samples = [];
  const end = performance.now() + within;
  const tired = end + 8500;
  for (let i = 1; performance.now() < end || (samples.length < 3 && !(samples.length && performance.now() > tired)); i++) {
    const t0 = performance.now();
    await fn(i);
    samples.push((performance.now() - t0) * 1e6);
  }
  return median(samples.slice(samples.length > 5 ? samples.length >> 2 : 0));
};

const open = async () => {
  const handle = new Repo({network: []}).import(saved);
  await handle.whenReady();
  const store = createStore();
  const persister = createAutomergePersister(store, handle, 'tinybase', (error) => {
    throw error;
  });
  await persister.load();
  if (store.getRowCount('t') !== rows) throw new Error('rows are missing');
  return {handle, store, persister};
};

// saves does something to a Store, and waits until it is saved.
const saves = async (fn) => {
  const {store, persister} = await open();
  await persister.startAutoSave();
  return time(async (i) => {
    store.transaction(() => fn(store, i));
    await persister.schedule(async () => {});
  });
};

const workloads = {
  'one cell, local': () => saves((store, i) => store.setCell('t', 'r' + (i % rows), 'c0', -i)),
  'a new row': () => saves((store, i) => store.setRow('t', 'new' + i, {c0: i, c1: 2 * i, s: 'text'})),
  'one cell, remote': async () => {
    const {handle, store, persister} = await open();
    await persister.startAutoLoad();
    let peer = A.clone(handle.doc());
    const samples = [];
    const end = performance.now() + 1500;
    for (let i = 1; performance.now() < end || samples.length < 3; i++) {
      peer = A.change(peer, (doc) => void (doc.tinybase.t.t['r' + (i % rows)].c0 = -i));
      const change = A.getLastLocalChange(peer);
      const t0 = performance.now();
      const arrived = new Promise((resolve) => {
        const id = store.addCellListener('t', 'r' + (i % rows), 'c0', () => {
          store.delListener(id);
          resolve();
        });
      });
      handle.update((doc) => A.applyChanges(doc, [change])[0]);
      await arrived;
      samples.push((performance.now() - t0) * 1e6);
    }
    return median(samples);
  },
  load: () => time(open),
};

console.log(JSON.stringify({value: await workloads[name]()}));
process.exit(0);
