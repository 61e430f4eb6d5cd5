-- What cannot be told from the data, and is said by a person of a charger.

alter table station
    -- Its energy is in kWh where it names no unit.
    add column says_kwh boolean not null default false,
    -- How far ahead of UTC the times are that it calls UTC: local time.
    add column clock_offset_h smallint not null default 0
        constraint station_clock_offset_h check (clock_offset_h between -14 and 14);
