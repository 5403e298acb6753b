CREATE TABLE contacts (
    contact TEXT NOT NULL,
    service TEXT NOT NULL,
    channel TEXT NOT NULL,
    since DOUBLE NOT NULL,
    priority INTEGER NOT NULL,
    queued_at DOUBLE NOT NULL,
    leg TEXT NOT NULL,
    slow BOOLEAN NOT NULL,
    node TEXT NOT NULL,
    caller_hash TEXT NOT NULL,
    number_encrypted TEXT NOT NULL,
    needs TEXT NOT NULL,
    topics TEXT NOT NULL,
    language TEXT NOT NULL,
    entered_at DOUBLE NOT NULL,
    step_since DOUBLE NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    step INTEGER NOT NULL,
    position INTEGER NOT NULL,
    offer BIGINT,
    agent TEXT,
    outcome TEXT,
    ended_at DOUBLE,
    wait_s DOUBLE,
    transferred_at DOUBLE,
    visited TEXT NOT NULL,
    led_by TEXT NOT NULL,
    way_out TEXT,
    in_menu BOOLEAN NOT NULL,
    shown BOOLEAN NOT NULL,
    callback BOOLEAN NOT NULL,
    tries INTEGER NOT NULL,
    not_before DOUBLE NOT NULL,
    anytime BOOLEAN NOT NULL,
    "deferred" BOOLEAN NOT NULL,
    expires_at DOUBLE NOT NULL,
    dialling BOOLEAN NOT NULL,
    dials TEXT NOT NULL,
    callback_hash TEXT NOT NULL,
    callback_number_encrypted TEXT NOT NULL,
    follow_up BOOLEAN NOT NULL,
    abusive BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    fallback_talk_s DOUBLE,
    changed_at DOUBLE NOT NULL,
    CONSTRAINT pk_contacts PRIMARY KEY (contact),
    CONSTRAINT ck_contacts_channel_known CHECK (channel IN ('voice', 'chat', 'social', 'email', 'task')),
    CONSTRAINT ck_contacts_state_known CHECK (state IN ('pending', 'reserved', 'assigned', 'wrapping', 'completed', 'canceled')),
    CONSTRAINT ck_contacts_outcome_known CHECK (outcome IN ('answered', 'abandoned', 'abandoned_short', 'fallback', 'left', 'pbx_failure', 'callback_failed')),
    CONSTRAINT ck_contacts_way_out_known CHECK (way_out IN ('callback', 'message', 'goodbye'))
);

CREATE INDEX ix_contacts_ended_at ON contacts (ended_at);

CREATE INDEX ix_contacts_dials ON contacts (changed_at) WHERE dials <> '[]';

CREATE INDEX ix_contacts_live ON contacts (contact) WHERE state IN ('pending', 'reserved', 'assigned', 'wrapping');

CREATE INDEX ix_contacts_queued_at ON contacts (queued_at);

CREATE INDEX ix_contacts_caller ON contacts (caller_hash, queued_at) WHERE caller_hash <> '';

CREATE INDEX ix_contacts_abusive ON contacts (caller_hash) WHERE abusive;

CREATE INDEX ix_contacts_traces ON contacts (ended_at) WHERE (caller_hash <> '' OR callback_hash <> '');

CREATE TABLE agents (
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    since DOUBLE NOT NULL,
    version INTEGER NOT NULL,
    seat TEXT,
    desk BOOLEAN NOT NULL,
    rna_count INTEGER NOT NULL,
    wrapup_until DOUBLE,
    idle_since DOUBLE NOT NULL,
    skills TEXT,
    pause_pending TEXT NOT NULL,
    leave_pending BOOLEAN NOT NULL,
    load DOUBLE NOT NULL,
    load_at DOUBLE NOT NULL,
    last_load INTEGER NOT NULL,
    rest_after_heavy_until DOUBLE NOT NULL,
    at_hard_limit BOOLEAN NOT NULL,
    heavy_declined_until DOUBLE NOT NULL,
    rest_until DOUBLE NOT NULL,
    working_since DOUBLE NOT NULL,
    occupied DOUBLE NOT NULL,
    occupied_at DOUBLE NOT NULL,
    break_begun DOUBLE NOT NULL,
    break_s DOUBLE NOT NULL,
    break_until DOUBLE NOT NULL,
    overrides TEXT NOT NULL,
    agent TEXT NOT NULL,
    team TEXT NOT NULL,
    CONSTRAINT pk_agents PRIMARY KEY (agent),
    CONSTRAINT ck_agents_state_known CHECK (state IN ('signed_out', 'ready', 'ringing', 'talking', 'wrapup', 'paused', 'not_responding', 'busy', 'unreachable'))
);

