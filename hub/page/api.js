// What the page asks of the server, and tells it.
const token = new URLSearchParams(location.search).get('token');
export const address = (path, params = {}) => {
  const q = new URLSearchParams(token ? {...params, token} : params).toString();
  return '/api/rooms' + path + (q ? '?' + q : '');
};
export const of = room => '/' + encodeURIComponent(room);

const patience = 10000; // ms for what is small
const unanswered = () => { throw new Error('the server does not answer'); };

// answer returns the answer to a request. The error of a refused request has a status, that of one that has not been answered has none.
export async function answer(path, options, params) {
  const res = await fetch(address(path, params), options).catch(unanswered);
  if (!res.ok) {
    const why = (await res.json().catch(() => ({}))).detail ?? (res.statusText || `status ${res.status}`);
    throw Object.assign(new Error(res.status === 401 ? why + ' (add ?token=TOKEN to the address of this page)' : why), {status: res.status});
  }
  return res;
}
export const json = res => res.json().catch(unanswered);
export const call = async (path, options, params) => json(await answer(path, {signal: AbortSignal.timeout(patience), ...options}, params));

export const notJSON = text => { try { JSON.parse(text); return false; } catch { return text !== ''; } };

// write stores what was typed for a place, [table, row, cell] or [value]: JSON, or else a text; nothing removes. It returns the version of the
// room that has it.
export async function write(room, place, text) {
  const path = of(room) + (place.length === 1 ? '/values/' : '/tables/') + place.map(encodeURIComponent).join('/');
  const send = (to, method, type, body) => call(to, {method, headers: {'Content-Type': type}, body});
  if (!place.some(name => ['', '.', '..'].includes(name) || name.includes('\0'))) {
    if (text === '') return (await call(path, {method: 'DELETE'})).version;
    return (await send(path, 'PUT', 'application/json', notJSON(text) ? JSON.stringify(text) : text)).version;
  }
  // What has no address of its own, because of its name, is set by the address of the room.
  const v = text === '' ? null : notJSON(text) ? text : JSON.parse(text);
  if (text !== '' && typeof v === 'object') {
    throw Object.assign(new Error('under such a name only a text, a number, true or false can be set here'), {status: 422});
  }
  const tree = place.length === 1 ? ['values', ...place] : ['tables', ...place];
  const body = JSON.stringify(tree.reduceRight((inside, name) => ({[name]: inside}), v));
  return (await send(of(room), 'PATCH', 'application/merge-patch+json', body)).version;
}
