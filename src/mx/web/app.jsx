/*
 * app.jsx: asks who has logged in, and shows the page that the address names within the frame.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, setCsrfToken } from './lib/api.js';
import { startLive } from './lib/live.js';
import { match, place } from './lib/router.js';
import { session, startQualifiers } from './lib/session.js';
import { useStore } from './lib/store.js';
import { DialogHost } from './parts/dialog.jsx';
import { Frame } from './parts/frame.jsx';
import { ErrorNotice, Skeleton } from './parts/notice.jsx';
import { Toasts } from './parts/toast.jsx';
import { Blocked } from './pages/blocked.jsx';
import { Boxes } from './pages/boxes.jsx';
import { Events } from './pages/events.jsx';
import { Freerun } from './pages/freerun.jsx';
import { FreerunNew } from './pages/freerun_form.jsx';
import { Freeruns } from './pages/freeruns.jsx';
import { Garbage } from './pages/garbage.jsx';
import { Job } from './pages/job.jsx';
import { Jobs } from './pages/jobs.jsx';
import { Late } from './pages/late.jsx';
import { NotFound } from './pages/not_found.jsx';
import { Overview } from './pages/overview.jsx';
import { Process } from './pages/process.jsx';
import { Processes } from './pages/processes.jsx';
import { Timetable } from './pages/timetable.jsx';
import { Unit } from './pages/unit.jsx';
import { Units } from './pages/units.jsx';

const ROUTES = [
  ['/', Overview],
  ['/timetables/:tree', Timetable],
  ['/jobs', Jobs],
  ['/jobs/:process/:timeperiod', Job],
  ['/processes', Processes],
  ['/processes/:process', Process],
  ['/freeruns', Freeruns],
  ['/freeruns/new', FreerunNew],
  ['/freeruns/:process/:entry', Freerun],
  ['/units', Units],
  ['/units/:id', Unit],
  ['/boxes', Boxes],
  ['/blocked', Blocked],
  ['/late', Late],
  ['/garbage', Garbage],
  ['/events', Events],
];

/* What a screen reader reads, and the keyboard goes on from, after each step to another page. */
function useFocusOnHeading(here) {
  const before = useRef(here);
  useEffect(() => {
    const isSamePage = before.current.path === here.path && !isStep(before.current, here);
    before.current = here;
    if (isSamePage) return;
    document.querySelector('main h1')?.focus({ preventScroll: true });
    if (!here.isBack) scrollTo(0, 0);
  }, [here]);
}

/* Filters change the address while one types: that is no step. Another storey of a timetable is. */
const within = (place) => new URLSearchParams(place.search).get('within');
const isStep = (before, here) => within(before) !== within(here);

function Page() {
  const here = useStore(place);
  useFocusOnHeading(here);
  const found = match(ROUTES, here.path);
  if (!found) return <NotFound />;
  return <found.page key={here.path} {...found.params} />;
}

export function App() {
  const who = useStore(session);
  const [error, setError] = useState(null);

  const start = () => {
    setError(null);
    get('/session').then((answer) => {
      setCsrfToken(answer.csrf_token);
      session.set(answer);
      startLive(answer.live);
      startQualifiers();
    }, setError);
  };
  useEffect(start, []);

  if (error && error.status !== 401)
    return <main class="alone"><h1>Synergy</h1><ErrorNotice error={error} onRetry={start} /></main>;
  if (!who) return <main class="alone"><Skeleton /></main>;
  return (
    <>
      <Frame><Page /></Frame>
      <DialogHost />
      <Toasts />
    </>
  );
}
