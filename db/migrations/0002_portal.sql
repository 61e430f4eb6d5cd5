-- People sign in and look: accounts with passwords, the browsers they use, names for cards.

alter table account
    add column password_hash text,                      -- argon2id; null: no password, no sign-in with one
    add column is_active boolean not null default true; -- false: may not sign in, and is signed out

-- A browser that is signed in. What it holds is kept here only as a hash.
create table web_session (
    id              bigint generated always as identity primary key,
    token_hash      bytea not null constraint web_session_token_key unique,
    account_id      bigint not null references account on delete cascade,
    created_at      timestamptz not null default now(),
    seen_at         timestamptz not null default now(),
    expires_at      timestamptz not null,
    remote_address  text,
    user_agent      text
);
create index web_session_account on web_session (account_id);
create index web_session_expires on web_session (expires_at);

alter table id_token
    add column label text,                              -- the driver's own name for a card
    add column is_app boolean not null default false;   -- what an account starts with from the web (decision 23)
create unique index id_token_app_key on id_token (account_id) where is_app;
create index id_token_account on id_token (account_id);

create index charging_session_account on charging_session (account_id, started_at desc)
    where account_id is not null;
create index session_live_account on session_live (account_id) where account_id is not null;
create unique index site_name_key on site (lower(name));
