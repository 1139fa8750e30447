package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
	"unicode/utf8"

	"gatehouse/server/directory"
)

// Browser knows the session of a browser by its cookie.
type Browser struct {
	directory *directory.Directory
	// basePath is the path of the public URL, "" or "/hub".
	basePath string
	// secure says that the public URL is https.
	secure bool
}

// NewBrowser makes a Browser for a public URL with the given path, which is https if secure.
func NewBrowser(directory *directory.Directory, basePath string, secure bool) *Browser {
	return &Browser{directory, basePath, secure}
}

// SignedIn finds who is signed in; false for nobody.
func (b *Browser) SignedIn(r *http.Request) (directory.SignedIn, bool, error) {
	cookie := b.cookieOf(r)
	if cookie == "" {
		return directory.SignedIn{}, false, nil
	}
	signedIn, err := b.directory.Session(r.Context(), cookie)
	if directory.IsNotFound(err) {
		return directory.SignedIn{}, false, nil
	}
	return signedIn, err == nil, err
}

// SignIn starts a session for who has proved who they are, with a cookie that is new at every sign-in. A session that
// the browser had before ends.
func (b *Browser) SignIn(w http.ResponseWriter, r *http.Request, who directory.Authenticated, remember bool, address string) error {
	_, err := b.SignInAgain(w, r, who, remember, address)
	return err
}

// SignInAgain is SignIn for a request that goes on: it returns the request as the browser would send it now.
func (b *Browser) SignInAgain(w http.ResponseWriter, r *http.Request, who directory.Authenticated, remember bool, address string) (*http.Request, error) {
	cookie, err := b.directory.SignIn(r.Context(), who, directory.NewSession{
		Remember: remember, UserAgent: r.UserAgent(), Address: address, Replaces: b.cookieOf(r),
	})
	if err != nil {
		return nil, err
	}
	life := time.Duration(0)
	if remember {
		life = b.directory.Settings().SessionLifetime
	}
	b.setCookie(w, cookie, int(life/time.Second))
	again := r.Clone(r.Context())
	again.Header.Del("Cookie")
	again.AddCookie(&http.Cookie{Name: b.cookieName(), Value: cookie})
	return again, nil
}

// SignOut ends the session of the browser, if there is one.
func (b *Browser) SignOut(w http.ResponseWriter, r *http.Request) error {
	if cookie := b.cookieOf(r); cookie != "" {
		if err := b.directory.SignOut(r.Context(), cookie); err != nil {
			return err
		}
		b.setCookie(w, "", -1)
	}
	return nil
}

// FormToken makes the value that proves that a form was made for this browser's session and for purpose: only the
// browser and this server know the cookie, which is the key.
func (b *Browser) FormToken(r *http.Request, purpose string) string {
	mac := hmac.New(sha256.New, []byte(b.cookieOf(r)))
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// SignInURL is the address of the sign-in page for an authorization request with the given query.
func (b *Browser) SignInURL(query string) string {
	if query == "" {
		return b.basePath + SignInPath
	}
	return b.basePath + SignInPath + "?" + query
}

// SignedOutURL is the address of the page after signing out.
func (b *Browser) SignedOutURL() string { return b.basePath + SignedOutPath }

// cookieName has the prefix that keeps other hosts and plain http from setting the cookie, where browsers allow it
// (RFC 6265bis section 4.1.3).
func (b *Browser) cookieName() string {
	switch {
	case b.secure && b.basePath == "":
		return "__Host-gatehouse_session"
	case b.secure:
		return "__Secure-gatehouse_session"
	}
	return "gatehouse_session"
}

func (b *Browser) cookieOf(r *http.Request) string {
	cookie, err := r.Cookie(b.cookieName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (b *Browser) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: b.cookieName(), Value: value, Path: b.basePath + "/", MaxAge: maxAge,
		HttpOnly: true, Secure: b.secure, SameSite: http.SameSiteLaxMode})
}

const (
	loginCookie = "gatehouse_login"
	// loginKept is for how long, in seconds, a refused login is kept, and longestLogin in how many bytes at most.
	loginKept    = 60
	longestLogin = 320
)

// keepLogin keeps what somebody has typed as their login for the page that says that it was refused. It is in no address,
// where it would be logged: some type their password there.
func (b *Browser) keepLogin(w http.ResponseWriter, login string) {
	if len(login) > longestLogin {
		login = ""
	}
	b.setLoginCookie(w, base64.RawURLEncoding.EncodeToString([]byte(login)), loginKept)
}

// takeLogin returns what keepLogin has kept, once; "" for nothing.
func (b *Browser) takeLogin(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(loginCookie)
	if err != nil {
		return ""
	}
	b.setLoginCookie(w, "", -1)
	login, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(login) > longestLogin || !utf8.Valid(login) {
		return ""
	}
	return string(login)
}

func (b *Browser) setLoginCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: value, Path: b.basePath + SignInPath, MaxAge: maxAge,
		HttpOnly: true, Secure: b.secure, SameSite: http.SameSiteLaxMode})
}
