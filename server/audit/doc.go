// Package audit keeps the record of who did what, to whom or what, when, from where and through which service, with old
// and new values but without secrets.
//
// What changes rights is recorded in the transaction of the change ([Log.Record]). What must not cost a write of its own,
// such as the issue of a token or the decision of a guard, is gathered and written within a second ([Log.Gather]).
//
// A [Chain] ties the events of each category together with hashes under a key of the server. It is closed in batches
// behind the writers, so that no writer waits for another.
package audit
