// The page: a list of rooms, and one room as live tables. It reads a room once, then follows its events. Who is connected, and
// what has lost to a value that was set at the same time, it asks for now and then.
const $ = id => document.getElementById(id);
const token = new URLSearchParams(location.search).get('token');
const address = (path, params = {}) => {
  const q = new URLSearchParams(token ? {...params, token} : params).toString();
  return '/api/rooms' + path + (q ? '?' + q : '');
};
const of = room => '/' + encodeURIComponent(room);

const element = (tag, text, props = {}) => Object.assign(document.createElement(tag), {textContent: text, ...props});

let room = null;      // the name
let data = null;      // {tables, values}
let source = null;    // the event stream
let fresh = new Set();// places that have just changed
let contested = new Map(); // by place: what has lost there

const say = (text, bad = false) => { $('state').value = text; $('state').className = bad ? 'bad' : ''; };

async function answer(path, options, params) {
  const res = await fetch(address(path, params), options).catch(() => { throw new Error('the server does not answer'); });
  if (!res.ok) {
    const why = (await res.json().catch(() => ({}))).detail ?? res.statusText;
    throw Object.assign(new Error(res.status === 401 ? why + ' (add ?token=TOKEN to the address of this page)' : why), {status: res.status});
  }
  return res;
}
const call = async (...args) => (await answer(...args)).json();

// dict copies a JSON object, so that "constructor" and "__proto__" are names as others are.
const dict = (o, each = v => v) => {
  const d = Object.create(null);
  for (const [k, v] of Object.entries(o)) d[k] = each(v);
  return d;
};
const sorted = o => Object.keys(o).sort().map(k => [k, o[k]]);

const shown = 100; // rooms that are listed
const listed = new Set();
async function list() {
  const {rooms, next} = await call('', {}, {limit: shown});
  for (const {room: name} of rooms) listed.add(name);
  if (next) listed.add(room); // it may be one of those that are not shown
  $('list').replaceChildren(...rooms.map(({room: name}) => {
    const a = element('a', name, {href: '#' + encodeURIComponent(name)});
    if (name === room) a.setAttribute('aria-current', 'page');
    return a;
  }), ...(next ? [element('span', 'and more: open them by name')] : []));
  $('rooms').replaceChildren(...rooms.map(({room}) => element('option', '', {value: room})));
}

function follow(name) {
  source?.close();
  source = null;
  room = name;
  data = null;
  document.title = name + ' · rowloom';
  $('room').hidden = false;
  $('title').textContent = name;
  for (const part of ['addresses', 'peers', 'tables', 'values', 'log']) $(part).replaceChildren();
  showConflicts([]);
  if (name === '.' || name === '..') return say('no room can be called . or ..', true);
  connect(name);
}

// connect reads the room and follows its events. What is shown stays until it has been read.
function connect(name) {
  source?.close();
  say('connecting');
  const mine = source = new EventSource(address(of(name) + '/events'));
  let waiting = []; // events that come before the room has been read
  let version = 0;
  mine.onopen = async () => {
    data = null;
    try {
      const res = await answer(of(name));
      const body = await res.json();
      if (mine !== source) return;
      version = Number(JSON.parse(res.headers.get('ETag') ?? '"0"'));
      data = {tables: dict(body.tables, rows => dict(rows, dict)), values: dict(body.values)};
      addresses(body);
      for (const e of waiting.splice(0)) apply(e);
      say('live');
      draw();
      look(0);
      list().catch(() => {});
    } catch (e) { say(e.message, true); }
  };
  mine.onerror = async () => {
    say('connection lost, trying again', true);
    $('peers').textContent = '';
    if (mine.readyState !== EventSource.CLOSED) return; // it tries again by itself
    const err = await answer(of(name)).then(() => null, e => e);
    if (mine !== source) return;
    if (err?.status >= 400 && err.status < 500) return say(err.message, true);
    if (err) say(err.message + '; trying again', true);
    setTimeout(() => { if (mine === source) connect(name); }, 3000);
  };
  mine.onmessage = ({data: text}) => {
    const e = JSON.parse(text);
    if (data) { apply(e); draw(); } else waiting.push(e);
    look(500);
    if (!listed.has(name)) list().catch(() => {}); // the first commit has made it a room
  };
  const apply = e => {
    if (e.last <= version) return;
    version = e.last;
    const lines = [];
    for (const {table, row, cell, ...x} of e.cells) {
      const rows = data.tables[table] ??= dict({});
      const cells = rows[row] ??= dict({});
      if ('new' in x) cells[cell] = x.new; else delete cells[cell];
      if (!Object.keys(cells).length) delete rows[row];
      if (!Object.keys(rows).length) delete data.tables[table];
      note(JSON.stringify([table, row, cell]), [table, row, cell].join('/'), x, lines);
    }
    for (const {id, ...x} of e.values) {
      if ('new' in x) data.values[id] = x.new; else delete data.values[id];
      note(JSON.stringify([id]), ':' + id, x, lines);
    }
    const li = document.createElement('li');
    li.value = e.last;
    li.textContent = lines.slice(0, 20).join('\n') + (lines.length > 20 ? `\n… ${lines.length - 20} more` : '');
    $('log').prepend(li);
    while ($('log').children.length > 100) $('log').lastChild.remove();
  };
}

