// What TinyBase's own persisters lose between a Store and the document that it is bound to, in one process, without any server or network: a
// remote change comes into the document, and the Store is written in the same tick.

import {Repo} from '@automerge/automerge-repo';
import {createStore} from 'tinybase';
import {createAutomergePersister} from 'tinybase/persisters/persister-automerge';
import {createYjsPersister} from 'tinybase/persisters/persister-yjs';
import * as Y from 'yjs';
import {serve, until} from '../node/peer.mjs';

const start = async (persister) => {
  await persister.startAutoLoad();
  await persister.startAutoSave();
  return persister;
};

const rest = async (persister) => {
  for (let i = 0; i < 20; i++) {
    await new Promise((next) => setTimeout(next, 5));
    await until(() => persister.getStatus() === 0, 'the persister is idle');
  }
};

// play writes 1, has a remote change come in, and writes 2 and something else.
const play = async (store, persister, remote) => {
  store.setCell('t', 'r', 'mine', 1);
  remote();
  store.setCell('t', 'r', 'mine', 2);
  store.setCell('t', 'r', 'also mine', 2);
  await rest(persister);
};

serve({
  yjs: async () => {
    const [doc, other] = [new Y.Doc(), new Y.Doc()];
    const cells = new Y.Map([['mine', 0]]);
    doc.getMap('tinybase').set('t', new Y.Map([['t', new Y.Map([['r', cells]])]]));
    doc.getMap('tinybase').set('v', new Y.Map());
    Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
    const store = createStore();
    const persister = await start(createYjsPersister(store, doc, 'tinybase'));
    await play(store, persister, () => {
      other.getMap('tinybase').get('t').get('t').get('r').set('theirs', 1);
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
    });
    return {store: store.getRow('t', 'r'), document: cells.toJSON()};
  },
  automerge: async () => {
    const handle = new Repo({network: []}).create({tinybase: {t: {t: {r: {mine: 0}}}, v: {}}});
    const store = createStore();
    const persister = await start(createAutomergePersister(store, handle, 'tinybase'));
    await play(store, persister, () => handle.change((doc) => (doc.tinybase.t.t.r.theirs = 1)));
    return {store: store.getRow('t', 'r'), document: handle.doc().tinybase.t.t.r};
  },
});
