-- How a station has to prove who it is.

alter table station
    -- The lowest security profile that it may connect with; a station without a key has 0 at most,
    -- but for a certificate.
    add column least_profile smallint not null default 0 check (least_profile between 0 and 3),
    -- How often it booted since `boots_since`, which is an hour ago at most.
    add column boots integer not null default 0,
    add column boots_since timestamptz;

comment on column station.key_hash is
    'SHA-256 of salt and key; with an empty salt the argon2id text of a key that a person chose';
