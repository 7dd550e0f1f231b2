// TinyBase peers for tests: any number of mergeable stores, of any of the versions in package.json, each with a WebSocket
// synchronizer; and TinyBase's own servers. The commands are in the object at the end; each names its peer.

import {mkdtempSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {WebSocket, WebSocketServer} from 'ws';
import {serve, until} from '../node/peer.mjs';

const peers = new Map();
const servers = new Map();
const channels = new Map(); // shared sockets, by name

const find = (map, name) => {
  const found = map.get(name);
  if (!found) {
    throw new Error(`nothing is called ${name}`);
  }
  return found;
};

const load = async (version) => {
  const at = (path) => import(`tinybase-${version}/${path}`);
  const [{createMergeableStore}, {createWsSynchronizer}, server, simple] = await Promise.all([
    at('mergeable-store'),
    at('synchronizers/synchronizer-ws-client'),
    at('synchronizers/synchronizer-ws-server'),
    at('synchronizers/synchronizer-ws-server-simple').catch(() => ({})),
  ]);
  return {createMergeableStore, createWsSynchronizer, ...server, ...simple};
};

// create makes a store, with content.
const create = async ({peer: name, version, id, content = [{}, {}], ahead = 0}) => {
  const api = await load(version);
  const store = ahead
    ? api.createMergeableStore(id, () => Date.now() + ahead)
    : api.createMergeableStore(id);
  store.setContent(content);
  peers.set(name, {name, version, api, store, errors: [], closes: []});
};

// Returning is a socket that comes back when its connection is lost, as browsers' libraries have them.
class Returning {
  OPEN = WebSocket.OPEN;

  constructor(url, protocol) {
    this.listeners = new Map();
    this.url = url;
    this.wanted = protocol;
    this.connect();
  }
  connect() {
    this.inner = new WebSocket(this.url, this.wanted);
    for (const type of ['open', 'message', 'close', 'error']) {
      this.inner.addEventListener(type, (event) => {
        for (const listener of [...(this.listeners.get(type) ?? [])]) {
          listener(event);
        }
        if (type === 'close' && !this.ended) {
          setTimeout(() => this.connect(), 50);
        }
      });
    }
  }
  get readyState() {
    return this.inner.readyState;
  }
  get bufferedAmount() {
    return this.inner.bufferedAmount;
  }
  get protocol() {
    return this.inner.protocol;
  }
  addEventListener(type, listener) {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }
  removeEventListener(type, listener) {
    this.listeners.set(type, (this.listeners.get(type) ?? []).filter((other) => other !== listener));
  }
  send(data) {
    this.inner.send(data);
  }
  close(code, reason) {
    this.ended = true;
    this.inner.close(code, reason);
  }
  terminate() {
    this.inner.terminate();
  }
}

// connect gives a store a new synchronizer, on a socket of its own or in a channel of a shared one.
const connect = async ({peer: name, url, channel, socket: shared, fragmentSize, timeout = 2, initial, returning}) => {
  const peer = find(peers, name);
  let socket = shared ? channels.get(shared) : undefined;
  if (!socket) {
    if (returning) {
      socket = new Returning(url, shared ? 'tinybase' : undefined);
    } else {
      socket = shared ? new WebSocket(url, 'tinybase') : new WebSocket(url);
      socket.on('close', (code, reason) => peer.closes.push({code, reason: String(reason)}));
    }
    if (shared) {
      channels.set(shared, socket);
    }
  }
  peer.socket = socket;
  const failed = (error) => peer.errors.push(String(error?.message ?? error));
  const args = channel
    ? [channel, timeout, undefined, undefined, failed, fragmentSize]
    : [timeout, undefined, undefined, failed, fragmentSize];
  peer.synchronizer = await peer.api.createWsSynchronizer(peer.store, socket, ...args);
  const start = Date.now();
  await peer.synchronizer.startSync(initial);
  return Date.now() - start;
};

const disconnect = async ({peer: name}) => {
  const peer = find(peers, name);
  await peer.synchronizer?.destroy();
  peer.synchronizer = undefined;
};

// cut drops the connection without a word.
const cut = ({peer: name}) => {
  find(peers, name).socket.terminate();
};

const set = ({peer, table, row, cell, id, value, values}) => {
  const {store} = find(peers, peer);
  if (values) {
    store.setValues(values);
  } else if (id !== undefined) {
    store.setValue(id, value);
  } else {
    store.setCell(table, row, cell, value);
  }
};

const fill = ({peer, table, rows, cells = 5, text = ''}) => {
  const {store} = find(peers, peer);
  store.transaction(() => {
    for (let r = 0; r < rows; r++) {
      const row = {};
      for (let c = 0; c < cells; c++) {
        row['c' + c] = text ? text + (r * cells + c) : r * cells + c;
      }
      store.setRow(table, 'r' + r, row);
    }
  });
};

const del = ({peer, table, row, cell}) => {
  const {store} = find(peers, peer);
  if (cell !== undefined) {
    store.delCell(table, row, cell, true);
  } else if (row !== undefined) {
    store.delRow(table, row);
  } else {
    store.delTable(table);
  }
};

const state = ({peer: name}) => {
  const {store, synchronizer, errors, closes} = find(peers, name);
  return {
    content: store.getContent(),
    hashes: store.getMergeableContentHashes(),
    stats: synchronizer?.getSynchronizerStats(),
    errors,
    closes,
  };
};

const hashes = ({peer}) => find(peers, peer).store.getMergeableContentHashes();

// reach waits until a store has these hashes.
const reach = async ({peer, hashes: [tables, values], within = 20000}) => {
  const {store, errors, closes} = find(peers, peer);
  const start = Date.now();
  await until(
    () => {
      const [t, v] = store.getMergeableContentHashes();
      return t === tables && v === values;
    },
    () => `${peer} has ${store.getMergeableContentHashes()}, not ${tables},${values}; errors ${JSON.stringify(errors)}; closes ${JSON.stringify(closes)}`,
    within,
  );
  return Date.now() - start;
};

// listen starts one of TinyBase's servers: simple has no data, full may have files.
const listen = async ({server: name, version, kind = 'simple', files, fragmentSize}) => {
  const api = await load(version);
  const wss = new WebSocketServer({port: 0, host: '127.0.0.1'});
  await new Promise((ready) => wss.on('listening', ready));
  const errors = [];
  let server;
  if (kind === 'simple' && api.createWsServerSimple) {
    server = api.createWsServerSimple(wss);
  } else if (files) {
    const {createFilePersister} = await import(`tinybase-${version}/persisters/persister-file`);
    const dir = mkdtempSync(join(tmpdir(), 'rowloom-tinybase-'));
    server = api.createWsServer(
      wss,
      (path) => createFilePersister(api.createMergeableStore(), join(dir, encodeURIComponent(path) + '.json')),
      (error) => errors.push(String(error?.message ?? error)),
      0.2,
      fragmentSize,
    );
  } else {
    server = api.createWsServer(wss, undefined, (error) => errors.push(String(error?.message ?? error)));
  }
  servers.set(name, {server, wss, errors});
  return `ws://127.0.0.1:${wss.address().port}`;
};

const shut = async ({server: name}) => {
  const {server, wss} = find(servers, name);
  for (const client of wss.clients) {
    client.terminate();
  }
  await server.destroy();
  servers.delete(name);
};

// drop ends all connections of a server without a word, as a bad network does.
const drop = ({server: name}) => {
  for (const client of find(servers, name).wss.clients) {
    client.terminate();
  }
};

// file saves a store to a file with TinyBase's file persister, or loads it from one.
const file = async ({peer: name, path, load: loading}) => {
  const {version, store} = find(peers, name);
  const {createFilePersister} = await import(`tinybase-${version}/persisters/persister-file`);
  const errors = [];
  const persister = createFilePersister(store, path, (error) => errors.push(String(error?.message ?? error)));
  await (loading ? persister.load() : persister.save());
  await persister.destroy();
  if (errors.length) {
    throw new Error(errors.join('; '));
  }
};

serve({file, create, connect, disconnect, cut, set, fill, del, state, hashes, reach, listen, shut, drop});
