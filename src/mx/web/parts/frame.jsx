/*
 * frame.jsx: what is around every page: navigation, who one is, is it live, theme, zone, and the keys.
 */
import { useEffect, useState } from 'preact/hooks';
import { logOut } from '../lib/api.js';
import { connection } from '../lib/live.js';
import { place } from '../lib/router.js';
import { session } from '../lib/session.js';
import { isDark, theme, zone } from '../lib/settings.js';
import { useStore } from '../lib/store.js';
import { visible } from '../lib/text.js';
import { useKeys } from './keys.jsx';

const PAGES = [
  ['/', 'Overview', '/timetables'],
  ['/processes', 'Processes', '/jobs'],
  ['/freeruns', 'Freeruns'],
  ['/units', 'Units'],
  ['/boxes', 'Boxes'],
  ['/blocked', 'Blocked'],
  ['/late', 'Late'],
  ['/garbage', 'Garbage'],
  ['/events', 'Events'],
];

const CONNECTIONS = {
  connecting: ['connecting', 'Asking for the stream of changes'],
  live: ['live', 'Changes are shown as they happen'],
  polling: ['every 5 s', 'There is no stream of changes: the page asks every 5 seconds'],
  lost: ['reconnecting', 'The server cannot be reached'],
  offline: ['database away', 'The server has lost its database'],
};

function LiveDot() {
  const state = useStore(connection);
  const [text, title] = CONNECTIONS[state];
  return <span class={`live live-${state}`} title={title} role="status"><span class="live-dot" aria-hidden="true" />{text}</span>;
}

function Banner() {
  const state = useStore(connection);
  if (state !== 'lost' && state !== 'offline') return null;
  return (
    <div class="banner" role="alert">
      {state === 'offline' ? 'The server has lost its database. ' : 'The server cannot be reached. '}
      What you see is the last that was known; it goes on by itself.
    </div>
  );
}

function isCurrent(href, also, path) {
  if (path === href) return 'page';
  if (href !== '/' && path.startsWith(`${href}/`)) return 'true';
  return also && (path === also || path.startsWith(`${also}/`)) ? 'true' : undefined;
}

function Switches() {
  const shownZone = useStore(zone);
  useStore(theme);
  return (
    <div class="switches">
      <button type="button" class="button small" aria-pressed={shownZone === 'local'} title="Times in UTC or in your zone" onClick={() => zone.set(shownZone === 'utc' ? 'local' : 'utc')}>
        {shownZone === 'utc' ? 'UTC' : 'Local'}
        <span class="sr-only"> times; change</span>
      </button>
      <button type="button" class="button small" title="Dark or light" onClick={() => theme.set(isDark() ? 'light' : 'dark')}>
        {isDark() ? 'Dark' : 'Light'}
        <span class="sr-only"> theme; change</span>
      </button>
    </div>
  );
}

export function Frame({ children }) {
  const who = useStore(session);
  const here = useStore(place);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [here.path]);
  useKeys();
  const mayNothing = !Object.values(who.may).some(Boolean);

  return (
    <div class="frame">
      <a class="skip" href="#main">Skip to content</a>
      <header class={`side ${isOpen ? 'open' : ''}`}>
        <div class="side-top">
          <a class="brand" href="/"><img src="/favicon.svg" alt="" width="24" height="24" /><span>Synergy</span></a>
          <span class="database" title="Database"><bdi>{visible(who.database)}</bdi></span>
          <LiveDot />
          <button type="button" class="button small menu-button" aria-expanded={isOpen} aria-controls="menu" onClick={() => setOpen(!isOpen)}>Menu</button>
        </div>
        <div class="menu" id="menu">
          <nav aria-label="Main">
            <ul>
              {PAGES.map(([href, text, also]) => <li key={href}><a href={href} aria-current={isCurrent(href, also, here.path)}>{text}</a></li>)}
            </ul>
          </nav>
          <div class="side-foot">
            <Switches />
            <p class="who"><bdi>{visible(who.role)}</bdi>{mayNothing && <span class="badge">read only</span>}{who.is_standby && <span class="badge">standby</span>}</p>
            <p class="muted small-text">Synergy {who.synergy_version} on PostgreSQL {who.server_version}</p>
            <button type="button" class="button small" onClick={logOut}>Log out</button>
          </div>
        </div>
      </header>
      <div class="content">
        <Banner />
        <main id="main" tabIndex={-1}>{children}</main>
      </div>
    </div>
  );
}