function note(key, place, {old, new: now}, lines) {
  fresh.add(key);
  const text = v => v === undefined ? '' : JSON.stringify(v);
  lines.push(old === undefined ? `+ ${place} ${text(now)}` : now === undefined ? `- ${place} ${text(old)}` : `~ ${place} ${text(old)} -> ${text(now)}`);
}

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
    const [peers, conflicts] = await Promise.all(['/peers', '/conflicts'].map(what => call(of(room) + what).catch(() => null)));
    asking = false;
    if (mine === source) {
      $('peers').textContent = peers ? connected(peers.peers) : '';
      if (conflicts) showConflicts(conflicts.conflicts, conflicts.more);
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
  const parts = [...counts].map(([family, [all, read]]) => `${all} ${families[family] ?? family}${read ? ` (${read} read-only)` : ''}`);
  return 'connected: ' + (parts.join(', ') || 'no clients');
}

// showConflicts marks places and lists what has lost there. Where all have set the same nothing is lost.
let told = '[]';
function showConflicts(all, more) {
  const text = v => v === undefined ? 'what a table cannot hold' : short(JSON.stringify(v), 200);
  const list = all.map(({table, row, cell, value, winner, losers}) => ({
    place: value === undefined ? [table, row, cell] : [value], winner,
    losers: losers.filter(l => JSON.stringify(l.value) !== JSON.stringify(winner.value)),
  })).filter(c => c.losers.length);
  if (told === (told = JSON.stringify([list, more]))) return;
  const by = ({value, by}) => `${text(value)} (by ${short(by, 8)})`;
  contested = new Map(list.map(c => [JSON.stringify(c.place), 'set at the same time: ' + c.losers.map(by).join(', ')]));
  const [summary, ul] = $('conflicts').children;
  const n = list.length;
  summary.textContent = `${more ? 'more than ' : ''}${n} ${n === 1 && !more ? 'place was' : 'places were'} set by several at the same time`;
  ul.replaceChildren(...list.slice(0, shown).map(c =>
    element('li', `${c.place.length === 1 ? ':' : ''}${c.place.join('/')}: ${by(c.winner)} stands, not ${c.losers.map(by).join(', ')}`)),
  ...(n > shown ? [element('li', `… ${n - shown} more`)] : []));
  $('conflicts').hidden = !n;
  draw();
}
const short = (s, n) => s.length > n ? s.slice(0, n) + '…' : s;

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (!data) return;
    if (document.activeElement?.tagName === 'TD') { // somebody is typing: redraw when that has ended
      document.activeElement.addEventListener('blur', () => setTimeout(draw), {once: true});
      return;
    }
    const tables = sorted(data.tables), values = sorted(data.values);
    $('tables').replaceChildren(...tables.flatMap(([t, rows]) => [element('h3', t), wide(tableOf(t, rows))]));
    $('values').replaceChildren(...(values.length ? [element('h3', 'values'), wide(valuesOf(values))] : []));
    $('empty').hidden = tables.length + values.length > 0;
    fresh.clear();
  });
}

// wide lets a table scroll in a box of its own.
const wide = table => {
  const box = element('div', '', {className: 'wide'});
  box.append(table);
  return box;
};

