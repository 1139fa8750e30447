package templates

import "io"

// Demo is the only page of the sample app of gatehouse demo.
type Demo struct {
	Problem string    // what did not work: denied, stale, unknown, or the text of an error; "" for nothing
	Apps    []DemoApp // to sign in through
	Person  *Person   // who is signed in; nil for nobody
	AppName string    // through which they are
	// Live says that the token is good; when it is not, the app has noticed.
	Live           bool
	AccessToken    string
	GoodUntil      string // RFC 3339, in UTC
	Scope          string
	Introspection  string // JSON, as the rest
	UserInfo       string
	UserInfoStatus int
	IDTokenHeader  string
	IDTokenClaims  string
	// AccountURL is where people take back what they gave, ServerURL the start page of the server.
	AccountURL, ServerURL string
}

// DemoApp is a service to sign in through.
type DemoApp struct {
	ID, Name string
	Trusted  bool // whether people are not asked
}

// Demo writes the page of the sample app, which is served at the root of its own origin.
func (p *Pages) Demo(w io.Writer, page Demo) error { return render(w, p.demo, page) }
