// Package console answers the pages for people who are signed in: their account, the services that they develop, and the
// administration of the server. It has no rules of its own: whatever a page shows or changes goes through the directory, as
// a person with the same rights would do it by REST, and is refused by it alike.
//
// A page is one address. GET shows it, POST takes its forms: a form that is refused shows the page again with what was
// typed and the reason, one that is done leads the browser back to the page by GET.
package console
