// Automerge peers for tests: any number of repos, each a client of a server, or a server itself; with files or without; and
// TinyBase Stores on their documents. The commands are in the object at the end; each names its repo.

import {createServer} from 'node:http';
import * as Automerge from '@automerge/automerge';
import {Repo} from '@automerge/automerge-repo';
import {WebSocketClientAdapter, WebSocketServerAdapter} from '@automerge/automerge-repo-network-websocket';
import {NodeFSStorageAdapter} from '@automerge/automerge-repo-storage-nodefs';
import {createStore} from 'tinybase';
import {createAutomergePersister} from 'tinybase/persisters/persister-automerge';
import {WebSocketServer} from 'ws';
import {serve, until} from '../node/peer.mjs';

const repos = new Map();

const get = (name) => {
  const found = repos.get(name);
  if (!found) {
    throw new Error(`no repo is called ${name}`);
  }
  return found;
};

// repo makes a repo: a client of url, with files in dir, or neither.
const repo = ({repo: name, url, dir, gossip = false}) => {
  const adapter = url && new WebSocketClientAdapter(url, 100);
  const r = new Repo({
    network: adapter ? [adapter] : [],
    storage: dir ? new NodeFSStorageAdapter(dir) : undefined,
    peerId: `js-${name}`,
    sharePolicy: async () => true,
    enableRemoteHeadsGossiping: gossip,
  });
  repos.set(name, {repo: r, adapter, handles: new Map(), stores: new Map(), messages: []});
};

// server makes a repo that others call, as the stock sync server does.
const server = async ({repo: name, dir}) => {
  const http = createServer();
  const wss = new WebSocketServer({server: http});
  await new Promise((done) => http.listen(0, '127.0.0.1', done));
  const r = new Repo({
    network: [new WebSocketServerAdapter(wss)],
    storage: dir ? new NodeFSStorageAdapter(dir) : undefined,
    peerId: `js-${name}`,
    sharePolicy: async () => false,
  });
  repos.set(name, {repo: r, http, wss, handles: new Map(), stores: new Map(), messages: []});
  return `ws://127.0.0.1:${http.address().port}`;
};

const keep = (r, handle) => {
  r.handles.set(handle.url, handle);
  handle.on('ephemeral-message', ({senderId, message}) => r.messages.push({senderId, message}));
  return handle.url;
};

const create = ({repo: name, content}) => {
  const r = get(name);
  return keep(r, r.repo.create(content));
};

// find resolves to whether the document is available.
const find = async ({repo: name, url}) => {
  const r = get(name);
  try {
    keep(r, await r.repo.find(url, {signal: AbortSignal.timeout(10000)}));
    return true;
  } catch (e) {
    if (String(e).includes('unavailable')) {
      return false;
    }
    throw e;
  }
};

const set = ({repo: name, url, path, value}) => {
  get(name).handles.get(url).change((doc) => {
    let at = doc;
    for (const key of path.slice(0, -1)) {
      if (!(key in at)) {
        at[key] = {};
      }
      at = at[key]; // as the document has it
    }
    at[path.at(-1)] = value;
  });
};

const fill = ({repo: name, url, rows}) => {
  get(name).handles.get(url).change((doc) => {
    const table = {};
    for (let r = 0; r < rows; r++) {
      table['r' + r] = {n: r, s: 'row ' + r};
    }
    doc.tinybase = {t: {table}, v: {}};
  });
};

const state = ({repo: name, url}) => {
  const handle = get(name).handles.get(url);
  return {heads: [...Automerge.getHeads(handle.doc())].sort(), doc: handle.doc()};
};

const heads = ({repo: name, url}) => [...Automerge.getHeads(get(name).handles.get(url).doc())].sort();

const say = ({repo: name, url, message}) => get(name).handles.get(url).broadcast(message);

const messages = ({repo: name}) => get(name).messages;

// offline waits for a connection, for a while: the adapter cannot drop one that is being made, nor the timer by which it makes another one after it lost
// one. When it is told to reconnect then, it has two, of which it uses one and the server the other.
const offline = async ({repo: name}) => {
  const {adapter} = get(name);
  await until(() => adapter.socket?.readyState === 1, `${name} connects`, 5000).catch(() => {});
  adapter.disconnect();
};

const online = ({repo: name}) => {
  const r = get(name);
  r.repo.networkSubsystem.reconnect();
};

const flush = async ({repo: name}) => {
  await get(name).repo.flush();
};

const close = async ({repo: name}) => {
  const r = get(name);
  await r.repo.shutdown();
  r.wss?.close();
  r.http?.close();
};

// bind puts a TinyBase Store on a document, with loading and saving on.
const bind = async ({repo: name, url}) => {
  const r = get(name);
  const store = createStore();
  const persister = createAutomergePersister(store, r.handles.get(url));
  await persister.startAutoLoad();
  await persister.startAutoSave();
  r.stores.set(url, store);
};

const store = ({repo: name, url, op, args = []}) => {
  const s = get(name).stores.get(url);
  const result = s[op](...args);
  return result === s ? null : result;
};

const actor = (n) => (n + 1).toString(16).padStart(2, '0').repeat(16);

const change = (doc, fn) => Automerge.change(doc, {time: 0}, fn);

