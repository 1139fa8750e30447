package hub

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// publicSettingsView is what strangers see of the settings (contract section 4).
type publicSettingsView struct {
	Type             string        `json:"type"`
	ID               string        `json:"id"`
	HelpdeskEnabled  bool          `json:"helpdeskEnabled"`
	EndUserAgreement agreementView `json:"endUserAgreement"`
}

type agreementView struct {
	Enabled      bool   `json:"enabled"`
	Text         string `json:"text"`
	MajorVersion int64  `json:"majorVersion"`
	MinorVersion int64  `json:"minorVersion"`
}

// PublicSettings answers GET /api/rest/settings/public. Clients ask here whether the server is alive, so nothing that
// they send makes it an error: what is no list of fields asks for all of them.
func (a *API) PublicSettings(w http.ResponseWriter, r *http.Request) error {
	agreement := a.Directory.Settings().EndUserAgreement
	entity, err := web.ToMap(publicSettingsView{Type: "PublicSettings", ID: "public", EndUserAgreement: agreementView{
		Enabled: agreement.Enabled(), Text: agreement.Text, MajorVersion: agreement.MajorVersion, MinorVersion: agreement.MinorVersion}})
	if err != nil {
		return err
	}
	if fields, err := web.ParseFields(r.URL.Query().Get("fields")); err == nil && fields != nil {
		entity = fields.Project(entity)
	}
	web.JSON(w, http.StatusOK, entity)
	return nil
}

// agreementConsentView is what a user has said to the end user agreement, as Hub's REST API shows it (contract section 4).
// The versions are those of the text that was accepted last, 0 for none. Times are in Unix milliseconds.
type agreementConsentView struct {
	Accepted       bool   `json:"accepted"`
	MajorVersion   int64  `json:"majorVersion"`
	MinorVersion   int64  `json:"minorVersion"`
	Time           int64  `json:"time,omitempty"`
	RevocationTime int64  `json:"revocationTime,omitempty"`
	Address        string `json:"address,omitempty"`
}

func agreementConsent(consent directory.AgreementConsent) *agreementConsentView {
	return &agreementConsentView{Accepted: consent.Accepted, MajorVersion: consent.MajorVersion, MinorVersion: consent.MinorVersion,
		Time: consent.AcceptedAt.Millis(), RevocationTime: consent.RevokedAt.Millis(), Address: consent.Address}
}

// agreementConsentBody says how the user answers; without it they accept.
type agreementConsentBody struct {
	Accepted     *bool  `json:"accepted"`
	MajorVersion *int64 `json:"majorVersion"`
	MinorVersion *int64 `json:"minorVersion"`
}

// AnswerAgreement answers POST /api/rest/users/endUserAgreementConsent, by which the caller accepts the end user
// agreement or takes that back, with what is recorded then. A body is not needed: without it the text of now is accepted.
func (a *API) AnswerAgreement(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	var body agreementConsentBody
	if r.ContentLength != 0 {
		if err := web.DecodeJSON(w, r, &body); err != nil {
			return err
		}
	}
	answer := directory.AgreementAnswer{Accepted: body.Accepted == nil || *body.Accepted,
		MajorVersion: body.MajorVersion, MinorVersion: body.MinorVersion, From: web.ClientAddress(r.Context())}
	consent, err := a.Directory.AnswerAgreement(r.Context(), actor, answer)
	if directory.IsNotFound(err) {
		return &web.Fault{Status: http.StatusNotFound, Code: "Not Found", Cause: err,
			Description: "there is no agreement to accept, or no acceptance to take back"}
	} else if err != nil {
		return err
	}
	entity, err := web.ToMap(agreementConsent(consent))
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}
