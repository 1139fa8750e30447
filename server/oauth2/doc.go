// Package oauth2 is the authorization server: the endpoints of RFC 6749, 7009, 7662 and 8414 on tokens that are sealed
// and not stored. It is the only package that knows fosite.
//
// A token request goes through four steps (token.go):
//
//	read        parameters, client, scope and the marks that will be carried
//	validate    fosite's NewAccessRequest checks the grant; the adapter opens codes and refresh tokens, nothing is written
//	spend       the one write: insert the grant, or update its generation, or nothing (spend.go)
//	mint        fosite's NewAccessResponse has the strategy seal the tokens; nothing can fail for storage any more
//
// An authorization request (authorize.go) is checked in the order that is written there, sent to the sign-in page or
// shown the consent page where those are due, and comes back to the same endpoint, which decides anew from what is
// stored by then.
package oauth2
