// Package server is the whole of Gatehouse behind one [net/http.Handler]: the table of routes, what is around each of
// them, and the only place that knows every package below.
//
//	browser or client
//	   |
//	arriving, stripping, allowingOrigins     request id and client address, path of the public URL, CORS (middleware.go, cors.go)
//	   |
//	routes                                   method, path, who may call it, handler (routes.go)
//	   |
//	   +-- oauth2     GET  auth              checks the request; nobody signed in? to login; not approved? consent page;
//	   |                |                    else back to the client with a code, or a token in the fragment
//	   |              POST auth              stores what the consent page allowed, and sends the browser to auth again
//	   |              POST par               checks the request and seals it into its request_uri, for auth to open
//	   |              POST token             read the marks, validate (fosite), spend (the one write), mint
//	   |              POST introspect        open the seal, one read of revocations
//	   |              POST revoke            one write of revocations; a refresh token takes its grant along
//	   |              GET  accessible-resources  the sites that the permissions of a token were granted for
//	   |              userinfo, keys, logout who the user is, what id_tokens are verified with, the end of the session
//	   |
//	   +-- login      GET  auth/login        the sign-in page, with the authorization request as its query
//	   |              POST interactive/login checks the password, starts a session, sends the browser to auth again
//	   |
//	   +-- guard      GET  guard             says to a reverse proxy whether a request to an API may pass, and who makes it
//	   |
//	   +-- console    /account, /console     pages for who is signed in; they ask the directory, as hub does
//	   |              /admin
//	   |
//	   +-- hub        /api/rest              services and users in Hub's shapes, for whom access has found out
//	   |
//	access            whom a Bearer or Basic header stands for; opens tokens (seal) and asks whether they are live
//	directory         who exists, what they may do, what they approved; hands on the revocation marks
//	storage           SQLite or PostgreSQL
//
// A handler answers, or returns an error; the error is turned into a status and a public text in one table
// (web/fault.go) and answered as JSON or as a page, by the audience of its route.
package server
