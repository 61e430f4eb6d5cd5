-- The first tables: who charges where, what was said, and what is asked of stations.
-- Keys carry station_id first, so that the volume can be distributed by station later.

create type registration as enum ('Accepted', 'Pending', 'Rejected');
create type account_role as enum ('driver', 'admin');
create type id_token_status as enum (
    'Accepted',
    'Blocked',
    'Expired',
    'Invalid',
    'Unknown'       -- a card that was presented and that nobody registered
);
create type connector_status as enum ('Available', 'Occupied', 'Reserved', 'Unavailable', 'Faulted');
create type ocpp_family as enum ('v16', 'v2');
create type command_state as enum (
    'waiting',      -- for the station to be connected and idle
    'sent',         -- for the station's answer
    'done',         -- the station accepted
    'refused',      -- the station, or its version of OCPP, said no
    'expired'       -- nobody answered in time
);

create table site (
    id          bigint generated always as identity primary key,
    name        text not null,
    zone        text not null default 'UTC',        -- IANA name
    currency    char(3) not null default 'EUR',
    address     text
);

create table station (
    id              bigint generated always as identity primary key,
    identity        text not null constraint station_identity_key unique,
    public_id       text not null constraint station_public_id_key unique
                    check (public_id ~ '^[A-Z0-9]{8}$'),
    name            text,
    site_id         bigint references site,
    registration    registration not null default 'Accepted',
    key_salt        bytea,                          -- null: a station without a password
    key_hash        bytea,                          -- SHA-256 of salt and key
    assume_1_6      boolean not null default false, -- speaks 1.6 when it offers no subprotocol
    strict          boolean not null default false, -- answers as a certification tool expects
    vendor          text,
    model           text,
    serial_number   text,
    firmware        text,
    ocpp_version    text,
    status          connector_status,               -- of the box as a whole
    reported        text,                           -- the charger's own word for it
    error           text,
    status_at       timestamptz,
    booted_at       timestamptz,
    last_seen_at    timestamptz,
    created_at      timestamptz not null default now(),
    check (identity <> '' and length(identity) <= 48),
    check ((key_salt is null) = (key_hash is null))
);

create table evse (
    station_id  bigint not null references station on delete cascade,
    evse        integer not null check (evse >= 1),
    primary key (station_id, evse)
);

create table connector (
    station_id  bigint not null,
    evse        integer not null,
    connector   integer not null check (connector >= 1),
    type        text,                               -- as on the sticker: CCS, Type 2, ...
    max_power_w integer check (max_power_w > 0),
    status      connector_status,
    reported    text,                               -- the charger's own word
    error       text,
    status_at   timestamptz,                        -- by the charger's clock
    status_received_at timestamptz,
    primary key (station_id, evse, connector),
    foreign key (station_id, evse) references evse on delete cascade
);

-- Processes that hold sockets. A lease that ran out is a process that died.
create table node (
    name            text primary key,
    started_at      timestamptz not null,
    lease_until     timestamptz not null
);

-- Which process holds a station's socket. The epoch only grows: it fences a process that was paused.
create sequence link_epoch;
create table link (
    station_id      bigint primary key references station on delete cascade,
    node            text not null,
    epoch           bigint not null default nextval('link_epoch'),
    ocpp_version    text not null,
    remote_address  text,
    since           timestamptz not null default now()
);
create index link_node on link (node);

create table account (
    id          bigint generated always as identity primary key,
    email       text not null,
    name        text,
    role        account_role not null default 'driver',
    created_at  timestamptz not null default now()
);
create unique index account_email_key on account (lower(email));

create table id_token (
    id              bigint generated always as identity primary key,
    uid             text not null check (uid <> '' and length(uid) <= 255),
    type            text not null default 'Central',
    status          id_token_status not null default 'Accepted',
    expires_at      timestamptz,
    group_uid       text,
    account_id      bigint references account,
    created_at      timestamptz not null default now()
);
create unique index id_token_uid_key on id_token (lower(uid), type);

