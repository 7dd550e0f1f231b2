// Plays random Yjs sessions and tells what yjs made of them, case by case, so that another engine can play the same and
// compare. A case is all drawn from its seed.
//
// play {from, count} answers a list of
//   {seed, profile,
//    docs: [{clientID, gc}],
//    log:  [{doc, ops | apply, version, v1: [update...], v2: [...]}],        what each document did and the events it gave
//    ends: [state],                                                         each document at the end
//    deliveries: [{mode, version, gc, updates: [...], end: state, fresh: state}]}   the local updates in some order, to a new document
// and a state is {json, deltas: [[path, delta]], sv, v1, v2, structs, deletes}, with bytes in base64 and values marked as
// testdata/vectors/yjs/README.md says.

import {Buffer} from 'node:buffer';
import * as Y from 'yjs';
import {serve} from '../../node/peer.mjs';

const b64 = (bytes) => Buffer.from(bytes).toString('base64');

// ---- random choices

let state = 1;
const seedWith = (n) => (state = (Math.imul(n, 0x9e3779b1) ^ 0x5bf03635) >>> 0);
const below = (n) => {
  state = (state + 0x6d2b79f5) >>> 0;
  let x = Math.imul(state ^ (state >>> 15), state | 1);
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
  return ((x ^ (x >>> 14)) >>> 0) % n;
};
const oneIn = (n) => below(n) === 0;
const pick = (list) => list[below(list.length)];
const times = (n, f) => Array.from({length: n}, (_, i) => f(i));
const shuffle = (list) => {
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
};

// ---- profiles: which roots are edited, and with what

const plain = ['a', 'b', 'c', 'row', '\u043a\u043b\u044e\u0447', '10', '2', 'a b'];
const profiles = {
  maps: {roots: ['m'], keys: plain, nested: ['map'], values: 'few'},
  values: {roots: ['m', 'a'], keys: plain, nested: [], values: 'all'},
  arrays: {roots: ['a'], keys: plain, nested: ['array', 'map'], values: 'few'},
  text: {roots: ['t'], keys: plain, nested: [], values: 'few', words: ['a', 'bc', 'def ghi', '\u00e9', '\u65e5\u672c', '\n']},
  pairs: {roots: ['t'], keys: plain, nested: [], values: 'few', words: ['\u{1f600}', 'x\u{1f600}y', '\u{1f469}\u200d\u{1f469}', 'z']},
  formats: {roots: ['t'], keys: plain, nested: [], values: 'few', words: ['a', 'bcd', 'efghij'], formats: true},
  xml: {roots: ['x'], keys: ['id', 'class', 'k'], nested: ['xml', 'xmltext'], values: 'few', words: ['a', 'bcd', '<&>']},
  mixed: {
    roots: ['m', 'a', 't', 'x'], keys: plain, values: 'all', words: ['a', 'bcd', '\u{1f600}'], formats: true,
    nested: ['map', 'array', 'text', 'xml', 'xmltext', 'xmlfrag', 'xmlhook'],
  },
  subdocs: {roots: ['m', 'a'], keys: plain, nested: ['map', 'doc'], values: 'few'},
  emptykey: {roots: ['m'], keys: ['', 'a', 'b'], nested: ['map'], values: 'few'},
};
const wheel = [
  'maps', 'values', 'maps', 'arrays', 'maps', 'text', 'maps', 'pairs', 'formats', 'xml',
  'maps', 'values', 'mixed', 'arrays', 'maps', 'text', 'subdocs', 'pairs', 'formats', 'emptykey',
];

// ---- values, marked

