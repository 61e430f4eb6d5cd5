-- Attempts that named no charger have a page: those alone, the latest first.
create index connection_attempt_of_strangers on connection_attempt (at)
    where station_id is null;
