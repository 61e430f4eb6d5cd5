-- What the user's three documents need: prices, mails, disputes, reservations, notices, the audit log.

-- Who did what. Only ever added to.
create table audit (
    id              bigint generated always as identity primary key,
    at              timestamptz not null default now(),
    account_id      bigint references account,      -- who; null: nobody signed in, or the system
    actor           text not null,                  -- as it is to be read: an address, a command, a rule
    action          text not null,                  -- such as sign_in.done, card.blocked
    subject         text,                           -- what it was done to: session:7, card:3, account:12
    detail          jsonb not null default '{}',    -- never a secret
    remote_address  text
);
create index audit_at on audit (at desc, id desc);
create index audit_account on audit (account_id, id desc) where account_id is not null;
create index audit_subject on audit (subject, id desc) where subject is not null;
create index audit_actor on audit (lower(actor), id desc);
create index audit_action on audit (action text_pattern_ops, id desc);
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is only ever added to', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger audit_is_kept before update or delete or truncate on audit
    for each statement execute function refuse_change();

-- A mail link: sign-in, or a new password. What it holds is kept only as a hash, and works once.
create table mail_link (
    id              bigint generated always as identity primary key,
    token_hash      bytea not null constraint mail_link_token_key unique,
    account_id      bigint not null references account on delete cascade,
    purpose         text not null check (purpose in ('sign_in', 'password')),
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null,
    used_at         timestamptz
);
create index mail_link_account on mail_link (account_id);
create index mail_link_expires on mail_link (expires_at);

-- Mails on their way: written with what they tell of, sent by whoever takes them.
create table mail (
    id              bigint generated always as identity primary key,
    kind            text not null,                  -- sign_in_link, session_summary, ...
    account_id      bigint references account on delete set null,
    recipient       text not null,
    subject         text not null,
    body_text       text not null,
    body_html       text not null,
    created_at      timestamptz not null default now(),
    next_at         timestamptz not null default now(),
    tries           integer not null default 0,
    sent_at         timestamptz,
    died_at         timestamptz,                    -- given up: for a person
    error           text,
    check (sent_at is null or died_at is null)
);
create index mail_due on mail (next_at) where sent_at is null and died_at is null;
create index mail_created on mail (created_at);

-- What happened that a person should know of, on the bell.
create table notice (
    id              bigint generated always as identity primary key,
    account_id      bigint not null references account on delete cascade,
    at              timestamptz not null default now(),
    kind            text not null,                  -- session.complete, card.lost, dispute.answered, ...
    title           text not null,
    body            text not null default '',
    path            text,                           -- of the page that shows it
    read_at         timestamptz
);
create index notice_account on notice (account_id, id desc);
create index notice_unread on notice (account_id) where read_at is null;

-- A tariff is its versions; a session keeps the one that it was priced by.
create table tariff (
    id              bigint generated always as identity primary key,
    name            text not null,
    is_default      boolean not null default false, -- where nothing else says
    created_at      timestamptz not null default now(),
    retired_at      timestamptz                     -- no new session gets it
);
create unique index tariff_name_key on tariff (lower(name));
create unique index tariff_default_key on tariff (is_default) where is_default;
create table tariff_version (
    tariff_id       bigint not null references tariff,
    version         integer not null check (version >= 1),
    currency        char(3) not null,
    terms           jsonb not null,                 -- as csms.rules.pricing reads them
    created_at      timestamptz not null default now(),
    primary key (tariff_id, version)
);
create trigger tariff_version_is_kept before update or delete or truncate on tariff_version
    for each statement execute function refuse_change();

-- What an account subscribed to.
create table plan (
    id              bigint generated always as identity primary key,
    name            text not null,
    tariff_id       bigint not null references tariff,
    monthly_fee     numeric not null default 0 check (monthly_fee >= 0)
);
create unique index plan_name_key on plan (lower(name));

alter table account
    add column plan_id bigint references plan,
    add column zone text,                           -- IANA name, for display; null: the operator's
    add column number_format text not null default 'en'
        check (number_format in ('en', 'de', 'fr')), -- 1,234.5  1.234,5  1 234,5
    add column is_mail_wanted boolean not null default true; -- session summaries