const few = [null, true, false, 0, 1, 2, 3, -7, 1.5, 'x', 'yy', ''];
const all = [
  ...few, {$undef: 1}, {$big: '12'}, {$big: '-9007199254740993'}, {$bin: 'AAH/'}, {$num: 'NaN'}, {$num: 'Infinity'}, {$num: '-0'},
  2 ** 31, 2 ** 31 - 1, -(2 ** 31), 2 ** 53, 0.1, 1e21, 1e-7, 3.4e38, '\u2028<&>"\\', '\u0000\n', 'long'.repeat(20), '\u{1f600}',
  [], [1, [2, {a: null}]], {}, {b: 1, a: {2: 'two', 1: 'one'}}, {$bin: ''},
];
const list = ['$undef', '$big']; // not in arrays: yjs throws
const value = (profile, inArray) => {
  for (;;) {
    const v = pick(profile.values === 'all' ? all : few);
    if (!inArray || v === null || typeof v !== 'object' || !list.some((k) => k in v)) {
      return v;
    }
  }
};
const nestedOr = (profile, kinds, scalar) => {
  const fit = profile.nested.filter((n) => kinds.includes(n));
  return fit.length && oneIn(3) ? nested(profile, pick(fit)) : scalar();
};
const nested = (profile, kind) => {
  switch (kind) {
    case 'map':
      return {$type: 'map', init: unique(times(below(3), () => [pick(profile.keys), value(profile)]))};
    case 'xmlhook':
      return {$type: 'xmlhook', name: pick(['h', 'hook'])};
    case 'array':
      return {$type: 'array', init: times(below(3), () => value(profile, true))};
    case 'text':
      return {$type: 'text', init: pick(profile.words)};
    case 'xmltext':
      return {$type: 'xmltext', init: pick(profile.words)};
    case 'xmlfrag':
      return {$type: 'xmlfrag'};
    case 'xml':
      return {
        $type: 'xml', name: pick(['p', 'div', '\u0434\u043e\u043c']), attrs: oneIn(2) ? [[pick(profile.keys), pick(['1', 'v'])]] : [],
        children: oneIn(2) ? [nested(profile, 'xmltext')] : [],
      };
    default:
      return {$doc: {guid: 'g' + below(9), opts: pick([{}, {gc: false}, {autoLoad: true}, {meta: {b: 1, 1: 2}}, {gc: false, meta: 'm'}])}};
  }
};
const unique = (pairs) => [...new Map(pairs)];

// unmark makes the value that a marked one means.
const unmark = (v) => {
  if (v === null || typeof v !== 'object') {
    return v;
  }
  if (Array.isArray(v)) {
    return v.map(unmark);
  }
  switch (Object.keys(v)[0]) {
    case '$undef':
      return undefined;
    case '$big':
      return BigInt(v.$big);
    case '$bin':
      return new Uint8Array(Buffer.from(v.$bin, 'base64'));
    case '$num':
      return Number(v.$num);
    case '$doc':
      return new Y.Doc({guid: v.$doc.guid, ...v.$doc.opts});
    case '$type':
      return shared(v);
  }
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, unmark(x)]));
};
const shared = ({$type, init, name, attrs, children}) => {
  switch ($type) {
    case 'map':
      return new Y.Map(init.map(([k, v]) => [k, unmark(v)]));
    case 'array':
      return Y.Array.from(init.map(unmark));
    case 'text':
      return new Y.Text(init);
    case 'xmltext':
      return new Y.XmlText(init);
    case 'xmlfrag':
      return new Y.XmlFragment();
    case 'xmlhook':
      return new Y.XmlHook(name);
  }
  const element = new Y.XmlElement(name);
  attrs.forEach(([k, v]) => element.setAttribute(k, unmark(v)));
  if (children.length) {
    element.insert(0, children.map(unmark));
  }
  return element;
};

// mark is the inverse, for what a document holds.
const mark = (v) => {
  if (v === undefined) {
    return {$undef: 1};
  } else if (typeof v === 'bigint') {
    return {$big: String(v)};
  } else if (typeof v === 'number') {
    return Number.isFinite(v) && !Object.is(v, -0) ? v : {$num: Object.is(v, -0) ? '-0' : String(v)};
  } else if (v === null || typeof v !== 'object') {
    return v;
  } else if (v instanceof Uint8Array) {
    return {$bin: b64(v)};
  } else if (v instanceof Y.Doc) {
    return {$doc: v.guid};
  } else if (v instanceof Y.Text || v instanceof Y.XmlFragment) {
    return v.toString();
  } else if (v instanceof Y.Map) {
    return Object.fromEntries([...v.entries()].map(([k, x]) => [k, mark(x)]));
  } else if (v instanceof Y.Array) {
    return v.toArray().map(mark);
  } else if (Array.isArray(v)) {
    return v.map(mark);
  }
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, mark(x)]));
};

// ---- documents

