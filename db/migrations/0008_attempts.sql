-- Attempts that named no charger have a page: those alone, the latest first.
create index connection_attempt_of_strangers on connection_attempt (at)
    where station_id is null;

-- Who takes a link that is held: a charger that comes again, or another one under its identity.
alter table connection_attempt add column is_takeover boolean not null default false;
create index connection_attempt_takeover on connection_attempt (at) where is_takeover;