alter table station add column tariff_id bigint references tariff;
alter table site
    add column tariff_id bigint references tariff,
    add column is_members_only boolean not null default false;
-- Accounts that may see a site for members only.
create table site_member (
    site_id         bigint not null references site on delete cascade,
    account_id      bigint not null references account on delete cascade,
    primary key (site_id, account_id)
);

-- Which tariff was in force where, since when: a session goes by what was so when it started.
create table tariff_assignment (
    id              bigint generated always as identity primary key,
    scope           text not null check (scope in ('account', 'plan', 'station', 'site', 'default')),
    subject_id      bigint not null,                -- of that account, plan, ...; default: 0
    target_id       bigint,                         -- the tariff, of an account its plan; null: none any more
    since           timestamptz not null default now()
);
create index tariff_assignment_subject on tariff_assignment (scope, subject_id, since desc, id desc);
create index tariff_assignment_since on tariff_assignment (since) where target_id is not null;
create function note_assignment() returns trigger language plpgsql as $$
declare
    target bigint;
begin
    execute format('select ($1).%I', tg_argv[1]) using new into target;
    insert into tariff_assignment (scope, subject_id, target_id) values (tg_argv[0], new.id, target);
    return null;
end $$;
create function note_default() returns trigger language plpgsql as $$
begin
    insert into tariff_assignment (scope, subject_id, target_id)
    values ('default', 0, case when new.is_default then new.id end);
    return null;
end $$;
create trigger account_has_plan after insert on account
    for each row when (new.plan_id is not null) execute function note_assignment('account', 'plan_id');
create trigger account_changes_plan after update of plan_id on account
    for each row when (new.plan_id is distinct from old.plan_id)
    execute function note_assignment('account', 'plan_id');
create trigger plan_has_tariff after insert on plan
    for each row execute function note_assignment('plan', 'tariff_id');
create trigger plan_changes_tariff after update of tariff_id on plan
    for each row when (new.tariff_id is distinct from old.tariff_id)
    execute function note_assignment('plan', 'tariff_id');
create trigger station_has_tariff after insert on station
    for each row when (new.tariff_id is not null) execute function note_assignment('station', 'tariff_id');
create trigger station_changes_tariff after update of tariff_id on station
    for each row when (new.tariff_id is distinct from old.tariff_id)
    execute function note_assignment('station', 'tariff_id');
create trigger site_has_tariff after insert on site
    for each row when (new.tariff_id is not null) execute function note_assignment('site', 'tariff_id');
create trigger site_changes_tariff after update of tariff_id on site
    for each row when (new.tariff_id is distinct from old.tariff_id)
    execute function note_assignment('site', 'tariff_id');
create trigger tariff_is_default after insert on tariff
    for each row when (new.is_default) execute function note_default();
create trigger tariff_becomes_default after update of is_default on tariff
    for each row when (new.is_default is distinct from old.is_default) execute function note_default();
create function assigned_at(scope text, subject bigint, at timestamptz) returns bigint
language sql stable as $$
    select target_id from tariff_assignment a
    where a.scope = assigned_at.scope and a.subject_id = subject and a.since <= at
    order by a.since desc, a.id desc limit 1
$$;
create function first_assigned(scope text, subject bigint) returns bigint
language sql stable as $$
    select target_id from tariff_assignment a
    where a.scope = first_assigned.scope and a.subject_id = subject and a.target_id is not null
    order by a.since, a.id limit 1
$$;

-- A session's price as it is now, without credits; how it came to be is in price_step.
create table session_price (
    station_id      bigint not null,
    session_id      bigint not null,
    account_id      bigint,
    tariff_id       bigint,
    tariff_version  integer,
    why             text not null,                  -- why this tariff, or why none
    currency        char(3) not null,
    total           numeric,                        -- tax included; null: unknown
    tax             numeric,
    is_included     boolean not null default false, -- free by its terms, not by accident
    lines           jsonb not null default '[]',
    energy_wh       bigint,                         -- as it is now
    month           date not null,                  -- whose tiers it counts towards: of its start, for the operator
    used_before_wh  bigint not null default 0,      -- its place in them: what was priced before it
    priced_at       timestamptz not null default now(),
    settle_at       timestamptz,                    -- the driver waits for a price, until then
    settled_at      timestamptz,                    -- from here on it changes by adjustments only
    primary key (station_id, session_id),
    foreign key (station_id, session_id) references charging_session on delete cascade,
    foreign key (tariff_id, tariff_version) references tariff_version
);
create index session_price_account on session_price (account_id, priced_at) where account_id is not null;
create index session_price_month on session_price (account_id, month) include (energy_wh)
    where account_id is not null;
