// Clients and servers of the Yjs family, by command. Documents have a map "m", a text "t", an array "a" and an XML fragment "x".
//   node peer.mjs [SPEED]       with a speed, timers and the clock of this process run that much faster
import {createRequire} from 'node:module';
import http from 'node:http';
import {serve, until} from '../node/peer.mjs';

const speed = Number(process.argv[2] ?? 1);
if (speed !== 1) { // before any library takes the originals
  const began = Date.now(), now = Date.now, every = setInterval, once = setTimeout;
  Date.now = () => began + (now() - began) * speed;
  globalThis.setInterval = (f, ms, ...a) => every(f, ms / speed, ...a);
  globalThis.setTimeout = (f, ms, ...a) => once(f, ms / speed, ...a);
}

const {default: WS, WebSocketServer} = await import('ws');
const Y = await import('yjs');
const {WebsocketProvider} = await import('y-websocket');
const {HocuspocusProvider, HocuspocusProviderWebsocket} = await import('@hocuspocus/provider');
const {Server} = await import('@hocuspocus/server');

const clients = new Map();
const sockets = new Map(); // Hocuspocus sockets, shared by clients that ask for the same one
const servers = new Map();

const json = (doc) => ({m: doc.getMap('m').toJSON(), t: doc.getText('t').toString(), a: doc.getArray('a').toJSON(), x: doc.getXmlFragment('x').toString()});

const newClient = (id, clientID) => {
  const doc = new Y.Doc();
  if (clientID) {
    doc.clientID = clientID;
  }
  const c = {doc, connects: 0, disconnects: 0, statuses: [], stateless: [], denied: null, scope: null, updatesFromNet: 0};
  clients.set(id, c);
  return c;
};

serve({
  ws: ({id, url, room, clientID, quiet}) => {
    const c = newClient(id, clientID);
    c.provider = new WebsocketProvider(url, room, c.doc, {WebSocketPolyfill: WS, disableBc: true});
    c.awareness = c.provider.awareness;
    if (quiet) {
      c.awareness.setLocalState(null);
    }
    c.provider.on('status', ({status}) => {
      c.connects += status === 'connected';
      c.disconnects += status === 'disconnected';
    });
    c.synced = () => c.provider.synced;
  },

  hocuspocus: ({id, url, name, token, clientID, socket, sessionAwareness}) => {
    const c = newClient(id, clientID);
    const options = {
      name, document: c.doc, token, sessionAwareness,
      onStateless: ({payload}) => c.stateless.push(payload),
      onAuthenticationFailed: ({reason}) => (c.denied = reason),
      onAuthenticated: ({scope}) => (c.scope = scope),
      onDisconnect: () => c.disconnects++,
      onClose: () => c.closes = (c.closes ?? 0) + 1,
    };
    if (!sockets.has(socket ?? id)) {
      sockets.set(socket ?? id, new HocuspocusProviderWebsocket({url, WebSocketPolyfill: WS}));
    }
    c.socket = sockets.get(socket ?? id);
    c.provider = new HocuspocusProvider({...options, websocketProvider: c.socket});
    c.provider.attach();
    c.awareness = c.provider.awareness;
    c.synced = () => c.provider.synced && !c.provider.hasUnsyncedChanges;
  },

  synced: ({id}) => until(() => clients.get(id).synced(), `${id} is synced`),
  unsynced: ({id}) => clients.get(id).provider.hasUnsyncedChanges,
  set: ({id, values}) => {
    const {doc} = clients.get(id);
    doc.transact(() => Object.entries(values).forEach(([k, v]) => doc.getMap('m').set(k, v)));
  },
  burst: ({id, n}) => {
    const {doc} = clients.get(id);
    for (let i = 0; i < n; i++) {
      doc.getMap('m').set(`${id}${i % 50}`, i);
    }
  },
  write: ({id, text}) => {
    const {doc} = clients.get(id);
    doc.getText('t').insert(doc.getText('t').length, text, {bold: true});
    doc.getArray('a').push([text, {n: 1n, b: new Uint8Array([1, 2])}].slice(0, 1));
    doc.getXmlFragment('x').push([new Y.XmlElement('p')]);
  },
  get: ({id}) => json(clients.get(id).doc),
  state: ({id}) => Buffer.from(Y.encodeStateAsUpdate(clients.get(id).doc)).toString('base64'),
  until: ({id, m}) => until(() => Object.entries(m).every(([k, v]) => clients.get(id).doc.getMap('m').get(k) === v), `${id} has ${JSON.stringify(m)}`),
  say: ({id, state}) => clients.get(id).awareness.setLocalState(state),
  heard: ({id}) => Object.fromEntries(clients.get(id).awareness.getStates()),
  untilHeard: ({id, client, state}) => until(() => JSON.stringify(clients.get(id).awareness.getStates().get(client)) === JSON.stringify(state ?? undefined), `${id} hears ${client} say ${JSON.stringify(state)}`),
  disconnect: async ({id}) => {
    const {socket, provider} = clients.get(id);
    (socket ?? provider).disconnect();
    if (socket) { // until then its connect() does nothing
      await until(() => socket.status === 'disconnected', `${id} is disconnected`);
    }
  },
  connect: ({id}) => (clients.get(id).socket ?? clients.get(id).provider).connect(),
  info: ({id}) => {
    const {connects, disconnects, stateless, denied, scope} = clients.get(id);
    return {connects, disconnects, stateless, denied, scope};
  },
  stateless: ({id, text}) => clients.get(id).provider.sendStateless(text),
  untilStateless: ({id, text}) => until(() => clients.get(id).stateless.includes(text), `${id} gets ${text}`),
  untilDenied: async ({id}) => {
    await until(() => clients.get(id).denied !== null, `${id} is denied`);
    return clients.get(id).denied;
  },
  destroy: ({id}) => clients.get(id).provider.destroy(),
  sleep: ({ms}) => new Promise((next) => setTimeout(next, ms)),

  serveWs: async ({port = 0}) => {
    const {setupWSConnection} = createRequire(import.meta.url)('y-websocket-server/bin/utils');
    const server = http.createServer();
    const wss = new WebSocketServer({server});
    wss.on('connection', setupWSConnection);
    await new Promise((next) => server.listen(port, '127.0.0.1', next));
    servers.set('ws', {stop: () => { wss.clients.forEach((c) => c.terminate()); server.closeAllConnections(); server.close(); }});
    return server.address().port;
  },
  serveHocuspocus: async ({port = 0, token}) => {
    const server = new Server({
      port, address: '127.0.0.1', quiet: true, stopOnSignals: false,
      onAuthenticate: async (data) => {
        if (data.token === 'look') {
          data.connectionConfig.readOnly = true;
        } else if (data.token !== token) {
          throw Object.assign(new Error('no'), {reason: 'wrong token'});
        }
      },
      onStateless: async ({payload, document, connection}) => {
        connection.sendStateless(`re: ${payload}`);
        document.broadcastStateless(`all: ${payload}`);
      },
    });
    const open = new Set(); // its own destroy leaves the sockets open
    server.httpServer.on('connection', (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    await server.listen();
    servers.set('hocuspocus', {stop: async () => {
      await server.destroy();
      open.forEach((socket) => socket.destroy());
    }});
    return server.address.port;
  },
  stop: ({server}) => servers.get(server).stop(),
});
