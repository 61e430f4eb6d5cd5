CREATE TYPE public.account_role AS ENUM (
    'driver',
    'admin'
);

CREATE TYPE public.command_state AS ENUM (
    'waiting',
    'sent',
    'done',
    'refused',
    'expired'
);

CREATE TYPE public.connector_status AS ENUM (
    'Available',
    'Occupied',
    'Reserved',
    'Unavailable',
    'Faulted'
);

CREATE TYPE public.dispute_state AS ENUM (
    'open',
    'acknowledged',
    'answered',
    'closed'
);

CREATE TYPE public.id_token_status AS ENUM (
    'Accepted',
    'Blocked',
    'Expired',
    'Invalid',
    'Unknown'
);

CREATE TYPE public.job_progress AS ENUM (
    'running',
    'done',
    'failed',
    'cancelled',
    'idle'
);

CREATE TYPE public.ocpp_family AS ENUM (
    'v16',
    'v2'
);

CREATE TYPE public.registration AS ENUM (
    'Accepted',
    'Pending',
    'Rejected'
);

CREATE TYPE public.report_state AS ENUM (
    'collecting',
    'complete',
    'incomplete'
);

CREATE TYPE public.reservation_status AS ENUM (
    'pending',
    'confirmed',
    'active',
    'completed',
    'cancelled'
);

CREATE FUNCTION public.assigned_at(scope text, subject bigint, at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    select target_id from tariff_assignment a
    where a.scope = assigned_at.scope and a.subject_id = subject and a.since <= at
    order by a.since desc, a.id desc limit 1
$$;

CREATE FUNCTION public.count_session() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'INSERT' then
        insert into session_count values (new.station_id, 1)
        on conflict (station_id) do update set sessions = session_count.sessions + 1;
    else
        update session_count set sessions = sessions - 1 where station_id = old.station_id;
    end if;
    return null;
end $$;

CREATE FUNCTION public.first_assigned(scope text, subject bigint) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    select target_id from tariff_assignment a
    where a.scope = first_assigned.scope and a.subject_id = subject and a.target_id is not null
    order by a.since, a.id limit 1
$$;

CREATE FUNCTION public.mark_price_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.is_price_due := true;
    return new;
end $$;

CREATE FUNCTION public.note_assignment() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
declare
    target bigint;
begin
    execute format('select ($1).%I', tg_argv[1]) using new into target;
    insert into tariff_assignment (scope, subject_id, target_id) values (tg_argv[0], new.id, target);
    return null;
end $_$;

CREATE FUNCTION public.note_default() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into tariff_assignment (scope, subject_id, target_id)
    values ('default', 0, case when new.is_default then new.id end);
    return null;
end $$;

CREATE FUNCTION public.note_new_holder() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.held_since := now();
    return new;
end $$;

CREATE FUNCTION public.note_session_uid() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into session_uid values (lower(new.id_token)) on conflict do nothing;
    return null;
end $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '% is only ever added to', tg_table_name using errcode = 'restrict_violation';
end $$;

CREATE TABLE public.account (
    id bigint NOT NULL,
    email text NOT NULL,
    name text,
    role public.account_role DEFAULT 'driver'::public.account_role NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    password_hash text,
    is_active boolean DEFAULT true NOT NULL,
    plan_id bigint,
    zone text,
    number_format text DEFAULT 'en'::text NOT NULL,
    is_mail_wanted boolean DEFAULT true NOT NULL,
    CONSTRAINT account_number_format_check CHECK ((number_format = ANY (ARRAY['en'::text, 'de'::text, 'fr'::text])))
);

ALTER TABLE public.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.api_token (
    id bigint NOT NULL,
    name text NOT NULL,
    scope text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_token_scope_check CHECK ((scope = 'admin'::text))
);

ALTER TABLE public.api_token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    account_id bigint,
    actor text NOT NULL,
    action text NOT NULL,
    subject text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    remote_address text
);

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.authorization_decision (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    uid text NOT NULL,
    type text NOT NULL,
    purpose text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    session_id bigint,
    CONSTRAINT authorization_decision_purpose_check CHECK ((purpose = ANY (ARRAY['authorize'::text, 'start'::text, 'stop'::text])))
);

ALTER TABLE public.authorization_decision ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.authorization_decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.certificate_request (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    kind text NOT NULL,
    request_id bigint,
    csr text NOT NULL,
    digest bytea NOT NULL,
    problem text,
    subject text,
    key text,
    key_digest bytea
);

ALTER TABLE public.certificate_request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.certificate_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.charging_need (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    evse integer NOT NULL,
    session_id bigint,
    at timestamp with time zone NOT NULL,
    energy_transfer text,
    energy_wh bigint,
    departure_at timestamp with time zone,
    payload bytea NOT NULL,
    answered text NOT NULL,
    CONSTRAINT charging_need_kind_check CHECK ((kind = ANY (ARRAY['needs'::text, 'schedule'::text])))
);

ALTER TABLE public.charging_need ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.charging_need_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE public.charging_session_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    MAXVALUE 2147483647
    CACHE 1;

CREATE TABLE public.charging_session (
    station_id bigint NOT NULL,
    id bigint DEFAULT nextval('public.charging_session_number'::regclass) NOT NULL,
    family public.ocpp_family NOT NULL,
    transaction_id text NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    start_key bytea,
    evse integer,
    connector integer,
    id_token text,
    stop_id_token text,
    account_id bigint,
    authorization_status text,
    started_at timestamp with time zone NOT NULL,
    start_received_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_received_at timestamp with time zone,
    meter_start_wh bigint,
    meter_stop_wh bigint,
    energy_wh bigint,
    is_finalized boolean DEFAULT false NOT NULL,
    is_end_inferred boolean DEFAULT false NOT NULL,
    is_recompute_due boolean DEFAULT false NOT NULL,
    stop_reason text,
    flags text[] DEFAULT '{}'::text[] NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    stop_key bytea,
    authorized_at timestamp with time zone,
    read_from timestamp with time zone,
    is_price_due boolean DEFAULT false NOT NULL,
    summary_sent_at timestamp with time zone,
    reviewed_at timestamp with time zone,
    close_asked_at timestamp with time zone,
    close_asked_by bigint,
    close_reason text,
    CONSTRAINT charging_session_check CHECK ((is_finalized OR (NOT is_end_inferred))),
    CONSTRAINT charging_session_close_reason_check CHECK ((length(close_reason) <= 280)),
    CONSTRAINT charging_session_energy_wh_check CHECK ((energy_wh >= 0))
);

