package hub

import (
	"context"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// userView is a user as Hub's REST API shows it to everybody who is signed in (contract section 4).
type userView struct {
	Type    string      `json:"type"`
	ID      string      `json:"id"`
	Login   string      `json:"login"`
	Name    string      `json:"name"`
	Guest   bool        `json:"guest"`
	Banned  bool        `json:"banned"`
	Avatar  avatarView  `json:"avatar"`
	Profile profileView `json:"profile"`
	// privateUserView is nil for those who see no more.
	*privateUserView
}

// avatarView has the address of an image under both names that clients look for.
type avatarView struct {
	URL        string `json:"url"`
	PictureURL string `json:"pictureUrl"`
}

type profileView struct {
	Avatar avatarView `json:"avatar"`
	Email  *emailView `json:"email,omitempty"`
}

type emailView struct {
	Type     string `json:"type"`
	Email    string `json:"email"`
	Verified bool   `json:"verified"`
}

// privateUserView is what administrators and the user see besides.
type privateUserView struct {
	BanReason string `json:"banReason,omitempty"`
	// CreationTime is in Unix milliseconds.
	CreationTime int64 `json:"creationTime"`
	// LastAccessTime is there when it was asked for and is known, in Unix milliseconds.
	LastAccessTime         int64             `json:"lastAccessTime,omitempty"`
	ProjectRoles           []projectRoleView `json:"projectRoles"`
	TransitiveProjectRoles []projectRoleView `json:"transitiveProjectRoles"`
	// VCSUserNames is empty: no version control system is known here.
	VCSUserNames []string `json:"VCSUserNames"`
	// Groups, TransitiveGroups and Details are there when they were asked for, and in the answer about one user.
	Groups           []groupView      `json:"groups,omitzero"`
	TransitiveGroups []groupView      `json:"transitiveGroups,omitzero"`
	Details          []userDetailView `json:"details,omitzero"`
	// EndUserAgreementConsent is there when it was asked for and there is an agreement.
	EndUserAgreementConsent *agreementConsentView `json:"endUserAgreementConsent,omitempty"`
}

// projectRoleView is a role in the one project that there is.
type projectRoleView struct {
	Type    string      `json:"type"`
	ID      string      `json:"id"`
	Role    keyedView   `json:"role"`
	Project projectView `json:"project"`
}

type keyedView struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
}

type projectView struct {
	keyedView
	Global bool `json:"global"`
}

// globalProject is the project in which Hub's roles count everywhere.
var globalProject = projectView{keyedView{Type: "project", ID: "0", Key: "global", Name: "Global"}, true}

func projectRole(role directory.Role) projectRoleView {
	return projectRoleView{Type: "projectRole", ID: globalProject.ID + "-" + string(role), Project: globalProject,
		Role: keyedView{Type: "role", ID: string(role), Key: string(role), Name: role.Name()}}
}

// userEntity is a user as the actor sees them, with all that the fields ask for, or all there is when they ask for nothing
// in particular.
func (a *API) userEntity(ctx context.Context, actor directory.Actor, user storage.User, fields web.Fields) (map[string]any, error) {
	if fields == nil {
		fields = everyUserField
	}
	entities, err := a.userEntities(ctx, actor, []storage.User{user}, fields)
	if err != nil {
		return nil, err
	}
	return entities[0], nil
}

// userEntities is userEntity for several users, with no more queries than for one.
func (a *API) userEntities(ctx context.Context, actor directory.Actor, users []storage.User, fields web.Fields) ([]map[string]any, error) {
	more, err := a.moreAbout(ctx, actor, users, fields)
	if err != nil {
		return nil, err
	}
	entities := make([]map[string]any, len(users))
	for i, user := range users {
		view := a.publicUser(user)
		if directory.SeesAllOfUser(actor, user) {
			if user.Email != "" {
				view.Profile.Email = &emailView{Type: "EmailJSON", Email: user.Email}
			}
			view.privateUserView = more.about(user)
		}
		if entities[i], err = web.ToMap(view); err != nil {
			return nil, err
		}
	}
	return entities, nil
}

func (a *API) publicUser(user storage.User) userView {
	avatar := a.avatarOf(user)
	return userView{Type: "user", ID: user.ID, Login: user.Login, Name: user.Name, Guest: user.Guest, Banned: user.Banned,
		Avatar: avatar, Profile: profileView{Avatar: avatar}}
}

func (a *API) avatarOf(user storage.User) avatarView {
	address := web.AvatarURL(a.PublicURL, user.ID)
	return avatarView{URL: address, PictureURL: address}
}

// everyUserField names the fields of a user that cost a query each, so that a list has them only when it is asked for them.
var everyUserField = web.Fields{"groups": nil, "transitiveGroups": nil, "details": nil, "endUserAgreementConsent": nil,
	"lastAccessTime": nil}

// moreAboutUsers is what the entities of several users need besides their rows; a nil map is not asked for.
type moreAboutUsers struct {
	groups       map[string][]storage.Group
	havePassword map[string]bool
	consents     map[string]directory.AgreementConsent
	lastUses     map[string]storage.Time
}

// moreAbout reads what the fields ask for, about those users of whom the actor sees all.
func (a *API) moreAbout(ctx context.Context, actor directory.Actor, users []storage.User, fields web.Fields) (more moreAboutUsers, err error) {
	var ids []string
	for _, user := range users {
		if directory.SeesAllOfUser(actor, user) {
			ids = append(ids, user.ID)
		}
	}
	if fields.Names("groups") || fields.Names("transitiveGroups") {
		if more.groups, err = a.Directory.GroupsOfEach(ctx, ids); err != nil {
			return more, err
		}
	}
	if fields.Names("details") {
		if more.havePassword, err = a.Directory.HavePassword(ctx, ids); err != nil {
			return more, err
		}
	}
	if fields.Names("lastAccessTime") {
		if more.lastUses, err = a.Directory.LastUses(ctx, ids); err != nil {
			return more, err
		}
	}
	if fields.Names("endUserAgreementConsent") {
		more.consents, err = a.Directory.AgreementConsents(ctx, ids)
	}
	return more, err
}

func (m moreAboutUsers) about(user storage.User) *privateUserView {
	view := &privateUserView{BanReason: user.BanReason, CreationTime: user.CreatedAt.Millis(), LastAccessTime: m.lastUses[user.ID].Millis(),
		ProjectRoles: []projectRoleView{}, TransitiveProjectRoles: []projectRoleView{}, VCSUserNames: []string{}}
	if role := directory.RoleOf(user); role != directory.Observer {
		view.ProjectRoles = append(view.ProjectRoles, projectRole(role))
		view.TransitiveProjectRoles = append(view.TransitiveProjectRoles, projectRole(role))
	}
	if !user.Guest {
		view.TransitiveProjectRoles = append(view.TransitiveProjectRoles, projectRole(directory.Observer))
	}
	if m.groups != nil {
		view.Groups = groupViews(m.groups[user.ID])
		view.TransitiveGroups = view.Groups
	}
	if m.havePassword != nil {
		view.Details = []userDetailView{}
		if m.havePassword[user.ID] {
			view.Details = append(view.Details, userDetail(user))
		}
	}
	if m.consents != nil {
		view.EndUserAgreementConsent = agreementConsent(m.consents[user.ID])
	}
	return view
}
