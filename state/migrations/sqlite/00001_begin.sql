-- +goose Up
-- Times are Unix milliseconds, 0 for never. Tables and queries are meant to be
-- the same on every engine; only types and triggers differ.
CREATE TABLE tokens (
	id            TEXT PRIMARY KEY,
	secret_sha256 TEXT NOT NULL,
	name          TEXT NOT NULL,
	role          TEXT NOT NULL,
	project       TEXT NOT NULL,
	channel       TEXT NOT NULL,
	created       BIGINT NOT NULL,
	created_by    TEXT NOT NULL,
	revoked       BIGINT NOT NULL,
	last_used     BIGINT NOT NULL
);

CREATE TABLE clients (
	token         TEXT NOT NULL REFERENCES tokens (id),
	id            TEXT NOT NULL,
	project       TEXT NOT NULL,
	channel       TEXT NOT NULL,
	app           TEXT NOT NULL,
	labels        TEXT NOT NULL,
	protocol      INTEGER NOT NULL,
	ephemeral     INTEGER NOT NULL,
	first_seen    BIGINT NOT NULL,
	last_seen     BIGINT NOT NULL,
	held_release  TEXT NOT NULL,
	held_revision TEXT NOT NULL,
	held_sequence BIGINT NOT NULL,
	state         TEXT NOT NULL,
	state_release TEXT NOT NULL,
	state_code    TEXT NOT NULL,
	state_message TEXT NOT NULL,
	state_at      BIGINT NOT NULL,
	PRIMARY KEY (token, id)
);

CREATE TABLE acknowledgements (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	token        TEXT NOT NULL,
	client       TEXT NOT NULL,
	release      TEXT NOT NULL,
	revision     TEXT NOT NULL,
	from_release TEXT NOT NULL,
	state        TEXT NOT NULL,
	code         TEXT NOT NULL,
	message      TEXT NOT NULL,
	mode         TEXT NOT NULL,
	bytes        BIGINT NOT NULL,
	took_ms      BIGINT NOT NULL,
	at           BIGINT NOT NULL,
	FOREIGN KEY (token, client) REFERENCES clients (token, id) ON DELETE CASCADE,
	UNIQUE (token, client, release, state)
);

CREATE TABLE audit (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	at           BIGINT NOT NULL,
	who          TEXT NOT NULL,
	what         TEXT NOT NULL,
	project      TEXT NOT NULL,
	channel      TEXT NOT NULL,
	from_release TEXT NOT NULL,
	to_release   TEXT NOT NULL,
	outcome      TEXT NOT NULL,
	detail       TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_scope ON audit (project, channel, id);

-- +goose StatementBegin
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append only');
END;
-- +goose StatementEnd
