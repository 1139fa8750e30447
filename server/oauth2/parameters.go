package oauth2

import (
	"net/url"
	"strconv"
	"strings"

	"gatehouse/storage"
	"gatehouse/templates"
)

// parameter is a name with its value.
type parameter struct{ name, value string }

// parameters keep their order in an address.
type parameters []parameter

// addTo appends the parameters that have a value to a URI: behind # or, beside those that are there, behind ?.
func (p parameters) addTo(uri string, fragment bool) string {
	var encoded []string
	for _, each := range p {
		if each.value != "" {
			encoded = append(encoded, each.name+"="+encode(each.value))
		}
	}
	if len(encoded) == 0 {
		return uri
	}
	separator := "#"
	switch {
	case fragment:
	case strings.HasSuffix(uri, "?"):
		separator = ""
	case strings.Contains(uri, "?"):
		separator = "&"
	default:
		separator = "?"
	}
	return uri + separator + strings.Join(encoded, "&")
}

// encode writes a space as %20, which every client decodes, also in a fragment.
func encode(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// PageService is a service as a page shows it.
func PageService(service storage.Service) templates.Service {
	return templates.Service{Name: service.Name, Vendor: service.Vendor, HomeURL: service.HomeURL, IconURL: service.IconURL}
}
