// The tables and values of a room, as cells to type into. What is there already stays where it is when something changes, and with it focus, caret
// and scroll position.
import {notJSON} from './api.js';
import * as drafts from './drafts.js';

const mostTables = 100, mostRows = 500, mostColumns = 100; // that are shown

export const element = (tag, text, props = {}) => Object.assign(document.createElement(tag), {textContent: text, ...props});

// keep gives a parent one child for each key. The keys are always in the same order, so that a child that stays need not be moved.
export function keep(parent, keys, make) {
  const wanted = new Set(keys);
  for (const child of [...parent.children]) if (!wanted.has(child.key)) child.remove();
  let at = parent.firstElementChild;
  return keys.map(key => {
    let child = at;
    if (child?.key === key) at = child.nextElementSibling;
    else parent.insertBefore(child = Object.assign(make(key), {key}), at);
    return child;
  });
}

// names returns the first of an object's names, and those that have to be there.
const names = (o, most, held) => [...new Set([...Object.keys(o ?? {}).sort().slice(0, most), ...held])].sort();

// textOf shows a value as it can be typed.
export const textOf = v => v === undefined ? '' : typeof v === 'string' && notJSON(v) ? v : JSON.stringify(v);

// draw shows a room: {room, data, version, live, fresh, contested}. A cell that has the focus or a draft is shown whether it exists or not.
export function draw(view, tables, values) {
  const focus = document.activeElement;
  const held = drafts.places(view.room);
  if (focus.place) held.push(focus.place);
  const inTables = held.filter(p => p.length === 3);

  const all = Object.keys(view.data.tables).length;
  keep(tables, names(view.data.tables, mostTables, inTables.map(p => p[0])), makeTable)
    .forEach(box => showTable(box, view, inTables.filter(p => p[0] === box.key)));
  tables.dataset.more = all > mostTables ? `${all - mostTables} more tables` : '';

  const ids = names(view.data.values, mostRows, held.filter(p => p.length === 1).map(p => p[0]));
  const [box] = keep(values, ids.length ? ['values'] : [], makeTable);
  if (!box) return;
  keep(box.rows, ids, row).forEach(tr => {
    const [, td] = keep(tr, [head, tr.key], c => c === head ? th(tr.key, 'row') : cell(view.room, [tr.key]));
    show(td, view.data.values[tr.key], view);
  });
  more(box, Object.keys(view.data.values).length, 0);
}

const head = Symbol('head'); // the key of the first cell of a row, which is no column
const th = (text, scope) => element('th', text, {scope});
const row = () => document.createElement('tr');

// makeTable makes a heading and a table that scrolls in a box of its own.
function makeTable(name) {
  const table = document.createElement('table');
  const box = document.createElement('section'), wide = element('div', '', {className: 'wide'}), hint = element('p', '', {className: 'hint'});
  wide.append(table);
  box.append(element('h3', name), wide, hint);
  return Object.assign(box, {columns: table.createTHead().insertRow(), rows: table.createTBody(), hint});
}

function showTable(box, view, held) {
  const rows = view.data.tables[box.key] ?? {};
  const ids = names(rows, mostRows, held.map(p => p[1]));
  const known = Object.create(null);
  for (const r of ids) for (const c in rows[r]) known[c] = true;
  const columns = names(known, mostColumns, held.map(p => p[2]));
  keep(box.columns, [head, ...columns], c => th(c === head ? '' : c, 'col'));
  for (const tr of keep(box.rows, ids, row)) {
    const [, ...cells] = keep(tr, [head, ...columns], c => c === head ? th(tr.key, 'row') : cell(view.room, [box.key, tr.key, c]));
    for (const td of cells) show(td, rows[tr.key]?.[td.key], view);
  }
  more(box, Object.keys(rows).length, Object.keys(known).length);
}

function more(box, rows, columns) {
  const parts = [rows > mostRows && `${rows - mostRows} more rows`, columns > mostColumns && `${columns - mostColumns} more columns`];
  box.hint.textContent = parts.filter(Boolean).join(', ');
}

const editable = (() => { // older browsers know true only
  try { return element('i', '', {contentEditable: 'plaintext-only'}).contentEditable; } catch { return 'true'; }
})();

// typed is the text of a field without the end of a last line that is empty, which browsers add to show it.
const typed = field => field.textContent.replace(/\n\n$/, '\n');

// cell makes a cell to type into: Enter stores and goes on to the row below, leaving it stores, Escape takes back, and empty removes.
function cell(room, place) {
  const td = document.createElement('td');
  const field = element('div', '', {className: 'field', contentEditable: editable, spellcheck: false, place, at: JSON.stringify(place)});
  field.setAttribute('role', 'textbox');
  field.setAttribute('aria-label', place.slice(1).join(' ') || place[0]);
  td.append(field);
  const draft = () => drafts.find(room, place);
  field.oninput = () => drafts.type(room, place, typed(field), field.now);
  field.onkeydown = e => {
    if (e.isComposing || e.shiftKey) return; // Shift and Enter: a new line
    if (e.key === 'Enter') {
      e.preventDefault();
      drafts.enter(draft());
      below(td)?.focus();
    } else if (e.key === 'Escape') {
      if (draft()) drafts.drop(draft()); else field.blur();
    }
  };
  field.onblur = () => {
    if (document.activeElement === field) return; // another window is used
    drafts.leave(draft());
  };
  return td;
}

// below returns the field of the next row, with the caret at its end.
function below(td) {
  const field = td.parentElement.nextElementSibling?.cells[td.cellIndex]?.firstChild;
  if (field) caret(field, field.textContent.length);
  return field;
}

function caret(field, offset) {
  const text = field.firstChild;
  getSelection().collapse(text ?? field, text ? Math.min(offset, text.length) : 0);
}

// show brings a cell up to date.
function show(td, v, view) {
  const field = td.firstChild, focused = document.activeElement === field;
  if (field.value !== v || field.now === undefined) Object.assign(field, {value: v, now: textOf(v)});
  const draft = drafts.find(view.room, field.place);
  const text = draft ? draft.text : field.now;
  if (field.textContent !== text && typed(field) !== text) {
    const offset = focused ? getSelection().focusOffset : 0, atEnd = offset === field.textContent.length;
    field.textContent = text;
    if (focused) caret(field, atEnd ? text.length : offset);
  }
  const note = draft ? drafts.note(draft, field.now, view.live ? view.version : -1, focused) : '';
  const lost = view.contested.get(field.at) ?? '';
  const bad = Boolean(draft?.why), className = `${lost && 'contested'} ${draft ? 'draft' : ''} ${bad ? 'bad' : ''}`;
  if (td.className !== className) td.className = className;
  if ((td.dataset.note ?? '') !== note || td.title !== lost) {
    if (note) td.dataset.note = note; else delete td.dataset.note;
    td.title = lost;
    field.setAttribute('aria-description', [note, lost].filter(Boolean).join('; '));
    field.ariaInvalid = String(bad);
  }
  if (view.fresh.has(field.at)) td.animate({backgroundColor: ['#fc08', 'transparent']}, {duration: 1500, easing: still.matches ? 'step-end' : 'linear'});
}
const still = matchMedia('(prefers-reduced-motion: reduce)');