const open = (clientID, gc) => {
  const doc = new Y.Doc({gc});
  doc.clientID = clientID;
  doc.getMap('m');
  doc.getArray('a');
  doc.getText('t');
  doc.getXmlFragment('x');
  return doc;
};

// types lists the shared types with their paths: root name, then map keys and list indexes.
const types = (doc, roots) => {
  const found = [];
  const walk = (type, path) => {
    found.push([type, path]);
    if (type instanceof Y.Map) {
      type.forEach((v, k) => v instanceof Y.AbstractType && walk(v, [...path, k]));
    } else if (type instanceof Y.Array || type instanceof Y.XmlFragment) {
      type.toArray().forEach((v, i) => v instanceof Y.AbstractType && walk(v, [...path, i]));
    }
  };
  roots.forEach((name) => walk(doc.share.get(name), [name]));
  return found;
};

const describe = (doc) => {
  const structs = doc.store.pendingStructs;
  return {
    json: Object.fromEntries([...doc.share].map(([name, type]) => [name, mark(type)])),
    deltas: types(doc, ['m', 'a', 't', 'x'])
      .filter(([type]) => type instanceof Y.Text)
      .map(([type, path]) => [path, type.toDelta().map((op) => ({...op, insert: mark(op.insert), ...(op.attributes && {attributes: mark(op.attributes)})}))]),
    sv: b64(Y.encodeStateVector(doc)),
    v1: b64(Y.encodeStateAsUpdate(doc)),
    v2: b64(Y.encodeStateAsUpdateV2(doc)),
    structs: structs ? b64(structs.update) : '',
    deletes: doc.store.pendingDs ? b64(doc.store.pendingDs) : '',
  };
};

// ---- operations

// See quirks_test.go for what is left out here.
const attributes = (type) => ({[pick(['bold', 'color', 'size'])]: pick([true, false, null, 2, type instanceof Y.XmlText ? 1.5 : 'red'])});

// draw makes up an operation for a type: [name, path, ...arguments], or nothing.
const draw = (profile, type, path) => {
  const span = (length) => {
    const from = below(length);
    return [from, Math.min(1 + below(4), length - from)];
  };
  if (type instanceof Y.Map) {
    if (type.size > 0 && oneIn(5)) {
      return oneIn(12) ? ['clear', path] : ['mdel', path, pick([...type.keys()])];
    }
    const key = pick(profile.keys);
    return ['set', path, key, nestedOr(profile, ['map', 'array', 'text', 'xml', 'xmltext', 'xmlfrag', 'xmlhook', 'doc'], () => value(profile))];
  } else if (type instanceof Y.Text) {
    if (type.length > 0 && oneIn(3)) {
      return ['del', path, ...span(type.length)];
    } else if (profile.formats && type.length > 0 && oneIn(2)) {
      return ['fmt', path, ...span(type.length), attributes(type)];
    } else if (profile.formats && oneIn(6)) {
      return ['embed', path, below(type.length + 1), {image: pick(['u', 'v']), 7: 1}, pick([{}, attributes(type)])];
    }
    return ['tins', path, below(type.length + 1), pick(profile.words), profile.formats && oneIn(2) ? attributes(type) : null];
  } else if (type instanceof Y.XmlFragment) {
    if (type instanceof Y.XmlElement && oneIn(3)) {
      const names = Object.keys(type.getAttributes());
      return names.length && oneIn(2) ? ['rattr', path, pick(names)] : ['attr', path, pick(profile.keys), pick(['1', 'two', ''])];
    } else if (type.length > 0 && oneIn(3)) {
      return ['del', path, ...span(type.length)];
    }
    return ['ins', path, below(type.length + 1), times(1 + below(2), () => nested(profile, pick(['xml', 'xmltext'])))];
  }
  if (type.length > 0 && oneIn(3)) {
    return ['del', path, ...span(type.length)];
  }
  const values = times(1 + below(4), () => nestedOr(profile, ['map', 'array', 'text', 'doc'], () => value(profile, true)));
  return oneIn(4) ? ['push', path, values] : ['ins', path, below(type.length + 1), values];
};

