CREATE TABLE contacts (
    contact TEXT NOT NULL,
    service TEXT NOT NULL,
    channel TEXT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    priority INTEGER NOT NULL,
    queued_at DOUBLE PRECISION NOT NULL,
    leg TEXT NOT NULL,
    slow BOOLEAN NOT NULL,
    node TEXT NOT NULL,
    caller_hash TEXT NOT NULL,
    number_encrypted TEXT NOT NULL,
    needs TEXT NOT NULL,
    topics TEXT NOT NULL,
    language TEXT NOT NULL,
    entered_at DOUBLE PRECISION NOT NULL,
    step_since DOUBLE PRECISION NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    step INTEGER NOT NULL,
    position INTEGER NOT NULL,
    offer BIGINT,
    agent TEXT,
    outcome TEXT,
    ended_at DOUBLE PRECISION,
    wait_s DOUBLE PRECISION,
    transferred_at DOUBLE PRECISION,
    visited TEXT NOT NULL,
    led_by TEXT NOT NULL,
    way_out TEXT,
    in_menu BOOLEAN NOT NULL,
    shown BOOLEAN NOT NULL,
    callback BOOLEAN NOT NULL,
    tries INTEGER NOT NULL,
    not_before DOUBLE PRECISION NOT NULL,
    anytime BOOLEAN NOT NULL,
    deferred BOOLEAN NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    dialling BOOLEAN NOT NULL,
    dials TEXT NOT NULL,
    callback_hash TEXT NOT NULL,
    callback_number_encrypted TEXT NOT NULL,
    follow_up BOOLEAN NOT NULL,
    abusive BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    fallback_talk_s DOUBLE PRECISION,
    changed_at DOUBLE PRECISION NOT NULL,
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

COMMENT ON COLUMN contacts.since IS 'start of the wait: decides the place in line';

COMMENT ON COLUMN contacts.caller_hash IS 'keyed hash of the number, empty on anonymous services';

COMMENT ON COLUMN contacts.number_encrypted IS 'encrypted number, empty on anonymous services';

COMMENT ON COLUMN contacts.language IS 'what the caller hears; empty: the first language';

COMMENT ON COLUMN contacts.position IS 'place in line at the beginning';

COMMENT ON COLUMN contacts.offer IS 'the offer that rings, talks or is wrapped up';

COMMENT ON COLUMN contacts.agent IS 'whom the caller is offered to, or talked with last';

COMMENT ON COLUMN contacts.outcome IS 'exactly one for each contact, set once';

COMMENT ON COLUMN contacts.dials IS 'dials without a reserved agent, and refusals of such dials: time, whether refused';

COMMENT ON COLUMN contacts.source IS 'fallback: read from the black box, because no node answered the caller';

COMMENT ON COLUMN contacts.fallback_talk_s IS 'talk that the fallback queue gave, from ended_at on; agent: who took it';

CREATE TABLE agents (
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    version INTEGER NOT NULL,
    seat TEXT,
    desk BOOLEAN NOT NULL,
    rna_count INTEGER NOT NULL,
    wrapup_until DOUBLE PRECISION,
    idle_since DOUBLE PRECISION NOT NULL,
    skills TEXT,
    pause_pending TEXT NOT NULL,
    leave_pending BOOLEAN NOT NULL,
    load DOUBLE PRECISION NOT NULL,
    load_at DOUBLE PRECISION NOT NULL,
    last_load INTEGER NOT NULL,
    rest_after_heavy_until DOUBLE PRECISION NOT NULL,
    at_hard_limit BOOLEAN NOT NULL,
    heavy_declined_until DOUBLE PRECISION NOT NULL,
    rest_until DOUBLE PRECISION NOT NULL,
    working_since DOUBLE PRECISION NOT NULL,
    occupied DOUBLE PRECISION NOT NULL,
    occupied_at DOUBLE PRECISION NOT NULL,
    break_begun DOUBLE PRECISION NOT NULL,
    break_s DOUBLE PRECISION NOT NULL,
    break_until DOUBLE PRECISION NOT NULL,
    overrides TEXT NOT NULL,
    agent TEXT NOT NULL,
    team TEXT NOT NULL,
    CONSTRAINT pk_agents PRIMARY KEY (agent),
    CONSTRAINT ck_agents_state_known CHECK (state IN ('signed_out', 'ready', 'ringing', 'talking', 'wrapup', 'paused', 'not_responding', 'busy', 'unreachable'))
);

CREATE UNIQUE INDEX ux_agents_seat ON agents (seat) WHERE state <> 'signed_out';

COMMENT ON COLUMN agents.desk IS 'a desk is open: messages may come';

CREATE TABLE learned (
    service TEXT NOT NULL,
    version INTEGER NOT NULL,
    skills TEXT,
    factors TEXT NOT NULL,
    given_up DOUBLE PRECISION NOT NULL,
    waited_s DOUBLE PRECISION NOT NULL,
    ring_s DOUBLE PRECISION NOT NULL,
    ring_count INTEGER NOT NULL,
    handle_times TEXT NOT NULL,
    CONSTRAINT pk_learned PRIMARY KEY (service)
);

COMMENT ON COLUMN learned.skills IS 'skills that the service asked for when this was learned; null: it was removed';

COMMENT ON COLUMN learned.factors IS 'logarithms of the corrections of the low, middle and high quantile';

COMMENT ON COLUMN learned.ring_s IS 'ring time of the whole centre at the last connection here';

COMMENT ON COLUMN learned.ring_count IS 'connections that ring_s was learned from: the greatest is the latest';

COMMENT ON COLUMN learned.handle_times IS 'the histogram (`HandleTimes.to_text`)';

CREATE TABLE journal (
    seq BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL,
    personal BOOLEAN NOT NULL,
    CONSTRAINT pk_journal PRIMARY KEY (seq)
);

CREATE INDEX ix_journal_personal ON journal (at) WHERE personal;

CREATE INDEX ix_journal_settings ON journal (seq) WHERE kind IN (1, 2, 13);

COMMENT ON COLUMN journal.personal IS 'the body identifies a caller';

CREATE TABLE facts (
    seq BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
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

COMMENT ON COLUMN cursors.seq IS 'last fact that this reader is done with';

CREATE TABLE leases (
    name TEXT NOT NULL,
    node TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires DOUBLE PRECISION NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    backend TEXT DEFAULT '' NOT NULL,
    about TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_leases PRIMARY KEY (name)
);

COMMENT ON COLUMN leases.epoch IS 'grows by one with every taker';

COMMENT ON COLUMN leases.expires IS 'Unix seconds of the database''s clock';

COMMENT ON COLUMN leases.host IS 'boot and process namespace of the holder';

COMMENT ON COLUMN leases.started IS 'start of that process, in ticks since boot: pids are used again';

COMMENT ON COLUMN leases.backend IS 'process id and start of its PostgreSQL session, start of its server; empty: SQLite';

COMMENT ON COLUMN leases.about IS 'of a node''s name: JSON of what the node says of itself; else empty';

CREATE TABLE announcements (
    id BIGINT NOT NULL,
    service TEXT NOT NULL,
    prompt TEXT NOT NULL,
    text TEXT NOT NULL,
    recording TEXT NOT NULL,
    closes BOOLEAN NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION,
    by TEXT NOT NULL,
    ended_at DOUBLE PRECISION,
    ended_by TEXT NOT NULL,
    CONSTRAINT pk_announcements PRIMARY KEY (id)
);

COMMENT ON COLUMN announcements.service IS 'empty: everybody';

COMMENT ON COLUMN announcements.prompt IS 'key of the catalogue; empty: text or recording';

COMMENT ON COLUMN announcements.recording IS 'name of the file it was made from';

COMMENT ON COLUMN announcements.closes IS 'the line or the service is closed meanwhile';

COMMENT ON COLUMN announcements.until IS 'null: until it is switched off';

COMMENT ON COLUMN announcements.by IS 'who switched it on';

CREATE TABLE recordings (
    id TEXT NOT NULL,
    contact TEXT NOT NULL,
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    agent TEXT,
    at DOUBLE PRECISION NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    keep_until DOUBLE PRECISION NOT NULL,
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

COMMENT ON COLUMN recordings.agent IS 'who talked, of a call';

COMMENT ON COLUMN recordings.at IS 'its beginning';

COMMENT ON COLUMN recordings.source IS 'name of the plain file it was made from';

COMMENT ON COLUMN recordings.key_id IS 'key of the key file that opens key_encrypted';

COMMENT ON COLUMN recordings.key_encrypted IS 'the sealed key of its file: gone with the row';

CREATE TABLE caller_inputs (
    contact TEXT NOT NULL,
    field TEXT NOT NULL,
    hash TEXT NOT NULL,
    value_encrypted TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_caller_inputs PRIMARY KEY (contact, field)
);

CREATE INDEX ix_caller_inputs_hash ON caller_inputs (hash);

CREATE INDEX ix_caller_inputs_at ON caller_inputs (at);

COMMENT ON COLUMN caller_inputs.hash IS 'keyed hash of what was keyed in';

COMMENT ON COLUMN caller_inputs.value_encrypted IS 'the digits encrypted; empty: not kept';

CREATE TABLE caller_preferences (
    caller_hash TEXT NOT NULL,
    slow BOOLEAN NOT NULL,
    human_first BOOLEAN NOT NULL,
    day INTEGER NOT NULL,
    CONSTRAINT pk_caller_preferences PRIMARY KEY (caller_hash)
);

CREATE INDEX ix_caller_preferences_day ON caller_preferences (day);

COMMENT ON COLUMN caller_preferences.caller_hash IS 'keyed hash of the number';

COMMENT ON COLUMN caller_preferences.slow IS 'slow speech from the beginning';

COMMENT ON COLUMN caller_preferences.human_first IS 'a person at once';

COMMENT ON COLUMN caller_preferences.day IS 'of the last call, in days since 1970: no closer';

CREATE TABLE sms_messages (
    id BIGINT NOT NULL,
    contact TEXT NOT NULL,
    leaf TEXT NOT NULL,
    caller TEXT NOT NULL,
    number_encrypted TEXT NOT NULL,
    text TEXT NOT NULL,
    asked_at DOUBLE PRECISION NOT NULL,
    next_at DOUBLE PRECISION NOT NULL,
    tries INTEGER NOT NULL,
    state TEXT NOT NULL,
    CONSTRAINT pk_sms_messages PRIMARY KEY (id),
    CONSTRAINT ck_sms_messages_state_known CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'expired'))
);

CREATE INDEX ix_sms_messages_live ON sms_messages (id) WHERE state IN ('waiting', 'sending');

CREATE INDEX ix_sms_messages_caller ON sms_messages (caller);

CREATE INDEX ix_sms_messages_contact ON sms_messages (contact);

CREATE INDEX ix_sms_messages_asked_at ON sms_messages (asked_at);

COMMENT ON COLUMN sms_messages.leaf IS 'node of the menu whose twin in writing it is';

COMMENT ON COLUMN sms_messages.caller IS 'keyed hash of the number';

COMMENT ON COLUMN sms_messages.number_encrypted IS 'the number encrypted; empty when it is over';

COMMENT ON COLUMN sms_messages.text IS 'empty when it is over';

COMMENT ON COLUMN sms_messages.next_at IS 'when it is sent, or tried again';

CREATE TABLE contact_notes (
    contact TEXT NOT NULL,
    agent TEXT NOT NULL,
    service TEXT NOT NULL,
    code TEXT NOT NULL,
    note_encrypted TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_contact_notes PRIMARY KEY (contact, agent)
);

CREATE INDEX ix_contact_notes_at ON contact_notes (at);

COMMENT ON COLUMN contact_notes.agent IS 'the author';

COMMENT ON COLUMN contact_notes.service IS 'of the talk';

COMMENT ON COLUMN contact_notes.code IS 'empty: none';

COMMENT ON COLUMN contact_notes.note_encrypted IS 'sealed text; empty: none';

COMMENT ON COLUMN contact_notes.at IS 'time of the last change';

CREATE TABLE erased_contacts (
    contact TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_erased_contacts PRIMARY KEY (contact)
);

CREATE INDEX ix_erased_contacts_at ON erased_contacts (at);

COMMENT ON COLUMN erased_contacts.contact IS 'its caller was erased, so nothing more is stored of it';

COMMENT ON COLUMN erased_contacts.at IS 'time of the erasure; goes with notes of that age';

CREATE TABLE desk_comfort (
    agent TEXT NOT NULL,
    wish TEXT NOT NULL,
    CONSTRAINT pk_desk_comfort PRIMARY KEY (agent)
);

COMMENT ON COLUMN desk_comfort.wish IS 'JSON: the values that the agent has chosen';

CREATE TABLE people (
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    password TEXT NOT NULL,
    code TEXT NOT NULL,
    code_until DOUBLE PRECISION NOT NULL,
    disabled BOOLEAN NOT NULL,
    CONSTRAINT pk_people PRIMARY KEY (person)
);

COMMENT ON COLUMN people.person IS 'of an agent: the id of the team';

COMMENT ON COLUMN people.name IS 'shown on pages, and nowhere else';

COMMENT ON COLUMN people.roles IS 'with commas between them';

COMMENT ON COLUMN people.password IS 'argon2id; empty: none yet';

COMMENT ON COLUMN people.code IS 'hash of the code for one use; empty: none';

COMMENT ON COLUMN people.code_until IS 'the code is valid before this time';

CREATE TABLE meta (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY (key)
);

CREATE TABLE offers (
    offer BIGINT NOT NULL,
    contact TEXT NOT NULL,
    agent TEXT NOT NULL,
    seat TEXT NOT NULL,
    offered_at DOUBLE PRECISION NOT NULL,
    ring_s DOUBLE PRECISION NOT NULL,
    step INTEGER NOT NULL,
    level INTEGER NOT NULL,
    channel TEXT NOT NULL,
    partner TEXT,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    reason TEXT NOT NULL,
    ended_at DOUBLE PRECISION,
    talk_s DOUBLE PRECISION,
    wrapup_s DOUBLE PRECISION,
    service TEXT NOT NULL,
    rang_at DOUBLE PRECISION,
    connected_at DOUBLE PRECISION,
    held_since DOUBLE PRECISION,
    held_s DOUBLE PRECISION NOT NULL,
    talk_ended_at DOUBLE PRECISION,
    interrupted BOOLEAN NOT NULL,
    wrapup_requested BOOLEAN NOT NULL,
    load INTEGER NOT NULL,
    load_reported BOOLEAN NOT NULL,
    waited_s DOUBLE PRECISION,
    dialled_at DOUBLE PRECISION,
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

COMMENT ON COLUMN offers.partner IS 'the other agent of a pair';

COMMENT ON COLUMN offers.reason IS 'why it ended';

COMMENT ON COLUMN offers.waited_s IS 'of an agent who consults: how long the caller waited for them';

COMMENT ON COLUMN offers.dialled_at IS 'when the caller was called back';

COMMENT ON COLUMN offers.slot IS 'voice has slot 0 only';

CREATE TABLE sessions (
    session TEXT NOT NULL,
    person TEXT NOT NULL,
    opened_at DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION,
    CONSTRAINT pk_sessions PRIMARY KEY (session),
    CONSTRAINT fk_sessions_person_people FOREIGN KEY(person) REFERENCES people (person)
);

CREATE INDEX ix_sessions_person ON sessions (person);

COMMENT ON COLUMN sessions.session IS 'hash of the cookie';

COMMENT ON COLUMN sessions.ended_at IS 'null: it lives; an ended one stays until the talk is over';

CREATE TABLE known_browsers (
    person TEXT NOT NULL,
    browser TEXT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_known_browsers PRIMARY KEY (person, browser),
    CONSTRAINT fk_known_browsers_person_people FOREIGN KEY(person) REFERENCES people (person)
);

COMMENT ON COLUMN known_browsers.browser IS 'hash of the browser''s cookie';

COMMENT ON COLUMN known_browsers.seen_at IS 'time of the last sign-in';
