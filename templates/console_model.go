package templates

// Frame is what is around a page for somebody who is signed in.
type Frame struct {
	Person       Person
	Section      string // account, console or admin
	Tab          string // the page within the section; "" for its first
	Admin        bool   // whether Person administers this server
	SignOutToken string // ties the sign-out form to the session
	FormToken    string // ties the forms of the page to the session and the page
	Done         string // what the form did that led here, a word of the page; "" for nothing
	Problem      *FormProblem
}

// FormProblem is why a form was refused.
type FormProblem struct {
	Text  string // what is wrong and what to do next
	Field string // the id of the field that is wrong; "" for none or several
	Form  string // the action of the form, for pages that have several
}

// Choice is one of several things to choose from.
type Choice struct {
	ID     string
	Name   string
	Chosen bool
}

// Paging says which part of a list is shown.
type Paging struct {
	From, To, Total int    // counted from 1
	Previous, Next  string // addresses of the parts around; "" for none
}

// Confirm asks for the person's password before a form that they have sent is carried out.
type Confirm struct {
	Frame
	BackURL string // the page that the form stood in
	Fields  []Field
}

// Field is a field of a form as it was sent.
type Field struct{ Name, Value string }

// Times in the pages are texts of RFC 3339 in UTC, "" for never.

// AccountProfile shows what a person can change about themselves.
type AccountProfile struct {
	Frame
	ID     string
	Login  string
	Name   string
	Email  string
	Role   string
	Groups []string
	Portrait
}

// Portrait is a person's picture, with forms to set and remove it.
type Portrait struct {
	// PictureURL is where apps find the picture.
	PictureURL string
	// HasPicture says that it is not the initials.
	HasPicture bool
}

// AccountApps lists the apps that use a person's account.
type AccountApps struct {
	Frame
	Apps []AuthorisedApp
}

// AuthorisedApp is an app that uses a person's account.
type AuthorisedApp struct {
	ID       string
	Service  Service
	Scopes   []ScopeItem
	Sites    []string // names of those that permissions were allowed for
	Since    string   // when it was first allowed something; "" for an app that nobody is asked about
	LastFrom string   // the address that it did so from; "" when that is not known
	LastUsed string   // when it last refreshed its tokens; "" for an app that keeps no access
	Expires  string   // when the access ends that it keeps, if it is not used
	Kept     []KeptAccess
}

// KeptAccess is an access that an app keeps while the person is away, and renews. Each sign-in makes another, and an app that
// has lost one cannot say so.
type KeptAccess struct{ ID, Since, LastUsed, LastFrom string }

// AccountTokens lists the permanent tokens of a person, with a form to make one.
type AccountTokens struct {
	Frame
	Made         *MadeToken // right after it was made
	Tokens       []PermanentToken
	Name         string // the fields of the form, as they were sent
	Services     []Choice
	MoreServices bool // whether there are more than Services
	Scopes       string
	Lives        []Choice
}

// MadeToken is a token that is shown this one time.
type MadeToken struct{ Name, Token string }

// PermanentToken is one without the token itself.
type PermanentToken struct {
	ID       string
	Name     string
	Scope    []string // names of services
	Created  string
	LastUsed string
	Expires  string
	Expired  bool
}

// AccountSessions lists the browsers in which a person is signed in.
type AccountSessions struct {
	Frame
	Sessions []Session
	Others   bool // whether there is another than this browser's
}

// Session is a browser in which somebody is signed in.
type Session struct {
	ID         string
	Device     string // browser and system
	Address    string // where it signed in from; "" is left out
	SignedIn   string
	LastSeen   string
	Expires    string
	Remembered bool
	Current    bool // whether it is the browser that asks
}

// AccountPassword has the form to change one's password.
type AccountPassword struct {
	Frame
	HasPassword bool
}

// Apps lists services: one's own, or everyone's for administrators.
type Apps struct {
	Frame
	Everyone    bool
	MayRegister bool
	Weakness    string // what all of them have, if they are narrowed to that
	Query       string
	Apps        []AppRow
	Paging      Paging
}

// AppRow is a service in a list.
type AppRow struct {
	ID        string
	Service   Service
	Trusted   bool
	Public    bool
	Untrusted int // how many redirect URIs were refused
	Created   string
}

// AppKinds asks what kind of app is to be registered.
type AppKinds struct{ Frame }

// NewApp has the form to register an app.
type NewApp struct {
	Frame
	Kind         string // browser, server, native, script or ai
	Name         string
	HomeURL      string
	RedirectURIs string // one a line
	Description  string
}

// Credentials are shown once, and to be taken along as files.
type Credentials struct {
	ID     string
	Secret string // "" for an app without one
	Env    string // as variables for a shell or a container
	JSON   string
}

// AppMade shows what a new app needs.
type AppMade struct {
	Frame
	Name string
	Credentials
}

