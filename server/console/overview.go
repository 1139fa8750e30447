package console

import (
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// spans are how far back the charts of /admin go, in days.
var spans = []int{1, 7, 30}

// Overview shows /admin: what had better be mended, and what has happened in the last days, as many as the parameter days
// says.
func (p *Pages) Overview(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	days := spans[0]
	page := templates.AdminOverview{Frame: v.frame("admin", "")}
	for _, span := range spans {
		text := strconv.Itoa(span)
		if v.URL.Query().Get("days") == text {
			days = span
		}
		page.Days = append(page.Days, templates.Choice{ID: text})
	}
	for i := range page.Days {
		page.Days[i].Chosen = page.Days[i].ID == strconv.Itoa(days)
	}
	stretches, step, err := p.Directory.Activity(v.Context(), v.actor, days)
	if err != nil {
		return err
	}
	page.Day = step == 24*time.Hour
	page.SignIns = chart(stretches, func(a directory.Activity) (int64, int64) { return a.SignIns, a.SignInsRefused })
	page.Tokens = chart(stretches, func(a directory.Activity) (int64, int64) { return a.TokensForPeople, a.TokensForServices })
	page.Errors = chart(stretches, func(a directory.Activity) (int64, int64) { return a.RequestsRefused, a.RequestsFailed })
	if page.Warnings, err = p.warnings(v); err != nil {
		return err
	}
	return v.answer(page)
}

func chart(stretches []directory.Activity, counts func(directory.Activity) (first, second int64)) templates.Chart {
	made := templates.Chart{Points: make([]templates.ChartPoint, len(stretches))}
	for i, stretch := range stretches {
		first, second := counts(stretch)
		made.Points[i] = templates.ChartPoint{From: moment(storage.At(stretch.From)), First: first, Second: second}
	}
	return made
}

// warnings are those of the directory, of the keys and of the public URL.
func (p *Pages) warnings(v *Visit) ([]templates.Warning, error) {
	found, err := p.Directory.Warnings(v.Context(), v.actor)
	if err != nil {
		return nil, err
	}
	keys, err := p.Keyring.Keys(v.Context(), v.actor)
	if err != nil {
		return nil, err
	}
	found = append(found, p.Directory.OldKeys(keys)...)
	if overPlainHTTP(p.PublicURL) {
		found = append(found, directory.Warning{Kind: directory.PlainHTTP, Name: p.PublicURL})
	}
	shown := make([]templates.Warning, len(found))
	for i, w := range found {
		shown[i] = templates.Warning{Kind: string(w.Kind), ID: w.ID, Name: w.Name, Count: w.Count, At: moment(w.At)}
	}
	return shown, nil
}

// overPlainHTTP says whether passwords and tokens that are sent to the URL can be read on the way.
func overPlainHTTP(publicURL string) bool {
	parsed, err := url.Parse(publicURL)
	if err != nil || parsed.Scheme != "http" {
		return false
	}
	address, err := netip.ParseAddr(parsed.Hostname())
	return parsed.Hostname() != "localhost" && !(err == nil && address.IsLoopback())
}
