// Package push decides who should hold what: it turns good saves into draft
// releases, publishes them to other channels, tells clients what is on offer,
// and knows how far each of them came.
//
// # What it keeps
//
// Releases lie in the log of package release, tokens, clients,
// acknowledgements and the audit log in package state. Whatever a poll needs is
// in memory: a poll costs a look at a token, at a client and at one pointer,
// and no SQL. When a client was last seen, and what it said to hold, reaches
// the database within [Options.FlushEvery]; what it registered and acknowledged
// is durable before it is answered.
//
// # Who is offered what
//
// A channel offers its newest release to everybody who does not hold it, with
// one exception: a client is never offered a sequence below its own. What a
// client holds is what it said last: at registration, in an acknowledgement, or
// in the If-None-Match of a check.
//
// # Drafts
//
// [Push.Tip] records a release on the channel draft for each project whose
// content differs at the new tip and that checks clean. The others wait, with
// the reason, in [Push.Waiting]; their clients keep the last good release. A
// project is released at once and then at most once in [Options.DraftEvery];
// tips between are passed over, the last one is not.
//
// A Push may be used by several goroutines. [Push.Run] must be running for
// delayed drafts, renewals, and what is written in the background.
package push
