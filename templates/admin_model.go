package templates

// AdminOverview shows how much happens and what had better be mended.
type AdminOverview struct {
	Frame
	Warnings                []Warning
	Days                    []Choice // how far back the charts go
	SignIns, Tokens, Errors Chart
	Day                     bool // whether a bar is a whole day
}

// Warning is something that had better be mended.
type Warning struct {
	Kind     string // as [gatehouse/server/directory.WarningKind]
	ID, Name string
	Count    int64
	At       string
}

// AdminSettings shows the settings of the server.
type AdminSettings struct {
	Frame
	Settings []Setting
}

// AdminKeys lists the keys of the server, with forms to replace and retire them.
type AdminKeys struct {
	Frame
	Keys    []Key
	KeysURL string // where the public ones are
	AtOnce  bool   // whether a form that was refused wanted the new keys used at once
}

// Key is a key without its secret.
type Key struct {
	Use       string // seal or sign
	ID        int
	Algorithm string
	State     string // waiting, in-use or kept
	Created   string
	Active    string // since or from when it is used; "" for the beginning
}

// Setting is a value with its name.
type Setting struct{ Name, Value string }

// AdminUsers lists users, with a form to create one.
type AdminUsers struct {
	Frame
	Query  string
	Users  []UserRow
	Paging Paging
	New    UserRow // the form as it was sent
	Roles  []Choice
}

// UserRow is a user in a list.
type UserRow struct {
	ID, Login, Name, Email string
	Role                   string // "" for an ordinary user
	Banned                 bool
}

// AdminUser shows a user with forms to change them.
type AdminUser struct {
	Frame
	Portrait
	User        UserRow
	Guest       bool
	BanReason   string
	TypedReason string // the reason of a form that was refused
	Created     string
	HasPassword bool
	Revision    string // which the form was made for
	Roles       []Choice
	Groups      []Choice // those that the user is in
	OtherGroups []Choice
}

// AdminAccess lists what acts as a user, with forms to take it back.
type AdminAccess struct {
	Frame
	User     UserRow
	Apps     []AuthorisedApp
	Sessions []Session
	Tokens   []PermanentToken
}

// AdminGroups lists groups, with a form to create one.
type AdminGroups struct {
	Frame
	Query       string
	Groups      []GroupRow
	Paging      Paging
	Name        string // the form as it was sent
	Description string
}

// GroupRow is a group in a list.
type GroupRow struct {
	ID, Name, Description string
	Members               int
}

// AdminGroup shows a group with forms to change it.
type AdminGroup struct {
	Frame
	GroupName   string
	Revision    string // which the form was made for
	Name        string
	Description string
	Members     []UserRow
	Paging      Paging
	User        string // who was to be added
}

// AdminToken looks into a token.
type AdminToken struct {
	Frame
	Result *TokenResult // nil before one was sent
}

// TokenResult says what a token is and whether it is good.
type TokenResult struct {
	Kind            string
	Known           bool // whether it could be read
	Service, User   string
	Scope           string
	Audience        []string
	Issued, Expires string
	ID, Grant       string
	Refusals        []string // none for a token that is accepted
}

// AdminAudit lists what has happened.
type AdminAudit struct {
	Frame
	Categories []Choice
	Query      string
	Events     []AuditEvent
	Export     string // where what fits is to be had as a file
	Paging     Paging
}

// AuditEvent is something that has happened.
type AuditEvent struct {
	Name, At                  string
	Author, Target, Service   string // with what kind of thing it is; "" is left out
	Address, Cause, RequestID string
	Changes                   []AuditChange
}

// AuditChange is what a field was and has become; "" for nothing, and JSON for what is not text.
type AuditChange struct{ Field, Old, New string }
