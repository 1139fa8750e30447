// Package web is what the handlers share: reading parameters and bodies within bounds, Hub's fields and pages, and
// answering with JSON, a page or a redirect. The one table that turns an error into a status and a public text is in
// fault.go.
package web
