package server

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"gatehouse/api"
	"gatehouse/server/connect"
	"gatehouse/server/console"
	"gatehouse/server/guard"
	"gatehouse/server/login"
	"gatehouse/server/oauth2"
	"gatehouse/server/web"
	"gatehouse/templates"
)

// audience says who may call a route. There is no zero audience: a route without one does not compile into the table.
type audience func(*Server, handler) http.Handler

// handler either answers or returns an error, which is answered in the way of its audience.
type handler func(http.ResponseWriter, *http.Request) error

// route is one method of one path below the public URL.
type route struct {
	method, path string
	audience     audience
	handle       handler
}

// routes lists every route there is.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/healthz", anyone, s.alive},
		{"GET", "/readyz", anyone, s.ready},
		{"GET", "/api/openapi.yaml", anyone, openAPI},
		{"GET", explorerPath, anyone, s.explorer},
		{"GET", exploredPath, anyone, s.explored},
		{"GET", explorerPath + "/explorer/{file}", anyone, explorerFile},
		{"GET", "/.well-known/oauth-authorization-server", anyone, s.oauth2.Metadata},
		{"GET", "/.well-known/openid-configuration", anyone, s.oauth2.OpenIDMetadata},
		{"GET", oauth2.OpenIDMetadataPath, anyone, s.oauth2.OpenIDMetadata},
		{"GET", oauth2.KeysPath, anyone, s.oauth2.Keys},
		{"GET", explanationPath + "{code}", person, s.explain},
		{"GET", templates.DocsPath, person, s.docs},
		{"GET", templates.DocsPath + "/{name:.+}", person, s.docs},

		{"GET", oauth2.AuthorizePath, person, s.oauth2.Authorize},
		{"POST", oauth2.AuthorizePath, person, s.oauth2.Decide},
		{"POST", oauth2.PushPath, client, s.oauth2.Push},
		{"POST", oauth2.TokenPath, client, s.oauth2.Token},
		{"POST", oauth2.IntrospectPath, client, s.oauth2.Introspect},
		{"POST", oauth2.RevokePath, client, s.oauth2.Revoke},
		{"GET", oauth2.UserInfoPath, bearer, s.oauth2.UserInfo},
		{"POST", oauth2.UserInfoPath, bearer, s.oauth2.UserInfo},

		{"GET", oauth2.LogoutPath, person, s.oauth2.Logout},

		{"GET", oauth2.AtlassianAuthorizePath, person, s.oauth2.Authorize},
		{"POST", oauth2.AtlassianTokenPath, client, s.oauth2.Token},
		{"GET", oauth2.AccessibleResourcesPath, bearer, s.oauth2.AccessibleResources},

		{"GET", "/", person, s.login.Home},
		{"GET", login.SignInPath, person, s.login.SignInForm},
		{"POST", login.InteractivePath, person, s.login.Interactive},
		{"GET", login.InteractivePath + "/settings", anyone, s.login.InteractiveSettings},
		{"POST", login.SignOutPath, person, s.login.SignOut},
		{"GET", login.SignedOutPath, person, s.login.SignedOut},

		{"GET", console.ProfilePath, person, s.console.Show(s.console.Profile)},
		{"POST", console.ProfilePath, person, s.console.ChangeWithFile(s.console.ChangeProfile, s.console.Profile)},
		{"GET", console.AppsPath, person, s.console.Show(s.console.AuthorisedApps)},
		{"POST", console.AppsPath, person, s.console.Change(s.console.RevokeApps, s.console.AuthorisedApps)},
		{"GET", console.TokensPath, person, s.console.Show(s.console.PermanentTokens)},
		{"POST", console.TokensPath, person, s.console.Change(s.console.ChangeTokens, s.console.PermanentTokens)},
		{"GET", console.SessionsPath, person, s.console.Show(s.console.Sessions)},
		{"POST", console.SessionsPath, person, s.console.Change(s.console.EndSessions, s.console.Sessions)},
		{"GET", console.PasswordPath, person, s.console.Show(s.console.Password)},
		{"POST", console.PasswordPath, person, s.console.Change(s.console.ChangePassword, s.console.Password)},

		{"GET", console.ConsolePath, person, s.console.Show(s.console.OwnApps)},
		{"GET", console.NewAppPath, person, s.console.Show(s.console.AppKinds)},
		{"GET", console.NewAppKindPath, person, s.console.Show(s.console.NewApp)},
		{"POST", console.NewAppKindPath, person, s.console.Change(s.console.CreateApp, s.console.NewApp)},
		{"GET", console.AppPath, person, s.console.Show(s.console.AppSettings)},
		{"POST", console.AppPath, person, s.console.Change(s.console.ChangeApp, s.console.AppSettings)},
		{"GET", console.AppSecretsPath, person, s.console.Show(s.console.Secrets)},
		{"POST", console.AppSecretsPath, person, s.console.Change(s.console.ChangeSecrets, s.console.Secrets)},
		{"GET", console.AppPermissionsPath, person, s.console.Show(s.console.AppPermissions)},
		{"POST", console.AppPermissionsPath, person, s.console.Change(s.console.ChangePermissions, s.console.AppPermissions)},
		{"GET", console.AppStartPath, person, s.console.Show(s.console.AppStart)},
		{"GET", console.AppFlowPath, person, s.console.Show(s.console.AppFlow)},
		{"POST", console.AppFlowPath, person, s.console.Change(s.console.TryFlow, s.console.AppFlow)},
		{"GET", console.AppFlowCallbackPath, person, s.console.Show(s.console.FinishFlow)},
		{"GET", console.AppErrorsPath, person, s.console.Show(s.console.AppErrors)},

		{"GET", console.AdminPath, person, s.console.Show(s.console.Overview)},
		{"GET", console.SettingsPath, person, s.console.Show(s.console.Settings)},
		{"GET", console.KeysPath, person, s.console.Show(s.console.Keys)},
		{"POST", console.KeysPath, person, s.console.Change(s.console.ChangeKeys, s.console.Keys)},
		{"GET", console.ServicesPath, person, s.console.Show(s.console.Services)},
		{"GET", console.UsersPath, person, s.console.Show(s.console.Users)},
		{"POST", console.UsersPath, person, s.console.Change(s.console.CreateUser, s.console.Users)},
		{"GET", console.UserPath, person, s.console.Show(s.console.User)},
		{"POST", console.UserPath, person, s.console.ChangeWithFile(s.console.ChangeUser, s.console.User)},
		{"GET", console.AccessPath, person, s.console.Show(s.console.UserAccess)},
		{"POST", console.AccessPath, person, s.console.Change(s.console.ChangeUserAccess, s.console.UserAccess)},
		{"GET", console.GroupsPath, person, s.console.Show(s.console.Groups)},
		{"POST", console.GroupsPath, person, s.console.Change(s.console.CreateGroup, s.console.Groups)},
		{"GET", console.GroupPath, person, s.console.Show(s.console.Group)},
		{"POST", console.GroupPath, person, s.console.Change(s.console.ChangeGroup, s.console.Group)},
		{"GET", console.AuditPath, person, s.console.Show(s.console.Audit)},
		{"GET", console.AuditExportPath, person, s.console.Show(s.console.AuditExport)},
		{"GET", console.TokenTestPath, person, s.console.Show(s.console.TokenTest)},
		{"POST", console.TokenTestPath, person, s.console.Change(s.console.TestToken, s.console.TokenTest)},

		{"POST", "/api/rest/services", registrant, s.hub.Anyone(s.hub.CreateService)},
		{"GET", "/api/rest/services", anyone, s.hub.Anyone(s.hub.Services)},
		{"GET", "/api/rest/services/header", anyone, s.hub.Anyone(s.hub.ServicesHeader)},
		{"GET", "/api/rest/services/{id}", account, s.hub.Authenticated(s.hub.Service)},
		{"POST", "/api/rest/services/{id}", account, s.hub.Authenticated(s.hub.UpdateService)},
		{"DELETE", "/api/rest/services/{id}", account, s.hub.Authenticated(s.hub.DeleteService)},
		{"GET", "/api/rest/services/{id}/permissions", account, s.hub.Authenticated(s.hub.ServicePermissions)},
		{"POST", "/api/rest/services/{id}/permissions", account, s.hub.Authenticated(s.hub.PublishPermission)},
		{"GET", "/api/rest/services/{id}/permissions/{itemId}", account, s.hub.Authenticated(s.hub.ServicePermission)},
		{"POST", "/api/rest/services/{id}/permissions/{itemId}", account, s.hub.Authenticated(s.hub.ChangePermission)},
		{"DELETE", "/api/rest/services/{id}/permissions/{itemId}", account, s.hub.Authenticated(s.hub.WithdrawPermission)},
		{"GET", "/api/rest/services/{id}/sites", account, s.hub.Authenticated(s.hub.Sites)},
		{"POST", "/api/rest/services/{id}/sites", account, s.hub.Authenticated(s.hub.PublishSite)},
		{"GET", "/api/rest/services/{id}/sites/{itemId}", account, s.hub.Authenticated(s.hub.Site)},
		{"POST", "/api/rest/services/{id}/sites/{itemId}", account, s.hub.Authenticated(s.hub.ChangeSite)},
		{"DELETE", "/api/rest/services/{id}/sites/{itemId}", account, s.hub.Authenticated(s.hub.WithdrawSite)},
		{"GET", "/api/rest/services/{id}/secrets", account, s.hub.Authenticated(s.hub.ServiceSecrets)},
		{"POST", "/api/rest/services/{id}/secrets", account, s.hub.Authenticated(s.hub.AddServiceSecret)},
		{"DELETE", "/api/rest/services/{id}/secrets/{itemId}", account, s.hub.Authenticated(s.hub.RetireServiceSecret)},
		{"GET", "/api/rest/services/{id}/errors", account, s.hub.Authenticated(s.hub.ServiceErrors)},
		{"GET", "/api/rest/services/{id}/untrustedredirecturis", account, s.hub.Authenticated(s.hub.UntrustedRedirectURIs)},
		{"GET", "/api/rest/services/{id}/untrustedredirecturis/{itemId}", account, s.hub.Authenticated(s.hub.UntrustedRedirectURI)},
		{"DELETE", "/api/rest/services/{id}/untrustedredirecturis/{itemId}", account, s.hub.Authenticated(s.hub.RejectRedirectURI)},
		{"POST", "/api/rest/services/{id}/untrustedredirecturis/{itemId}/accept", account, s.hub.Authenticated(s.hub.AcceptRedirectURI)},
		{"POST", "/api/rest/services/{id}/untrustedredirecturis/{itemId}/reject", account, s.hub.Authenticated(s.hub.RejectRedirectURI)},
		{"POST", "/api/rest/services/{id}/untrustedredirecturis/{itemId}/{redirectURI:.+}/accept", account, s.hub.Authenticated(s.hub.AcceptRedirectURI)},
		{"POST", "/api/rest/services/{id}/untrustedredirecturis/{itemId}/{redirectURI:.+}/reject", account, s.hub.Authenticated(s.hub.RejectRedirectURI)},
		{"DELETE", "/api/rest/services/{id}/untrustedredirecturis/{itemId}/{redirectURI:.+}/reject", account, s.hub.Authenticated(s.hub.RejectRedirectURI)},

		{"GET", "/api/rest/users/me", account, s.hub.Authenticated(s.hub.Me)},
		{"GET", "/api/rest/users", account, s.hub.Authenticated(s.hub.Users)},
		{"POST", "/api/rest/users", account, s.hub.Authenticated(s.hub.CreateUser)},
		{"POST", "/api/rest/users/endUserAgreementConsent", account, s.hub.Authenticated(s.hub.AnswerAgreement)},
		{"GET", "/api/rest/users/guest", anyone, s.hub.Anyone(s.hub.GuestUser)},
		{"GET", "/api/rest/users/{id}", account, s.hub.Authenticated(s.hub.User)},
		{"POST", "/api/rest/users/{id}", account, s.hub.Authenticated(s.hub.UpdateUser)},
		{"DELETE", "/api/rest/users/{id}", account, s.hub.Authenticated(s.hub.DeleteUser)},
		{"GET", "/api/rest/users/{id}/groups", account, s.hub.Authenticated(s.hub.GroupsOfUser)},
		{"POST", "/api/rest/users/{id}/groups", account, s.hub.Authenticated(s.hub.JoinGroup)},
		{"DELETE", "/api/rest/users/{id}/groups/{groupId}", account, s.hub.Authenticated(s.hub.LeaveGroup)},
		{"GET", "/api/rest/users/{id}/userdetails", account, s.hub.Authenticated(s.hub.DetailsOfUser)},
		{"POST", "/api/rest/users/{id}/userdetails", account, s.hub.Authenticated(s.hub.AddDetailToUser)},
		{"GET", "/api/rest/users/{id}/userdetails/{itemId}", account, s.hub.Authenticated(s.hub.DetailOfUser)},
		{"DELETE", "/api/rest/users/{id}/userdetails/{itemId}", account, s.hub.Authenticated(s.hub.RemoveDetailFromUser)},
		{"GET", "/api/rest/users/{id}/permanenttokens", account, s.hub.Authenticated(s.hub.PermanentTokens)},
		{"POST", "/api/rest/users/{id}/permanenttokens", account, s.hub.Authenticated(s.hub.CreatePermanentToken)},
		{"GET", "/api/rest/users/{id}/permanenttokens/{itemId}", account, s.hub.Authenticated(s.hub.PermanentToken)},
		{"DELETE", "/api/rest/users/{id}/permanenttokens/{itemId}", account, s.hub.Authenticated(s.hub.RevokePermanentToken)},
		{"GET", "/api/rest/users/{id}/approvedscopes", account, s.hub.Authenticated(s.hub.ApprovedScopes)},
		{"GET", "/api/rest/users/{id}/approvedscopes/{itemId}", account, s.hub.Authenticated(s.hub.ApprovedScope)},
		{"DELETE", "/api/rest/users/{id}/approvedscopes/{itemId}", account, s.hub.Authenticated(s.hub.WithdrawConsent)},
		{"GET", "/api/rest/users/{id}/refreshtokens", account, s.hub.Authenticated(s.hub.RefreshTokens)},
		{"GET", "/api/rest/users/{id}/refreshtokens/{itemId}", account, s.hub.Authenticated(s.hub.RefreshToken)},
		{"DELETE", "/api/rest/users/{id}/refreshtokens/{itemId}", account, s.hub.Authenticated(s.hub.EndGrant)},
		{"GET", "/api/rest/users/{id}/sessions", account, s.hub.Authenticated(s.hub.Sessions)},
		{"DELETE", "/api/rest/users/{id}/sessions", account, s.hub.Authenticated(s.hub.EndSessions)},
		{"DELETE", "/api/rest/users/{id}/sessions/{itemId}", account, s.hub.Authenticated(s.hub.EndSession)},
		{"POST", "/api/rest/users/{id}/avatar", account, s.hub.Authenticated(s.hub.SetAvatar)},
		{"DELETE", "/api/rest/users/{id}/avatar", account, s.hub.Authenticated(s.hub.RemoveAvatar)},
		{"GET", web.AvatarPath + "{id}", anyone, s.hub.Avatar},

		{"GET", "/api/rest/authmodules", account, s.hub.Authenticated(s.hub.AuthModules)},
		{"GET", "/api/rest/authmodules/{id}", account, s.hub.Authenticated(s.hub.AuthModule)},
		{"GET", "/api/rest/userdetails", account, s.hub.Authenticated(s.hub.UserDetails)},
		{"POST", "/api/rest/userdetails", account, s.hub.Authenticated(s.hub.CreateUserDetail)},
		{"GET", "/api/rest/userdetails/{id}", account, s.hub.Authenticated(s.hub.UserDetail)},
		{"POST", "/api/rest/userdetails/{id}", account, s.hub.Authenticated(s.hub.UpdateUserDetail)},
		{"DELETE", "/api/rest/userdetails/{id}", account, s.hub.Authenticated(s.hub.DeleteUserDetail)},

		{"GET", "/api/rest/usergroups", account, s.hub.Authenticated(s.hub.UserGroups)},
		{"POST", "/api/rest/usergroups", account, s.hub.Authenticated(s.hub.CreateUserGroup)},
		{"GET", "/api/rest/usergroups/{id}", account, s.hub.Authenticated(s.hub.UserGroup)},
		{"POST", "/api/rest/usergroups/{id}", account, s.hub.Authenticated(s.hub.UpdateUserGroup)},
		{"DELETE", "/api/rest/usergroups/{id}", account, s.hub.Authenticated(s.hub.DeleteUserGroup)},
		{"GET", "/api/rest/usergroups/{id}/users", account, s.hub.Authenticated(s.hub.GroupUsers)},
		{"POST", "/api/rest/usergroups/{id}/users", account, s.hub.Authenticated(s.hub.AddGroupUser)},
		{"DELETE", "/api/rest/usergroups/{id}/users/{userId}", account, s.hub.Authenticated(s.hub.RemoveGroupUser)},

		{"GET", guard.Path, proxy, s.guard.Check},
		{"POST", guard.Path + "/test", account, s.hub.Authenticated(s.guard.Test)},
		{"GET", "/api/rest/guard/apis", account, s.hub.Authenticated(s.hub.ProtectedAPIs)},
		{"POST", "/api/rest/guard/apis", account, s.hub.Authenticated(s.hub.CreateProtectedAPI)},
		{"GET", "/api/rest/guard/apis/{id}", account, s.hub.Authenticated(s.hub.ProtectedAPI)},
		{"POST", "/api/rest/guard/apis/{id}", account, s.hub.Authenticated(s.hub.UpdateProtectedAPI)},
		{"DELETE", "/api/rest/guard/apis/{id}", account, s.hub.Authenticated(s.hub.DeleteProtectedAPI)},

		{"GET", "/api/rest/audit", account, s.hub.Authenticated(s.hub.AuditEvents)},
		{"GET", "/api/rest/audit/export", account, s.hub.Authenticated(s.hub.ExportAudit)},

		{"GET", "/api/rest/activity", account, s.hub.Authenticated(s.hub.Activity)},
		{"GET", "/api/rest/keys", account, s.hub.Authenticated(s.hub.Keys)},
		{"POST", "/api/rest/keys", account, s.hub.Authenticated(s.hub.RotateKeys)},
		{"DELETE", "/api/rest/keys/{use}/{itemId}", account, s.hub.Authenticated(s.hub.RetireKey)},

		{"GET", "/api/rest/users/{id}/connections", account, s.hub.Authenticated(s.hub.Connections)},
		{"GET", "/api/rest/users/{id}/connections/{itemId}", account, s.hub.Authenticated(s.hub.Connection)},
		{"POST", "/api/rest/users/{id}/connections/{itemId}", account, s.hub.Authenticated(s.hub.UpdateConnection)},
		{"DELETE", "/api/rest/users/{id}/connections/{itemId}", account, s.hub.Authenticated(s.hub.Disconnect)},
		{"POST", "/api/rest/users/{id}/connections/{itemId}/accesstoken", account, s.hub.Authenticated(s.hub.ProviderAccessToken)},

		{"GET", "/api/rest/relations/consumers", account, s.hub.Authenticated(s.hub.Consumers)},
		{"GET", "/api/rest/relations/consumers/{id}", account, s.hub.Authenticated(s.hub.Consumer)},
		{"DELETE", "/api/rest/relations/consumers/{id}", account, s.hub.Authenticated(s.hub.CutOff)},
		{"GET", "/api/rest/relations/providers", account, s.hub.Authenticated(s.hub.Providers)},
		{"POST", "/api/rest/relations/providers", account, s.hub.Authenticated(s.hub.CreateProvider)},
		{"GET", "/api/rest/relations/providers/{id}", account, s.hub.Authenticated(s.hub.Provider)},
		{"POST", "/api/rest/relations/providers/{id}", account, s.hub.Authenticated(s.hub.UpdateProvider)},
		{"DELETE", "/api/rest/relations/providers/{id}", account, s.hub.Authenticated(s.hub.DeleteProvider)},
		{"GET", connect.Path, person, s.relations.List},
		{"POST", connect.Path + "/{id}", person, s.relations.Decide},
		{"GET", connect.Path + "/{id}/callback", person, s.relations.Callback},

		{"GET", "/api/rest/settings/public", anyone, s.hub.PublicSettings},
		{"GET", "/api/rest/permissions/cache", account, s.hub.Authenticated(s.hub.PermissionsCache)},
	}
}