const perform = (type, [name, , ...args]) => {
  switch (name) {
    case 'set':
      return type.set(args[0], unmark(args[1]));
    case 'mdel':
      return type.delete(args[0]);
    case 'clear':
      return type.clear();
    case 'ins':
      return type.insert(args[0], args[1].map(unmark));
    case 'push':
      return type.push(args[0].map(unmark));
    case 'del':
      return type.delete(args[0], args[1]);
    case 'tins':
      return args[2] === null ? type.insert(args[0], args[1]) : type.insert(args[0], args[1], args[2]);
    case 'fmt':
      return type.format(args[0], args[1], args[2]);
    case 'embed':
      return type.insertEmbed(args[0], args[1], args[2]);
    case 'attr':
      return type.setAttribute(args[0], args[1]);
    case 'rattr':
      return type.removeAttribute(args[0]);
  }
  throw new Error(name);
};

// ---- cases

const play = (seed) => {
  seedWith(seed);
  const name = wheel[seed % wheel.length];
  const profile = profiles[name];
  const ids = shuffle([...new Set([1 + below(3), 100 + below(9), 2 ** 32 - 1 - below(5), 2 ** 53 - 1 - below(5), 1e6 + below(1e9), 7e9 + below(1e9)])]);
  const docs = times(2 + below(4), (i) => ({clientID: ids[i], gc: !oneIn(4)}));
  const log = [];
  const made = docs.map(() => []); // the local updates of each document, as [v1, v2]
  const live = docs.map(({clientID, gc}) => open(clientID, gc));
  const act = (i, entry, f) => {
    const v1 = [];
    const v2 = [];
    const on1 = (u) => v1.push(b64(u));
    const on2 = (u) => v2.push(b64(u));
    live[i].on('update', on1);
    live[i].on('updateV2', on2);
    f();
    live[i].off('update', on1);
    live[i].off('updateV2', on2);
    log.push({doc: i, ...entry, v1, v2});
    return v1.map((u, k) => [u, v2[k]]);
  };

  for (let steps = 4 + below(24); steps > 0; steps--) {
    const i = below(docs.length);
    const j = below(docs.length);
    if (i !== j && oneIn(3)) {
      const version = oneIn(3) ? 2 : 1;
      const loose = made[j].length > 0 && oneIn(3); // one update of another, perhaps out of its order
      const apply = loose
        ? pick(made[j])[version - 1]
        : b64((version === 1 ? Y.encodeStateAsUpdate : Y.encodeStateAsUpdateV2)(live[j], oneIn(2) ? Y.encodeStateVector(live[i]) : undefined));
      const take = version === 1 ? Y.applyUpdate : Y.applyUpdateV2;
      act(i, {apply, version}, () => take(live[i], new Uint8Array(Buffer.from(apply, 'base64'))));
      continue;
    }
    const ops = [];
    const pairs = act(i, {ops}, () =>
      live[i].transact(() => {
        for (let n = 1 + below(3); n > 0; n--) {
          const [type, path] = pick(types(live[i], profile.roots));
          const op = draw(profile, type, path);
          ops.push(op);
          perform(type, op);
        }
      }),
    );
    made[i].push(...pairs);
  }

  const pool = made.flat();
  const deliver = (mode, updates) => {
    const version = oneIn(3) ? 2 : 1;
    const gc = !oneIn(4);
    const doc = open(4000000000, gc);
    const chosen = updates.map((pair) => pair[version - 1]);
    chosen.forEach((u) => (version === 1 ? Y.applyUpdate : Y.applyUpdateV2)(doc, new Uint8Array(Buffer.from(u, 'base64'))));
    const fresh = open(4000000001, gc);
    Y.applyUpdate(fresh, Y.encodeStateAsUpdate(doc));
    return {mode, version, gc, updates: chosen, end: describe(doc), fresh: describe(fresh)};
  };
  const deliveries = pool.length === 0 ? [] : [
    deliver('in order', pool),
    deliver('shuffled', shuffle([...pool])),
    deliver('repeated', shuffle([...pool, ...times(1 + below(pool.length), () => pick(pool))])),
    deliver('missing', shuffle(pool.filter((_, k) => k !== state % pool.length))),
  ];
  return {seed, profile: name, docs, log, ends: live.map(describe), deliveries};
};

serve({play: ({from, count}) => times(count, (i) => play(from + i))});
