// Clients of all families for tests, any number in one process, of these kinds:
//
//   tinybase   a TinyBase MergeableStore with createWsSynchronizer on a socket of its own
//   channel    the same in a channel of a socket that all peers of this kind share
//   yjs        a Yjs document with y-websocket, and a TinyBase Store on it by createYjsPersister
//   automerge  an automerge-repo document, and a TinyBase Store on it by createAutomergePersister
//   document   an automerge-repo document alone
//
// The commands are in the object at the end; each names its peer.

import * as Automerge from '@automerge/automerge';
import {Repo} from '@automerge/automerge-repo';
import {WebSocketClientAdapter} from '@automerge/automerge-repo-network-websocket';
import {createMergeableStore, createStore} from 'tinybase';
import {createAutomergePersister} from 'tinybase/persisters/persister-automerge';
import {createYjsPersister} from 'tinybase/persisters/persister-yjs';
import {createWsSynchronizer} from 'tinybase/synchronizers/synchronizer-ws-client';
import WebSocket from 'ws';
import {WebsocketProvider} from 'y-websocket';
import * as Y from 'yjs';
import {serve, until} from '../node/peer.mjs';

const peers = new Map();
const retry = 100; // ms

const find = (name) => {
  const peer = peers.get(name);
  if (!peer) {
    throw new Error(`no peer ${name}`);
  }
  return peer;
};

// keepOpen opens a socket whenever there is none, and has begin start what goes over it.
const keepOpen = (url, protocols, begin) => {
  const line = {closed: false, closes: []};
  const open = () => {
    const socket = new WebSocket(url, protocols);
    line.socket = socket;
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      line.closes.push({code, reason: String(reason)});
      if (!line.closed) {
        setTimeout(open, retry);
      }
    });
    socket.on('open', () => begin(socket).catch((e) => console.error(e)));
  };
  open();
  return line;
};

const synchronize = async (peer, socket, channel) => {
  const before = peer.synchronizer;
  const failed = (error) => peer.errors.push(String(error?.message ?? error));
  peer.synchronizer = await createWsSynchronizer(peer.store, socket, ...(channel ? [channel] : []), 1, undefined, undefined, failed);
  await before?.destroy();
  await peer.synchronizer.startSync();
  peer.rounds++;
};

const shared = {peers: []};

const kinds = {
  tinybase: async (peer, {url, room}) => {
    peer.store = createMergeableStore();
    peer.line = keepOpen(`${url}/tinybase/${encodeURIComponent(room)}`, [], (socket) => synchronize(peer, socket));
    await until(() => peer.rounds > 0, `${peer.name} is in step`);
  },
  channel: async (peer, {url, room}) => {
    peer.store = createMergeableStore();
    peer.room = room;
    shared.peers.push(peer);
    if (!shared.line) {
      shared.line = keepOpen(`${url}/tinybase`, 'tinybase', async (socket) => {
        for (const p of shared.peers) {
          await synchronize(p, socket, p.room);
        }
      });
    } else if (shared.line.socket.readyState === 1) {
      await synchronize(peer, shared.line.socket, room);
    }
    peer.line = shared.line;
    await until(() => peer.rounds > 0, `${peer.name} is in step`);
  },
  yjs: async (peer, {url, room}) => {
    peer.doc = new Y.Doc();
    peer.provider = new WebsocketProvider(`${url}/yjs`, encodeURIComponent(room), peer.doc, {
      WebSocketPolyfill: WebSocket,
      disableBc: true,
      maxBackoffTime: retry,
    });
    await until(() => peer.provider.synced, `${peer.name} is in step`);
    let before;
    peer.doc.on('beforeTransaction', ({local}) => local && (before = documentOf(peer)));
    peer.doc.on('afterTransaction', ({local}) => local && note(peer, before));
    peer.store = createStore();
    peer.persister = createYjsPersister(peer.store, peer.doc, 'tinybase', (e) => peer.errors.push(String(e)));
    await peer.persister.startAutoLoad();
    await peer.persister.startAutoSave();
  },
  automerge: async (peer, args) => {
    await kinds.document(peer, args);
    peer.store = createStore();
    peer.persister = createAutomergePersister(peer.store, peer.handle, 'tinybase', (e) => peer.errors.push(String(e)));
    await peer.persister.startAutoLoad();
    await peer.persister.startAutoSave();
  },
  document: async (peer, {url, document, content}) => {
    peer.adapter = new WebSocketClientAdapter(`${url}/automerge`, retry);
    peer.repo = new Repo({network: [peer.adapter], peerId: `js-${peer.name}`, sharePolicy: async () => true});
    peer.heard = [];
    peer.handle = document
      ? await peer.repo.find(document, {signal: AbortSignal.timeout(10000)})
      : peer.repo.create(content);
    const change = peer.handle.change.bind(peer.handle);
    peer.handle.change = (fn) => {
      const before = documentOf(peer);
      change(fn);
      note(peer, before);
    };
    peer.handle.on('ephemeral-message', ({senderId, message}) => peer.heard.push({senderId, message}));
  },
};

