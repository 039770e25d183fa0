/*
 * mock.mjs [PORT]: a server that speaks as `synergy mx` would, with made-up data, to work on the console without one.
 *
 * The role that one logs in as chooses the world: operator, viewer (may do nothing), empty, many (200 timetables),
 * error (every answer fails), polling (no event stream), slow. The password "wrong" is wrong. Sources are bundled anew
 * at each start; the Content-Security-Policy is the real server's.
 */
import { createServer } from 'node:http';
import { buildAssets } from './build.mjs';
import { DEEDS, Failure, GETS, world } from './mock/answers.mjs';

const PORT = Number(process.argv[2] ?? 8090);
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const MODES = ['operator', 'viewer', 'empty', 'many', 'error', 'polling', 'slow'];

const assets = await buildAssets();
const worlds = Object.fromEntries(MODES.map((mode) => [mode, world(mode)]));
const typeOf = (path) => ({ js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', html: 'text/html; charset=utf-8', svg: 'image/svg+xml' })[path.split('.').pop()];
const asset = (name) => assets.find((one) => one.name === name);
const escape = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const modeOf = (request) => /mock=(\w+)/.exec(request.headers.cookie ?? '')?.[1];

function send(response, status, type, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': type, 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-cache', ...headers });
  response.end(body);
}

const sendJson = (response, status, document, headers) => send(response, status, 'application/json', JSON.stringify(document), headers);

function loginPage(response, status, next, role, message) {
  const text = asset('login.html').data.toString()
    .replace('<!--message-->', () => (message ? `<p class="error" role="alert">${escape(message)}</p>` : ''))
    .replace('__NEXT__', () => escape(next)).replace('__ROLE__', () => escape(role));
  send(response, status, 'text/html; charset=utf-8', text);
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function login(request, response) {
  const form = new URLSearchParams(await bodyOf(request));
  const role = form.get('role') ?? '';
  const next = form.get('next') || '/';
  if (form.get('password') === 'wrong') return loginPage(response, 401, next, role, `password authentication failed for user "${role}"`);
  return send(response, 303, 'text/plain', '', { Location: next.startsWith('/') && !next.startsWith('//') ? next : '/', 'Set-Cookie': `mock=${MODES.includes(role) ? role : 'operator'}; Path=/; HttpOnly; SameSite=Strict` });
}

function live(request, response, here) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write('event: hello\ndata: {}\n\n');
  let turn = 0;
  const timer = setInterval(() => {
    const names = here.processes.map((process) => process.process_name);
    const processes = turn++ % 20 === 19 ? null : [names[turn % names.length], names[(turn * 7) % names.length]].filter(Boolean);
    response.write(`event: change\ndata: ${JSON.stringify({ processes, definitions: false })}\n\n`);
  }, 1000);
  request.on('close', () => clearInterval(timer));
}

function route(path) {
  const segments = path.split('/').map(decodeURIComponent);
  for (const [pattern, answer] of GETS) {
    const wanted = pattern.split('/');
    if (wanted.length === segments.length && wanted.every((part, i) => part.startsWith(':') || part === segments[i]))
      return [answer, Object.fromEntries(wanted.map((part, i) => [part.slice(1), segments[i]]))];
  }
  throw new Failure(404, 'There is no such path');
}

async function api(request, response, url) {
  const mode = modeOf(request);
  if (!mode) throw new Failure(401, 'not logged in');
  const here = worlds[mode];
  const path = url.pathname.slice('/api/v1/'.length);
  if (path === 'live') return live(request, response, here);
  if (mode === 'slow') await new Promise((done) => setTimeout(done, 1500));
  if (mode === 'error' && path !== 'session') throw new Failure(503, 'the database cannot be reached', { detail: 'connection to server on socket "/tmp/.s.PGSQL.5432" failed', hint: 'Is the server running?' });
  if (request.method === 'POST') {
    const action = path.replace('actions/', '');
    if (request.headers['x-csrf-token'] !== 'mock') throw new Failure(403, 'the CSRF token is missing or wrong');
    if (mode === 'viewer') throw new Failure(403, `permission denied for function ${action}`, { sqlstate: '42501' });
    const changes = DEEDS[action](here, JSON.parse(await bodyOf(request)), Date.now());
    return sendJson(response, 200, { changes, at: new Date().toISOString() });
  }
  const [answer, params] = route(path);
  return sendJson(response, 200, { ...answer(here, params, url.searchParams, Date.now()), at: new Date().toISOString() });
}

async function serve(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const file = assets.find((one) => one.path === url.pathname && !one.name.endsWith('.html'));
  if (url.pathname === '/login') return request.method === 'POST' ? login(request, response) : loginPage(response, 200, url.searchParams.get('next') ?? '/', '', null);
  if (url.pathname === '/logout') return send(response, 204, 'text/plain', '', { 'Set-Cookie': 'mock=; Path=/; Max-Age=0' });
  if (file) return send(response, 200, typeOf(file.path), file.data);
  if (url.pathname.startsWith('/api/v1/')) return api(request, response, url);
  if (!modeOf(request)) return send(response, 303, 'text/plain', '', { Location: `/login?next=${encodeURIComponent(request.url)}` });
  return send(response, 200, 'text/html; charset=utf-8', asset('index.html').data);
}

createServer((request, response) => {
  serve(request, response).catch((error) => {
    if (!(error instanceof Failure)) console.error(error);
    const failure = error instanceof Failure ? error : new Failure(500, error.message);
    sendJson(response, failure.body.error.status, failure.body);
  });
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}/`));