CREATE UNIQUE INDEX ux_agents_seat ON agents (seat) WHERE state <> 'signed_out';

CREATE TABLE learned (
    service TEXT NOT NULL,
    version INTEGER NOT NULL,
    skills TEXT,
    factors TEXT NOT NULL,
    given_up DOUBLE NOT NULL,
    waited_s DOUBLE NOT NULL,
    ring_s DOUBLE NOT NULL,
    ring_count INTEGER NOT NULL,
    handle_times TEXT NOT NULL,
    CONSTRAINT pk_learned PRIMARY KEY (service)
);

CREATE TABLE journal (
    seq INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL,
    personal BOOLEAN NOT NULL,
    CONSTRAINT pk_journal PRIMARY KEY (seq)
);

CREATE INDEX ix_journal_personal ON journal (at) WHERE personal;

CREATE INDEX ix_journal_settings ON journal (seq) WHERE kind IN (1, 2, 13);

CREATE TABLE facts (
    seq INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT pk_facts PRIMARY KEY (seq)
);

CREATE INDEX ix_facts_overridden ON facts (at) WHERE kind = 67;

CREATE TABLE cursors (
    name TEXT NOT NULL,
    seq BIGINT NOT NULL,
    CONSTRAINT pk_cursors PRIMARY KEY (name)
);

CREATE TABLE leases (
    name TEXT NOT NULL,
    node TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires DOUBLE NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    backend TEXT DEFAULT '' NOT NULL,
    about TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_leases PRIMARY KEY (name)
);

CREATE TABLE announcements (
    id INTEGER NOT NULL,
    service TEXT NOT NULL,
    prompt TEXT NOT NULL,
    text TEXT NOT NULL,
    recording TEXT NOT NULL,
    closes BOOLEAN NOT NULL,
    since DOUBLE NOT NULL,
    until DOUBLE,
    "by" TEXT NOT NULL,
    ended_at DOUBLE,
    ended_by TEXT NOT NULL,
    CONSTRAINT pk_announcements PRIMARY KEY (id)
);

CREATE TABLE recordings (
    id TEXT NOT NULL,
    contact TEXT NOT NULL,
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    agent TEXT,
    at DOUBLE NOT NULL,
    seconds DOUBLE NOT NULL,
    keep_until DOUBLE NOT NULL,
    source TEXT NOT NULL,
    key_id TEXT NOT NULL,
    key_encrypted TEXT NOT NULL,
    CONSTRAINT pk_recordings PRIMARY KEY (id),
    CONSTRAINT ck_recordings_kind_known CHECK (kind IN ('call', 'message', 'survey'))
);

CREATE UNIQUE INDEX ux_recordings_source ON recordings (source);

CREATE INDEX ix_recordings_at ON recordings (at);

CREATE INDEX ix_recordings_keep_until ON recordings (keep_until);

CREATE INDEX ix_recordings_contact ON recordings (contact);

CREATE TABLE caller_inputs (
    contact TEXT NOT NULL,
    field TEXT NOT NULL,
    hash TEXT NOT NULL,
    value_encrypted TEXT NOT NULL,
    at DOUBLE NOT NULL,
    CONSTRAINT pk_caller_inputs PRIMARY KEY (contact, field)
);

CREATE INDEX ix_caller_inputs_hash ON caller_inputs (hash);

CREATE INDEX ix_caller_inputs_at ON caller_inputs (at);

CREATE TABLE caller_preferences (
    caller_hash TEXT NOT NULL,
    slow BOOLEAN NOT NULL,
    human_first BOOLEAN NOT NULL,
    day INTEGER NOT NULL,
    CONSTRAINT pk_caller_preferences PRIMARY KEY (caller_hash)
);

CREATE INDEX ix_caller_preferences_day ON caller_preferences (day);

CREATE TABLE sms_messages (
    id INTEGER NOT NULL,
    contact TEXT NOT NULL,
    leaf TEXT NOT NULL,
    caller TEXT NOT NULL,
    number_encrypted TEXT NOT NULL,
    text TEXT NOT NULL,
    asked_at DOUBLE NOT NULL,
    next_at DOUBLE NOT NULL,
    tries INTEGER NOT NULL,
    state TEXT NOT NULL,
    CONSTRAINT pk_sms_messages PRIMARY KEY (id),
    CONSTRAINT ck_sms_messages_state_known CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'expired'))
);

CREATE INDEX ix_sms_messages_live ON sms_messages (id) WHERE state IN ('waiting', 'sending');

