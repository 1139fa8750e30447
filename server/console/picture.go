package console

import (
	"gatehouse/server/web"
	"gatehouse/templates"
)

// pictureField is the field of a form with a picture, by its name in the REST API.
const pictureField = "avatar"

// portrait is what the forms about a user's picture show.
func (p *Pages) portrait(v *Visit, userID string) (templates.Portrait, error) {
	has, err := p.Directory.HasPicture(v.Context(), userID)
	return templates.Portrait{PictureURL: web.AvatarURL(p.BasePath, userID), HasPicture: has}, err
}

// changePicture takes the forms about a user's picture; taken is false for any other form, none of which has a file.
func (p *Pages) changePicture(v *Visit, userID string) (taken bool, err error) {
	action := v.form.Get("action")
	switch {
	case action == "picture" && v.upload != nil:
		_, err = p.Directory.SetPicture(v.Context(), v.actor, userID, v.upload.Content, nil)
	case action == "initials" && v.upload == nil:
		_, err = p.Directory.RemovePicture(v.Context(), v.actor, userID, nil)
	case v.upload != nil:
		return true, unknownAction()
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, v.done(action)
}