CREATE TABLE public.command (
    station_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    arguments bytea NOT NULL,
    action text,
    payload bytea,
    state public.command_state DEFAULT 'waiting'::public.command_state NOT NULL,
    reason text,
    answer bytea,
    asked_by text NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    node text,
    sent_at timestamp with time zone,
    settled_at timestamp with time zone,
    CONSTRAINT command_check CHECK (((settled_at IS NULL) = (state = ANY (ARRAY['waiting'::public.command_state, 'sent'::public.command_state]))))
);

ALTER TABLE public.command ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.command_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.connection_attempt (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    identity text,
    station_id bigint,
    remote_address text,
    path text NOT NULL,
    offered text,
    user_agent text,
    http_status integer NOT NULL,
    reason text NOT NULL,
    is_takeover boolean DEFAULT false NOT NULL
);

ALTER TABLE public.connection_attempt ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.connection_attempt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.connector (
    station_id bigint NOT NULL,
    evse integer NOT NULL,
    connector integer NOT NULL,
    type text,
    max_power_w integer,
    status public.connector_status,
    reported text,
    error text,
    status_at timestamp with time zone,
    status_received_at timestamp with time zone,
    CONSTRAINT connector_connector_check CHECK ((connector >= 1)),
    CONSTRAINT connector_max_power_w_check CHECK ((max_power_w > 0))
);

CREATE TABLE public.dispute (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    session_id bigint NOT NULL,
    account_id bigint NOT NULL,
    figure text NOT NULL,
    expected text NOT NULL,
    why text NOT NULL,
    seen jsonb NOT NULL,
    marked timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    state public.dispute_state DEFAULT 'open'::public.dispute_state NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT dispute_figure_check CHECK ((figure = ANY (ARRAY['kwh'::text, 'duration'::text, 'cost'::text, 'charger'::text])))
);

CREATE TABLE public.dispute_entry (
    id bigint NOT NULL,
    dispute_id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    by_account_id bigint,
    kind text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    price_step_id bigint,
    CONSTRAINT dispute_entry_kind_check CHECK ((kind = ANY (ARRAY['opened'::text, 'acknowledged'::text, 'answer'::text, 'credit'::text, 'closed'::text, 'note'::text])))
);

ALTER TABLE public.dispute_entry ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dispute_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.dispute ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dispute_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.energy_hourly (
    station_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    energy_wh numeric NOT NULL
);

CREATE TABLE public.event_stream (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    number bigint NOT NULL,
    monitor bigint NOT NULL,
    interval_s bigint,
    value_count bigint,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    heard_at timestamp with time zone,
    pending bigint
);

ALTER TABLE public.event_stream ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_stream_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.event_stream_value (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    value text NOT NULL
);

ALTER TABLE public.event_stream_value ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_stream_value_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.evse (
    station_id bigint NOT NULL,
    evse integer NOT NULL,
    CONSTRAINT evse_evse_check CHECK ((evse >= 1))
);

CREATE TABLE public.id_token (
    id bigint NOT NULL,
    uid text NOT NULL,
    type text DEFAULT 'Central'::text NOT NULL,
    status public.id_token_status DEFAULT 'Accepted'::public.id_token_status NOT NULL,
    expires_at timestamp with time zone,
    group_uid text,
    account_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    label text,
    is_app boolean DEFAULT false NOT NULL,
    lost_at timestamp with time zone,
    lost_reason text,
    held_since timestamp with time zone,
    CONSTRAINT id_token_lost_reason_check CHECK ((length(lost_reason) <= 280)),
    CONSTRAINT id_token_uid_check CHECK (((uid <> ''::text) AND (length(uid) <= 255)))
);

ALTER TABLE public.id_token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.id_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.job (
    name text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    state text,
    ran_at timestamp with time zone,
    took_ms integer,
    error text
);

