-- What stations ask and nobody here decides yet, and the streams of 2.1: each with a home.

-- A request for a certificate, with our verdict. A station repeats itself: once per text.
create table certificate_request (
    id              bigint generated always as identity,
    station_id      bigint not null,
    first_at        timestamptz not null,
    last_at         timestamptz not null,
    times           integer not null default 1,
    kind            text not null,                  -- what it is for: ChargingStationCertificate, ...
    request_id      bigint,                         -- the station's own number of it (2.1)
    csr             text not null,                  -- as it came; what is too long is cut
    digest          bytea not null,                 -- SHA-256 of kind and text: what makes two the same
    problem         text,                           -- in plain words; null: a good one
    subject         text,
    key             text,                           -- such as RSA 2048, EC P-256
    key_digest      bytea,                          -- SHA-256 of the public key
    primary key (station_id, id),
    constraint certificate_request_key unique (station_id, digest)
);
create index certificate_request_last on certificate_request (last_at);

-- What a vehicle needs, and what it chose of what it was offered (ISO 15118).
create table charging_need (
    id              bigint generated always as identity,
    station_id      bigint not null,
    received_at     timestamptz not null,
    kind            text not null check (kind in ('needs', 'schedule')),
    evse            integer not null,
    session_id      bigint,                         -- that ran there
    at              timestamptz not null,           -- by the charger's clock: the need, the schedule's start
    energy_transfer text,                           -- such as DC, AC_three_phase
    energy_wh       bigint,
    departure_at    timestamptz,
    payload         bytea not null,                 -- JSON of the whole of it
    answered        text not null,                  -- our status
    primary key (station_id, id)
);
create index charging_need_received on charging_need (received_at);

-- Other questions whose answer is a decision that nobody here takes yet.
create table station_request (
    id              bigint generated always as identity,
    station_id      bigint not null,
    received_at     timestamptz not null,
    action          text not null,
    payload         bytea not null,                 -- JSON
    answer          bytea not null,                 -- JSON: ours
    primary key (station_id, id)
);
create index station_request_received on station_request (received_at);

-- A stream of one monitored variable (2.1), from its opening to its end.
create table event_stream (
    id              bigint generated always as identity,
    station_id      bigint not null,
    number          bigint not null,                -- the station's own
    monitor         bigint not null,                -- of which variable monitoring
    interval_s      bigint,
    value_count     bigint,                         -- that are to be sent together
    opened_at       timestamptz not null,
    closed_at       timestamptz,
    heard_at        timestamptz,                    -- the last values
    pending         bigint,                         -- that waited in the station then
    primary key (station_id, id)
);
create unique index event_stream_open_key on event_stream (station_id, number) where closed_at is null;

create table event_stream_value (
    id              bigint generated always as identity,
    station_id      bigint not null,
    stream_id       bigint not null,
    at              timestamptz not null,           -- by the charger's clock
    received_at     timestamptz not null,
    value           text not null,
    primary key (station_id, stream_id, id)
);
create index event_stream_value_received on event_stream_value (received_at);

-- What a person made of a message in quarantine: the portal writes it, csms brings it about.
alter table quarantine
    add column settled_by bigint references account,
    add column note text check (length(note) <= 280),
    add column assigned_to bigint,                  -- the session that it is of; null: of none
    add column applied_at timestamptz;              -- when that session got what it says
create index quarantine_assigned on quarantine (station_id, id)
    where assigned_to is not null and applied_at is null;
