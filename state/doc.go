// Package state holds what git should not: tokens, clients, what they
// acknowledged, and the audit log, in SQL.
//
// [Open] opens or creates an SQLite file. A value returned by a reader is the
// caller's own. All methods may be called concurrently.
//
// # Durability
//
// A write that returned nil survives a power cut: the write-ahead log is synced
// before [Store.Update] returns. Writers share that sync. One goroutine gathers
// the requests that wait, up to 256, into one transaction, each inside a
// savepoint of its own, so that a request that fails takes no other with it.
//
// # Engines
//
// Queries are written once, with numbered parameters, 64-bit integers and text;
// times are Unix milliseconds. Migrations lie in a folder an engine, so that
// another engine needs a folder and a driver and no second set of queries.
//
// # What is where
//
// What prompts say lies in the authors' repository, what channels offer in the
// releases repository. Losing this database loses no release: clients register
// again and say what they hold. It does lose the tokens.
package state
