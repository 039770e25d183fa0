/*
 * freerun_form.jsx: registers a freerun, or changes it: the same function, so the same form.
 */
import { useState } from 'preact/hooks';
import { navigate, path } from '../lib/router.js';
import { useMay } from '../lib/session.js';
import { nameText, perform } from '../parts/actions.jsx';
import { Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';
import { TriggerField, useFires } from '../parts/trigger.jsx';

const WORKERS = [['sql', 'sql: in the database'], ['exec', 'exec: a shell command, by an agent'], ['amqp', 'amqp: by RabbitMQ'], ['notify', 'notify: somebody who listens']];
const NAME_BYTES = 63;

/* What is wrong with a text that shall be a JSON object, or null. */
function objectError(text) {
  if (!text.trim()) return null;
  try {
    const value = JSON.parse(text);
    return value && typeof value === 'object' && !Array.isArray(value) ? null : 'It has to be a JSON object: { … }';
  } catch (error) {
    return error.message;
  }
}

function nameError(text) {
  const bytes = new TextEncoder().encode(text).length;
  return bytes > NAME_BYTES ? `It has ${bytes} bytes, and ${NAME_BYTES} are the limit` : null;
}

const pretty = (value) => (value && Object.keys(value).length ? JSON.stringify(value, null, 2) : '');

function Field({ id, label, error, help, children }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {help && <p class="muted small-text" id={`${id}-help`}>{help}</p>}
      {error && <p class="bad-text" id={`${id}-error`} role="status">{error}</p>}
    </div>
  );
}

/* of: the entry to change, or nothing for a new one */
export function FreerunForm({ of = null }) {
  const [values, setValues] = useState({
    process_name: of?.process_name ?? '',
    entry_name: of?.entry_name ?? '',
    trigger_frequency: of?.trigger_frequency ?? '',
    timezone: of?.timezone ?? 'UTC',
    worker: of?.worker ?? 'sql',
    command: of?.command ?? '',
    description: of?.description ?? '',
    arguments: pretty(of?.arguments),
    options: pretty(of?.options),
    is_on: of?.is_on ?? true,
  });
  const [isBusy, setBusy] = useState(false);
  const set = (name) => (event) => setValues((before) => ({ ...before, [name]: event.currentTarget.value }));
  const answer = useFires(values.trigger_frequency, values.timezone);
  const errors = {
    process_name: nameError(values.process_name),
    entry_name: nameError(values.entry_name),
    arguments: objectError(values.arguments),
    options: objectError(values.options),
  };
  const isRight = answer?.fires && !Object.values(errors).some(Boolean);
  const here = path`/freeruns/${values.process_name}/${values.entry_name}`;

  const submit = async (event) => {
    event.preventDefault();
    if (!isRight) return;
    const object = (text) => (text.trim() ? JSON.parse(text) : {});
    setBusy(true);
    const body = { ...values, command: values.command || null, description: values.description || null, arguments: object(values.arguments), options: object(values.options) };
    const isDone = await perform('register_freerun', body, `${of ? 'Changed' : 'Registered'} ${nameText(values.process_name, values.entry_name)}`);
    setBusy(false);
    if (isDone) navigate(here, { replace: Boolean(of) });
  };
  const area = (name, label, help, rows) => (
    <Field id={name} label={label} help={help} error={errors[name]}>
      <textarea id={name} name={name} rows={rows} value={values[name]} onInput={set(name)} spellcheck={false} aria-invalid={errors[name] ? 'true' : undefined} aria-describedby={`${name}-help ${errors[name] ? `${name}-error` : ''}`} />
    </Field>
  );
  const text = (name, label, rest = {}) => (
    <Field id={name} label={label} error={errors[name]}>
      <input id={name} name={name} value={values[name]} onInput={set(name)} autoComplete="off" spellcheck={false} autocapitalize="none" aria-invalid={errors[name] ? 'true' : undefined} aria-describedby={errors[name] ? `${name}-error` : undefined} {...rest} />
    </Field>
  );
  return (
    <form class="form sheet" onSubmit={submit}>
      <div class="form-columns">
        {text('process_name', 'Process, or family of entries', { required: true, readOnly: Boolean(of) })}
        {text('entry_name', 'Entry', { required: true, readOnly: Boolean(of) })}
        <Field id="trigger_frequency" label="Trigger frequency">
          <TriggerField id="trigger_frequency" value={values.trigger_frequency} onInput={(value) => setValues((before) => ({ ...before, trigger_frequency: value }))} answer={answer} />
        </Field>
        {text('timezone', 'Time zone, of at, cron and once', { required: true })}
        <Field id="worker" label="Worker">
          <select id="worker" name="worker" value={values.worker} onChange={set('worker')}>
            {WORKERS.map(([value, label]) => <option key={value} value={value} selected={value === values.worker}>{label}</option>)}
          </select>
        </Field>
        {text('description', 'Description')}
      </div>
      {area('command', 'Command', 'SQL, where $1 and $2 are the moment of the request and $3 the arguments; or what a shell is to run.', 6)}
      <div class="form-columns">
        {area('arguments', 'Arguments', 'A JSON object, or nothing.', 4)}
        {area('options', 'Options', 'A JSON object, or nothing: timeout, missed, present_on_boxes and others.', 4)}
      </div>
      <label class="check"><input type="checkbox" checked={values.is_on} onChange={(event) => { const { checked } = event.currentTarget; setValues((before) => ({ ...before, is_on: checked })); }} />It is on</label>
      <div class="dialog-buttons">
        <a class="button" href={of ? here : '/freeruns'}>Cancel</a>
        <button type="submit" class="button primary" disabled={isBusy || !isRight}>{of ? 'Save' : 'Register'}</button>
      </div>
    </form>
  );
}

export function FreerunNew() {
  const may = useMay();
  return (
    <>
      <PageHead title="New freerun" above={<ol><li><a href="/freeruns">Freeruns</a></li></ol>} />
      {may.register_freerun ? <FreerunForm /> : <Empty title="Your role may not register freeruns" />}
    </>
  );
}