const open = async (args) => {
  const peer = {name: args.peer, kind: args.kind, errors: [], rounds: 0};
  peers.set(args.peer, peer);
  await kinds[args.kind](peer, args);
  return peer.handle?.url ?? null;
};

// edit sets cells {table, row, cell, value} and values {id, value} in one transaction, or deletes them where there is no value.
const edit = async ({peer: name, edits}) => {
  const {store, handle, persister} = find(name);
  if (store) {
    store.transaction(() => edits.forEach((e) => editStore(store, e)));
    if (persister) {
      await new Promise(setImmediate); // a save that has been asked for starts in a microtask
      await until(() => persister.getStatus() === 0, 'the persister is idle');
    }
  } else {
    handle.change((doc) => {
      doc.tinybase ??= {t: {}, v: {}};
      edits.forEach((e) => editDocument(doc.tinybase, e)); // as the document has it
    });
  }
};

const editStore = (store, {table, row, cell, id, value}) => {
  if (id !== undefined) {
    value === undefined ? store.delValue(id) : store.setValue(id, value);
  } else if (cell === undefined) {
    store.delRow(table, row);
  } else if (value === undefined) {
    store.delCell(table, row, cell, true);
  } else {
    store.setCell(table, row, cell, value);
  }
};

const editDocument = (root, {table, row, cell, id, value}) => {
  const scalar = value !== null && typeof value === 'object' ? '\ufffd' + JSON.stringify(value) : value;
  if (id !== undefined) {
    value === undefined ? delete root.v[id] : (root.v[id] = scalar);
    return;
  }
  root.t[table] ??= {};
  if (cell === undefined) {
    delete root.t[table][row];
    return;
  }
  root.t[table][row] ??= {};
  value === undefined ? delete root.t[table][row][cell] : (root.t[table][row][cell] = scalar);
};

const plain = (value) =>
  typeof value === 'string' && value[0] === '\ufffd' ? JSON.parse(value.slice(1)) : value;

const mapObject = (object, fn) => {
  const out = {};
  for (const [key, value] of Object.entries(object ?? {})) {
    const v = fn(value);
    if (v !== undefined) {
      out[key] = v;
    }
  }
  return out;
};

const notEmpty = (object) => (Object.keys(object).length ? object : undefined);

const contentOf = (root) => ({
  tables: mapObject(root?.t, (rows) => notEmpty(mapObject(rows, (cells) => notEmpty(mapObject(cells, plain))))),
  values: mapObject(root?.v, plain),
});

const documentOf = ({doc, handle}) =>
  doc ? contentOf(doc.getMap('tinybase').toJSON()) : contentOf(Automerge.toJS(handle.doc()).tinybase);

// documentAnew is what the document of a peer says to one who reads it anew: Automerge shows one that lives on as the patches of each
// step have it, which are not always right.
const documentAnew = ({doc, handle}) => documentOf({doc, handle: handle && {doc: () => Automerge.load(Automerge.save(handle.doc()))}});

// note notes which cells the peer itself has just changed in its document, and to what: by table, row and cell.
const note = (peer, before) => {
  const after = documentOf(peer).tables;
  for (const [table, rows] of Object.entries(after)) {
    for (const [row, cells] of Object.entries(rows)) {
      for (const [cell, value] of Object.entries(cells)) {
        if (before.tables[table]?.[row]?.[cell] !== value) {
          (((peer.put ??= {})[table] ??= {})[row] ??= {})[cell] = value;
        }
      }
    }
  }
};

// look returns what the peer's document has, or its mergeable store, and what the Store on a document has. put is what the peer has put
// into the cells of its document last.
const look = ({peer: name}) => {
  const {doc, handle, store, put, errors, line} = find(name);
  const bound = store && {tables: store.getTables(), values: store.getValues()};
  const content = doc || handle ? documentAnew({doc, handle}) : bound;
  return {content, store: doc || handle ? (bound ?? null) : null, put: put ?? {}, errors, closes: line?.closes ?? []};
};

const close = async ({peer: name}) => {
  const {line, synchronizer, persister, provider, repo} = find(name);
  if (line) {
    line.closed = true;
  }
  await persister?.destroy();
  await synchronizer?.destroy();
  line?.socket.close();
  provider?.destroy();
  await repo?.shutdown();
  peers.delete(name);
};

serve({
  open,
  edit,
  look,
  close,
  say: ({peer, message}) => find(peer).handle.broadcast(message),
  heard: ({peer}) => find(peer).heard,
});