CREATE SEQUENCE public.link_epoch
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.link (
    station_id bigint NOT NULL,
    node text NOT NULL,
    epoch bigint DEFAULT nextval('public.link_epoch'::regclass) NOT NULL,
    ocpp_version text NOT NULL,
    remote_address text,
    since timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.mail (
    id bigint NOT NULL,
    kind text NOT NULL,
    account_id bigint,
    recipient text NOT NULL,
    subject text NOT NULL,
    body_text text NOT NULL,
    body_html text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    died_at timestamp with time zone,
    error text,
    CONSTRAINT mail_check CHECK (((sent_at IS NULL) OR (died_at IS NULL)))
);

ALTER TABLE public.mail ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.mail_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.mail_link (
    id bigint NOT NULL,
    token_hash bytea NOT NULL,
    account_id bigint NOT NULL,
    purpose text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT mail_link_purpose_check CHECK ((purpose = ANY (ARRAY['sign_in'::text, 'password'::text])))
);

ALTER TABLE public.mail_link ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.mail_link_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.message (
    station_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    id bigint NOT NULL,
    is_ours boolean NOT NULL,
    message_id text,
    action text,
    body bytea NOT NULL,
    answer bytea,
    took_ms integer
)
PARTITION BY RANGE (received_at);

CREATE TABLE public.message_default (
    station_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    id bigint NOT NULL,
    is_ours boolean NOT NULL,
    message_id text,
    action text,
    body bytea NOT NULL,
    answer bytea,
    took_ms integer
);

ALTER TABLE public.message ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.monitor (
    station_id bigint NOT NULL,
    number bigint NOT NULL,
    component text NOT NULL,
    component_instance text,
    evse integer,
    connector integer,
    variable text NOT NULL,
    variable_instance text,
    type text NOT NULL,
    value double precision,
    severity integer,
    is_in_transactions_only boolean NOT NULL,
    source text,
    reported_at timestamp with time zone NOT NULL,
    report_id bigint
);

CREATE TABLE public.node (
    name text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone NOT NULL
);

CREATE TABLE public.notice (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    path text,
    read_at timestamp with time zone
);

ALTER TABLE public.notice ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.notice_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.plan (
    id bigint NOT NULL,
    name text NOT NULL,
    tariff_id bigint NOT NULL,
    monthly_fee numeric DEFAULT 0 NOT NULL,
    CONSTRAINT plan_monthly_fee_check CHECK ((monthly_fee >= (0)::numeric))
);

ALTER TABLE public.plan ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.plan_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.price_step (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    session_id bigint NOT NULL,
    account_id bigint,
    at timestamp with time zone DEFAULT now() NOT NULL,
    kind text NOT NULL,
    currency character(3) NOT NULL,
    amount numeric,
    tax numeric,
    reason text NOT NULL,
    by_account_id bigint,
    statement_month date,
    tariff_id bigint,
    tariff_version integer,
    lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT price_step_check CHECK (((kind <> 'credit'::text) OR ((amount < (0)::numeric) AND (by_account_id IS NOT NULL) AND (statement_month IS NOT NULL)))),
    CONSTRAINT price_step_kind_check CHECK ((kind = ANY (ARRAY['priced'::text, 'repriced'::text, 'adjustment'::text, 'credit'::text]))),
    CONSTRAINT price_step_statement_month_check CHECK (((statement_month IS NULL) OR (EXTRACT(day FROM statement_month) = (1)::numeric)))
);

ALTER TABLE public.price_step ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.price_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.quarantine (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    action text NOT NULL,
    message_id text,
    body bytea NOT NULL,
    problem text NOT NULL,
    session_id bigint,
    looked_at timestamp with time zone,
    settled_by bigint,
    note text,
    assigned_to bigint,
    applied_at timestamp with time zone,
    CONSTRAINT quarantine_note_check CHECK ((length(note) <= 280))
);

ALTER TABLE public.quarantine ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reading (
    station_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    fingerprint bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    said_at text,
    session_id bigint,
    evse integer,
    connector integer,
    transaction_id text,
    context text,
    energy_wh bigint,
    power_w integer,
    soc_pct numeric(5,2),
    samples bytea NOT NULL,
    flags text[] DEFAULT '{}'::text[] NOT NULL
)
PARTITION BY RANGE (at);

CREATE TABLE public.reading_default (
    station_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    fingerprint bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    said_at text,
    session_id bigint,
    evse integer,
    connector integer,
    transaction_id text,
    context text,
    energy_wh bigint,
    power_w integer,
    soc_pct numeric(5,2),
    samples bytea NOT NULL,
    flags text[] DEFAULT '{}'::text[] NOT NULL
);

CREATE TABLE public.report (
    station_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    request_id bigint,
    generation integer DEFAULT 0 NOT NULL,
    state public.report_state DEFAULT 'collecting'::public.report_state NOT NULL,
    generated_at timestamp with time zone,
    started_at timestamp with time zone NOT NULL,
    heard_at timestamp with time zone NOT NULL,
    last_seq_no integer,
    parts integer DEFAULT 0 NOT NULL,
    items integer DEFAULT 0 NOT NULL,
    missing text,
    CONSTRAINT report_check CHECK (((missing IS NOT NULL) = (state = 'incomplete'::public.report_state))),
    CONSTRAINT report_check1 CHECK (((state <> 'complete'::public.report_state) OR (last_seq_no IS NOT NULL))),
    CONSTRAINT report_kind_check CHECK ((kind = ANY (ARRAY['variables'::text, 'monitors'::text, 'charging_profiles'::text, 'der_controls'::text, 'display_messages'::text, 'customer_information'::text])))
);

ALTER TABLE public.report ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.report_part (
    station_id bigint NOT NULL,
    report_id bigint NOT NULL,
    seq_no integer NOT NULL,
    fingerprint bytea NOT NULL,
    id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    items integer NOT NULL,
    body text
);

ALTER TABLE public.report_part ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_part_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reservation (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    evse integer,
    account_id bigint NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    status public.reservation_status DEFAULT 'confirmed'::public.reservation_status NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT reservation_check CHECK ((starts_at < ends_at))
);

ALTER TABLE public.reservation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reservation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schema_migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.session_count (
    station_id bigint NOT NULL,
    sessions bigint NOT NULL
);

CREATE TABLE public.session_live (
    station_id bigint NOT NULL,
    session_id bigint NOT NULL,
    transaction_id text NOT NULL,
    evse integer,
    started_at timestamp with time zone NOT NULL,
    max_power_w integer NOT NULL,
    series text,
    register_wh numeric,
    register_at timestamp with time zone,
    energy_wh numeric DEFAULT 0 NOT NULL,
    power_w integer,
    soc_pct numeric(5,2),
    charging_state text,
    updated_at timestamp with time zone NOT NULL,
    account_id bigint,
    family public.ocpp_family NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    CONSTRAINT session_live_energy_wh_check CHECK ((energy_wh >= (0)::numeric))
)
WITH (fillfactor='50');

CREATE TABLE public.session_price (
    station_id bigint NOT NULL,
    session_id bigint NOT NULL,
    account_id bigint,
    tariff_id bigint,
    tariff_version integer,
    why text NOT NULL,
    currency character(3) NOT NULL,
    total numeric,
    tax numeric,
    is_included boolean DEFAULT false NOT NULL,
    lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    energy_wh bigint,
    month date NOT NULL,
    used_before_wh bigint DEFAULT 0 NOT NULL,
    priced_at timestamp with time zone DEFAULT now() NOT NULL,
    settle_at timestamp with time zone,
    settled_at timestamp with time zone
);

CREATE TABLE public.session_uid (
    uid text NOT NULL
);

CREATE TABLE public.site (
    id bigint NOT NULL,
    name text NOT NULL,
    zone text DEFAULT 'UTC'::text NOT NULL,
    currency character(3) DEFAULT 'EUR'::bpchar NOT NULL,
    address text,
    tariff_id bigint,
    is_members_only boolean DEFAULT false NOT NULL
);

ALTER TABLE public.site ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.site_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.site_member (
    site_id bigint NOT NULL,
    account_id bigint NOT NULL
);

CREATE TABLE public.station (
    id bigint NOT NULL,
    identity text NOT NULL,
    public_id text NOT NULL,
    name text,
    site_id bigint,
    registration public.registration DEFAULT 'Accepted'::public.registration NOT NULL,
    key_salt bytea,
    key_hash bytea,
    assume_1_6 boolean DEFAULT false NOT NULL,
    strict boolean DEFAULT false NOT NULL,
    vendor text,
    model text,
    serial_number text,
    firmware text,
    ocpp_version text,
    status public.connector_status,
    reported text,
    error text,
    status_at timestamp with time zone,
    booted_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    tariff_id bigint,
    out_of_service_at timestamp with time zone,
    least_profile smallint DEFAULT 0 NOT NULL,
    boots integer DEFAULT 0 NOT NULL,
    boots_since timestamp with time zone,
    says_kwh boolean DEFAULT false NOT NULL,
    clock_offset_h smallint DEFAULT 0 NOT NULL,
    CONSTRAINT station_check CHECK (((key_salt IS NULL) = (key_hash IS NULL))),
    CONSTRAINT station_clock_offset_h CHECK (((clock_offset_h >= '-14'::integer) AND (clock_offset_h <= 14))),
    CONSTRAINT station_identity_check CHECK (((identity <> ''::text) AND (length(identity) <= 48))),
    CONSTRAINT station_least_profile_check CHECK (((least_profile >= 0) AND (least_profile <= 3))),
    CONSTRAINT station_public_id_check CHECK ((public_id ~ '^[A-Z0-9]{8}$'::text))
);

COMMENT ON COLUMN public.station.key_hash IS 'SHA-256 of salt and key; with an empty salt the argon2id text of a key that a person chose';

CREATE TABLE public.station_event (
    station_id bigint NOT NULL,
    id bigint NOT NULL,
    fingerprint bytea NOT NULL,
    kind text NOT NULL,
    type text NOT NULL,
    at timestamp with time zone NOT NULL,
    said_at text,
    received_at timestamp with time zone NOT NULL,
    is_critical boolean NOT NULL,
    is_cleared boolean,
    severity integer,
    trigger text,
    event_number bigint,
    cause_number bigint,
    monitor_number bigint,
    source text,
    component text,
    component_instance text,
    evse integer,
    connector integer,
    variable text,
    variable_instance text,
    value text,
    tech_code text,
    tech_info text,
    transaction_id text,
    session_id bigint,
    flags text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT station_event_kind_check CHECK ((kind = ANY (ARRAY['security'::text, 'event'::text, 'grid'::text])))
);

ALTER TABLE public.station_event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.station_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.station ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.station_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.station_job (
    station_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    request_id bigint,
    progress public.job_progress NOT NULL,
    status text NOT NULL,
    detail text,
    started_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT station_job_kind_check CHECK ((kind = ANY (ARRAY['firmware'::text, 'publish_firmware'::text, 'log'::text, 'diagnostics'::text])))
);

ALTER TABLE public.station_job ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.station_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.station_job_step (
    station_id bigint NOT NULL,
    job_id bigint NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    status text NOT NULL,
    detail text
);

ALTER TABLE public.station_job_step ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.station_job_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.station_request (
    id bigint NOT NULL,
    station_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    action text NOT NULL,
    payload bytea NOT NULL,
    answer bytea NOT NULL
);

ALTER TABLE public.station_request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.station_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.station_statement (
    station_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    state text NOT NULL,
    is_latest boolean DEFAULT true NOT NULL,
    fingerprint bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    heard_at timestamp with time zone NOT NULL,
    evse integer,
    transaction_id text,
    session_id bigint,
    report_id bigint,
    facts bytea NOT NULL,
    CONSTRAINT station_statement_kind_check CHECK ((kind = ANY (ARRAY['charging_limit'::text, 'charging_profile'::text, 'priority_charging'::text, 'der_control'::text, 'der_activity'::text, 'battery_swap'::text, 'settlement'::text, 'display_message'::text, 'reservation'::text])))
);

ALTER TABLE public.station_statement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.station_statement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.tariff (
    id bigint NOT NULL,
    name text NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    retired_at timestamp with time zone
);

CREATE TABLE public.tariff_assignment (
    id bigint NOT NULL,
    scope text NOT NULL,
    subject_id bigint NOT NULL,
    target_id bigint,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tariff_assignment_scope_check CHECK ((scope = ANY (ARRAY['account'::text, 'plan'::text, 'station'::text, 'site'::text, 'default'::text])))
);

ALTER TABLE public.tariff_assignment ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tariff_assignment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.tariff ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tariff_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.tariff_version (
    tariff_id bigint NOT NULL,
    version integer NOT NULL,
    currency character(3) NOT NULL,
    terms jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tariff_version_version_check CHECK ((version >= 1))
);

CREATE TABLE public.variable (
    station_id bigint NOT NULL,
    component text NOT NULL,
    component_instance text DEFAULT ''::text NOT NULL,
    evse integer DEFAULT 0 NOT NULL,
    connector integer DEFAULT 0 NOT NULL,
    variable text NOT NULL,
    variable_instance text DEFAULT ''::text NOT NULL,
    attribute text DEFAULT 'Actual'::text NOT NULL,
    value text,
    mutability text DEFAULT 'ReadWrite'::text NOT NULL,
    is_persistent boolean DEFAULT false NOT NULL,
    is_constant boolean DEFAULT false NOT NULL,
    unit text,
    data_type text,
    min_limit double precision,
    max_limit double precision,
    max_elements bigint,
    values_list text,
    supports_monitoring boolean,
    reported_at timestamp with time zone NOT NULL,
    report_id bigint
);

CREATE TABLE public.web_session (
    id bigint NOT NULL,
    token_hash bytea NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    remote_address text,
    user_agent text
);

ALTER TABLE public.web_session ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.web_session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.message ATTACH PARTITION public.message_default DEFAULT;

ALTER TABLE ONLY public.reading ATTACH PARTITION public.reading_default DEFAULT;

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.authorization_decision
    ADD CONSTRAINT authorization_decision_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.certificate_request
    ADD CONSTRAINT certificate_request_key UNIQUE (station_id, digest);

ALTER TABLE ONLY public.certificate_request
    ADD CONSTRAINT certificate_request_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.charging_need
    ADD CONSTRAINT charging_need_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.charging_session
    ADD CONSTRAINT charging_session_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.charging_session
    ADD CONSTRAINT charging_session_start_key UNIQUE (station_id, start_key, generation);

ALTER TABLE ONLY public.charging_session
    ADD CONSTRAINT charging_session_transaction_key UNIQUE (station_id, family, transaction_id, generation);

ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.connection_attempt
    ADD CONSTRAINT connection_attempt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.connector
    ADD CONSTRAINT connector_pkey PRIMARY KEY (station_id, evse, connector);

ALTER TABLE ONLY public.dispute_entry
    ADD CONSTRAINT dispute_entry_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dispute
    ADD CONSTRAINT dispute_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.energy_hourly
    ADD CONSTRAINT energy_hourly_pkey PRIMARY KEY (station_id, hour);

ALTER TABLE ONLY public.event_stream
    ADD CONSTRAINT event_stream_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.event_stream_value
    ADD CONSTRAINT event_stream_value_pkey PRIMARY KEY (station_id, stream_id, id);

ALTER TABLE ONLY public.evse
    ADD CONSTRAINT evse_pkey PRIMARY KEY (station_id, evse);

ALTER TABLE ONLY public.id_token
    ADD CONSTRAINT id_token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.link
    ADD CONSTRAINT link_pkey PRIMARY KEY (station_id);

ALTER TABLE ONLY public.mail_link
    ADD CONSTRAINT mail_link_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.mail_link
    ADD CONSTRAINT mail_link_token_key UNIQUE (token_hash);

ALTER TABLE ONLY public.mail
    ADD CONSTRAINT mail_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (station_id, received_at, id);

ALTER TABLE ONLY public.message_default
    ADD CONSTRAINT message_default_pkey PRIMARY KEY (station_id, received_at, id);

ALTER TABLE ONLY public.monitor
    ADD CONSTRAINT monitor_pkey PRIMARY KEY (station_id, number);

ALTER TABLE ONLY public.node
    ADD CONSTRAINT node_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.price_step
    ADD CONSTRAINT price_step_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.reading
    ADD CONSTRAINT reading_pkey PRIMARY KEY (station_id, at, fingerprint);

ALTER TABLE ONLY public.reading_default
    ADD CONSTRAINT reading_default_pkey PRIMARY KEY (station_id, at, fingerprint);

ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_key UNIQUE NULLS NOT DISTINCT (station_id, kind, request_id, generation);

ALTER TABLE ONLY public.report_part
    ADD CONSTRAINT report_part_pkey PRIMARY KEY (station_id, report_id, seq_no, fingerprint);

ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.reservation
    ADD CONSTRAINT reservation_overlap EXCLUDE USING gist (int8range(station_id, station_id, '[]'::text) WITH &&, int4range(evse, evse, '[]'::text) WITH &&, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status = ANY (ARRAY['pending'::public.reservation_status, 'confirmed'::public.reservation_status, 'active'::public.reservation_status])));

