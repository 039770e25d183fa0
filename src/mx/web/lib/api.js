/*
 * api.js: questions to the server, and orders.
 *
 * A 401 leads to the login page from wherever it comes. Everything else that goes wrong is an ApiError, which says
 * what PostgreSQL said. Each answer tells the database's time, which clocks on the page go by.
 */
import { setDatabaseTime } from './clock.js';

export class ApiError extends Error {
  constructor({ status, sqlstate = null, message, detail = null, hint = null }) {
    super(message);
    Object.assign(this, { status, sqlstate, detail, hint });
  }
}

let csrfToken = '';

export function setCsrfToken(token) {
  csrfToken = token;
}

export function goToLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: 'same-origin', cache: 'no-cache', ...options });
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new ApiError({ status: 0, message: 'The server cannot be reached', hint: 'Is synergy mx running?' });
  }
  if (response.status === 401) {
    goToLogin();
    throw new ApiError({ status: 401, message: 'The session has ended' });
  }
  let body;
  try {
    body = await response.json();
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new ApiError({ status: response.status, message: `The server answered ${response.status}, and not in JSON` });
  }
  if (!response.ok)
    throw new ApiError(body.error ?? { status: response.status, message: `The server answered ${response.status}` });
  if (body.at) setDatabaseTime(body.at);
  return body;
}

export const get = (path, signal) => ask(`/api/v1${path}`, { signal, headers: { Accept: 'application/json' } });

const post = (url, body) =>
  ask(url, {
    method: 'POST',
    headers: { Accept: 'application/json', 'Content-Type': 'application/json', 'X-CSRF-Token': csrfToken },
    body: JSON.stringify(body),
  });

export const act = (action, body) => post(`/api/v1/actions/${action}`, body);

export async function logOut() {
  await fetch('/logout', { method: 'POST', credentials: 'same-origin', headers: { 'X-CSRF-Token': csrfToken } });
  location.assign('/login');
}
