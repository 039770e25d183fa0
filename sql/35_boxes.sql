-- 35_boxes.sql: the machines on which agents run, and the daemons that they keep alive.

-- A row for each box that ever had an agent. An agent without units writes nothing here.
CREATE TABLE synergy.box (
	box_name		text PRIMARY KEY CHECK (octet_length(box_name) BETWEEN 1 AND 63),
	slots			integer NOT NULL,
	host			text,
	pid				integer,
	version			text,
	instance		text NOT NULL,
	backend_pid		integer NOT NULL,
	started_at		timestamptz NOT NULL,
	heard_at		timestamptz NOT NULL,
	is_busy			boolean NOT NULL DEFAULT false
) WITH (fillfactor = 20);
COMMENT ON TABLE synergy.box IS 'Boxes: machines on which an agent runs, or ran. Written by the agent''s functions';
COMMENT ON COLUMN synergy.box.box_name IS 'Name, 1 to 63 bytes';
COMMENT ON COLUMN synergy.box.slots IS 'How many units its agent runs at once at most';
COMMENT ON COLUMN synergy.box.host IS 'Host name, as the agent says';
COMMENT ON COLUMN synergy.box.pid IS 'The agent''s process id there';
COMMENT ON COLUMN synergy.box.version IS 'The agent''s version';
COMMENT ON COLUMN synergy.box.instance IS 'Digest of what the agent made up when it started: tells it from another one that calls its box the same';
COMMENT ON COLUMN synergy.box.backend_pid IS 'The server process of its session';
COMMENT ON COLUMN synergy.box.started_at IS 'When that session began';
COMMENT ON COLUMN synergy.box.heard_at IS 'Last sign of life; written only while it has units';
COMMENT ON COLUMN synergy.box.is_busy IS 'It has units, and is given up when it is not heard of for synergy.agent_timeout';

CREATE TABLE synergy.daemon (
	process_name	text PRIMARY KEY CHECK (octet_length(process_name) BETWEEN 1 AND 63),
	command			text NOT NULL,
	present_on_boxes text[] NOT NULL DEFAULT '{}',
	is_on			boolean NOT NULL DEFAULT true,
	options			jsonb NOT NULL DEFAULT '{}',
	owner			regrole NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE synergy.daemon IS 'Programs that agents keep running. Written by synergy.register_daemon';
COMMENT ON COLUMN synergy.daemon.process_name IS 'Name, 1 to 63 bytes';
COMMENT ON COLUMN synergy.daemon.command IS 'Shell command';
COMMENT ON COLUMN synergy.daemon.present_on_boxes IS 'Regular expressions: it runs on each box whose name one of them matches; none: on every box';
COMMENT ON COLUMN synergy.daemon.is_on IS 'Is it to run?';
COMMENT ON COLUMN synergy.daemon.options IS 'See docs/options.md; unknown keys are refused at registration';
COMMENT ON COLUMN synergy.daemon.owner IS 'The role that registered it';
COMMENT ON COLUMN synergy.daemon.created_at IS 'When it was first registered';
COMMENT ON COLUMN synergy.daemon.updated_at IS 'When it was last registered or switched';

CREATE TRIGGER restored BEFORE INSERT ON synergy.daemon EXECUTE FUNCTION synergy.restored();

CREATE TABLE synergy.box_daemon (
	box_name		text NOT NULL REFERENCES synergy.box ON DELETE CASCADE,
	process_name	text NOT NULL REFERENCES synergy.daemon ON DELETE CASCADE,
	state			text NOT NULL CHECK (state IN ('running', 'backing_off', 'stopped', 'failed')),
	pid				integer,
	starts			bigint NOT NULL DEFAULT 0,
	exits			bigint NOT NULL DEFAULT 0,
	last_exit		text,
	started_at		timestamptz,
	exited_at		timestamptz,
	next_start_at	timestamptz,
	PRIMARY KEY (box_name, process_name)
);
COMMENT ON TABLE synergy.box_daemon IS 'How each daemon does on each box, as the box''s agent last reported';
COMMENT ON COLUMN synergy.box_daemon.box_name IS 'The box';
COMMENT ON COLUMN synergy.box_daemon.process_name IS 'The daemon';
COMMENT ON COLUMN synergy.box_daemon.state IS 'running, backing_off (it ended, and is started again at next_start_at), stopped (it is not wanted there), failed (it cannot be started)';
COMMENT ON COLUMN synergy.box_daemon.pid IS 'Its process id there; NULL: it does not run';
COMMENT ON COLUMN synergy.box_daemon.starts IS 'How often it was started';
COMMENT ON COLUMN synergy.box_daemon.exits IS 'How often it ended';
COMMENT ON COLUMN synergy.box_daemon.last_exit IS 'How it ended last: exit 3, signal 9';
COMMENT ON COLUMN synergy.box_daemon.started_at IS 'When a start was last reported';
COMMENT ON COLUMN synergy.box_daemon.exited_at IS 'When an end was last reported';
COMMENT ON COLUMN synergy.box_daemon.next_start_at IS 'When it is started again';
