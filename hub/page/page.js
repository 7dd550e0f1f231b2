// The page: a list of rooms, and one room as live tables. It reads a room once, then follows its events. Who is connected, and
// what has lost to a value that was set at the same time, it asks for now and then.
import {address, answer, call, json, of, write} from './api.js';
import {draw as drawCells, element, keep, textOf} from './cells.js';
import * as drafts from './drafts.js';

const $ = id => document.getElementById(id);
let room = null;   // the name
let source = null; // the event stream
const view = {room, data: null, version: 0, live: false, fresh: new Set(), contested: new Map()}; // fresh: places that have just changed

const say = (text, bad = false) => { $('state').value = text; $('state').className = bad ? 'bad' : ''; };

// dict copies a JSON object, so that "constructor" and "__proto__" are names as others are.
const dict = (o, each = v => v) => {
  const d = Object.create(null);
  for (const [k, v] of Object.entries(o)) d[k] = each(v);
  return d;
};

// bare tells whether a dict holds nothing.
const bare = d => { for (const _ in d) return false; return true; };

const shown = 100; // rooms that are listed
const listed = new Set();
async function list() {
  const {rooms, next} = await call('', {}, {limit: shown});
  const names = rooms.map(({room}) => room);
  for (const name of names) listed.add(name);
  if (next) listed.add(room); // it may be one of those that are not shown
  keep($('list'), names, name => element('a', name, {href: '#' + encodeURIComponent(name)}))
    .forEach(a => { if (a.key === room) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current'); });
  $('more').hidden = !next;
  $('rooms').replaceChildren(...names.map(name => element('option', '', {value: name})));
}

function follow(name) {
  rest();
  source = null;
  room = name;
  Object.assign(view, {room, data: null, version: 0});
  document.title = name + ' · rowloom';
  $('room').hidden = false;
  $('title').textContent = name;
  for (const part of ['addresses', 'peers', 'tables', 'values', 'log']) $(part).replaceChildren();
  showConflicts([]);
  told();
  if (name === '.' || name === '..') return say('no room can be called . or ..', true);
  connect(name);
}

// rest ends the stream; what is shown is as old from now on.
function rest() {
  source?.close();
  view.live = false;
}

// connect reads the room and follows its events. What is shown stays until it has been read, and what is being typed stays after that.
function connect(name) {
  rest();
  say('connecting');
  const mine = source = new EventSource(address(of(name) + '/events'));
  let waiting = null; // events that come before the room has been read
  mine.onopen = async () => {
    const these = waiting = [];
    try {
      const res = await answer(of(name));
      const body = await json(res);
      if (mine !== source || these !== waiting) return;
      waiting = null;
      view.version = Number(JSON.parse(res.headers.get('ETag') ?? '"0"'));
      const data = view.data = {tables: dict(body.tables, rows => dict(rows, dict)), values: dict(body.values)};
      addresses(body);
      for (const e of these) apply(e);
      say('live');
      view.live = true;
      drafts.returned(name, ([a, r, c]) => textOf(r === undefined ? data.values[a] : data.tables[a]?.[r]?.[c]));
      draw();
      look(0);
      list().catch(() => {});
    } catch (e) {
      if (mine === source && these === waiting) retry(e);
    }
  };
  mine.onerror = async () => {
    if (mine !== source) return;
    view.live = false;
    say('connection lost, trying again', true);
    $('peers').textContent = '';
    if (mine.readyState === EventSource.CLOSED) retry(await answer(of(name)).then(() => null, e => e)); // else it tries again by itself
  };
  // retry opens another stream in a while, unless it would be refused for the same reason.
  const retry = err => {
    if (mine !== source) return;
    rest();
    if (err?.status >= 400 && err.status < 500) return say(err.message, true);
    if (err) say(err.message + '; trying again', true);
    setTimeout(() => { if (mine === source && !document.hidden) connect(name); }, 3000);
  };
  mine.onmessage = ({data: text}) => {
    const e = JSON.parse(text);
    if (waiting) waiting.push(e); else { apply(e); draw(); }
    look(500);
    if (!listed.has(name)) list().catch(() => {}); // the first commit has made it a room
  };
}

// apply makes the change of an event.
function apply(e) {
  if (e.last <= view.version) return;
  view.version = e.last;
  const {tables, values} = view.data, lines = [];
  for (const {table, row, cell, ...x} of e.cells) {
    const rows = tables[table] ??= dict({});
    const cells = rows[row] ??= dict({});
    if ('new' in x) cells[cell] = x.new; else delete cells[cell];
    if (bare(cells)) delete rows[row];
    if (bare(rows)) delete tables[table];
    note([table, row, cell], x, lines);
  }
  for (const {id, ...x} of e.values) {
    if ('new' in x) values[id] = x.new; else delete values[id];
    note([id], x, lines);
  }
  const more = e.cells.length + e.values.length - lines.length;
  $('log').prepend(element('li', lines.join('\n') + (more ? `\n… ${more} more` : ''), {value: e.last}));
  while ($('log').children.length > 100) $('log').lastChild.remove();
}

function note(place, {old, new: now}, lines) {
  view.fresh.add(JSON.stringify(place));
  if (lines.length === 20) return;
  const where = named(place), text = v => short(JSON.stringify(v), 200);
  lines.push(old === undefined ? `+ ${where} ${text(now)}` : now === undefined ? `- ${where} ${text(old)}` : `~ ${where} ${text(old)} -> ${text(now)}`);
}
const named = place => (place.length === 1 ? ':' : '') + place.join('/');
const short = (s, n) => s.length > n ? s.slice(0, n) + '…' : s;

function addresses(body) {
  const ws = location.origin.replace(/^http/, 'ws');
  const lines = [['http', `${location.origin}/api/rooms${of(room)}`], ['yjs', `${ws}/yjs${of(room)}`], ['tinybase', `${ws}/tinybase${of(room)}`]];
  if (body.automergeUrl) lines.push(['automerge', `${ws}/automerge`], ['', body.automergeUrl]);
  $('addresses').replaceChildren(...lines.flatMap(([name, text]) => [element('dt', name), element('dd', text)]));
}

// look plans to ask who is connected and what has lost: every few seconds while the room is followed and somebody sees the page,
// and a little earlier after an event. Nobody else hears of the question, and a room that is not followed is not asked about.
const seldom = 6000, often = 2000;
let next, due = Infinity, asked = 0, asking = false, again = false;
function look(wait) {
  if (asking) { again = true; return; }
  const at = Math.max(Date.now() + wait, asked + often);
  if (at >= due) return;
  clearTimeout(next);
  due = at;
  next = setTimeout(async () => {
    const mine = source;
    due = Infinity;
    if (document.hidden || mine?.readyState !== EventSource.OPEN) return; // it goes on when the page is seen, or connected, again
    asked = Date.now();
    asking = true;
    const [peers, conflicts] = await Promise.all(['/peers', '/conflicts'].map(what => call(of(room) + what).catch(e => e)));
    asking = false;
    if (mine === source) {
      $('peers').textContent = peers.peers ? connected(peers.peers) : '';
      if (conflicts.conflicts) showConflicts(conflicts.conflicts, conflicts.more);
      if (!peers.peers && !peers.status) lost();
    }
    look(again ? often : seldom);
    again = false;
  }, at - Date.now());
}

const families = {yjs: 'Yjs', tinybase: 'TinyBase', automerge: 'Automerge'};
function connected(peers) {
  const counts = new Map();
  for (const {family, access} of peers) {
    const n = counts.get(family) ?? [0, 0];
    counts.set(family, [n[0] + 1, n[1] + (access === 'read')]);
  }
  const parts = [...counts].sort().map(([family, [all, read]]) => `${all} ${families[family] ?? family}${read ? ` (${read} read-only)` : ''}`);
  return 'connected: ' + (parts.join(', ') || 'no clients');
}

// lost is called when the server has not answered: the stream may not have noticed. Each time in a row it waits longer.
let suspicion;
function lost(times = 1) {
  clearTimeout(suspicion);
  suspicion = setTimeout(() => { if (source?.readyState === EventSource.OPEN) connect(room); }, Math.min(500 * 2 ** times, 60000));
}

// showConflicts marks places and lists what has lost there. Where all have set the same nothing is lost.
let before = '[]';
function showConflicts(all, more) {
  const text = v => v === undefined ? 'what a table cannot hold' : short(JSON.stringify(v), 200);
  const list = all.map(({table, row, cell, value, winner, losers}) => ({
    place: value === undefined ? [table, row, cell] : [value], winner,
    losers: losers.filter(l => JSON.stringify(l.value) !== JSON.stringify(winner.value)),
  })).filter(c => c.losers.length);
  if (before === (before = JSON.stringify([list, more]))) return;
  const by = ({value, by}) => `${text(value)} (by ${short(by, 8)})`;
  view.contested = new Map(list.map(c => [JSON.stringify(c.place), 'set at the same time: ' + c.losers.map(by).join(', ')]));
  const [summary, ul] = $('conflicts').children;
  const n = list.length;
  summary.textContent = `${more ? 'more than ' : ''}${n} ${n === 1 && !more ? 'place was' : 'places were'} set by several at the same time`;
  ul.replaceChildren(...list.slice(0, shown).map(c => element('li', `${named(c.place)}: ${by(c.winner)} stands, not ${c.losers.map(by).join(', ')}`)),
    ...(n > shown ? [element('li', `… ${n - shown} more`)] : []));
  $('conflicts').hidden = !n;
  draw();
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    told();
    if (!view.data) return;
    if (view.live) drafts.seen(room, view.version);
    drawCells(view, $('tables'), $('values'));
    $('empty').hidden = !(bare(view.data.tables) && bare(view.data.values));
    view.fresh.clear();
  });
}
$('room').addEventListener('focusout', draw);
drafts.watch({changed: draw, lost});