ALTER TABLE ONLY public.reservation
    ADD CONSTRAINT reservation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.session_count
    ADD CONSTRAINT session_count_pkey PRIMARY KEY (station_id);

ALTER TABLE ONLY public.session_live
    ADD CONSTRAINT session_live_pkey PRIMARY KEY (station_id, session_id);

ALTER TABLE ONLY public.session_price
    ADD CONSTRAINT session_price_pkey PRIMARY KEY (station_id, session_id);

ALTER TABLE ONLY public.session_uid
    ADD CONSTRAINT session_uid_pkey PRIMARY KEY (uid);

ALTER TABLE ONLY public.site_member
    ADD CONSTRAINT site_member_pkey PRIMARY KEY (site_id, account_id);

ALTER TABLE ONLY public.site
    ADD CONSTRAINT site_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.station_event
    ADD CONSTRAINT station_event_key UNIQUE (station_id, fingerprint);

ALTER TABLE ONLY public.station_event
    ADD CONSTRAINT station_event_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.station
    ADD CONSTRAINT station_identity_key UNIQUE (identity);

ALTER TABLE ONLY public.station_job
    ADD CONSTRAINT station_job_key UNIQUE NULLS NOT DISTINCT (station_id, kind, request_id);

ALTER TABLE ONLY public.station_job
    ADD CONSTRAINT station_job_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.station_job_step
    ADD CONSTRAINT station_job_step_pkey PRIMARY KEY (station_id, job_id, id);

