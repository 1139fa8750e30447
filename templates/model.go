package templates

// SignIn is what the sign-in page shows.
type SignIn struct {
	Action  string   // where the form posts to, with the authorization request as its query
	Service *Service // the app the person signs in to; nil on a plain sign-in
	Login   string   // written into the user name field beforehand (login_hint)
	Message string   // from the client; shown as its words, cut after 500 characters
	Problem string   // why the last try was refused, in words; "" on a first visit
	// GuestURL goes on without an account; "" where that is not allowed.
	GuestURL string
}

// Service is an app as a person gets to see it.
type Service struct {
	Name     string
	Vendor   string // "" is left out
	HomeURL  string // linked if it is an http or https URL
	HomeHost string // shown for HomeURL; "" stands for the host of HomeURL
	IconURL  string // https or data:image; for anything else the initials of Name are drawn
}

// Person is the person who is signed in.
type Person struct {
	Name  string
	Login string
}

// Consent is what the consent page shows.
type Consent struct {
	Action      string // where the form posts to
	FormToken   string // ties the form to the session
	Service     Service
	Person      Person
	SwitchURL   string      // signs in as somebody else; "" is left out
	ReturnHost  string      // host, or private-use scheme, that the browser goes to next
	New         []ScopeItem // what is asked for now
	Allowed     []ScopeItem // what the person allowed earlier
	KeepsAccess string      // how long a refresh token would last at most, as "1 year"; "" if none was asked for
	Problem     string      // why the form was not accepted, in words; "" on a first visit
	// Groups are the permissions that are asked for, by the service that publishes them.
	Groups []PermissionGroup
}

// AsksNothingNew says whether all that is asked for was allowed before.
func (c Consent) AsksNothingNew() bool {
	for _, group := range c.Groups {
		for _, permission := range group.Permissions {
			if !permission.Allowed {
				return false
			}
		}
	}
	return len(c.New) == 0 && c.KeepsAccess == ""
}

// PermissionGroup is what an app asks to do at one service.
type PermissionGroup struct {
	ServiceName string
	SiteField   string // name of the form's field that the id of the site is sent in
	Sites       []Site // one of which has to be chosen; none if the service has no sites
	Permissions []Permission
}

// Site is a part of a service that permissions can be granted for.
type Site struct {
	ID        string
	Name      string
	Address   string // where it is, shown and not linked
	AvatarURL string // https or data:image; for anything else the initials of Name are drawn
	Chosen    bool
}

// Permission is one thing that can be allowed or not.
type Permission struct {
	Field       string // name of the form's field that is sent if it is ticked
	Name        string
	Description string // "" is left out
	Writes      bool
	Allowed     bool // whether the person allowed it earlier
	Ticked      bool
	Required    bool // whether the service cannot do without it, so that it cannot be unticked
}

// Code is what the page shows that a person copies an authorization code from.
type Code struct {
	Service  Service
	Code     string
	Lifetime string // as "1 minute"
}

// ScopeItem is one thing a service may get access to.
type ScopeItem struct {
	Name        string
	Description string // "" is left out
}

// Problem is what an error page shows.
type Problem struct {
	Status      int          // the HTTP status; 0 is left out
	Title       string       // what happened, in words
	Code        string       // the OAuth error code (RFC 6749 section 4.1.2.1); may be ""
	Detail      string       // what went wrong and what to do next
	Differences []Difference // for a redirect URI: what was sent against what is registered
	RequestID   string
}

// Difference is one part of a redirect URI that is not as registered.
type Difference struct {
	Part     string // scheme, host, path, ...
	Sent     string
	Expected string // "" when the registered value is not to be disclosed
}

// Framed is what is shown inside of a frame to somebody who is asked for consent.
type Framed struct {
	Service Service
	URL     string // the consent page, for the whole window
}

// Home is what the start page shows.
type Home struct {
	Person        *Person // nil if nobody is signed in
	Admin         bool    // whether Person administers this server
	SignInURL     string
	SignOutAction string // where the sign-out form posts to
	FormToken     string // ties the sign-out form to the session
	PublicURL     string // the address apps are configured with; "" is left out
}

// Connections is what the page shows where people connect to providers.
type Connections struct {
	Frame
	Message   string   // what has just happened, in words; may be ""
	Service   *Service // the app that wants to use a connection; nil for none
	Providers []Provider
}

// Provider is another server at which a person can let this one act for them.
type Provider struct {
	Name      string
	Host      string
	Action    string   // where its forms post to
	FormToken string   // ties its forms to the session
	Scopes    []string // what is asked for there
	Since     string   // the day on which the person connected; "" if they have not
	Services  []Allowed
	Asks      bool // whether Service is not allowed yet
}

// Allowed is an app that may use a connection.
type Allowed struct{ ID, Name string }

// SignedOut is what the page after signing out shows.
type SignedOut struct {
	SignInURL string // "" is left out
	Message   string // what has ended, in words; may be ""
}

// Explorer is what the page to try the API needs.
type Explorer struct {
	RedirectURI string // where the page wants codes
	Scope       string // what it asks for unless the person chooses otherwise
}