-- Why a card was let in, or not. For people; kept for a bounded time.
create table authorization_decision (
    id          bigint generated always as identity,
    station_id  bigint not null,
    at          timestamptz not null,
    uid         text not null,
    type        text not null,
    purpose     text not null check (purpose in ('authorize', 'start', 'stop')),
    status      text not null,                      -- what the charger was told
    reason      text not null,                      -- in plain words
    session_id  bigint,
    primary key (station_id, id)
);
create index authorization_decision_at on authorization_decision (at);
create index authorization_decision_uid on authorization_decision (lower(uid), at desc);

-- Session numbers are said to 1.6 chargers as their transactionId: small positive int32.
create sequence charging_session_number as bigint maxvalue 2147483647;
create table charging_session (
    station_id      bigint not null,
    id              bigint not null default nextval('charging_session_number'),
    family          ocpp_family not null,
    transaction_id  text not null,                  -- what the station knows
    generation      integer not null default 0,     -- ids start again after a factory reset
    start_key       bytea,                          -- what makes two starts the same one
    evse            integer,
    connector       integer,
    id_token        text,                           -- uid as registered
    stop_id_token   text,
    account_id      bigint references account,      -- who pays: of the card when it started
    authorization_status text,                      -- what the charger was told at the start
    started_at      timestamptz not null,
    start_received_at timestamptz not null,
    ended_at        timestamptz,
    end_received_at timestamptz,
    meter_start_wh  bigint,
    meter_stop_wh   bigint,
    energy_wh       bigint check (energy_wh >= 0),  -- null: not known
    is_finalized    boolean not null default false,
    is_end_inferred boolean not null default false, -- ended by a rule: the charger's own end replaces it
    is_recompute_due boolean not null default false,
    stop_reason     text,
    flags           text[] not null default '{}',
    updated_at      timestamptz not null,
    stop_key        bytea,                          -- the 1.6 stop of an unknown number that ended it
    authorized_at   timestamptz,                    -- when the card that pays was presented
    read_from       timestamptz,                    -- first reading that its energy was taken from
    primary key (station_id, id),
    constraint charging_session_transaction_key unique (station_id, family, transaction_id, generation),
    constraint charging_session_start_key unique (station_id, start_key, generation),
    check (is_finalized or not is_end_inferred)
);
create unique index charging_session_open_key on charging_session (station_id, evse)
    where not is_finalized and evse is not null;
create unique index charging_session_stop_key on charging_session (station_id, stop_key)
    where stop_key is not null;
create index charging_session_evse on charging_session (station_id, evse, started_at);
create index charging_session_number_key on charging_session (id);
create index charging_session_updated on charging_session (updated_at desc, id desc) where is_finalized;
create index charging_session_station on charging_session (station_id, updated_at desc, id desc) where is_finalized;
create index charging_session_token on charging_session (lower(id_token), updated_at desc, id desc) where is_finalized;
create index charging_session_open on charging_session (lower(id_token)) where not is_finalized;
create index charging_session_recompute on charging_session (station_id, id) where is_recompute_due;

-- The figures of a running session: a narrow row that any commit may touch.
create table session_live (
    station_id      bigint not null,
    session_id      bigint not null,
    transaction_id  text not null,
    evse            integer,
    started_at      timestamptz not null,
    max_power_w     integer not null,               -- of its connector: what a rise may be
    series          text,                           -- the one series that its energy is read from
    register_wh     numeric,                        -- last register of that series
    register_at     timestamptz,
    energy_wh       numeric not null default 0 check (energy_wh >= 0),
    power_w         integer,
    soc_pct         numeric(5, 2),
    charging_state  text,
    updated_at      timestamptz not null,
    account_id      bigint,                         -- whose pages may show it
    family          ocpp_family not null,
    version         integer not null default 0,     -- moves with every write
    primary key (station_id, session_id),
    foreign key (station_id, session_id) references charging_session on delete cascade
) with (fillfactor = 50);