ALTER TABLE ONLY public.station
    ADD CONSTRAINT station_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.station
    ADD CONSTRAINT station_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.station_request
    ADD CONSTRAINT station_request_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.station_statement
    ADD CONSTRAINT station_statement_pkey PRIMARY KEY (station_id, id);

ALTER TABLE ONLY public.tariff_assignment
    ADD CONSTRAINT tariff_assignment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tariff
    ADD CONSTRAINT tariff_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tariff_version
    ADD CONSTRAINT tariff_version_pkey PRIMARY KEY (tariff_id, version);

ALTER TABLE ONLY public.variable
    ADD CONSTRAINT variable_pkey PRIMARY KEY (station_id, component, component_instance, evse, connector, variable, variable_instance, attribute);

ALTER TABLE ONLY public.web_session
    ADD CONSTRAINT web_session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.web_session
    ADD CONSTRAINT web_session_token_key UNIQUE (token_hash);

CREATE UNIQUE INDEX account_email_key ON public.account USING btree (lower(email));

CREATE INDEX audit_account ON public.audit USING btree (account_id, id DESC) WHERE (account_id IS NOT NULL);

CREATE INDEX audit_action ON public.audit USING btree (action text_pattern_ops, id DESC);

CREATE INDEX audit_actor ON public.audit USING btree (lower(actor), id DESC);