// anyone may call the route without proving anything.
func anyone(s *Server, handle handler) http.Handler { return s.answeringJSON(handle) }

// client has to be a registered service: the handler authenticates it as RFC 6749 section 2.3 says, since that takes
// the parameters of the body.
func client(s *Server, handle handler) http.Handler { return s.answeringJSON(handle) }

// bearer has to bring an access token of its user; the handler asks for the scope.
func bearer(s *Server, handle handler) http.Handler { return s.answeringJSON(handle) }

// account has to be a user or service with credentials for the REST API.
func account(s *Server, handle handler) http.Handler { return s.answeringJSON(handle) }

// proxy asks about a request of somebody else, whose credentials it hands on; the handler says whether they are good. What
// it refuses is in the audit log by the rules of the API, and not once more as every other refusal.
func proxy(s *Server, handle handler) http.Handler {
	responder := *s.responder
	responder.Refused = func(context.Context, *web.Fault) {}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			responder.Fail(w, r, err)
		}
	})
}

// registrant is whom the registration setting lets register services; the directory decides.
func registrant(s *Server, handle handler) http.Handler { return s.answeringJSON(handle) }

// person is somebody in a browser, whose session the handler asks for where it matters. What changes something is
// refused when another site's page sends it.
func person(s *Server, handle handler) http.Handler {
	return s.answeringPages(s.limited(s.sameOrigin(handle)))
}