create index session_price_waiting on session_price (settle_at) where settled_at is null;
create index session_price_without_tariff on session_price (priced_at) where tariff_id is null;

-- Every step of a price: first pricing, pricing again, credits. Only ever added to.
create table price_step (
    id              bigint generated always as identity primary key,
    station_id      bigint not null,
    session_id      bigint not null,
    account_id      bigint,
    at              timestamptz not null default now(),
    kind            text not null check (kind in ('priced', 'repriced', 'adjustment', 'credit')),
    currency        char(3) not null,
    amount          numeric,                        -- priced, repriced: the total; else what is added to it
    tax             numeric,                        -- contained in it
    reason          text not null,
    by_account_id   bigint references account,      -- a person; null: a rule
    statement_month date,                           -- of a credit or an adjustment: where it appears
    tariff_id       bigint,
    tariff_version  integer,
    lines           jsonb not null default '[]',
    check (kind <> 'credit' or (amount < 0 and by_account_id is not null and statement_month is not null)),
    check (statement_month is null or extract(day from statement_month) = 1)
);
create index price_step_session on price_step (station_id, session_id, id);
create index price_step_statement on price_step (account_id, statement_month) where statement_month is not null;
create trigger price_step_is_kept before update or delete or truncate on price_step
    for each statement execute function refuse_change();

-- What a price hangs on has changed: a job prices the session.
alter table charging_session
    add column is_price_due boolean not null default true, -- so that older sessions are priced too
    add column summary_sent_at timestamptz;         -- the driver was told the price
alter table charging_session alter column is_price_due set default false;
create index charging_session_price on charging_session (ended_at, id) where is_price_due;
create function mark_price_due() returns trigger language plpgsql as $$
begin
    new.is_price_due := true;
    return new;
end $$;
create trigger charging_session_begins_final before insert on charging_session
    for each row when (new.is_finalized) execute function mark_price_due();
create trigger charging_session_figures before update on charging_session
    for each row when (
        new.is_finalized and (
            old.is_finalized, old.energy_wh, old.started_at, old.ended_at, old.account_id,
            old.meter_start_wh, old.meter_stop_wh
        ) is distinct from (
            new.is_finalized, new.energy_wh, new.started_at, new.ended_at, new.account_id,
            new.meter_start_wh, new.meter_stop_wh
        )
        or new.is_finalized and old.is_recompute_due and not new.is_recompute_due -- other readings
    ) execute function mark_price_due();

-- How many sessions there are, without counting them: a row a station, so that starts do not queue.
create table session_count (
    station_id      bigint primary key,
    sessions        bigint not null
);
insert into session_count select station_id, count(*) from charging_session group by station_id;
create function count_session() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into session_count values (new.station_id, 1)
        on conflict (station_id) do update set sessions = session_count.sessions + 1;
    else
        update session_count set sessions = sessions - 1 where station_id = old.station_id;
    end if;
    return null;
end $$;
create trigger charging_session_is_counted after insert or delete on charging_session
    for each row execute function count_session();

-- A charger, or one EVSE of it, is held for somebody. Half-open: [starts_at, ends_at).
create type reservation_status as enum ('pending', 'confirmed', 'active', 'completed', 'cancelled');
create table reservation (
    id              bigint generated always as identity primary key,
    station_id      bigint not null references station on delete cascade,
    evse            integer,                        -- null: the whole charger
    account_id      bigint not null references account on delete cascade,
    starts_at       timestamptz not null,
    ends_at         timestamptz not null,
    status          reservation_status not null default 'confirmed',
    created_at      timestamptz not null default now(),
    check (starts_at < ends_at),
    -- A range without bounds is the whole charger, which goes with none of its EVSEs.
    constraint reservation_overlap exclude using gist (
        int8range(station_id, station_id, '[]') with &&,
        int4range(evse, evse, '[]') with &&,
        tstzrange(starts_at, ends_at) with &&
    ) where (status in ('pending', 'confirmed', 'active'))
);
create index reservation_ends on reservation (ends_at);
create index reservation_station on reservation (station_id, ends_at)
    where status in ('pending', 'confirmed', 'active');
