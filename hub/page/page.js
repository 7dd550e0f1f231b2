// The page: a list of rooms, and one room as live tables. It reads a room once, then follows its events.
const $ = id => document.getElementById(id);
const token = new URLSearchParams(location.search).get('token');
const address = (path, params = {}) => {
  const q = new URLSearchParams(token ? {...params, token} : params).toString();
  return '/api/rooms' + path + (q ? '?' + q : '');
};
const of = room => '/' + encodeURIComponent(room);

let room = null;      // the name
let data = null;      // {tables, values}
let source = null;    // the event stream
let fresh = new Set();// places that have just changed

const say = (text, bad = false) => { $('state').value = text; $('state').className = bad ? 'bad' : ''; };

async function call(path, options) {
  const res = await fetch(address(path), options);
  const body = await res.json();
  if (!res.ok) throw new Error(body.detail ?? res.statusText);
  return body;
}

async function list() {
  const {rooms} = await call('');
  $('list').replaceChildren(...rooms.map(({room}) => {
    const a = document.createElement('a');
    a.href = '#' + encodeURIComponent(room);
    a.textContent = room;
    return a;
  }));
  $('rooms').replaceChildren(...rooms.map(({room}) => Object.assign(document.createElement('option'), {value: room})));
}

function follow(name) {
  source?.close();
  room = name;
  data = null;
  $('room').hidden = false;
  $('title').textContent = name;
  $('log').replaceChildren();
  say('connecting');
  const mine = source = new EventSource(address(of(name) + '/events'));
  let waiting = []; // events that come before the room has been read
  let version = 0;
  mine.onopen = async () => {
    data = null;
    try {
      const res = await fetch(address(of(name)));
      if (!res.ok) throw new Error((await res.json()).detail);
      const body = await res.json();
      if (mine !== source) return;
      version = Number(JSON.parse(res.headers.get('ETag') ?? '"0"'));
      data = {tables: body.tables, values: body.values};
      addresses(body);
      for (const e of waiting.splice(0)) apply(e);
      say('live');
      draw();
    } catch (e) { say(e.message, true); }
  };
  mine.onerror = () => say('connection lost, trying again', true);
  mine.onmessage = ({data: text}) => {
    const e = JSON.parse(text);
    if (data) { apply(e); draw(); } else waiting.push(e);
  };
  const apply = e => {
    if (e.last <= version) return;
    version = e.last;
    const lines = [];
    for (const {table, row, cell, ...x} of e.cells) {
      const rows = data.tables[table] ??= {};
      const cells = rows[row] ??= {};
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
  const lines = [`${location.origin}/api/rooms${of(room)}`, `${ws}/yjs${of(room)}`];
  for (const [k, v] of Object.entries(body)) if (k.endsWith('Url')) lines.push(v);
  $('addresses').replaceChildren(...lines.map(l => Object.assign(document.createElement('li'), {textContent: l})));
}

const element = (tag, text, props = {}) => Object.assign(document.createElement(tag), {textContent: text, ...props});
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
    $('tables').replaceChildren(...Object.entries(data.tables).flatMap(([t, rows]) => [element('h3', t), tableOf(t, rows)]));
    const values = Object.entries(data.values);
    $('values').replaceChildren(...(values.length ? [element('h3', 'values'), valuesOf(values)] : []));
    fresh.clear();
  });
}

const most = 500; // rows that are shown of a table
function tableOf(t, rows) {
  const columns = [...new Set(Object.values(rows).slice(0, most).flatMap(Object.keys))].sort();
  const table = document.createElement('table');
  table.createTHead().append(element('th', ''), ...columns.map(c => element('th', c)));
  const body = table.createTBody();
  for (const [r, cells] of Object.entries(rows).slice(0, most)) {
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
  td.onkeydown = e => {
    if (e.key === 'Escape') td.textContent = before;
    if (e.key === 'Enter' || e.key === 'Escape') { e.preventDefault(); td.blur(); }
  };
  td.onblur = () => { if (td.textContent !== before) set(place, td.textContent); };
  return td;
}

const notJSON = text => { try { JSON.parse(text); return false; } catch { return text !== ''; } };

async function set(place, text) {
  const path = of(room) + (place.length === 1 ? '/values/' : '/tables/') + place.map(encodeURIComponent).join('/');
  try {
    if (text === '') await call(path, {method: 'DELETE'});
    else await call(path, {method: 'PUT', headers: {'Content-Type': 'application/json'}, body: notJSON(text) ? JSON.stringify(text) : text});
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
const go = () => { const name = decodeURIComponent(location.hash.slice(1)); if (name) follow(name); list().catch(e => say(e.message, true)); };
addEventListener('hashchange', go);
go();