// told says at the bottom what was typed and is not stored.
let refused = ''; // what is the matter with the form
function told() {
  const text = [refused, drafts.trouble(room)].filter(Boolean).join('; ');
  if ($('notice').textContent !== text) $('notice').textContent = text;
}
addEventListener('beforeunload', e => { if (drafts.unstored()) e.preventDefault(); });

$('add').onsubmit = async e => {
  e.preventDefault();
  const where = $('where').value, text = $('what').value;
  const place = where.startsWith(':') ? [where.slice(1)] : where.split('/');
  refused = '';
  if (place.includes('') || place.length !== (where.startsWith(':') ? 1 : 3)) refused = 'write table/row/cell or :value';
  else {
    try {
      await write(room, place, text);
      if ($('what').value === text) $('what').value = ''; // ready for the next one
    } catch (e) { refused = `not stored: ${where} (${e.message})`; }
  }
  told();
};
$('open').onsubmit = e => { e.preventDefault(); if ($('name').value) location.hash = encodeURIComponent($('name').value); };
// A browser opens few connections to one server (six, as a rule), and each page that follows a room takes one: those that
// nobody sees give theirs back.
let unseen = 0;
addEventListener('visibilitychange', () => {
  clearTimeout(unseen);
  if (document.hidden) unseen = setTimeout(() => { if (source) { rest(); say('resting'); } }, 5000);
  else if (source?.readyState === EventSource.CLOSED) connect(room);
  else look(0);
});

const nameOf = hash => { try { return decodeURIComponent(hash); } catch { return hash; } };
const go = () => { const name = nameOf(location.hash.slice(1)); if (name) follow(name); list().catch(e => say(e.message, true)); };
addEventListener('hashchange', go);
list().catch(() => {}).then(go); // what comes later must not move what is clicked at