CREATE INDEX audit_at ON public.audit USING btree (at DESC, id DESC);

CREATE INDEX audit_subject ON public.audit USING btree (subject, id DESC) WHERE (subject IS NOT NULL);

CREATE INDEX authorization_decision_at ON public.authorization_decision USING btree (at);

CREATE INDEX authorization_decision_session ON public.authorization_decision USING btree (station_id, session_id) WHERE (session_id IS NOT NULL);

CREATE INDEX authorization_decision_uid ON public.authorization_decision USING btree (lower(uid), at DESC);

CREATE INDEX certificate_request_last ON public.certificate_request USING btree (last_at);

CREATE INDEX charging_need_received ON public.charging_need USING btree (received_at);

CREATE INDEX charging_session_account ON public.charging_session USING btree (account_id, started_at DESC) WHERE (account_id IS NOT NULL);

CREATE INDEX charging_session_close ON public.charging_session USING btree (station_id, id) WHERE ((close_asked_at IS NOT NULL) AND (NOT is_finalized));

CREATE INDEX charging_session_evse ON public.charging_session USING btree (station_id, evse, started_at);

CREATE INDEX charging_session_number_key ON public.charging_session USING btree (id);

CREATE INDEX charging_session_open ON public.charging_session USING btree (lower(id_token)) WHERE (NOT is_finalized);

CREATE UNIQUE INDEX charging_session_open_key ON public.charging_session USING btree (station_id, evse) WHERE ((NOT is_finalized) AND (evse IS NOT NULL));

CREATE INDEX charging_session_price ON public.charging_session USING btree (ended_at, id) WHERE is_price_due;

CREATE INDEX charging_session_recompute ON public.charging_session USING btree (station_id, id) WHERE is_recompute_due;

CREATE INDEX charging_session_review ON public.charging_session USING btree (updated_at DESC) WHERE (('needs_review'::text = ANY (flags)) AND (reviewed_at IS NULL));

CREATE INDEX charging_session_station ON public.charging_session USING btree (station_id, updated_at DESC, id DESC) WHERE is_finalized;

CREATE UNIQUE INDEX charging_session_stop_key ON public.charging_session USING btree (station_id, stop_key) WHERE (stop_key IS NOT NULL);

CREATE INDEX charging_session_token ON public.charging_session USING btree (lower(id_token), updated_at DESC, id DESC) INCLUDE (id_token) WHERE is_finalized;

CREATE INDEX charging_session_updated ON public.charging_session USING btree (updated_at DESC, id DESC) WHERE is_finalized;

CREATE INDEX command_asked ON public.command USING btree (asked_at);

CREATE INDEX command_sent ON public.command USING btree (node) WHERE (state = 'sent'::public.command_state);

CREATE INDEX command_waiting ON public.command USING btree (station_id, id) WHERE (state = 'waiting'::public.command_state);

CREATE INDEX connection_attempt_at ON public.connection_attempt USING btree (at);

CREATE INDEX connection_attempt_identity ON public.connection_attempt USING btree (identity, at DESC);

CREATE INDEX connection_attempt_of_strangers ON public.connection_attempt USING btree (at) WHERE (station_id IS NULL);

CREATE INDEX connection_attempt_takeover ON public.connection_attempt USING btree (at) WHERE is_takeover;

CREATE INDEX dispute_account ON public.dispute USING btree (account_id, id DESC);

CREATE INDEX dispute_entry_dispute ON public.dispute_entry USING btree (dispute_id, id);

CREATE UNIQUE INDEX dispute_open_key ON public.dispute USING btree (station_id, session_id) WHERE (state <> 'closed'::public.dispute_state);

CREATE INDEX dispute_queue ON public.dispute USING btree (updated_at DESC) WHERE (state <> 'closed'::public.dispute_state);

CREATE INDEX dispute_session ON public.dispute USING btree (station_id, session_id, id DESC);

CREATE INDEX energy_hourly_hour ON public.energy_hourly USING btree (hour);

CREATE UNIQUE INDEX event_stream_open_key ON public.event_stream USING btree (station_id, number) WHERE (closed_at IS NULL);

CREATE INDEX event_stream_value_received ON public.event_stream_value USING btree (received_at);

CREATE INDEX id_token_account ON public.id_token USING btree (account_id);

CREATE UNIQUE INDEX id_token_app_key ON public.id_token USING btree (account_id) WHERE is_app;

CREATE UNIQUE INDEX id_token_uid_key ON public.id_token USING btree (lower(uid), type);

CREATE INDEX link_node ON public.link USING btree (node);

CREATE INDEX mail_created ON public.mail USING btree (created_at);

CREATE INDEX mail_dead ON public.mail USING btree (died_at DESC) WHERE (died_at IS NOT NULL);

CREATE INDEX mail_due ON public.mail USING btree (next_at) WHERE ((sent_at IS NULL) AND (died_at IS NULL));

CREATE INDEX mail_link_account ON public.mail_link USING btree (account_id);

CREATE INDEX mail_link_expires ON public.mail_link USING btree (expires_at);

CREATE INDEX notice_account ON public.notice USING btree (account_id, id DESC);

CREATE INDEX notice_unread ON public.notice USING btree (account_id) WHERE (read_at IS NULL);

