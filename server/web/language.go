package web

import (
	"context"
	"net/http"

	"gatehouse/templates/texts"
)

// UILocalesParameter is the query parameter with the languages that an app wants for its people (OpenID Connect Core
// section 3.1.2.1). It stays in the address from the authorization request to the pages for signing in and consent.
const UILocalesParameter = "ui_locales"

type localesKey struct{}

// WithUILocales returns a request whose pages are in the languages that an authorization request asks for which is not in
// the address.
func WithUILocales(r *http.Request, uiLocales string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), localesKey{}, uiLocales))
}

// Language is the language of the pages that answer a request: what the app asks for or, where it asks for nothing that
// there is, what the browser does.
func Language(r *http.Request) *texts.Language {
	uiLocales, ok := r.Context().Value(localesKey{}).(string)
	if !ok {
		uiLocales = r.URL.Query().Get(UILocalesParameter)
	}
	return texts.Choose(uiLocales, r.Header.Get("Accept-Language"))
}
