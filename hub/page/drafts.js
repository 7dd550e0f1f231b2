// Drafts: what was typed into cells and is not stored yet. A draft lives, whatever the connection does or others write, until the server has stored
// it or the user takes it back.
//
//   typed    the user is at it. What others write to the place meanwhile is told beside it, not written over it.
//   sent     Enter, or leaving the cell. One request at a time is under way for a place.
//   stored   answered; it is shown until the event of that version has come.
//   refused  told with the reason; Enter tries again.
//   unsent   the server did not answer, or could not store anything. When it is back the draft is sent, unless somebody else has changed the
//            place: then the user decides.
import {write} from './api.js';

const drafts = new Map(); // by room and place
const slow = 1000;        // ms after which it is told that something is being sent
let changed, lost;        // what to call when a draft has changed, and when the server did not answer for so many times in a row
export const watch = hooks => ({changed, lost} = hooks);

const keyOf = (room, place) => JSON.stringify([room, ...place]);
export const find = (room, place) => drafts.size ? drafts.get(keyOf(room, place)) : undefined;
export const places = room => [...drafts.values()].filter(d => d.room === room).map(d => d.place);
export const unstored = () => [...drafts.values()].some(d => d.busy || !d.stored && d.text !== d.base);

// type notes what has been typed where the server has, or had, base.
export function type(room, place, text, base) {
  const key = keyOf(room, place);
  const d = drafts.get(key) ?? {key, room, place, base, at: 0};
  drafts.set(key, Object.assign(d, {text, sent: false, stored: false, why: null, times: 0}));
  changed();
}

// enter stores a draft; one that says what was there before is none.
export function enter(d) {
  if (!d || d.stored) return;
  if (d.text === d.base && !d.busy) drop(d); else send(d);
}

// leave is enter for one who goes away: what has been sent is not sent again.
export const leave = d => { if (d && !d.sent) enter(d); };

// drop takes a draft back. What is on its way cannot be taken back.
export function drop(d) {
  if (d.busy) Object.assign(d, {text: d.tried, sent: true}); else drafts.delete(d.key);
  changed();
}

async function send(d) {
  Object.assign(d, {sent: true, why: null});
  if (d.busy) return;
  const text = d.tried = d.text;
  d.busy = Date.now();
  setTimeout(changed, slow + 50);
  try {
    d.at = await write(d.room, d.place, text);
    d.base = text;
    d.stored = d.text === text;
  } catch (e) { d.why = e; }
  d.busy = 0;
  if (d.sent && d.text !== text && (!d.why || d.why.status)) return send(d); // it was sent again meanwhile
  if (d.why && !d.why.status) lost(++d.times);
  changed();
}

// seen forgets what is stored and shown, at a version of the server that is there now.
export function seen(room, version) {
  for (const d of drafts.values()) if (d.room === room && d.stored && version >= d.at) drafts.delete(d.key);
}

// returned goes on when a room has been read anew, perhaps from another server; now tells what is shown of a place.
export function returned(room, now) {
  for (const d of drafts.values()) {
    if (d.room !== room) continue;
    d.at = 0;
    const there = now(d.place);
    if (there === d.tried) d.base = there; // it was stored, and only the answer got lost
    if (!d.sent || d.busy || d.stored || d.why?.status < 500) continue;
    d.why = null;
    if (there === d.text) drafts.delete(d.key);
    else if (there === d.base) send(d);
  }
}

// note says in a few words what is the matter with a draft where the server has now, at a version (-1: nobody knows).
export function note(d, now, version, focused) {
  if (d.stored) return '';
  if (d.why) return d.why.status ? `not stored: ${d.why.message}` : `not sent: ${d.why.message}`;
  if (d.busy) return Date.now() - d.busy > slow ? 'sending …' : '';
  if (version >= d.at && now !== d.base && now !== d.text) {
    return `${now === '' ? 'meanwhile removed' : `meanwhile ${now.slice(0, 100)}`} (Enter stores yours, Escape takes this)`;
  }
  return focused ? '' : 'not stored';
}

// trouble tells of the drafts that the user has left and that are not stored, while room is shown.
export function trouble(room) {
  const all = [...drafts.values()].filter(d => d.why || !d.stored && !d.busy && (d.sent || d.room !== room));
  const lines = all.slice(0, 3).map(d => {
    const where = (d.place.length === 1 ? ':' : '') + d.place.join('/').slice(0, 100) + (d.room === room ? '' : ` in room ${d.room.slice(0, 100)}`);
    if (!d.why) return `${where} (${d.sent ? 'somebody else has changed it' : 'typed only'})`;
    return `${where} (${d.why.message}${d.why.status ? '' : '; it will be sent when the server is back'})`;
  });
  return lines.length ? `not stored: ${lines.join(', ')}${all.length > 3 ? ` and ${all.length - 3} more` : ''}` : '';
}