CREATE UNIQUE INDEX plan_name_key ON public.plan USING btree (lower(name));

CREATE INDEX price_step_session ON public.price_step USING btree (station_id, session_id, id);

CREATE INDEX price_step_statement ON public.price_step USING btree (account_id, statement_month) WHERE (statement_month IS NOT NULL);

CREATE INDEX quarantine_assigned ON public.quarantine USING btree (station_id, id) WHERE ((assigned_to IS NOT NULL) AND (applied_at IS NULL));

CREATE INDEX quarantine_open ON public.quarantine USING btree (received_at DESC) WHERE (looked_at IS NULL);

CREATE INDEX quarantine_received ON public.quarantine USING btree (received_at);

CREATE INDEX report_collecting ON public.report USING btree (heard_at) WHERE (state = 'collecting'::public.report_state);

CREATE INDEX report_started ON public.report USING btree (started_at);

CREATE INDEX reservation_account ON public.reservation USING btree (account_id, ends_at);

CREATE INDEX reservation_ends ON public.reservation USING btree (ends_at);

CREATE INDEX reservation_station ON public.reservation USING btree (station_id, ends_at) WHERE (status = ANY (ARRAY['pending'::public.reservation_status, 'confirmed'::public.reservation_status, 'active'::public.reservation_status]));

CREATE INDEX session_live_account ON public.session_live USING btree (account_id) WHERE (account_id IS NOT NULL);

CREATE INDEX session_price_account ON public.session_price USING btree (account_id, priced_at) WHERE (account_id IS NOT NULL);

CREATE INDEX session_price_month ON public.session_price USING btree (account_id, month) INCLUDE (energy_wh) WHERE (account_id IS NOT NULL);

CREATE INDEX session_price_waiting ON public.session_price USING btree (settle_at) WHERE (settled_at IS NULL);

CREATE INDEX session_price_without_tariff ON public.session_price USING btree (priced_at) WHERE (tariff_id IS NULL);

CREATE UNIQUE INDEX site_name_key ON public.site USING btree (lower(name));

CREATE INDEX station_event_critical ON public.station_event USING btree (station_id, id DESC) WHERE is_critical;

CREATE INDEX station_event_received ON public.station_event USING btree (received_at);

CREATE INDEX station_job_changed ON public.station_job USING btree (changed_at);

CREATE INDEX station_job_step_at ON public.station_job_step USING btree (at);

CREATE INDEX station_request_received ON public.station_request USING btree (received_at);

CREATE INDEX station_statement_heard ON public.station_statement USING btree (heard_at);

CREATE UNIQUE INDEX station_statement_latest ON public.station_statement USING btree (station_id, kind, subject) WHERE is_latest;

CREATE INDEX tariff_assignment_since ON public.tariff_assignment USING btree (since) WHERE (target_id IS NOT NULL);

CREATE INDEX tariff_assignment_subject ON public.tariff_assignment USING btree (scope, subject_id, since DESC, id DESC);

CREATE UNIQUE INDEX tariff_default_key ON public.tariff USING btree (is_default) WHERE is_default;

CREATE UNIQUE INDEX tariff_name_key ON public.tariff USING btree (lower(name));

CREATE INDEX web_session_account ON public.web_session USING btree (account_id);

CREATE INDEX web_session_expires ON public.web_session USING btree (expires_at);

ALTER INDEX public.message_pkey ATTACH PARTITION public.message_default_pkey;

ALTER INDEX public.reading_pkey ATTACH PARTITION public.reading_default_pkey;

CREATE TRIGGER account_changes_plan AFTER UPDATE OF plan_id ON public.account FOR EACH ROW WHEN ((new.plan_id IS DISTINCT FROM old.plan_id)) EXECUTE FUNCTION public.note_assignment('account', 'plan_id');

CREATE TRIGGER account_has_plan AFTER INSERT ON public.account FOR EACH ROW WHEN ((new.plan_id IS NOT NULL)) EXECUTE FUNCTION public.note_assignment('account', 'plan_id');

CREATE TRIGGER audit_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER charging_session_begins_final BEFORE INSERT ON public.charging_session FOR EACH ROW WHEN (new.is_finalized) EXECUTE FUNCTION public.mark_price_due();

CREATE TRIGGER charging_session_figures BEFORE UPDATE ON public.charging_session FOR EACH ROW WHEN (((new.is_finalized AND (((((((old.is_finalized IS DISTINCT FROM new.is_finalized) OR (old.energy_wh IS DISTINCT FROM new.energy_wh)) OR (old.started_at IS DISTINCT FROM new.started_at)) OR (old.ended_at IS DISTINCT FROM new.ended_at)) OR (old.account_id IS DISTINCT FROM new.account_id)) OR (old.meter_start_wh IS DISTINCT FROM new.meter_start_wh)) OR (old.meter_stop_wh IS DISTINCT FROM new.meter_stop_wh))) OR (new.is_finalized AND old.is_recompute_due AND (NOT new.is_recompute_due)))) EXECUTE FUNCTION public.mark_price_due();

CREATE TRIGGER charging_session_is_counted AFTER INSERT OR DELETE ON public.charging_session FOR EACH ROW EXECUTE FUNCTION public.count_session();

CREATE TRIGGER charging_session_uid_changes AFTER UPDATE OF id_token ON public.charging_session FOR EACH ROW WHEN (((new.id_token IS NOT NULL) AND (new.id_token IS DISTINCT FROM old.id_token))) EXECUTE FUNCTION public.note_session_uid();

CREATE TRIGGER charging_session_uid_is_noted AFTER INSERT ON public.charging_session FOR EACH ROW WHEN ((new.id_token IS NOT NULL)) EXECUTE FUNCTION public.note_session_uid();

CREATE TRIGGER dispute_entry_is_kept BEFORE DELETE OR UPDATE ON public.dispute_entry FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER id_token_changes_hands BEFORE UPDATE OF account_id ON public.id_token FOR EACH ROW WHEN (((old.account_id IS NOT NULL) AND (new.account_id IS DISTINCT FROM old.account_id))) EXECUTE FUNCTION public.note_new_holder();