// direct has the rows whose path is a plain text, which are those that machines ask for all the time: a look into a map
// takes them past the router's regular expressions. Whatever is not in it, another method say, is the router's.
type direct map[directKey]http.Handler

type directKey struct{ method, path string }

func (d direct) before(router http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, ok := d[directKey{r.Method, r.URL.Path}]; ok {
			handler.ServeHTTP(w, r)
			return
		}
		router.ServeHTTP(w, r)
	})
}

// router turns the table into a handler.
func (s *Server) router() http.Handler {
	router, plain := mux.NewRouter().SkipClean(true), direct{}
	for _, route := range s.routes() {
		methods := []string{route.method}
		if route.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		handler := route.audience(s, wellFormed(route.handle))
		router.Handle(route.path, handler).Methods(methods...)
		if !strings.Contains(route.path, "{") {
			for _, method := range methods {
				plain[directKey{method, route.path}] = handler
			}
		}
	}
	router.PathPrefix("/static/").Handler(s.static()).Methods(http.MethodGet, http.MethodHead)
	router.NotFoundHandler = http.HandlerFunc(s.notFound)
	router.MethodNotAllowedHandler = s.methodNotAllowed(router)
	return plain.before(router)
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	fault := web.Refuse(http.StatusNotFound, "Not Found", "there is nothing at this address; see %s for what there is", s.oauth2.Issuer+"/api/openapi.yaml")
	if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/.well-known/") || strings.HasPrefix(r.URL.Path, "/oauth/") {
		s.responder.Fail(w, r, fault)
		return
	}
	s.failPage(w, r, fault)
}

