// Package templates holds the pages that Gatehouse shows in a browser, and the
// style sheets, script and icons they use. Everything is embedded.
//
// A page is one struct, one method of [Pages] and one HTML file:
//
//	SignIn     signin.html     user name and password
//	Consent    consent.html    may this service use your account?
//	Framed     framed.html     consent is not asked for in a frame
//	Problem    problem.html    an OAuth or other error, and what to do about it
//	Home       home.html       who is signed in, what this server is
//	SignedOut  signedout.html  the session has ended
//
// Those for people who are signed in, about their account, their apps and the
// server, share a frame (console.html), a model (console_model.go) and the
// method [Pages.Console].
//
// What they say comes from the catalogue of package texts, in the language that
// [Pages.In] was asked for; a template holds no words. The documentation of
// package docs is made into pages as well (handbook.go), and the name, logo and
// colour that an operator chooses are on all of them (brand.go).
//
// The pages hold no inline script, style or event handler. They are made for
//
//	Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:
//
// and are complete with scripts switched off. Every value is text for the
// page, whatever it contains; addresses are linked only after they were judged
// (links.go). No other package of Gatehouse makes HTML.
package templates
