package templates

import (
	"html/template"
	"net/url"
	"strings"
	"unicode"
)

// webURL returns raw if a page may link to it though a stranger wrote it: an
// absolute http or https URL. Otherwise it returns "". User information is
// refused because https://bank.example@evil.example reads like the bank.
func webURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	return raw
}

// ownURL returns raw if it is an address this server may have made: an http or
// https URL, or a path with or without query. Otherwise it returns "".
func ownURL(raw string) string {
	// Browsers read a backslash as a slash, and two slashes as another host.
	if strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") && !strings.Contains(raw, `\`) {
		if _, err := url.Parse(raw); err == nil {
			return raw
		}
		return ""
	}
	return webURL(raw)
}

// imageURL returns raw if it may be the source of a picture: an https URL, or
// a data URI of an image, which runs no script inside an img element.
// Otherwise it returns "".
func imageURL(raw string) template.URL {
	const dataImage = "data:image/"
	if len(raw) > len(dataImage) && strings.EqualFold(raw[:len(dataImage)], dataImage) {
		return template.URL(raw) // #nosec G203 -- an https address or an image, as checked above
	}
	if u, err := url.Parse(webURL(raw)); err == nil && u.Scheme == "https" {
		return template.URL(raw) // #nosec G203 -- an https address or an image, as checked above
	}
	return ""
}

// homeHost returns what to show for the home page of a service; "" if it has
// none.
func homeHost(service Service) string {
	if service.HomeHost != "" {
		return service.HomeHost
	}
	u, err := url.Parse(webURL(service.HomeURL))
	if err != nil {
		return ""
	}
	return u.Host
}

// initials returns the first letters of the first and the last word of name,
// in upper case; "" if name has neither letter nor digit.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
	if len(words) == 0 {
		return ""
	}
	letters := firstRune(words[0])
	if len(words) > 1 {
		letters += firstRune(words[len(words)-1])
	}
	return strings.ToUpper(letters)
}

func firstRune(word string) string {
	for _, r := range word {
		return string(r)
	}
	return ""
}

// maxMessage is how many characters of a client's message are shown: anybody
// can write a link with a message, and must not fill the page with it.
const maxMessage = 500

// clip returns the beginning of a client's message.
func clip(message string) string {
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "…"
	}
	return message
}
