package console

import (
	"strings"
	"unicode/utf8"

	"gatehouse/storage"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// AppErrorsPath is the page with the errors that requests of an app were answered with.
const AppErrorsPath = "/console/apps/{id}/errors"

// AppErrors shows /console/apps/{id}/errors, for who may change the app.
func (p *Pages) AppErrors(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	found, err := p.Directory.ServiceErrors(v.Context(), v.actor, service.ID)
	if err != nil {
		return err
	}
	page := templates.AppErrors{AppFrame: v.appFrame(service, "errors")}
	for _, e := range found {
		row := templates.AppError{Code: e.Code, Description: v.language.Refusal(e.Description), Endpoint: e.Endpoint, Times: int(e.Times), First: moment(e.FirstAt), Last: moment(e.LastAt),
			RequestID: e.RequestID, Address: e.Address}
		for _, d := range e.Differences {
			row.Differences = append(row.Differences, comparedIn(v.language, d))
		}
		page.Errors = append(page.Errors, row)
	}
	return v.answer(page)
}

// comparedIn says a difference in a language.
func comparedIn(language *texts.Language, d storage.ServiceErrorDifference) templates.ComparedPart {
	whole, part, inside := strings.Cut(d.Part, ": ")
	d.Part = language.Refusal(whole)
	if inside {
		d.Part += ": " + language.Refusal(part)
	}
	if whole == "secret" {
		// It is not kept: both are words of ours, and have no first character that differs.
		return templates.ComparedPart{Part: d.Part, Sent: language.Refusal(d.Sent), Expected: language.Refusal(d.Expected), Compared: true}
	}
	return compared(d)
}

// compared says from which character on two texts differ.
func compared(d storage.ServiceErrorDifference) templates.ComparedPart {
	if d.Expected == "" {
		return templates.ComparedPart{Part: d.Part, Sent: d.Sent}
	}
	same := 0
	for same < len(d.Sent) && same < len(d.Expected) {
		sent, size := utf8.DecodeRuneInString(d.Sent[same:])
		if expected, _ := utf8.DecodeRuneInString(d.Expected[same:]); expected != sent {
			break
		}
		same += size
	}
	return templates.ComparedPart{Part: d.Part, Same: d.Sent[:same], Sent: d.Sent[same:], Expected: d.Expected[same:], Compared: true}
}
