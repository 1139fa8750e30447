// Package login signs people in and out, and knows the sessions of their browsers. It knows nothing of consent or of
// tokens: it sends the browser back to the authorization endpoint, which decides what is next.
package login
