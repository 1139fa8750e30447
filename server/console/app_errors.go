package console

import (
	"unicode/utf8"

	"gatehouse/storage"
	"gatehouse/templates"
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
			row.Differences = append(row.Differences, compared(v.language.Refusal(d.Part), d))
		}
		page.Errors = append(page.Errors, row)
	}
	return v.answer(page)
}

// compared says from which character on two texts differ.
func compared(part string, d storage.ServiceErrorDifference) templates.ComparedPart {
	if d.Expected == "" {
		return templates.ComparedPart{Part: part, Sent: d.Sent}
	}
	same := 0
	for same < len(d.Sent) && same < len(d.Expected) {
		sent, size := utf8.DecodeRuneInString(d.Sent[same:])
		if expected, _ := utf8.DecodeRuneInString(d.Expected[same:]); expected != sent {
			break
		}
		same += size
	}
	return templates.ComparedPart{Part: part, Same: d.Sent[:same], Sent: d.Sent[same:], Expected: d.Expected[same:], Compared: true}
}
