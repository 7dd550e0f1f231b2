// Records what TinyBase does in more cases than the golden vectors have, in their format:
//
//   npm ci && node record.mjs > cases.json
//
import {createMiddleware, createStore} from 'tinybase';
const S = x => ({$: x});
const dec = x => {
  if (x && typeof x === 'object' && !Array.isArray(x)) {
    if (x.$) return {undefined: undefined, NaN: NaN, Infinity: Infinity, function: () => 1, date: new Date(0), bigint: 1n}[x.$];
    if (x.$fn) return {inc: v => (v || 0) + 1, toUndefined: () => undefined}[x.$fn];
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, dec(v)]));
  }
  if (Array.isArray(x)) return x.map(dec);
  return x;
};
const enc = x => {
  if (x === undefined) return S('undefined');
  if (typeof x === 'number' && isNaN(x)) return S('NaN');
  if (x === Infinity) return S('Infinity');
  if (typeof x === 'function') return S('function');
  if (typeof x === 'bigint') return S('bigint');
  if (x instanceof Date) return S('date');
  if (Array.isArray(x)) return x.map(enc);
  if (x && typeof x === 'object') return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, enc(v)]));
  return x;
};
const play = c => {
  const store = createStore();
  const log = [];
  let step = -1;
  const ids = {};
  const note = (event, ...args) => log.push({step, event, args: enc(args)});
  const run = steps => steps.forEach(s => one(s));
  const one = s => {
    try {
      let r;
      if (s.op === 'transaction') {
        r = store.transaction(() => { run(s.steps); if (s.throw) throw new Error(s.throw); return s.returns_value; }, 'doRollback' in s ? () => s.doRollback : undefined);
        return;
      }
      if (s.op === 'try') { try { run(s.steps); } catch (e) { note('caught', e.message); } return; }
      if (s.op === 'log') { note('log', store[s.call[0]](...s.call.slice(1))); return; }
      if (s.op === 'delListener') { store.delListener(ids[s.listener]); return; }
      if (s.op === 'callListener') { store.callListener(ids[s.listener] ?? 'nope'); return; }
      if (s.op === 'addListener') { addL(s.listener); return; }
      r = store[s.op](...dec(s.args));
      if (r !== store && r !== undefined) s.returns = enc(r);
    } catch (e) {
      s.throws = e.message;
      throw e;
    }
  };
  const addL = l => {
    const path = dec(l.path || []);
    const h = (...a) => {
      a.shift();
      let args = a;
      const getter = typeof args[args.length - 1] === 'function' ? args.pop() : undefined;
      if (getter && /Ids$/.test(l.type) && l.type !== 'SortedRowIds') args.push({idChanges: getter()});
      if (getter && l.getChange) args.push({change: getter(...l.getChange)});
      note(l.name, ...args);
      run(JSON.parse(JSON.stringify(l.do || [])));
      if (l.throw) throw new Error(l.throw);
    };
    l.id = ids[l.name] = store['add' + l.type + 'Listener'](...(path || []), h, l.mutator);
  };
  run(c.setup || []);
  if (c.middleware) {
    const mw = createMiddleware(store);
    for (const m of c.middleware) {
      mw['add' + m.hook + 'Callback']((...a) => {
        note('mw:' + m.hook, ...a);
        const del = m.hook.startsWith('WillDel');
        const last = a[a.length - 1];
        const up = v => typeof v === 'string' ? v.toUpperCase() : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, up(x)])) : v;
        switch (m.action) {
          case 'block': return del ? false : undefined;
          case 'allow': return del ? true : last;
          case 'upperStrings': return up(last);
          case 'replace': return dec(m.value);
          case 'addCell': return {...last, ...m.value};
        }
      });
    }
  }
  (c.listeners || []).forEach(addL);
  log.length = 0;
  (c.steps || []).forEach((s, i) => { step = i; try { one(s); } catch (e) { if (s.throws === undefined) throw e; } });
  c.expect = {tables: enc(store.getTables()), values: enc(store.getValues()), json: store.getJson(), log};
  const sj = store.getSchemaJson();
  if (sj !== '[{},{}]') c.expect.schemaJson = sj;
  return c;
};
const ALL = ['StartTransaction','WillFinishTransaction','DidFinishTransaction','HasTables','Tables','TableIds','HasTable:1','Table:1','TableCellIds:1','HasTableCell:2','RowCount:1','RowIds:1','HasRow:2','Row:2','CellIds:2','HasCell:3','Cell:3','InvalidCell:3','HasValues','Values','ValueIds','HasValue:1','Value:1','InvalidValue:1'];
const all = () => ALL.map(s => { const [type, n] = s.split(':'); const l = {name: type[0].toLowerCase() + type.slice(1), type}; if (n) l.path = Array(+n).fill(null); return l; });
const op = (o, ...args) => ({op: o, args});
const base = [op('setTables', {t1: {r1: {c1: 1, c2: 2}, r2: {c1: 3}}, t2: {r: {c: 4}}}), op('setValues', {v1: 1, v2: 'x'})];
const cases = [];
const add = (title, c) => cases.push({id: 'gen-' + String(cases.length).padStart(3, '0'), title, ...c});
add('setTable', {setup: base, listeners: all(), steps: [op('setTable', 't1', {r1: {c1: 5}, r9: {c: 1}}), op('setTable', 't3', {}), op('setTable', 't3', 5), op('setTable', 't9', {r: {c: S('NaN')}})]});
add('setCell new', {listeners: all(), steps: [op('setCell', 't1', 'r1', 'c1', 1), op('setCell', 't1', 'r1', 'c1', {$fn: 'inc'}), op('setCell', 't1', 'r1', 'c1', {$fn: 'toUndefined'})]});
add('values fn', {setup: base, listeners: all(), steps: [op('setValue', 'v1', {$fn: 'inc'}), op('setValue', 'v9', {$fn: 'toUndefined'}), op('setValue', 'v3', S('NaN')), op('setValues', {}), op('setValues', {a: S('undefined')}), op('setPartialValues', {v1: 2, z: S('NaN')})]});
add('addRow no reuse', {steps: [op('addRow', 't', {a: 1}), op('addRow', 't', {a: 2}), op('delRow', 't', '0'), op('addRow', 't', {a: 3}, false), op('addRow', 't', {a: 4}), op('addRow', 't', {a: 5})]});
add('addRow in tx', {steps: [op('addRow', 't', {a: 1}), op('addRow', 't', {a: 1}), op('addRow', 't', {a: 1}), {op: 'transaction', steps: [op('delRow', 't', '1'), op('addRow', 't', {a: 2}), op('addRow', 't', {a: 2})]}, op('addRow', 't', {a: 2}), op('addRow', 't', {}), op('addRow', 't', {a: S('NaN')})]});
add('addRow rollback', {steps: [op('addRow', 't', {a: 1}), {op: 'transaction', steps: [op('addRow', 't', {a: 2})], doRollback: true}, op('addRow', 't', {a: 3}), op('delRow', 't', '0'), {op: 'transaction', steps: [op('addRow', 't', {a: 2})], doRollback: true}, op('addRow', 't', {a: 9})]});
add('delRow listeners', {setup: base, listeners: all(), steps: [op('delRow', 't1', 'r1'), op('delRow', 't1', 'nope'), op('delTable', 'nope'), op('delCell', 't1', 'r2', 'nope'), op('delCell', 't2', 'r', 'c'), op('delValue', 'nope')]});
add('integer-like ids', {listeners: all(), steps: [op('setTables', {t: {b: {z: 1, 10: 2, 2: 3}, 7: {a: 1}, 1: {a: 1}}}), op('getRowIds', 't'), op('getCellIds', 't', 'b'), op('getTable', 't')]});
add('getters on nothing', {steps: [op('getTable', 'x'), op('getRow', 'x', 'y'), op('getCell', 'x', 'y', 'z'), op('getValue', 'v'), op('getRowIds', 'x'), op('getCellIds', 'x', 'y'), op('getTableCellIds', 'x'), op('getRowCount', 'x'), op('hasTable', 'x'), op('hasRow', 'x', 'y'), op('hasCell', 'x', 'y', 'z'), op('hasTables'), op('hasValues'), op('getContent'), op('getSortedRowIds', 'x')]});
add('setContent variants', {setup: base, listeners: all(), steps: [op('setContent', [{}, {v: 1}]), op('setContent', [{t: {r: {c: 1}}}, {}]), op('setContent', [{t: {r: {c: 1}}}]), op('setContent', []), op('setContent', [{}, {}])]});
add('applyChanges', {setup: base, listeners: all(), steps: [op('applyChanges', [{t1: {r1: {c1: 9, c2: S('undefined')}, r2: S('undefined')}, t2: S('undefined'), t3: {r: {c: {a: 1}}}}, {v1: S('undefined'), v3: [1]}, 1]), op('applyChanges', [{t1: {}}, {}, 1]), op('applyChanges', [{t1: {r1: {}}}, {}, 1]), op('applyChanges', [{}, {}, 1])]});
add('applyChanges null', {setup: base, listeners: all(), steps: [op('applyChanges', [{t1: {r1: {c1: null}}}, {v1: null}, 1])]});
add('log in listeners', {setup: base, listeners: [{name: 'will', type: 'WillFinishTransaction', do: [{op: 'log', call: ['getTransactionChanges']}, {op: 'log', call: ['getTransactionLog']}]}, {name: 'did', type: 'DidFinishTransaction', do: [{op: 'log', call: ['getTransactionChanges']}, {op: 'log', call: ['getTransactionLog']}]}], steps: [{op: 'transaction', steps: [op('setCell', 't1', 'r1', 'c1', {a: 1}), op('delRow', 't1', 'r2'), op('setValue', 'v1', [1]), op('setCell', 't1', 'r1', 'x', S('NaN'))]}, op('setCell', 't1', 'r1', 'c1', {b: 1}), op('setCell', 't1', 'r1', 'c1', {b: 1})]});
add('log revert', {setup: base, steps: [{op: 'transaction', steps: [op('setCell', 't1', 'r1', 'c1', 5), op('setCell', 't1', 'r1', 'c1', 1), op('delTable', 't2'), op('setCell', 't2', 'r', 'c', 4), {op: 'log', call: ['getTransactionChanges']}, {op: 'log', call: ['getTransactionLog']}]}, {op: 'transaction', steps: [op('setCell', 't1', 'r1', 'c1', 1), {op: 'log', call: ['getTransactionLog']}]}]});
add('nested rollback ignored', {setup: base, listeners: all(), steps: [{op: 'transaction', steps: [{op: 'transaction', steps: [op('setCell', 't1', 'r1', 'c1', 5)], doRollback: true}, op('setValue', 'v1', 5)]}]});
add('rollback of deletion', {setup: base, listeners: all(), steps: [{op: 'transaction', steps: [op('delTables'), op('delValues')], doRollback: true}, {op: 'transaction', steps: [op('delTables'), op('delValues')], throw: 'boom'}, op('getTableIds')]});
add('mutators all', {setup: base, listeners: [{name: 'mcell', type: 'Cell', path: [null, null, null], mutator: true, do: [op('setCell', 't1', 'r1', 'm', 1)]}, {name: 'mval', type: 'Value', path: [null], mutator: true, do: [op('setCell', 't1', 'r1', 'fromvalue', 1), op('setValue', 'm', 1)]}, ...all()], steps: [{op: 'transaction', steps: [op('setCell', 't1', 'r1', 'c1', 5), op('setValue', 'v1', 5)]}]});
add('mutator rows', {setup: base, listeners: [{name: 'mrow', type: 'RowIds', path: [null], mutator: true, do: [op('delRow', 't1', 'new')]}, ...all()], steps: [op('setRow', 't1', 'new', {a: 1})]});
add('invalid mutator', {setup: base, listeners: [{name: 'minv', type: 'InvalidCell', path: [null, null, null], mutator: true, do: [op('setCell', 't1', 'r1', 'fixed', true)]}, ...all()], steps: [op('setCell', 't1', 'r1', 'c1', S('NaN'))]});
add('specificity', {setup: base, listeners: [{name: 'w3', type: 'Cell', path: [null, null, null]}, {name: 'e3', type: 'Cell', path: ['t1', 'r1', 'c1']}, {name: 'tw', type: 'Cell', path: ['t1', null, null]}, {name: 'wc', type: 'Cell', path: [null, null, 'c1']}, {name: 'wrc', type: 'Cell', path: [null, 'r1', 'c1']}, {name: 'e3b', type: 'Cell', path: ['t1', 'r1', 'c1']}], steps: [op('setCell', 't1', 'r1', 'c1', 5), op('setCell', 't1', 'r2', 'c1', 5)]});
add('del and add listeners', {setup: base, listeners: [{name: 'a', type: 'Cell', path: [null, null, null]}, {name: 'b', type: 'Cell', path: [null, null, null]}], steps: [{op: 'delListener', listener: 'a'}, op('setCell', 't1', 'r1', 'c1', 5), {op: 'addListener', listener: {name: 'c', type: 'Cell', path: [null, null, null]}}, op('setCell', 't1', 'r1', 'c1', 6)]});
add('willFinish throws', {setup: base, listeners: [{name: 'will', type: 'WillFinishTransaction', throw: 'no'}, {name: 'will2', type: 'WillFinishTransaction'}, {name: 'cell', type: 'Cell', path: [null, null, null]}, {name: 'did', type: 'DidFinishTransaction'}], steps: [op('setCell', 't1', 'r1', 'c1', 5), op('getCell', 't1', 'r1', 'c1')]});
add('didFinish throws', {setup: base, listeners: [{name: 'did', type: 'DidFinishTransaction', throw: 'no'}, {name: 'did2', type: 'DidFinishTransaction'}, {name: 'cell', type: 'Cell', path: [null, null, null]}], steps: [op('setCell', 't1', 'r1', 'c1', 5), op('getCell', 't1', 'r1', 'c1')]});
add('start throws', {setup: base, listeners: [{name: 'start', type: 'StartTransaction', throw: 'no'}, {name: 'cell', type: 'Cell', path: [null, null, null]}], steps: [op('setCell', 't1', 'r1', 'c1', 5), op('getCell', 't1', 'r1', 'c1')]});
add('value listener throws', {setup: base, listeners: [{name: 'v', type: 'Value', path: [null], throw: 'no'}, {name: 'vs', type: 'Values'}, {name: 'did', type: 'DidFinishTransaction'}], steps: [op('setValue', 'v1', 5)]});
add('sorted', {setup: [op('setTables', {t: {a: {n: 2}, b: {n: 1}, c: {n: 3}, d: {x: 1}, e: {n: 2}}})], steps: [op('getSortedRowIds', 't'), op('getSortedRowIds', 't', S('undefined'), true), op('getSortedRowIds', 't', 'n'), op('getSortedRowIds', 't', 'n', true), op('getSortedRowIds', 't', 'n', false, 1, 2), op('getSortedRowIds', {tableId: 't', cellId: 'n', descending: true, limit: 2})]});
add('sorted mixed', {setup: [op('setTables', {t: {a: {n: 'x'}, b: {n: 1}, c: {n: true}, d: {n: null}, e: {n: '10'}, f: {n: {a: 1}}}})], steps: [op('getSortedRowIds', 't', 'n')]});
add('sorted listener', {setup: [op('setTables', {t: {a: {n: 2}, b: {n: 1}, c: {n: 3}}})], listeners: [{name: 's', type: 'SortedRowIds', path: ['t', 'n', true, 0, 2]}, {name: 's2', type: 'SortedRowIds', path: ['t', S('undefined'), false, 0, S('undefined')]}, ...all()], steps: [op('setCell', 't', 'b', 'n', 10), op('setCell', 't', 'a', 'z', 1), op('delRow', 't', 'c'), op('setRow', 't', '0', {n: 4})]});
const schema = {t1: {n: {type: 'number', default: 5}, s: {type: 'string'}, q: {type: 'number', allowNull: true}, u: {type: ['string', 'number']}}};
add('schema delCell', {setup: [op('setTablesSchema', schema), op('setRow', 't1', 'r1', {s: 'x', q: 1})], listeners: all(), steps: [op('delCell', 't1', 'r1', 'n'), op('setCell', 't1', 'r1', 'n', 7), op('delCell', 't1', 'r1', 'n'), op('delCell', 't1', 'r1', 's'), op('setCell', 't1', 'r1', 'q', null), op('setCell', 't1', 'r1', 's', null), op('setCell', 't1', 'r1', 'u', true), op('setCell', 't1', 'r1', 'u', 1), op('setCell', 't1', 'r1', 'u', 's'), op('delCell', 't1', 'r1', 'n', true)]});
add('schema on data', {setup: base, listeners: all(), steps: [op('setTablesSchema', {t1: {c1: {type: 'number'}, d: {type: 'string', default: 'd'}}}), op('setTablesSchema', {t1: {c1: {type: 'string', default: 'q'}}}), op('delTablesSchema'), op('setCell', 'zz', 'a', 'b', 1)]});
add('schema required on data', {setup: base, listeners: all(), steps: [op('setTablesSchema', {t1: {c1: {type: 'number'}, c2: {type: 'number', required: true}}})]});
add('schema rejects', {setup: [op('setTablesSchema', schema)], listeners: all(), steps: [op('setTables', {t1: {r: {n: 'bad', zz: 1}}, t9: {r: {c: 1}}}), op('setTable', 't9', {r: {c: 1}}), op('setRow', 't9', 'r', {c: 1}), op('setCell', 't9', 'r', 'c', 1), op('addRow', 't9', {c: 1}), op('setRow', 't1', 'x', {zz: 1}), op('setPartialRow', 't1', 'x', {zz: 1}), op('setPartialRow', 't1', 'y', {s: 'a'}), op('setCell', 't1', 'y', 'zz', 1), op('setCell', 't1', 'new', 'zz', 1), op('setRow', 't1', 'only', {n: 'bad'})]});
add('schema applyChanges default', {setup: [op('setTablesSchema', schema), op('setRow', 't1', 'r1', {s: 'x'})], listeners: all(), steps: [op('applyChanges', [{t1: {r1: {n: S('undefined')}}}, {}, 1])]});
add('schema applyChanges', {setup: [op('setTablesSchema', schema), op('setRow', 't1', 'r1', {s: 'x'})], listeners: all(), steps: [op('applyChanges', [{t1: {r1: {n: 'bad', s: 'y'}, r2: {s: 'z'}}, t9: {r: {c: 1}}}, {}, 1])]});
add('schema values', {setup: [op('setValues', {a: 1, b: 'x', c: true})], listeners: all(), steps: [op('setValuesSchema', {a: {type: 'string', default: 'A'}, b: {type: 'string'}, d: {enum: ['p', 'q'], default: 'p'}}), op('setValue', 'a', 5), op('delValue', 'a'), op('setValue', 'd', 'q'), op('setValue', 'd', 'z'), op('delValue', 'b'), op('delValues'), op('setValues', {b: 'y'}), op('setPartialValues', {d: 'q', zz: 1}), op('setContent', [{}, {}]), op('delValuesSchema'), op('hasValuesSchema')]});
add('schema required setTable', {setup: [op('setTablesSchema', {t: {id: {type: 'string', required: true}, n: {type: 'number', required: true, default: 1}}})], listeners: [{name: 'invalidCell', type: 'InvalidCell', path: [null, null, null]}], steps: [op('setTable', 't', {a: {id: 'x'}, b: {n: 1}}), op('setTables', {t: {b: {n: 1}}}), op('setRow', 't', 'c', {id: 5}), op('setContent', [{t: {z: {id: 'z'}, y: {n: 1}}}, {}]), op('getTables')]});
add('bad schemas', {steps: [op('setTablesSchema', {t: {c: {type: 'number'}, d: {type: 'nope'}, e: 5, f: {type: []}, g: {type: ['string', 'nope']}, h: {enum: [1, null]}, i: {enum: [{}]}, j: {type: 'string', allowNull: true, default: null}, k: {type: 'string', default: null}, l: {type: 'boolean', required: true, default: false}, m: {type: ['number', 'string'], default: true}, n: {enum: [1, 2], default: 3}, o: {type: 'array', default: [1]}, p: {type: 'string', required: 1}, q: {type: 'string', allowNull: 'yes'}, r: {type: ['string']}, s: {enum: [1, 1]}, t: {type: ['string', 'string']}}}), op('getTablesSchemaJson'), op('setTablesSchema', 5), op('setTablesSchema', []), op('setTablesSchema', {t: {}}), op('getTablesSchemaJson'), op('setValuesSchema', {v: {}}), op('hasValuesSchema'), op('delSchema'), op('hasTablesSchema')]});
add('json', {setup: base, listeners: all(), steps: [op('setJson', '[{"t":{"r":{"c":1,"o":"\uFFFD{\\"a\\":1}","bad":"\uFFFDx"}}},{"v":"\uFFFD[1]"}]'), op('getTables'), op('setJson', '{"t":{"r":{"c":2}}}'), op('setJson', 'nope'), op('setTablesJson', '{}'), op('setValuesJson', '{"z":{"q":1}}'), op('setValuesJson', '{}'), op('setJson', '[{},{}]'), op('setJson', '5'), op('setJson', '[]'), op('getJson')]});
add('json bad reserved', {setup: base, listeners: all(), steps: [op('setJson', '[{"t":{"r":{"c":"\uFFFC"}}},{"v":"\uFFFC"}]'), op('setTablesJson', '{"t":{"r":{"c":"\uFFFD1"}}}'), op('setTablesJson', '[]'), op('setValuesJson', 'x')]});
add('mw row block', {middleware: [{hook: 'WillSetRow', action: 'block'}], steps: [op('setRow', 't', 'r', {c: 1}), op('setCell', 't', 'r', 'c', 1), op('setPartialRow', 't', 'r', {c: 1}), op('addRow', 't', {c: 1}), op('hasTables')]});
add('mw tables', {middleware: [{hook: 'WillSetTables', action: 'upperStrings'}, {hook: 'WillSetTable', action: 'allow'}, {hook: 'WillSetRow', action: 'allow'}, {hook: 'WillSetCell', action: 'allow'}], steps: [op('setTables', {t: {r: {c: 'a', d: 1}}})]});
add('mw table block', {middleware: [{hook: 'WillSetTable', action: 'block'}], steps: [op('setTables', {t: {r: {c: 'a', d: 1}}}), op('setTable', 't', {r: {c: 1}}), op('setRow', 't', 'r', {c: 1})]});
add('mw del', {setup: base, middleware: [{hook: 'WillDelRow', action: 'block'}, {hook: 'WillDelCell', action: 'allow'}, {hook: 'WillDelValue', action: 'block'}], steps: [op('delRow', 't1', 'r1'), op('delCell', 't1', 'r1', 'c1'), op('delValue', 'v1'), op('delTable', 't1'), op('delValues'), op('delTables')]});
add('mw del tables', {setup: base, middleware: [{hook: 'WillDelTables', action: 'block'}, {hook: 'WillDelTable', action: 'allow'}, {hook: 'WillDelValues', action: 'block'}], steps: [op('delTables'), op('delTable', 't1'), op('delValues'), op('setTable', 't2', {q: {c: 1}})]});
add('mw del cell', {setup: base, middleware: [{hook: 'WillDelCell', action: 'block'}], steps: [op('delCell', 't1', 'r1', 'c1'), op('setRow', 't1', 'r1', {c9: 1}), op('delRow', 't1', 'r2')]});
add('mw cell replace', {setup: base, middleware: [{hook: 'WillSetCell', action: 'replace', value: 42}], listeners: all(), steps: [op('setCell', 't1', 'r1', 'c1', 'abc'), op('setRow', 't1', 'r2', {c1: 1, z: 2}), op('addRow', 't1', {q: 1})]});
add('mw cell invalid', {middleware: [{hook: 'WillSetCell', action: 'replace', value: S('NaN')}], listeners: all(), steps: [op('setCell', 't1', 'r1', 'c1', 'abc')]});
add('mw two', {middleware: [{hook: 'WillSetCell', action: 'upperStrings'}, {hook: 'WillSetCell', action: 'block'}, {hook: 'WillSetCell', action: 'allow'}], listeners: all(), steps: [op('setCell', 't1', 'r1', 'c1', 'abc')]});
add('mw cell block existing', {setup: base, middleware: [{hook: 'WillSetCell', action: 'block'}], listeners: all(), steps: [op('setCell', 't1', 'r1', 'c1', 9), op('setCell', 't1', 'new', 'c', 9), op('setRow', 't1', 'r2', {c1: 8}), op('hasRow', 't1', 'new')]});
add('mw value', {setup: base, middleware: [{hook: 'WillSetValue', action: 'block'}], listeners: all(), steps: [op('setValue', 'v1', 9), op('setValues', {q: 1}), op('setPartialValues', {z: 1})]});
add('mw values', {setup: base, middleware: [{hook: 'WillSetValues', action: 'replace', value: {r: 1}}], steps: [op('setValues', {q: 1}), op('setPartialValues', {z: 1}), op('setValue', 'v', 1)]});
add('mw content', {setup: base, middleware: [{hook: 'WillSetContent', action: 'replace', value: [{t: {r: {c: 1}}}, {v: 1}]}, {hook: 'WillSetTables', action: 'allow'}], steps: [op('setContent', [{}, {}]), op('setJson', '[{"q":{"r":{"c":1}}},{}]')]});
add('mw apply', {setup: base, middleware: [{hook: 'WillApplyChanges', action: 'allow'}, {hook: 'WillSetCell', action: 'upperStrings'}, {hook: 'WillSetRow', action: 'allow'}], steps: [op('applyChanges', [{t1: {r1: {c1: 'x'}}}, {v: 'y'}, 1])]});
add('mw schema', {setup: [op('setTablesSchema', schema)], middleware: [{hook: 'WillSetCell', action: 'replace', value: true}], steps: [op('setCell', 't1', 'r1', 's', 'x')]});
add('objects', {listeners: all(), steps: [op('setCell', 't', 'r', 'o', {a: 1, b: [1, {c: null}]}), op('setCell', 't', 'r', 'o', {b: [1, {c: null}], a: 1}), op('getCell', 't', 'r', 'o'), op('setValue', 'v', []), op('setValue', 'v', {}), op('getValues'), op('setRow', 't', 'q', {x: [], y: {}}), op('getContent')]});
add('reserved', {listeners: all(), steps: [op('setCell', 't', 'r', 'a', '\uFFFC'), op('setCell', 't', 'r', 'b', '\uFFFDx'), op('setCell', 't', 'r', 'c', 'x\uFFFD'), op('setCell', 't', 'r', 'd', '\uFFFCx'), op('setValue', 'v', '\uFFFC'), op('setValue', 'w', '\uFFFD')]});
add('odd ids', {listeners: all(), steps: [op('setCell', '', '', '', 1), op('setCell', '__proto__', 'constructor', 'é', 1), op('setCell', 1, 2, 3, 4), op('setCell', true, null, 'x', 4), op('getTableIds'), op('setValue', 5, 5), op('delTable', 1)]});
add('big tx', {setup: base, listeners: all(), steps: [{op: 'transaction', steps: [op('delRow', 't1', 'r1'), op('setRow', 't1', 'r1', {c1: 1, z: 3}), op('delTable', 't2'), op('setTable', 't2', {q: {c: 4}}), op('delValues'), op('setValue', 'v1', 1)]}]});
add('flip', {listeners: all(), steps: [{op: 'transaction', steps: [op('setCell', 't', 'r', 'c', 1), op('delTables')]}, {op: 'transaction', steps: [op('setValue', 'v', 1), op('delValues')]}]});
add('call', {setup: base, listeners: [{name: 'tableIds', type: 'TableIds'}, {name: 'hasTable', type: 'HasTable', path: [null]}, {name: 'hasTables', type: 'HasTables'}, {name: 'table', type: 'Table', path: [null]}, {name: 'tci', type: 'TableCellIds', path: [null]}, {name: 'htc', type: 'HasTableCell', path: ['t1', null]}, {name: 'cellIds', type: 'CellIds', path: [null, null]}, {name: 'hasCell', type: 'HasCell', path: ['t1', 'r1', null]}, {name: 'values', type: 'Values'}, {name: 'valueIds', type: 'ValueIds'}, {name: 'hasValue', type: 'HasValue', path: [null]}, {name: 'hasValues', type: 'HasValues'}, {name: 'start', type: 'StartTransaction'}, {name: 'did', type: 'DidFinishTransaction'}, {name: 'inv', type: 'InvalidCell', path: [null, null, null]}, {name: 'invv', type: 'InvalidValue', path: [null]}, {name: 'sorted', type: 'SortedRowIds', path: ['t1', 'c1', false, 0, 5]}], steps: ['tableIds', 'hasTable', 'hasTables', 'table', 'tci', 'htc', 'cellIds', 'hasCell', 'values', 'valueIds', 'hasValue', 'hasValues', 'start', 'did', 'inv', 'invv', 'sorted'].map(l => ({op: 'callListener', listener: l}))});
add('write in listeners', {setup: base, listeners: [{name: 'row', type: 'Row', path: [null, null], do: [op('setValue', 'q', 1), op('addRow', 't', {a: 1})]}, {name: 'did', type: 'DidFinishTransaction', do: [op('delTables')]}], steps: [op('setCell', 't1', 'r1', 'c1', 5)]});
add('tx returns', {steps: [{op: 'transaction', steps: [op('setCell', 't', 'r', 'c', 1)], returns_value: 7}, op('startTransaction'), op('setCell', 't', 'r', 'c', 2), op('finishTransaction'), op('finishTransaction')]});
add('throw in explicit', {setup: base, listeners: all(), steps: [{op: 'try', steps: [{op: 'transaction', steps: [op('setCell', 't1', 'r1', 'c1', 3)], throw: 'x'}]}, op('setCell', 't1', 'r1', 'c1', 4)]});
add('partial row', {setup: base, listeners: all(), steps: [op('setPartialRow', 't1', 'r1', {c2: 7, n: 1}), op('setPartialRow', 't1', 'r1', {}), op('setPartialRow', 't1', 'zz', {a: S('NaN')}), op('setPartialRow', 't1', 'zz', {a: 1, b: S('NaN')})]});
add('setTables invalid', {setup: base, listeners: all(), steps: [op('setTables', {}), op('setTables', 5), op('setTables', {t: {r: {c: S('NaN')}}}), op('setTables', {t: {}}), op('setTables', {t: 5, u: {r: {c: 1}}}), op('setTables', [])]});
add('rows invalid', {setup: base, listeners: all(), steps: [op('setRow', 't1', 'r1', {}), op('setRow', 't1', 'r1', 5), op('setRow', 't1', 'r1', {a: S('undefined')}), op('addRow', 't1', 5), op('setRow', 't1', 'r1', [])]});
console.log(JSON.stringify({cases: cases.map((c) => play(JSON.parse(JSON.stringify(c))))}));
