package hub

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// permanentTokenView is a permanent token as Hub's REST API shows it (contract section 4). Times are in Unix
// milliseconds; the scope is added to the entity.
type permanentTokenView struct {
	Type           string       `json:"type"`
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	User           userNameView `json:"user"`
	CreationTime   int64        `json:"creationTime"`
	LastAccessTime int64        `json:"lastAccessTime,omitempty"`
	// ExpiresOn is left out of a token without an end.
	ExpiresOn int64 `json:"expiresOn,omitempty"`
	// Token is there once, for who has just made it.
	Token string `json:"token,omitempty"`
}

// permanentTokenBody is the body that makes a permanent token.
type permanentTokenBody struct {
	Name  string      `json:"name"`
	Scope []reference `json:"scope"`
	// ExpiresOn is in Unix milliseconds; 0 is never.
	ExpiresOn int64 `json:"expiresOn"`
}

// tokenOwner finds the user in the path, whose tokens, grants and consents are asked for: people see and take back their
// own, administrators everybody's.
func (a *API) tokenOwner(r *http.Request, actor directory.Actor) (storage.User, error) {
	user, err := a.namedUser(r, actor)
	if err == nil && !directory.ManagesTokensOf(actor, user) {
		err = directory.ErrForbidden
	}
	return user, err
}

// PermanentTokens answers GET /api/rest/users/{id}/permanenttokens, a page without the tokens themselves.
func (a *API) PermanentTokens(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwned(a, w, r, actor, "PermanenttokensPage", "permanenttokens", a.Directory.PermanentTokens, a.permanentTokenEntity)
}

// answerOwned answers the page of what a user owns that find finds for the request's list.
func answerOwned[T any](a *API, w http.ResponseWriter, r *http.Request, actor directory.Actor, kind, key string,
	find func(context.Context, string, storage.List) ([]T, int64, error),
	entity func(context.Context, storage.User, T) (map[string]any, error)) error {
	var user storage.User
	return answerList(w, r, kind, key, func(list storage.List) (rows []T, total int64, err error) {
		if user, err = a.tokenOwner(r, actor); err != nil {
			return nil, 0, err
		}
		return find(r.Context(), user.ID, list)
	}, each(func(row T) (map[string]any, error) { return entity(r.Context(), user, row) }))
}

// answerOwn answers one thing that a user owns, found by the id in the path.
func answerOwn[T any](a *API, w http.ResponseWriter, r *http.Request, actor directory.Actor,
	find func(ctx context.Context, userID, id string) (T, error),
	entity func(context.Context, storage.User, T) (map[string]any, error)) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	user, err := a.tokenOwner(r, actor)
	if err != nil {
		return err
	}
	id := mux.Vars(r)["itemId"]
	row, err := find(r.Context(), user.ID, id)
	if err != nil {
		return notFound(id, err)
	}
	found, err := entity(r.Context(), user, row)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, fields.Project(found))
	return nil
}

// takeBackOwn takes back one thing that a user owns, with the id in the path.
func (a *API) takeBackOwn(w http.ResponseWriter, r *http.Request, actor directory.Actor, takeBack func(ctx context.Context, userID, id string) error) error {
	user, err := a.tokenOwner(r, actor)
	if err != nil {
		return err
	}
	id := mux.Vars(r)["itemId"]
	if err := takeBack(r.Context(), user.ID, id); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}

// CreatePermanentToken answers POST /api/rest/users/{id}/permanenttokens with the new token, cut down to the asked
// fields: the one time that the token itself is shown.
func (a *API) CreatePermanentToken(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	user, err := a.tokenOwner(r, actor)
	if err != nil {
		return err
	}
	var body permanentTokenBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	n := directory.NewPermanentToken{Name: body.Name}
	for _, service := range body.Scope {
		n.Scope = append(n.Scope, service.ID)
	}
	if body.ExpiresOn != 0 {
		n.ExpiresAt = storage.At(time.UnixMilli(body.ExpiresOn))
	}
	text, token, err := a.Directory.MakePermanentTokenAs(r.Context(), actor, user, n)
	if err != nil {
		return err
	}
	entity, err := a.permanentTokenEntity(r.Context(), user, token)
	if err != nil {
		return err
	}
	entity["token"] = text
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// PermanentToken answers GET /api/rest/users/{id}/permanenttokens/{itemId}, without the token itself.
func (a *API) PermanentToken(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwn(a, w, r, actor, a.Directory.PermanentTokenOf, a.permanentTokenEntity)
}

// RevokePermanentToken answers DELETE /api/rest/users/{id}/permanenttokens/{itemId}.
func (a *API) RevokePermanentToken(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.takeBackOwn(w, r, actor, a.Directory.RevokePermanentToken)
}

func (a *API) permanentTokenEntity(ctx context.Context, user storage.User, token storage.PermanentToken) (map[string]any, error) {
	entity, err := web.ToMap(permanentTokenView{Type: "permanentToken", ID: token.ID, Name: token.Name, User: userName(user),
		CreationTime: token.CreatedAt.Millis(), LastAccessTime: token.LastUsedAt.Millis(), ExpiresOn: token.ExpiresAt.Millis()})
	if err != nil {
		return nil, err
	}
	entity["scope"], err = a.scopeEntities(ctx, token.Scope)
	return entity, err
}

func userName(user storage.User) userNameView {
	return userNameView{Type: "user", ID: user.ID, Login: user.Login, Name: user.Name}
}

// scopeEntities shows what a token or consent is good for: services by what everybody who is signed in sees of them,
// and items that name no service by themselves.
func (a *API) scopeEntities(ctx context.Context, items []string) ([]map[string]any, error) {
	entities := make([]map[string]any, len(items))
	for i, item := range items {
		if directory.IsStandardItem(item) {
			entities[i] = map[string]any{"type": "scope", "id": item, "key": item, "name": item}
			continue
		}
		service, err := a.Directory.Service(ctx, item)
		switch {
		case directory.IsNotFound(err):
			entities[i] = map[string]any{"type": "service", "id": item}
		case err != nil:
			return nil, err
		default:
			if entities[i], err = a.publicService(service); err != nil {
				return nil, err
			}
		}
	}
	return entities, nil
}
