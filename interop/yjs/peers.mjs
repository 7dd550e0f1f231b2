// Yjs peers for tests: any number of documents in one process, each with a y-websocket provider, bare or with a TinyBase Store
// bound to it by createYjsPersister. The commands are in the object at the end; each names its peer.

import {Buffer} from 'node:buffer';
import {createStore} from 'tinybase';
import {createYjsPersister} from 'tinybase/persisters/persister-yjs';
import WebSocket from 'ws';
import {WebsocketProvider} from 'y-websocket';
import * as Y from 'yjs';
import {serve, until} from '../node/peer.mjs';

const peers = new Map();

const find = (name) => {
  const peer = peers.get(name);
  if (!peer) {
    throw new Error(`no peer ${name}`);
  }
  return peer;
};

// open makes a peer and waits until it has synchronised, unless it is to start offline. A TinyBase Store is bound only
// then, as one that saves before it has loaded would wipe the document.
const open = async ({peer: name, url, room, kind, clientID, offline = false}) => {
  const doc = new Y.Doc();
  if (clientID !== undefined) {
    doc.clientID = clientID;
  }
  const provider = new WebsocketProvider(url, room, doc, {
    WebSocketPolyfill: WebSocket,
    connect: !offline,
    disableBc: true,
    maxBackoffTime: 200,
  });
  const peer = {name, doc, provider, root: doc.getMap('tinybase'), errors: [], closes: []};
  provider.on('connection-close', (event) => event && peer.closes.push({code: event.code, reason: event.reason}));
  peers.set(name, peer);
  if (!offline) {
    await synced({peer: name});
  }
  if (kind === 'tinybase') {
    peer.store = createStore();
    peer.persister = createYjsPersister(peer.store, doc, 'tinybase', (error) => peer.errors.push(String(error)));
    await peer.persister.startAutoLoad();
    await peer.persister.startAutoSave();
  }
};

const synced = ({peer}) => {
  const {provider, closes} = find(peer);
  return until(
    () => provider.wsconnected && provider.synced,
    () => `${peer} is in step with the server (closed so far: ${JSON.stringify(closes.slice(-3))})`,
  );
};

const idle = async ({persister}) => {
  if (persister) {
    await new Promise(setImmediate); // a save that has been asked for starts in a microtask
    await until(() => persister.getStatus() === 0, 'persister is idle');
  }
};

// edit does a list of edits in one transaction: {table, row, cell, value} sets a cell and {id, value} a keyed value; without
// a value it deletes, and so does a shorter path: {table, row} a row, {table} a table.
const edit = async ({peer: name, edits}) => {
  const peer = find(name);
  if (peer.store) {
    peer.store.transaction(() => edits.forEach((e) => editStore(peer.store, e)));
    await idle(peer);
  } else {
    peer.doc.transact(() => edits.forEach((e) => editDoc(peer.root, e)));
  }
};

const editStore = (store, {table, row, cell, id, value}) => {
  if (id !== undefined) {
    value === undefined ? store.delValue(id) : store.setValue(id, value);
  } else if (row === undefined) {
    store.delTable(table);
  } else if (cell === undefined) {
    store.delRow(table, row);
  } else if (value === undefined) {
    store.delCell(table, row, cell, true);
  } else {
    store.setCell(table, row, cell, value);
  }
};

const child = (map, key) => {
  if (!(map.get(key) instanceof Y.Map)) {
    map.set(key, new Y.Map());
  }
  return map.get(key);
};

const editDoc = (root, {table, row, cell, id, value}) => {
  const scalar = value !== null && typeof value === 'object' ? '\ufffd' + JSON.stringify(value) : value;
  if (id !== undefined) {
    child(root, 't');
    value === undefined ? root.get('v')?.delete(id) : child(root, 'v').set(id, scalar);
  } else if (row === undefined) {
    root.get('t')?.delete(table);
  } else if (cell === undefined) {
    root.get('t')?.get(table)?.delete(row);
  } else if (value === undefined) {
    root.get('t')?.get(table)?.get(row)?.delete(cell);
  } else {
    child(root, 'v'); // TinyBase wants both halves
    child(child(child(root, 't'), table), row).set(cell, scalar);
  }
};

// snapshot is the state vector and the delete set in one canonical form: equal for two documents exactly when both have
// seen the same.
const snapshot = (doc) => Buffer.from(Y.encodeSnapshotV2(Y.snapshot(doc))).toString('base64');

serve({
  open,
  synced,
  edit,
  disconnect: async ({peer}) => {
    const {provider} = find(peer);
    provider.disconnect();
    await until(() => !provider.wsconnected, `${peer} is cut off`);
  },
  connect: async ({peer}) => {
    find(peer).provider.connect();
    await synced({peer});
  },
  // look returns what the peer has now.
  look: async ({peer: name}) => {
    const peer = find(name);
    await idle(peer);
    const {doc, root, store, errors, provider} = peer;
    return {
      doc: root.toJSON(),
      snapshot: snapshot(doc),
      pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
      store: store ? {tables: store.getTables(), values: store.getValues()} : null,
      errors,
      connected: provider.wsconnected && provider.synced,
    };
  },
  closes: ({peer}) => find(peer).closes,
  clientID: ({peer}) => find(peer).doc.clientID,
  presence: ({peer, state}) => find(peer).provider.awareness.setLocalState(state),
  presences: ({peer}) => Object.fromEntries(find(peer).provider.awareness.getStates()),
  close: async ({peer: name}) => {
    const {persister, provider, doc} = find(name);
    peers.delete(name);
    await persister?.destroy();
    provider.destroy();
    doc.destroy();
  },
});
