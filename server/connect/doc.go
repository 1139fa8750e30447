// Package connect is this server as an OAuth client of providers: it sends people there, exchanges the code that they
// come back with, renews their tokens and takes them back (RFC 6749, RFC 7009, RFC 7636, RFC 9126). It is the only
// package that calls other servers, and only those whose addresses an administrator has stored.
package connect
