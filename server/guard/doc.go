// Package guard answers reverse proxies that ask, before they hand a request on to an API, whether it may pass (nginx
// calls it auth_request, Caddy forward_auth, Traefik ForwardAuth):
//
//	client -> proxy -> API
//	           |
//	           +-- GET /api/rest/guard?api=ID    with the Authorization header of the request, and
//	                                             X-Forwarded-Method and X-Forwarded-Uri
//
// 200 says yes, with headers that say who it is; 401, 403 and 429 say no, with the reason in Guard-Reason and in words.
// What each API asks for are its rules (package rules), which administrators set through package hub.
package guard