// methodNotAllowed names the methods that there are (RFC 9110 section 15.5.6).
func (s *Server) methodNotAllowed(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if match := (mux.RouteMatch{}); router.Match(other, &match) && match.MatchErr == nil {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.responder.Fail(w, r, web.Refuse(http.StatusMethodNotAllowed, "invalid_request", "this address answers %s", strings.Join(allowed, ", ")))
	})
}

func (s *Server) alive(w http.ResponseWriter, _ *http.Request) error {
	web.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if err := s.options.Store.Ping(r.Context()); err != nil {
		return err
	}
	return s.alive(w, r)
}

func openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	_, err := w.Write(api.OpenAPI)
	return err
}

func (s *Server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	fault := web.FaultOf(err)
	s.responder.LogFault(r, fault)
	web.SetRetryAfter(w, fault.RetryAfter)
	problem := templates.Problem{Status: fault.Status, Title: web.Language(r).Say(titleOf(fault.Status)), Code: fault.Code,
		Detail: web.Sentence(web.Language(r).Refusal(fault.Description)), RequestID: web.RequestID(r.Context())}
	if err := web.HTML(w, r, fault.Status, func(out io.Writer) error { return s.pages.In(web.Language(r)).Problem(out, problem) }); err != nil {
		s.options.Log.ErrorContext(r.Context(), "page", "cause", err)
	}
}

// titleOf is the key of the title of a page about a status.
func titleOf(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "problem.title.notFound"
	case status >= http.StatusInternalServerError:
		return "problem.title.unavailable"
	}
	return "problem.title.refused"
}