const most = 500; // rows that are shown of a table
function tableOf(t, rows) {
  const first = sorted(rows).slice(0, most);
  const columns = [...new Set(first.flatMap(([, cells]) => Object.keys(cells)))].sort();
  const table = document.createElement('table');
  table.createTHead().insertRow().append(element('th', ''), ...columns.map(c => element('th', c)));
  const body = table.createTBody();
  for (const [r, cells] of first) {
    const tr = body.insertRow();
    tr.append(element('th', r), ...columns.map(c => field([t, r, c], cells[c])));
  }
  const more = Object.keys(rows).length - most;
  if (more > 0) table.createCaption().textContent = `${more} more rows`;
  return table;
}

function valuesOf(values) {
  const table = document.createElement('table');
  for (const [id, v] of values) table.insertRow().append(element('th', id), field([id], v));
  return table;
}

// field is a cell that can be edited: Enter or leaving it sends, Escape does not, and empty removes.
function field(place, v) {
  const before = v === undefined ? '' : typeof v === 'string' && notJSON(v) ? v : JSON.stringify(v);
  const td = element('td', before, {contentEditable: 'plaintext-only'});
  if (fresh.has(JSON.stringify(place))) td.className = 'new';
  const lost = contested.get(JSON.stringify(place));
  if (lost) {
    td.classList.add('contested');
    td.title = lost;
    td.setAttribute('aria-description', lost);
  }
  td.onkeydown = e => {
    if (e.key === 'Escape') td.textContent = before;
    if (e.key === 'Enter' || e.key === 'Escape') { e.preventDefault(); td.blur(); }
  };
  td.onblur = () => { if (td.textContent !== before) set(place, td.textContent); };
  return td;
}

const notJSON = text => { try { JSON.parse(text); return false; } catch { return text !== ''; } };

async function set(place, text) {
  if (place.some(name => ['', '.', '..'].includes(name) || name.includes('\0'))) return patch(place, text);
  const path = of(room) + (place.length === 1 ? '/values/' : '/tables/') + place.map(encodeURIComponent).join('/');
  try {
    if (text === '') await call(path, {method: 'DELETE'});
    else await call(path, {method: 'PUT', headers: {'Content-Type': 'application/json'}, body: notJSON(text) ? JSON.stringify(text) : text});
    say('live');
  } catch (e) { say(e.message, true); draw(); }
}

// patch sets what has no address of its own, because of its name, by the address of the room.
async function patch(place, text) {
  const v = text === '' ? null : notJSON(text) ? text : JSON.parse(text);
  if (text !== '' && typeof v === 'object') { draw(); return say('under such a name only a text, a number, true or false can be set here', true); }
  const tree = place.length === 1 ? ['values', ...place] : ['tables', ...place];
  const body = JSON.stringify(tree.reduceRight((inside, name) => ({[name]: inside}), v));
  try {
    await call(of(room), {method: 'PATCH', headers: {'Content-Type': 'application/merge-patch+json'}, body});
    say('live');
  } catch (e) { say(e.message, true); draw(); }
}

$('add').onsubmit = e => {
  e.preventDefault();
  const where = $('where').value;
  const place = where.startsWith(':') ? [where.slice(1)] : where.split('/');
  if (place.length !== 1 && place.length !== 3 || place.includes('')) return say('write table/row/cell or :value', true);
  if (place.length === 1 && !where.startsWith(':')) return say('write table/row/cell or :value', true);
  set(place, $('what').value);
};
$('open').onsubmit = e => { e.preventDefault(); if ($('name').value) location.hash = encodeURIComponent($('name').value); };
// A browser opens few connections to one server (six, as a rule), and each page that follows a room takes one: those that
// nobody sees give theirs back.
let unseen = 0;
addEventListener('visibilitychange', () => {
  clearTimeout(unseen);
  if (document.hidden) unseen = setTimeout(() => { source?.close(); say('resting'); }, 5000);
  else if (source?.readyState === EventSource.CLOSED) connect(room);
  else look(0);
});

const nameOf = hash => { try { return decodeURIComponent(hash); } catch { return hash; } };
const go = () => { const name = nameOf(location.hash.slice(1)); if (name) follow(name); list().catch(e => say(e.message, true)); };
addEventListener('hashchange', go);
go();