CREATE INDEX ix_sms_messages_caller ON sms_messages (caller);

CREATE INDEX ix_sms_messages_contact ON sms_messages (contact);

CREATE INDEX ix_sms_messages_asked_at ON sms_messages (asked_at);

CREATE TABLE contact_notes (
    contact TEXT NOT NULL,
    agent TEXT NOT NULL,
    service TEXT NOT NULL,
    code TEXT NOT NULL,
    note_encrypted TEXT NOT NULL,
    at DOUBLE NOT NULL,
    CONSTRAINT pk_contact_notes PRIMARY KEY (contact, agent)
);

CREATE INDEX ix_contact_notes_at ON contact_notes (at);

CREATE TABLE erased_contacts (
    contact TEXT NOT NULL,
    at DOUBLE NOT NULL,
    CONSTRAINT pk_erased_contacts PRIMARY KEY (contact)
);

CREATE INDEX ix_erased_contacts_at ON erased_contacts (at);

CREATE TABLE desk_comfort (
    agent TEXT NOT NULL,
    wish TEXT NOT NULL,
    CONSTRAINT pk_desk_comfort PRIMARY KEY (agent)
);

CREATE TABLE people (
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    password TEXT NOT NULL,
    code TEXT NOT NULL,
    code_until DOUBLE NOT NULL,
    disabled BOOLEAN NOT NULL,
    CONSTRAINT pk_people PRIMARY KEY (person)
);

CREATE TABLE meta (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
);

CREATE TABLE offers (
    offer INTEGER NOT NULL,
    contact TEXT NOT NULL,
    agent TEXT NOT NULL,
    seat TEXT NOT NULL,
    offered_at DOUBLE NOT NULL,
    ring_s DOUBLE NOT NULL,
    step INTEGER NOT NULL,
    level INTEGER NOT NULL,
    channel TEXT NOT NULL,
    partner TEXT,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    reason TEXT NOT NULL,
    ended_at DOUBLE,
    talk_s DOUBLE,
    wrapup_s DOUBLE,
    service TEXT NOT NULL,
    rang_at DOUBLE,
    connected_at DOUBLE,
    held_since DOUBLE,
    held_s DOUBLE NOT NULL,
    talk_ended_at DOUBLE,
    interrupted BOOLEAN NOT NULL,
    wrapup_requested BOOLEAN NOT NULL,
    load INTEGER NOT NULL,
    load_reported BOOLEAN NOT NULL,
    waited_s DOUBLE,
    dialled_at DOUBLE,
    slot INTEGER NOT NULL,
    CONSTRAINT pk_offers PRIMARY KEY (offer),
    CONSTRAINT fk_offers_contact_contacts FOREIGN KEY(contact) REFERENCES contacts (contact),
    CONSTRAINT ck_offers_voice_has_one_slot CHECK (channel <> 'voice' OR slot = 0),
    CONSTRAINT ck_offers_channel_known CHECK (channel IN ('voice', 'chat', 'social', 'email', 'task')),
    CONSTRAINT ck_offers_state_known CHECK (state IN ('pending', 'accepted', 'consulting', 'rejected', 'timeout', 'canceled', 'rescinded', 'wrapping', 'completed'))
);

CREATE UNIQUE INDEX ux_offers_live_slot ON offers (agent, channel, slot) WHERE state IN ('pending', 'accepted', 'consulting', 'wrapping');

CREATE INDEX ix_offers_dialled_at ON offers (dialled_at) WHERE dialled_at IS NOT NULL;

CREATE INDEX ix_offers_talks ON offers (agent) WHERE connected_at IS NOT NULL;

CREATE UNIQUE INDEX ux_offers_live_contact ON offers (contact) WHERE state IN ('pending', 'accepted');

CREATE TABLE sessions (
    session TEXT NOT NULL,
    person TEXT NOT NULL,
    opened_at DOUBLE NOT NULL,
    until DOUBLE NOT NULL,
    ended_at DOUBLE,
    CONSTRAINT pk_sessions PRIMARY KEY (session),
    CONSTRAINT fk_sessions_person_people FOREIGN KEY(person) REFERENCES people (person)
);

CREATE INDEX ix_sessions_person ON sessions (person);

CREATE TABLE known_browsers (
    person TEXT NOT NULL,
    browser TEXT NOT NULL,
    seen_at DOUBLE NOT NULL,
    CONSTRAINT pk_known_browsers PRIMARY KEY (person, browser),
    CONSTRAINT fk_known_browsers_person_people FOREIGN KEY(person) REFERENCES people (person)
);