// AppFrame is what the pages about one app have in common.
type AppFrame struct {
	Frame
	AppID     string
	AppName   string
	AppPublic bool
	Own       bool // whether it is the person's own, and not seen as an administrator
	MayChange bool
}

// AppSettings shows an app with a form to change it.
type AppSettings struct {
	AppFrame
	Key          string
	Owner        string // who registered it; "" for nobody
	Created      string
	Revision     string // which the form was made for
	Name         string
	HomeURL      string
	RedirectURIs string // one a line
	Description  string
	Flows        []Choice
	Rights       []Choice // for administrators
	Groups       []Choice // whose members may use it, for administrators
	Limited      []string // names of those, for everybody else
	Untrusted    []UntrustedURI
}

// UntrustedURI is a redirect URI that was refused.
type UntrustedURI struct{ ID, URI, TriedFrom, TriedAt string }

// AppSecrets lists the secrets of an app.
type AppSecrets struct {
	AppFrame
	Made    *Credentials // right after it was made
	Secrets []AppSecret
	Several bool
}

// AppSecret is one without the secret itself.
type AppSecret struct {
	ID, Created, LastUsed string
	Newest                bool
}

// AppStart shows how an app is wired up.
type AppStart struct {
	AppFrame
	Issuer, AuthorizeURL, TokenURL, UserInfoURL, DiscoveryURL, IntrospectURL string
	// AtlassianAuthorizeURL, AtlassianTokenURL and ResourcesURL are for apps that were made for Jira Cloud.
	AtlassianAuthorizeURL, AtlassianTokenURL, ResourcesURL string
	Insecure                                               bool   // whether Issuer is plain http
	IDTokenAlgorithm                                       string // "" for the usual one
	SignsIn                                                bool   // whether it gets codes
	ActsItself                                             bool   // whether it gets client credentials
	RedirectURI                                            string
	RedirectURIs                                           []Choice
	Scope                                                  string
	AskedScope                                             string // with offline_access where Offline asks for it
	AsksWho                                                bool   // whether Scope has openid
	Offline                                                bool
	PKCE                                                   bool
	CodeRedirectURI                                        string    // RedirectURI with the port of Listener
	Listener                                               *Listener // where a program waits for the code; nil where it cannot
	RequestURL                                             string    // an authorization request without state and PKCE
	OAuth2Proxy                                            OAuth2Proxy
	Link                                                   *AuthorizationLink
}

// OAuth2Proxy is what follows for the settings of oauth2-proxy from the redirect URI.
type OAuth2Proxy struct {
	Prefix       string // of its own paths, such as /oauth2
	TakesAnswers bool   // whether the redirect URI is where it takes answers: a Prefix and then /callback
	PlainHTTP    bool   // whether its cookie has to come back over http
}

// Listener is where a program on the machine of the browser waits for it.
type Listener struct{ Address, Host, Port string }

// AppFlow tries the flow of an app.
type AppFlow struct {
	AppFrame
	SignsIn     bool // whether it gets codes
	ActsItself  bool // whether it gets client credentials
	RedirectURI string
	Scope       string
	Offline     bool
	OwnScope    string // of client credentials
	Steps       []FlowStep
	Works       bool // whether all of Steps went as they should
}

// FlowStep is a request of a flow that was tried, with its answer. Credentials are masked.
type FlowStep struct {
	Title    string
	Request  string
	Status   string
	Answer   string
	Claims   string // of the id_token in the answer, as JSON; "" for none
	Refused  bool
	Expected bool // whether it had to be refused
}

// AppPermissions shows what an app may ask for, and what it lets others ask for.
type AppPermissions struct {
	AppFrame
	APIs      []AppAPI
	Published []PublishedPermission
	Keys      string        // what was to be added
	New       AppPermission // the form as it was sent
}

// AppAPI is a service with those of its permissions that an app may ask for.
type AppAPI struct {
	Name        string
	Permissions []AppPermission
}

// AppPermission is an item of scopes that a service publishes.
type AppPermission struct {
	Key, Name, Description string
	Writes                 bool // whether it lets apps change things
	Required               bool // whether people cannot leave it out
	Problem                *FormProblem
}

// PublishedPermission is one as it is stored, with the form to change it.
type PublishedPermission struct {
	AppPermission
	Form AppPermission
}

// AppErrors lists what requests of an app were refused for.
type AppErrors struct {
	AppFrame
	Errors []AppError
}

// AppError is an error that requests of an app were answered with.
type AppError struct {
	Code, Description, Endpoint string
	Differences                 []ComparedPart
	Times                       int
	First, Last                 string
	RequestID, Address          string // of the last
}

// ComparedPart is a part of a request beside what it had to be: what is the same at the beginning, and where they differ.
type ComparedPart struct {
	Part, Same, Sent, Expected string
	Compared                   bool // whether there is something that it had to be
}

// AuthorizationLink is an authorization request that was made for trying it out.
type AuthorizationLink struct {
	Address  string
	State    string
	Verifier string // of PKCE; "" without it
}