-- What a station measured at one moment. No foreign keys; dropped by whole partitions.
create table reading (
    station_id      bigint not null,
    at              timestamptz not null,           -- by the charger's clock, or of receipt if that is unset
    fingerprint     bytea not null,                 -- of everything that makes two readings the same one
    received_at     timestamptz not null,
    said_at         text,                           -- the charger's own text of the time
    session_id      bigint,
    evse            integer,
    connector       integer,
    transaction_id  text,
    context         text,
    energy_wh       bigint,                         -- the meter's register
    power_w         integer,
    soc_pct         numeric(5, 2),
    samples         bytea not null,                 -- JSON, all samples in base units
    flags           text[] not null default '{}',
    primary key (station_id, at, fingerprint)
) partition by range (at);
create table reading_default partition of reading default;

-- Whatever a charger said of a session that could not be read as it stands: kept, answered, for a person.
create table quarantine (
    id          bigint generated always as identity,
    station_id  bigint not null,
    received_at timestamptz not null,
    action      text not null,
    message_id  text,
    body        bytea not null,                     -- the frame, byte for byte
    problem     text not null,
    session_id  bigint,
    primary key (station_id, id)
);
create index quarantine_received on quarantine (received_at);

-- What is asked of a station: a row is the whole life of one request.
create table command (
    station_id  bigint not null references station on delete cascade,
    id          bigint generated always as identity,
    kind        text not null,
    arguments   bytea not null,                     -- JSON of the typed command
    action      text,                               -- what was said, in the station's version
    payload     bytea,                              -- sent to the station as it stands
    state       command_state not null default 'waiting',
    reason      text,
    answer      bytea,                              -- the station's own words
    asked_by    text not null,
    asked_at    timestamptz not null default now(),
    expires_at  timestamptz not null,
    node        text,                               -- the process that said it
    sent_at     timestamptz,
    settled_at  timestamptz,
    primary key (station_id, id),
    check ((settled_at is null) = (state in ('waiting', 'sent')))
);
create index command_waiting on command (station_id, id) where state = 'waiting';
create index command_sent on command (node) where state = 'sent';
create index command_asked on command (asked_at);

-- One conversation's CALL with its answer. For people, bounded, never a source of truth.
create table message (
    station_id  bigint not null,
    received_at timestamptz not null,
    id          bigint generated always as identity,
    is_ours     boolean not null,                   -- asked by us
    message_id  text,
    action      text,
    body        bytea not null,
    answer      bytea,
    took_ms     integer,
    primary key (station_id, received_at, id)
) partition by range (received_at);
create table message_default partition of message default;

-- Every try to connect, with a plain reason.
create table connection_attempt (
    id              bigint generated always as identity primary key,
    at              timestamptz not null,
    identity        text,
    station_id      bigint,
    remote_address  text,
    path            text not null,
    offered         text,                           -- subprotocols
    user_agent      text,
    http_status     integer not null,               -- 101: let in
    reason          text not null
);
create index connection_attempt_at on connection_attempt (at);
create index connection_attempt_identity on connection_attempt (identity, at desc);

-- Energy by hour of arrival: increments, also negative ones when a figure is corrected.
create table energy_hourly (
    station_id  bigint not null,
    hour        timestamptz not null,
    energy_wh   numeric not null,
    primary key (station_id, hour)
);
create index energy_hourly_hour on energy_hourly (hour);

-- Background work: taken by whoever comes first when its time has come.
create table job (
    name        text primary key,
    next_at     timestamptz not null,
    state       text,
    ran_at      timestamptz,
    took_ms     integer,
    error       text
);

create table api_token (
    id          bigint generated always as identity primary key,
    name        text not null,
    scope       text not null check (scope in ('admin')),
    token_hash  bytea not null constraint api_token_hash_key unique,
    created_at  timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at  timestamptz
);

-- What stations report and nothing reads yet: kept as received until it has a home of its own.
create table notification (
    id          bigint generated always as identity,
    station_id  bigint not null,
    received_at timestamptz not null,
    action      text not null,
    body        bytea not null,
    primary key (station_id, id)
);
create index notification_received on notification (received_at);
