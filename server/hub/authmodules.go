package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// authModuleView is a way to sign in, as Hub's REST API shows it.
type authModuleView struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// coreAuthModule is the only one that there is: a login and a password. Scripts look it up to give users a password.
var coreAuthModule = authModuleView{Type: "CoreauthmoduleJSON", ID: "hub", Name: "Hub"}

// AuthModules answers GET /api/rest/authmodules, a page of the ways to sign in that query lets through.
func (a *API) AuthModules(w http.ResponseWriter, r *http.Request, _ directory.Actor) error {
	fields, list, err := readList(r)
	if err != nil {
		return err
	}
	module, err := web.ToMap(coreAuthModule)
	if err != nil {
		return err
	}
	return answerShortList(w, "AuthmodulesPage", "authmodules", list, []map[string]any{module}, fields, "id", "name", "type")
}

// AuthModule answers GET /api/rest/authmodules/{id}.
func (a *API) AuthModule(w http.ResponseWriter, r *http.Request, _ directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	if id := mux.Vars(r)["id"]; id != coreAuthModule.ID {
		return notFound(id, storage.ErrNotFound)
	}
	entity, err := web.ToMap(coreAuthModule)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}
