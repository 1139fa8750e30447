package console

import (
	"strconv"

	"gatehouse/server/directory"
	"gatehouse/server/oauth2"
	"gatehouse/templates"
)

// Keys shows /admin/keys.
func (p *Pages) Keys(v *Visit) error {
	keys, err := p.Keyring.Keys(v.Context(), v.actor)
	if err != nil {
		return err
	}
	page := templates.AdminKeys{Frame: v.frame("admin", "keys"), KeysURL: p.PublicURL + oauth2.KeysPath, AtOnce: v.ticked("atOnce")}
	for _, key := range keys {
		page.Keys = append(page.Keys, templates.Key{Use: key.Use, ID: key.ID, Algorithm: key.Algorithm, State: string(key.State),
			Created: moment(key.CreatedAt), Active: moment(key.ActiveAt)})
	}
	return v.answer(page)
}

// ChangeKeys makes new keys, or retires one.
func (p *Pages) ChangeKeys(v *Visit) error {
	if err := v.confirmedAdministrator(); err != nil {
		return err
	}
	switch v.form.Get("action") {
	case "rotate":
		if err := p.Keyring.Rotate(v.Context(), v.actor, v.ticked("atOnce")); err != nil {
			return err
		}
		return v.done("rotated")
	case "retire":
		id, err := strconv.Atoi(v.form.Get("id"))
		if err != nil {
			return unknownAction()
		}
		err = p.Keyring.Retire(v.Context(), v.actor, v.form.Get("use"), id)
		if err != nil && !directory.IsNotFound(err) {
			return err
		}
		return v.done("retired")
	}
	return unknownAction()
}