CREATE TRIGGER plan_changes_tariff AFTER UPDATE OF tariff_id ON public.plan FOR EACH ROW WHEN ((new.tariff_id IS DISTINCT FROM old.tariff_id)) EXECUTE FUNCTION public.note_assignment('plan', 'tariff_id');

CREATE TRIGGER plan_has_tariff AFTER INSERT ON public.plan FOR EACH ROW EXECUTE FUNCTION public.note_assignment('plan', 'tariff_id');

CREATE TRIGGER price_step_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.price_step FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER site_changes_tariff AFTER UPDATE OF tariff_id ON public.site FOR EACH ROW WHEN ((new.tariff_id IS DISTINCT FROM old.tariff_id)) EXECUTE FUNCTION public.note_assignment('site', 'tariff_id');

CREATE TRIGGER site_has_tariff AFTER INSERT ON public.site FOR EACH ROW WHEN ((new.tariff_id IS NOT NULL)) EXECUTE FUNCTION public.note_assignment('site', 'tariff_id');

CREATE TRIGGER station_changes_tariff AFTER UPDATE OF tariff_id ON public.station FOR EACH ROW WHEN ((new.tariff_id IS DISTINCT FROM old.tariff_id)) EXECUTE FUNCTION public.note_assignment('station', 'tariff_id');

CREATE TRIGGER station_has_tariff AFTER INSERT ON public.station FOR EACH ROW WHEN ((new.tariff_id IS NOT NULL)) EXECUTE FUNCTION public.note_assignment('station', 'tariff_id');

CREATE TRIGGER tariff_becomes_default AFTER UPDATE OF is_default ON public.tariff FOR EACH ROW WHEN ((new.is_default IS DISTINCT FROM old.is_default)) EXECUTE FUNCTION public.note_default();

CREATE TRIGGER tariff_is_default AFTER INSERT ON public.tariff FOR EACH ROW WHEN (new.is_default) EXECUTE FUNCTION public.note_default();

CREATE TRIGGER tariff_version_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.tariff_version FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.plan(id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.charging_session
    ADD CONSTRAINT charging_session_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.charging_session
    ADD CONSTRAINT charging_session_close_asked_by_fkey FOREIGN KEY (close_asked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.connector
    ADD CONSTRAINT connector_station_id_evse_fkey FOREIGN KEY (station_id, evse) REFERENCES public.evse(station_id, evse) ON DELETE CASCADE;

ALTER TABLE ONLY public.dispute
    ADD CONSTRAINT dispute_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.dispute_entry
    ADD CONSTRAINT dispute_entry_by_account_id_fkey FOREIGN KEY (by_account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.dispute_entry
    ADD CONSTRAINT dispute_entry_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.dispute(id);

ALTER TABLE ONLY public.dispute_entry
    ADD CONSTRAINT dispute_entry_price_step_id_fkey FOREIGN KEY (price_step_id) REFERENCES public.price_step(id);

ALTER TABLE ONLY public.dispute
    ADD CONSTRAINT dispute_station_id_session_id_fkey FOREIGN KEY (station_id, session_id) REFERENCES public.charging_session(station_id, id);

ALTER TABLE ONLY public.evse
    ADD CONSTRAINT evse_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.id_token
    ADD CONSTRAINT id_token_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.link
    ADD CONSTRAINT link_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mail
    ADD CONSTRAINT mail_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.mail_link
    ADD CONSTRAINT mail_link_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.monitor
    ADD CONSTRAINT monitor_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.plan
    ADD CONSTRAINT plan_tariff_id_fkey FOREIGN KEY (tariff_id) REFERENCES public.tariff(id);

ALTER TABLE ONLY public.price_step
    ADD CONSTRAINT price_step_by_account_id_fkey FOREIGN KEY (by_account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_settled_by_fkey FOREIGN KEY (settled_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.report_part
    ADD CONSTRAINT report_part_station_id_report_id_fkey FOREIGN KEY (station_id, report_id) REFERENCES public.report(station_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reservation
    ADD CONSTRAINT reservation_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reservation
    ADD CONSTRAINT reservation_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.session_live
    ADD CONSTRAINT session_live_station_id_session_id_fkey FOREIGN KEY (station_id, session_id) REFERENCES public.charging_session(station_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.session_price
    ADD CONSTRAINT session_price_station_id_session_id_fkey FOREIGN KEY (station_id, session_id) REFERENCES public.charging_session(station_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.session_price
    ADD CONSTRAINT session_price_tariff_id_tariff_version_fkey FOREIGN KEY (tariff_id, tariff_version) REFERENCES public.tariff_version(tariff_id, version);

ALTER TABLE ONLY public.site_member
    ADD CONSTRAINT site_member_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.site_member
    ADD CONSTRAINT site_member_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.site(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.site
    ADD CONSTRAINT site_tariff_id_fkey FOREIGN KEY (tariff_id) REFERENCES public.tariff(id);

ALTER TABLE ONLY public.station_job
    ADD CONSTRAINT station_job_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.station_job_step
    ADD CONSTRAINT station_job_step_station_id_job_id_fkey FOREIGN KEY (station_id, job_id) REFERENCES public.station_job(station_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.station
    ADD CONSTRAINT station_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.site(id);

ALTER TABLE ONLY public.station_statement
    ADD CONSTRAINT station_statement_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.station
    ADD CONSTRAINT station_tariff_id_fkey FOREIGN KEY (tariff_id) REFERENCES public.tariff(id);

ALTER TABLE ONLY public.tariff_version
    ADD CONSTRAINT tariff_version_tariff_id_fkey FOREIGN KEY (tariff_id) REFERENCES public.tariff(id);

ALTER TABLE ONLY public.variable
    ADD CONSTRAINT variable_station_id_fkey FOREIGN KEY (station_id) REFERENCES public.station(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.web_session
    ADD CONSTRAINT web_session_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;
