// The workloads of main.go, done with TinyBase. Prints {"value": ...}: nanoseconds per operation, unless said otherwise.
import {createStore} from 'tinybase';

const ROWS = 10_000;
const names = (prefix, n) => Array.from({length: n}, (_, i) => prefix + i);
const ids = names('r', ROWS);
const cells = names('c', 10);

const fill = (rows = ROWS) => {
  const store = createStore();
  store.transaction(() => {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < 10; c++) store.setCell('t1', 'r' + r, 'c' + c, r * 10 + c);
    }
  });
  return store;
};

// time repeats fn for about half a second after a warm-up, and returns the median of the batches in ns per call.
const time = (fn, batch) => {
  const samples = [];
  let i = 0;
  const end = performance.now() + 900;
  const warm = performance.now() + 400;
  while (performance.now() < end || samples.length < 3) {
    const t0 = performance.now();
    for (let k = 0; k < batch; k++) fn(++i);
    const t1 = performance.now();
    if (t0 > warm || samples.length < 3) samples.push(((t1 - t0) * 1e6) / batch);
  }
  samples.sort((a, b) => a - b);
  return samples[samples.length >> 1];
};

let heard = 0;
const listen = (store) => store.addCellListener(null, null, null, () => heard++);
const one = (store) => time((i) => store.setCell('t1', ids[(i * 7919) % ROWS], cells[i % 10], -i), 2000);
const all = (store) =>
  time((i) => {
    store.transaction(() => {
      for (const r of ids) for (const c of cells) store.setCell('t1', r, c, i);
    });
  }, 1);

const workloads = {
  'commit/cells=1/rows=10k/listener=none': () => one(fill()),
  'commit/cells=1/rows=10k/listener=wildcard': () => {
    const store = fill();
    listen(store);
    return one(store);
  },
  'commit/cells=100k/rows=10k/listener=none': () => all(fill()),
  'commit/cells=100k/rows=10k/listener=wildcard': () => {
    const store = fill();
    listen(store);
    return all(store);
  },
  'read/cell/rows=10k': () => {
    const store = fill();
    return time((i) => (heard += store.getCell('t1', ids[(i * 7919) % ROWS], 'c5')), 5000);
  },
  'sorted-listener/rows=10k/page=10': () => {
    const store = fill();
    store.addSortedRowIdsListener('t1', 'c0', false, 0, 10, () => heard++);
    return time((i) => store.setCell('t1', ids[(i * 7919) % ROWS], 'c0', (i * 31) % 100_000), 20);
  },
  'json/out/cells=100k': () => {
    const store = fill();
    return time(() => (heard += store.getJson().length), 1);
  },
  'json/in/cells=100k': () => {
    const json = fill().getJson();
    return time(() => createStore().setJson(json), 1);
  },
  'fill/cells=100k': () => time(() => fill(), 1),
  // bytes per cell
  'memory/cells=1M': () => {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const store = fill(100_000);
    globalThis.gc();
    const used = process.memoryUsage().heapUsed - before;
    heard += store.getRowCount('t1');
    return used / 1_000_000;
  },
};

const workload = workloads[process.argv[2]];
if (!workload) throw new Error('no workload ' + process.argv[2]);
console.log(JSON.stringify({value: workload()}));
