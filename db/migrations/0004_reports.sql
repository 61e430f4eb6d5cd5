-- What stations report beside sessions: events, progress of jobs, their device model, statements.
-- Natural keys, so that what is said twice is kept once. Nothing refers to the volume tables.

-- Security events, events of NotifyEvent, alarms of the grid.
create table station_event (
    station_id          bigint not null,
    id                  bigint generated always as identity,
    fingerprint         bytea not null,             -- of everything that makes two events the same one
    kind                text not null check (kind in ('security', 'event', 'grid')),
    type                text not null,              -- the station's own word
    at                  timestamptz not null,       -- by the station's clock, or of receipt if that is unset
    said_at             text,                       -- the station's own text of the time
    received_at         timestamptz not null,
    is_critical         boolean not null,           -- a person should know of it
    is_cleared          boolean,                    -- what it told of is over; null: not said
    severity            integer,                    -- 0 danger to 9 debug
    trigger             text,                       -- Alerting, Delta, Periodic
    event_number        bigint,                     -- the station's own
    cause_number        bigint,                     -- the event that caused it
    monitor_number      bigint,
    source              text,                       -- which kind of monitor saw it
    component           text,
    component_instance  text,
    evse                integer,
    connector           integer,
    variable            text,
    variable_instance   text,
    value               text,
    tech_code           text,
    tech_info           text,
    transaction_id      text,
    session_id          bigint,
    flags               text[] not null default '{}',
    primary key (station_id, id),
    constraint station_event_key unique (station_id, fingerprint)
);
create index station_event_received on station_event (received_at);
create index station_event_critical on station_event (station_id, id desc) where is_critical;

-- A job of a station that reports how far it is: firmware, logs. One row for each number that it names;
-- what names none (1.6) is one row for each kind.
create type job_progress as enum ('running', 'done', 'failed', 'cancelled', 'idle');
create table station_job (
    station_id      bigint not null references station on delete cascade,
    id              bigint generated always as identity,
    kind            text not null
                    check (kind in ('firmware', 'publish_firmware', 'log', 'diagnostics')),
    request_id      bigint,
    progress        job_progress not null,
    status          text not null,                  -- the station's own word
    detail          text,
    started_at      timestamptz not null,           -- first heard of
    changed_at      timestamptz not null,
    primary key (station_id, id),
    constraint station_job_key unique nulls not distinct (station_id, kind, request_id)
);
create index station_job_changed on station_job (changed_at);
create table station_job_step (
    station_id      bigint not null,
    job_id          bigint not null,
    id              bigint generated always as identity,
    at              timestamptz not null,
    status          text not null,
    detail          text,
    primary key (station_id, job_id, id),
    foreign key (station_id, job_id) references station_job on delete cascade
);
create index station_job_step_at on station_job_step (at);

-- What a station tells in several parts: assembled by its number, whatever the order.
create type report_state as enum (
    'collecting',       -- parts are awaited
    'complete',
    'incomplete'        -- nothing came for too long; a late part takes it up again
);
create table report (
    station_id      bigint not null references station on delete cascade,
    id              bigint generated always as identity,
    kind            text not null check (kind in ('variables', 'monitors', 'charging_profiles',
                        'der_controls', 'display_messages', 'customer_information')),
    request_id      bigint,                         -- null: none that can be read
    generation      integer not null default 0,     -- numbers are used again
    state           report_state not null default 'collecting',
    generated_at    timestamptz,                    -- by the station's clock
    started_at      timestamptz not null,           -- when its first part came
    heard_at        timestamptz not null,           -- when its last part came
    last_seq_no     integer,                        -- of the part after which none comes; null: not known
    parts           integer not null default 0,
    items           integer not null default 0,
    missing         text,                           -- such as "1 to 3, 7 and what follows"
    primary key (station_id, id),
    constraint report_key unique nulls not distinct (station_id, kind, request_id, generation),
    check ((missing is not null) = (state = 'incomplete')),
    check (state <> 'complete' or last_seq_no is not null)
);
create index report_collecting on report (heard_at) where state = 'collecting';
create index report_started on report (started_at);
create table report_part (
    station_id      bigint not null,
    report_id       bigint not null,
    seq_no          integer not null,               -- 0 where the message has none
    fingerprint     bytea not null,
    id              bigint generated always as identity,
    received_at     timestamptz not null,
    items           integer not null,
    body            text,                           -- of customer information: the rest has tables
    primary key (station_id, report_id, seq_no, fingerprint),
    foreign key (station_id, report_id) references report on delete cascade
);

-- The device model: one row for each attribute. '' and 0 mean none, so that the key is one.
create table variable (
    station_id          bigint not null references station on delete cascade,
    component           text not null,
    component_instance  text not null default '',
    evse                integer not null default 0,
    connector           integer not null default 0,
    variable            text not null,
    variable_instance   text not null default '',
    attribute           text not null default 'Actual',
    value               text,
    mutability          text not null default 'ReadWrite',
    is_persistent       boolean not null default false,
    is_constant         boolean not null default false,
    unit                text,
    data_type           text,
    min_limit           double precision,
    max_limit           double precision,
    max_elements        bigint,
    values_list         text,
    supports_monitoring boolean,
    reported_at         timestamptz not null,       -- when we were told
    report_id           bigint,
    primary key (station_id, component, component_instance, evse, connector, variable,
        variable_instance, attribute)
);

-- What a station watches by itself.
create table monitor (
    station_id          bigint not null references station on delete cascade,
    number              bigint not null,            -- the station's own
    component           text not null,
    component_instance  text,
    evse                integer,
    connector           integer,
    variable            text not null,
    variable_instance   text,
    type                text not null,
    value               double precision,
    severity            integer,
    is_in_transactions_only boolean not null,
    source              text,
    reported_at         timestamptz not null,
    report_id           bigint,
    primary key (station_id, number)
);

-- Whatever else a station states: of each thing the latest, and what was said of it before.
create table station_statement (
    station_id      bigint not null references station on delete cascade,
    id              bigint generated always as identity,
    kind            text not null check (kind in ('charging_limit', 'charging_profile',
                        'priority_charging', 'der_control', 'der_activity', 'battery_swap',
                        'settlement', 'display_message', 'reservation')),
    subject         text not null,                  -- which one, within its kind
    state           text not null,                  -- set, cleared, on, off, ...
    is_latest       boolean not null default true,
    fingerprint     bytea not null,                 -- of what is said: the same again is no news
    at              timestamptz not null,
    received_at     timestamptz not null,
    heard_at        timestamptz not null,           -- when it was last said
    evse            integer,
    transaction_id  text,
    session_id      bigint,
    report_id       bigint,
    facts           bytea not null,                 -- JSON: stations send what jsonb refuses
    primary key (station_id, id)
);
create unique index station_statement_latest on station_statement (station_id, kind, subject)
    where is_latest;
create index station_statement_heard on station_statement (heard_at);
