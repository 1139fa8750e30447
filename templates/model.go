package templates

// SignIn is what the sign-in page shows.
type SignIn struct {
	Action  string   // where the form posts to, with the authorization request as its query
	Service *Service // the app the person signs in to; nil on a plain sign-in
	Login   string   // written into the user name field beforehand (login_hint)
	Message string   // from the client; shown as its words, cut after 500 characters
	Problem string   // why the last try was refused, in words; "" on a first visit
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
	KeepsAccess string      // how long a refresh token would last, as "up to 1 year"; "" if none was asked for
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

// Home is what the start page shows.
type Home struct {
	Person        *Person // nil if nobody is signed in
	Admin         bool    // whether Person administers this server
	SignInURL     string
	SignOutAction string // where the sign-out form posts to
	FormToken     string // ties the sign-out form to the session
	PublicURL     string // the address apps are configured with; "" is left out
}

// SignedOut is what the page after signing out shows.
type SignedOut struct {
	SignInURL string // "" is left out
	Message   string // what has ended, in words; may be ""
}
