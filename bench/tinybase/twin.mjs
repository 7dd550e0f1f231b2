// The workloads of main.go, done with TinyBase. Prints {"value": ...}: nanoseconds per operation, unless said otherwise. As
// "server" it prints the URL of a WsServer instead, and serves until its input ends.
import {createMergeableStore} from 'tinybase';
import {createWsSynchronizer} from 'tinybase/synchronizers/synchronizer-ws-client';
import {createWsServer} from 'tinybase/synchronizers/synchronizer-ws-server';
import {WebSocket, WebSocketServer} from 'ws';

const fill = (store, cells) => {
  store.transaction(() => {
    for (let r = 0; r < cells / 5; r++) {
      for (let c = 0; c < 5; c++) store.setCell('t', 'r' + r, 'c' + c, r * 5 + c);
    }
  });
  return store;
};
const filled = (cells, id = 's1') => fill(createMergeableStore(id), cells);

const median = (samples) => samples.sort((a, b) => a - b)[samples.length >> 1];

// time repeats fn for about a second after a warm-up, and returns the median of the batches in ns per call.
const time = async (fn, batch = 1, within = 1500) => {
  const samples = [];
  let i = 0;
  const end = performance.now() + within;
  while (performance.now() < end || samples.length < 3) {
    const t0 = performance.now();
    for (let k = 0; k < batch; k++) await fn(++i);
    samples.push(((performance.now() - t0) * 1e6) / batch);
  }
  return median(samples.slice(samples.length > 5 ? samples.length >> 2 : 0));
};

const changes = (store) => {
  const [[tables], [values]] = store.getMergeableContent();
  const strip = (depth) => (stamp) =>
    depth ? [Object.fromEntries(Object.entries(stamp[0]).map(([id, child]) => [id, strip(depth - 1)(child)]))] : stamp.slice(0, 2);
  return JSON.stringify([strip(3)([tables]), strip(1)([values]), 1]);
};

const listen = async (persister) => {
  const wss = new WebSocketServer({port: 0, host: '127.0.0.1'});
  await new Promise((ready) => wss.on('listening', ready));
  const server = createWsServer(wss, persister);
  return [`ws://127.0.0.1:${wss.address().port}`, async () => {
    for (const client of wss.clients) client.terminate();
    await server.destroy();
  }];
};

const sync = async (store, url) => {
  const synchronizer = await createWsSynchronizer(store, new WebSocket(url), 30);
  await synchronizer.startSync();
  return synchronizer;
};

const until = async (test) => {
  while (!test()) await new Promise((next) => setImmediate(next));
};

const same = (a, b) => {
  const [t, v] = a.getMergeableContentHashes();
  const [u, w] = b.getMergeableContentHashes();
  return t === u && v === w;
};

const joining = async (cells, prepare) => {
  const [url, stop] = await listen();
  const first = filled(cells, 'first');
  const one = await createWsSynchronizer(first, new WebSocket(url + '/room'), 0.1);
  await one.startSync();
  const samples = [];
  for (let i = 0; i < 3; i++) {
    const second = prepare(first, i);
    const t0 = performance.now();
    const two = await sync(second, url + '/room');
    await until(() => same(first, second));
    samples.push((performance.now() - t0) * 1e6);
    await two.destroy();
  }
  await one.destroy();
  await stop();
  return median(samples);
};

const rejoin = (first, i) => {
  const second = createMergeableStore('second' + i);
  second.setMergeableContent(first.getMergeableContent());
  first.setCell('t', 'r7', 'c3', -1 - i);
  return second;
};

const write = (cells) => time(() => filled(cells));
const apply = (cells) => {
  const text = changes(filled(cells));
  return time(() => createMergeableStore('s2').applyMergeableChanges(JSON.parse(text)));
};
const save = (cells) => {
  const store = filled(cells);
  return time(() => JSON.stringify(store.getMergeableContent()));
};
const load = (cells) => {
  const text = JSON.stringify(filled(cells).getMergeableContent());
  return time(() => createMergeableStore('s2').setMergeableContent(JSON.parse(text)));
};

const workloads = {
  'write/one transaction/cells=10k': () => write(10_000),
  'write/one transaction/cells=100k': () => write(100_000),
  'write/one cell/cells=10k': () => {
    const store = filled(10_000);
    return time((i) => void store.setCell('t', 'r77', 'c3', i), 2000);
  },
  'apply/into empty/cells=10k': () => apply(10_000),
  'apply/into empty/cells=100k': () => apply(100_000),
  'apply/one cell/cells=10k': () => {
    const store = filled(10_000, 's2');
    const clock = createMergeableStore('s1');
    fill(clock, 5);
    const texts = [];
    clock.addDidFinishTransactionListener(() => texts.push(JSON.stringify(clock.getTransactionMergeableChanges())));
    for (let i = 0; i < 200_000; i++) clock.setCell('t', 'r0', 'c3', i);
    return time((i) => void store.applyMergeableChanges(JSON.parse(texts[i % texts.length])), 2000);
  },
  'load/cells=100k': () => load(100_000),
  'save/cells=100k': () => save(100_000),
  'first sync/cells=10k': () => joining(10_000, (_, i) => createMergeableStore('second' + i)),
  'first sync/cells=100k': () => joining(100_000, (_, i) => createMergeableStore('second' + i)),
  'rejoin, one cell changed/cells=10k': () => joining(10_000, rejoin),
  'rejoin, one cell changed/cells=100k': () => joining(100_000, rejoin),
  'memory/cells=100k': () => {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const store = filled(100_000);
    globalThis.gc();
    const used = process.memoryUsage().heapUsed - before;
    store.getRowCount('t');
    return used / 100_000;
  },
};

if (process.argv[2] === 'server') {
  const [url] = await listen();
  console.log(url);
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
} else {
  const workload = workloads[process.argv[2]];
  if (!workload) throw new Error('no workload ' + process.argv[2]);
  console.log(JSON.stringify({value: await workload()}));
  process.exit(0);
}
