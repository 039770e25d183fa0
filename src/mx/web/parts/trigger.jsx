/*
 * trigger.jsx: a field for a trigger frequency, which says while one types when it would fire.
 */
import { useEffect, useState } from 'preact/hooks';
import { get } from '../lib/api.js';
import { useMay } from '../lib/session.js';
import { search } from '../lib/router.js';
import { visible } from '../lib/text.js';
import { nameText, perform } from './actions.jsx';
import { DialogButtons, openDialog } from './dialog.jsx';
import { Relative, Time } from './time.jsx';

const PAUSE_MS = 250;

/* { fires } or { error }; null while it is not known */
export function useFires(trigger, timezone) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    setAnswer(null);
    if (!trigger.trim()) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get(`/next_fires${search({ trigger, timezone, n: 5 })}`, abort.signal).then(
        ({ fires }) => setAnswer({ fires }),
        (error) => abort.signal.aborted || setAnswer({ error }),
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [trigger, timezone]);
  return answer;
}

export function Fires({ fires }) {
  if (!fires.length) return <p class="muted">It never fires.</p>;
  return <ol class="fires">{fires.map((at, i) => <li key={i}><Time at={at} /> <span class="muted"><Relative at={at} /></span></li>)}</ol>;
}

export function TriggerField({ id, value, onInput, answer }) {
  return (
    <>
      <input id={id} name="trigger_frequency" value={value} onInput={(event) => onInput(event.currentTarget.value)} required spellcheck={false} autocapitalize="none" autoComplete="off" aria-invalid={answer?.error ? 'true' : undefined} aria-describedby={`${id}-answer`} placeholder="every 5 minutes, at 08:00, */5 * * * *" />
      <div id={`${id}-answer`} class="field-answer" aria-live="polite">
        {answer?.error && <p class="bad-text">{visible(answer.error.message)}{answer.error.hint && ` (${visible(answer.error.hint)})`}</p>}
        {answer?.fires && <Fires fires={answer.fires} />}
      </div>
    </>
  );
}

function ChangeTriggerForm({ close, process, entry, trigger, timezone }) {
  const [value, setValue] = useState(trigger ?? '');
  const [isBusy, setBusy] = useState(false);
  const answer = useFires(value, timezone);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    const isDone = await perform('change_trigger', { process_name: process, entry_name: entry, trigger_frequency: value }, `${nameText(process, entry)}: ${value}`);
    if (isDone) close();
    else setBusy(false);
  };
  return (
    <form class="form" onSubmit={submit}>
      <label for="change-trigger">Trigger frequency</label>
      <TriggerField id="change-trigger" value={value} onInput={setValue} answer={answer} />
      <DialogButtons close={close} label="Change trigger" isBusy={isBusy} isDisabled={!answer?.fires || value === trigger} />
    </form>
  );
}

/* children: what it says, which is shown to those, too, who may not change it */
export function ChangeTriggerButton({ process, entry, trigger, timezone, class: extra = '', children = null }) {
  if (!useMay().change_trigger) return children;
  const open = () => openDialog(`Trigger of ${visible(nameText(process, entry))}`, (close) => <ChangeTriggerForm {...{ close, process, entry, trigger, timezone }} />);
  return <button type="button" class={`button ${extra}`} title="Change the trigger" onClick={open}>{children ?? 'Change trigger'}</button>;
}