// anew reads a document anew: what JavaScript shows of one that lives on can differ from what it says, see stale.
const anew = (doc) => Automerge.load(Automerge.save(doc), {actor: Automerge.getActorId(doc)});

// stale returns two documents whose owner is shown something else than one who reads them anew, with their changes. In the first,
// the owner's value was deleted, which lets a lesser one win that was written at the same time; in the second, two counters are
// in conflict, of which the losing one gets both increments.
const stale = () => {
  const base = change(Automerge.init({actor: actor(9)}), (d) => {
    d.m = {};
  });
  const three = () => [0, 1, 2].map((i) => Automerge.clone(base, {actor: actor(i)}));
  const set = (doc, make) => change(doc, (d) => (d.m.a = make()));
  const seen = (doc) => ({
    shown: Number(doc.m.a),
    anew: Number(anew(doc).m.a),
    changes: Automerge.getAllChanges(doc).map((c) => Buffer.from(c).toString('base64')),
  });

  let [lesser, other, owner] = three();
  owner = set(owner, () => 14);
  lesser = set(lesser, () => 8);
  other = change(Automerge.merge(other, owner), (d) => {
    delete d.m.a;
  });
  other = Automerge.merge(other, lesser);
  const deleted = seen(Automerge.merge(owner, other));

  let [low, high] = three();
  low = set(low, () => new Automerge.Counter(7));
  high = set(high, () => new Automerge.Counter(4));
  high = change(Automerge.merge(high, low), (d) => d.m.a.increment(2));
  return {deleted, counters: seen(high)};
};

// random makes a document by the edits of several actors who meet now and then, and tells all there is to know of it. Each actor
// reads its document anew after every step: where JavaScript shows something else than the document says, a later patch throws.
const random = ({seed, steps}) => {
  let state = seed;
  const below = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const pick = (list) => list[below(list.length)];
  const word = () => pick(['a', 'bc', 'é😀', 'long '.repeat(70), '']);
  const scalar = () =>
    pick([
      () => below(100),
      () => word(),
      () => below(2) === 1,
      () => null,
      () => below(100) / 8,
      () => new Automerge.Counter(below(5)),
      () => new Automerge.ImmutableString(word()),
      () => ({k: below(9), in: {x: word()}}),
      () => [below(9), word(), {y: [1]}],
    ])();
  const edit = (d) => {
    const key = pick(['a', 'b', 'c']);
    switch (below(9)) {
      case 0:
        delete d.m[key];
        break;
      case 1:
        d.list.splice(below(d.list.length + 1), below(3), ...(below(2) ? [scalar()] : []));
        break;
      case 2:
        if (d.list.length > 0) {
          d.list[below(d.list.length)] = scalar();
        }
        break;
      case 3:
      case 4: {
        const at = below(d.text.length + 1);
        Automerge.splice(d, ['text'], at, Math.min(below(4), d.text.length - at), pick(['x', 'yz', 'word '.repeat(60)]));
        break;
      }
      case 5:
        if (d.m[key] instanceof Automerge.Counter) {
          d.m[key].increment(below(9));
        }
        break;
      case 6:
        if (d.text.length > 1) {
          Automerge.mark(d, ['text'], {start: 0, end: 1, expand: 'both'}, 'bold', true);
        }
        break;
      default:
        d.m[key] = scalar();
    }
  };
  let base = change(Automerge.init({actor: actor(9)}), (d) => {
    d.text = 'hello';
    d.list = [1, 'two'];
    d.m = {};
  });
  let docs = [0, 1, 2].map((i) => Automerge.clone(base, {actor: actor(i)}));
  for (let i = 0; i < steps; i++) {
    const who = below(3);
    if (below(5) === 0) {
      docs[who] = anew(Automerge.merge(docs[who], docs[(who + 1 + below(2)) % 3]));
    } else {
      docs[who] = anew(
        change(docs[who], (d) => {
          for (let n = below(3); n >= 0; n--) {
            edit(d);
          }
        }),
      );
    }
  }
  let all = Automerge.init({actor: actor(8)});
  for (const d of docs) {
    all = anew(Automerge.merge(all, d));
  }
  const typed = (v) => {
    if (v instanceof Automerge.Counter) {
      return {counter: v.value};
    }
    if (Automerge.isImmutableString(v)) {
      return {scalar: v.toString()};
    }
    if (Array.isArray(v)) {
      return v.map(typed);
    }
    if (v !== null && typeof v === 'object') {
      return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, typed(x)]));
    }
    return v;
  };
  const conflicts = {};
  for (const key of Object.keys(all.m)) {
    const values = Automerge.getConflicts(all.m, key);
    if (values && Object.keys(values).length > 1) {
      conflicts[key] = Object.keys(values).sort();
    }
  }
  return {
    heads: [...Automerge.getHeads(all)].sort(),
    changes: Automerge.getAllChanges(all).map((c) => Buffer.from(c).toString('base64')),
    doc: typed(all),
    conflicts,
  };
};

// WebSocketClientAdapter throws what a connection breaks with while it is being made, unless it was refused, and nobody can
// catch that; it tries again all the same.
const broken = ({code, message}) => code === 'ECONNRESET' || /before the connection was established/.test(message);

serve({random, stale, repo, server, create, find, set, fill, state, heads, say, messages, offline, online, flush, close, bind, store, until}, broken);