create index reservation_account on reservation (account_id, ends_at);

-- A driver says that a figure of a session is wrong.
create type dispute_state as enum ('open', 'acknowledged', 'answered', 'closed');
create table dispute (
    id              bigint generated always as identity primary key,
    station_id      bigint not null,
    session_id      bigint not null,
    account_id      bigint not null references account,
    figure          text not null check (figure in ('kwh', 'duration', 'cost', 'charger')),
    expected        text not null,                  -- what it should have been
    why             text not null,
    seen            jsonb not null,                 -- the figures that the page showed
    marked          timestamptz[] not null default '{}', -- timeline rows that looked wrong
    state           dispute_state not null default 'open',
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    foreign key (station_id, session_id) references charging_session
);
create unique index dispute_open_key on dispute (station_id, session_id) where state <> 'closed';
create index dispute_account on dispute (account_id, id desc);
create index dispute_queue on dispute (updated_at desc) where state <> 'closed';
create table dispute_entry (
    id              bigint generated always as identity primary key,
    dispute_id      bigint not null references dispute,
    at              timestamptz not null default now(),
    by_account_id   bigint references account,
    kind            text not null check (kind in ('opened', 'acknowledged', 'answer', 'credit', 'closed', 'note')),
    body            text not null default '',
    price_step_id   bigint references price_step
);
create index dispute_entry_dispute on dispute_entry (dispute_id, id);
create trigger dispute_entry_is_kept before update or delete on dispute_entry
    for each statement execute function refuse_change();

-- A card that its driver lost; and since when its holder has it, if somebody else had it before.
alter table id_token
    add column lost_at timestamptz,
    add column lost_reason text check (length(lost_reason) <= 280),
    add column held_since timestamptz;
create function note_new_holder() returns trigger language plpgsql as $$
begin
    new.held_since := now();
    return new;
end $$;
create trigger id_token_changes_hands before update of account_id on id_token
    for each row when (
        old.account_id is not null and new.account_id is distinct from old.account_id
    ) execute function note_new_holder();

-- What a person has looked at needs no person any more.
alter table charging_session add column reviewed_at timestamptz;
create index charging_session_review on charging_session (updated_at desc)
    where 'needs_review' = any (flags) and reviewed_at is null;
alter table quarantine add column looked_at timestamptz;
create index quarantine_open on quarantine (received_at desc) where looked_at is null;
create index mail_dead on mail (died_at desc) where died_at is not null;
-- A charger that drivers shall not be offered, while its history stays.
alter table station add column out_of_service_at timestamptz;

-- A session that a person ends, for its charger never did: the portal asks, csms does it.
alter table charging_session
    add column close_asked_at timestamptz,
    add column close_asked_by bigint references account,
    add column close_reason text check (length(close_reason) <= 280);
create index charging_session_close on charging_session (station_id, id)
    where close_asked_at is not null and not is_finalized;

-- Every uid that a session ever had, in small letters: what a tag filter searches (decision 25).
-- A few thousand rows beside a million sessions, and also those that no card has.
create table session_uid (
    uid             text primary key
);
insert into session_uid
    select distinct lower(id_token) from charging_session where id_token is not null;
create function note_session_uid() returns trigger language plpgsql as $$
begin
    insert into session_uid values (lower(new.id_token)) on conflict do nothing;
    return null;
end $$;
create trigger charging_session_uid_is_noted after insert on charging_session
    for each row when (new.id_token is not null) execute function note_session_uid();
create trigger charging_session_uid_changes after update of id_token on charging_session
    for each row when (new.id_token is not null and new.id_token is distinct from old.id_token)
    execute function note_session_uid();

-- With the uid itself, so that a tag's sessions are counted without reading them.
drop index charging_session_token;
create index charging_session_token
    on charging_session (lower(id_token), updated_at desc, id desc) include (id_token)
    where is_finalized;
create index dispute_session on dispute (station_id, session_id, id desc);
create index authorization_decision_session on authorization_decision (station_id, session_id)
    where session_id is not null;
