package e2e

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// signingIn are the forms before and after a person is signed in.
func (f *formTries) signingIn() {
	f.user(f.t, "tom")
	const form, path = "signin.html post", "/auth/login"
	const wrong = "This login and password do not belong together. Check both and try again."
	f.try(
		formTry{form: form, what: "with a wrong password", who: f.stranger, path: path, fill: map[string]string{"username": "tom", "password": "wrong horse battery"},
			problem: wrong, focus: "password", secret: []string{"password"}},
		formTry{form: form, what: "with an unknown login", who: f.stranger, path: path, fill: map[string]string{"username": "nobody", "password": "wrong horse battery"},
			problem: wrong, focus: "password", secret: []string{"password"}},
		formTry{form: form, what: "with nothing", who: f.stranger, path: path, fill: map[string]string{"username": "", "password": ""}, unsent: true, problem: wrong, focus: "username"},
		formTry{form: form, what: "too often", who: f.stranger, path: path, fill: map[string]string{"username": "tom", "password": "wrong horse battery"},
			meanwhile: func() {
				tom := f.browser(f.t, "tom")
				for signIn, n := tom.visit(f.t, f.url+path).form(f.t), 0; n < 3; n++ {
					tom.submit(f.t, signIn, "", "username", "tom", "password", "wrong horse battery")
				}
			}, problem: wrong, focus: "password", secret: []string{"password"}},
		formTry{form: form, what: "before the wait is over", who: f.stranger, path: path, fill: map[string]string{"username": "tom", "password": password},
			problem: "Too many attempts have failed. Wait 1 second and try again.", focus: "password", secret: []string{"password"},
			then: func(*testing.T) { f.clock.advance(time.Minute) }},
		formTry{form: form, what: "with the password", who: f.stranger, path: path, fill: map[string]string{"username": "tom", "password": password}, says: "You are signed in"},
		formTry{form: "home.html post", what: "to sign out", who: f.stranger, path: "/", says: "You are signed out"},
	)
	run(f.t, f.stranger.tab, chromedp.Navigate(f.url+path))
	signInTab(f.t, f.stranger.tab, "tom")
	waitFor(f.t, f.stranger.tab, "location.pathname === '/'")
	f.try(formTry{form: "console.html post", what: "to sign out", who: f.stranger, path: "/account", among: ".who", says: "You are signed out"})
}

// consenting are the forms on which people allow apps something.
func (f *formTries) consenting() {
	_, psoxy := jiraCloud(f.t, f.testServer, fields{"redirectUris": []string{f.app.URL + "/callback"}})
	path := strings.ReplaceAll(psoxy.psoxyURL(), "redirect_uri=http://localhost", "redirect_uri="+f.app.URL+"/callback")
	at := func(name string) func(*testing.T) {
		return func(t *testing.T) {
			if query := evaluate[string](t, f.ada.tab, "location.search"); !strings.Contains(query, name) {
				t.Errorf("the app is answered %s, want %s", query, name)
			}
		}
	}
	f.try(
		formTry{form: "consent.html post allow", what: "without a site", who: f.ada, path: path, unsent: true, problem: "Choose a site first.", focus: "problem",
			fill: map[string]string{"permission:read:jira-user": "off"}},
		formTry{form: "consent.html post deny", what: "", who: f.ada, path: path, unsent: true, says: "You are back at the app.", then: at("error=access_denied")},
		formTry{form: "consent.html post allow", what: "with a site", who: f.ada, path: path, fill: map[string]string{"site:jira": acmeSite}, says: "You are back at the app.", then: at("code=")},
	)
}

// connecting are the forms on which people connect to another server.
func (f *formTries) connecting() {
	provider := onSQLite(f.t, besideOthers)
	provider.user(f.t, "ada")
	rel := relate(f.t, f.testServer, provider, nil)
	reports := f.register(f.t, fields{"name": "Reports", "trusted": true})
	path := "/connections?service=" + reports.id
	f.try(formTry{form: "connections.html post connect", what: "", who: f.ada, path: path, says: "Sign in"})
	signInTab(f.t, f.ada.tab, "ada")
	f.answer("deny")
	f.saysAfterwards("You have not allowed the connection, so there is none.")
	f.try(formTry{form: "connections.html post connect", what: "once more", who: f.ada, path: path, says: "Allow"})
	f.answer("allow")
	f.saysAfterwards("The connection is there.")
	f.try(
		formTry{form: "connections.html post disallow", what: "an app", who: f.ada, path: path, says: "The app can no longer get access by the connection."},
		formTry{form: "connections.html post allow", what: "an app", who: f.ada, path: path, says: "The app may use the connection now."},
		formTry{form: "connections.html post disconnect", what: "", who: f.ada, path: path, says: "The connection has been ended, here and there.", then: func(t *testing.T) {
			if got := f.get(t, "/api/rest/users/ada/connections/"+rel.id, bearer(f.adminToken)); got.status != http.StatusNotFound {
				t.Errorf("the connection: %d %s", got.status, got.body)
			}
		}},
	)
}

// answer presses a button of the consent page that ada has before her.
func (f *formTries) answer(decision string) {
	f.t.Helper()
	button := "document.querySelector('button[value=" + decision + "]')"
	waitFor(f.t, f.ada.tab, "document.readyState === 'complete' && "+button)
	script(f.t, f.ada.tab, "window.pressed = true; "+button+".click()")
}

func (f *formTries) saysAfterwards(words string) {
	f.t.Helper()
	waitFor(f.t, f.ada.tab, arrived+" && document.querySelector('[role=status]')?.textContent.includes('"+words+"')")
}

// onAccount are the forms of the account of ada.
func (f *formTries) onAccount() {
	ada := f.user(f.t, "ada")
	const profile = "account_profile.html post"
	f.try(
		formTry{form: profile, what: "without a name", who: f.ada, path: "/account", fill: map[string]string{"name": ""}, unsent: true, problem: "Name: is missing.", focus: "name"},
		formTry{form: profile, what: "with no address of e-mail", who: f.ada, path: "/account", fill: map[string]string{"name": "Ada L", "email": "ada at home"}, unsent: true,
			problem: "E-mail address: is not an e-mail address.", focus: "email"},
		formTry{form: profile, what: "with somebody else’s address", who: f.ada, path: "/account", fill: map[string]string{"name": "Ada L", "email": "root@example.org"},
			problem: "E-mail address: another user has it already.", focus: "email"},
		formTry{form: profile, what: "with an endless name", who: f.ada, path: "/account", fill: map[string]string{"name": strings.Repeat("ä", 300)},
			problem: "Name: at most 500 bytes without control characters are accepted.", focus: "name"},
		formTry{form: profile, what: "with another name", who: f.ada, path: "/account", fill: map[string]string{"name": "Ada L"}, says: "Your profile is saved.",
			then: func(t *testing.T) {
				if now, err := f.directory.FreshUser(t.Context(), ada.ID); err != nil || now.Name != "Ada L" {
					t.Errorf("stored is %+v (%v)", now, err)
				}
			}},
	)
	f.onPicture(f.ada, "/account", ada.ID)
	f.onTokens()
	f.onPassword()
	f.onApps()
	f.onSessions()
}

// onPicture are the forms about a picture of somebody, on a page of theirs or of an administrator.
func (f *formTries) onPicture(who *visitor, path, userID string) {
	const form = "console.html post picture"
	sent := func(content string) map[string]string {
		return map[string]string{"avatar": base64.StdEncoding.EncodeToString([]byte(content))}
	}
	refused := func(what, content, problem string) formTry {
		return formTry{form: form, what: what, who: who, path: path, fill: sent(content), unsent: content == "", problem: problem, focus: "avatar", secret: []string{"avatar"}}
	}
	f.try(
		refused("without a file", "", "Picture: is missing; send a PNG or JPEG of at most 512 KiB and 2048 pixels on a side."),
		refused("with a text", "my picture", "Picture: is not a whole PNG or JPEG; one of at most 512 KiB and 2048 pixels on a side is accepted."),
		refused("with endless pixels", claiming(60000), "Picture: has more than 2048 pixels on a side; a PNG or JPEG of at most 512 KiB and 2048 pixels on a side is accepted."),
		refused("with a large file", strings.Repeat("x", 2<<20), "Picture: has more than 512 KiB; a PNG or JPEG of at most 512 KiB and 2048 pixels on a side is accepted."),
		formTry{form: form, what: "with a JPEG", who: who, path: path, fill: sent(jpegOf(stripes(600, 400, blue))), says: "picture is saved.",
			then: func(t *testing.T) {
				f.showsPicture(t, userID, "image/jpeg", 256, blue)
				if width := evaluate[int](t, who.tab, "document.querySelector('.portrait img').naturalWidth"); width != 256 {
					t.Errorf("the picture on the page is %d pixels wide", width)
				}
			}},
		formTry{form: "console.html post initials", what: "", who: who, path: path, says: "picture is removed",
			then: func(t *testing.T) { f.showsInitials(t, userID) }},
	)
}

func (f *formTries) onTokens() {
	const form, path = "account_tokens.html post make", "/account/tokens"
	f.try(
		formTry{form: form, what: "without a name", who: f.ada, path: path, fill: map[string]string{"name": ""}, unsent: true,
			problem: "Name: 1 to 200 bytes without control characters are accepted.", focus: "name"},
		formTry{form: form, what: "for no service", who: f.ada, path: path, fill: map[string]string{"name": "Nightly", "scope." + hub: "off", "expiresOn": "7"},
			problem: "Good for: choose one service at least.", focus: "scope"},
		formTry{form: form, what: "for a week", who: f.ada, path: path, fill: map[string]string{"name": "Nightly", "expiresOn": "7"}, says: "it is not shown again",
			then: func(t *testing.T) {
				if token := evaluate[string](t, f.ada.tab, "document.querySelector('.once .copy').textContent"); f.get(t, "/api/rest/users/me", bearer(token)).status != http.StatusOK {
					t.Errorf("%s is not good", token)
				}
			}},
		formTry{form: "account_tokens.html post delete", what: "", who: f.ada, path: path, says: "The token is deleted.",
			then: func(t *testing.T) {
				if _, total, err := f.directory.PermanentTokens(t.Context(), f.user(t, "ada").ID, everything); err != nil || total != 0 {
					t.Errorf("%d tokens are left (%v)", total, err)
				}
			}},
	)
}

func (f *formTries) onPassword() {
	const form, path = "account_password.html post", "/account/password"
	both := []string{"oldValue", "password"}
	refused := func(what, present, fresh, problem, focus string) formTry {
		return formTry{form: form, what: what, who: f.ada, path: path, fill: map[string]string{"oldValue": present, "password": fresh}, problem: problem, focus: focus, secret: both}
	}
	nothing := refused("with nothing", "", "", "Present password: is not the password; send the present one to set another.", "oldValue")
	nothing.unsent = true
	f.try(
		nothing,
		refused("without the present one", "wrong horse battery", "a fine new password", "Present password: is not the password; send the present one to set another.", "oldValue"),
		refused("with a short one", password, "short", "New password: at least 8 characters are needed.", "password"),
		refused("with a common one", password, "password1", "New password: is one of the commonest, which are tried first; choose another, such as a few random words.", "password"),
		refused("with a name", password, "ada@example.org", "New password: is a name of the user; choose another, such as a few random words.", "password"),
		formTry{form: form, what: "with another one", who: f.ada, path: path, fill: map[string]string{"oldValue": password, "password": "a fine new password"},
			says: "Your password is changed", then: func(t *testing.T) {
				at := atStake{testServer: f.testServer, t: t}
				if !at.signsIn("ada", "a fine new password") || at.signsIn("ada", password) {
					t.Error("the password is not changed")
				}
				back := directory.UserPatch{Password: &directory.NewPassword{Value: password}}
				if _, err := f.directory.UpdateUser(t.Context(), directory.Operator(), f.user(t, "ada").ID, back, nil); err != nil {
					t.Fatal(err)
				}
			}},
	)
	run(f.t, f.ada.tab, chromedp.Navigate(f.url+"/auth/login"))
	signInTab(f.t, f.ada.tab, "ada")
	waitFor(f.t, f.ada.tab, "location.pathname === '/'")
}

func (f *formTries) onApps() {
	ada := f.browser(f.t, "ada").signedIn(f.t)
	for _, name := range []string{"One", "Two", "Three"} {
		a := f.register(f.t, fields{"name": name})
		a.exchange(f.t, a.code(f.t, ada, "access_type", "offline")).ok(f.t)
		if name == "Two" {
			a.exchange(f.t, a.code(f.t, ada, "access_type", "offline")).ok(f.t)
		}
	}
	left := func(want int) func(*testing.T) {
		return func(t *testing.T) {
			if got := evaluate[int](t, f.ada.tab, "document.querySelectorAll('button[value=revoke]').length"); got != want {
				t.Errorf("%d apps are left, want %d", got, want)
			}
		}
	}
	f.try(
		formTry{form: "account_apps.html post end", what: "one of two that an app keeps", who: f.ada, path: "/account/apps", says: "That access has ended.", then: func(t *testing.T) {
			if buttons := evaluate[int](t, f.ada.tab, "document.querySelectorAll('button[value=end]').length"); buttons != 0 {
				t.Errorf("%d accesses can be ended alone, and one is left", buttons)
			}
		}},
		formTry{form: "account_apps.html post revoke", what: "the first", who: f.ada, path: "/account/apps", says: "The access is taken back.", then: left(3)},
		formTry{form: "account_apps.html post revoke-all", what: "", who: f.ada, path: "/account/apps", says: "All access is taken back.", then: left(0)},
	)
}

func (f *formTries) onSessions() {
	at := atStake{testServer: f.testServer, t: f.t}
	user := f.user(f.t, "ada")
	one, others := at.endsSession(user, "one"), at.endsSession(user, "others")
	ended := func(both bool) func(*testing.T) {
		return func(t *testing.T) {
			if one() == others() && !both || both && !(one() && others()) {
				t.Errorf("ended: %v and %v, want both: %v", one(), others(), both)
			}
		}
	}
	f.try(
		formTry{form: "account_sessions.html post end", what: "one", who: f.ada, path: "/account/sessions", says: "That browser is signed out."},
		formTry{form: "account_sessions.html post end-others", what: "", who: f.ada, path: "/account/sessions", says: "You are signed out everywhere else.", then: ended(true)},
	)
}

// confirming is the form that asks for the password of who signed in a while ago.
func (f *formTries) confirming() {
	f.clock.advance(16 * time.Minute)
	const form = "confirm.html post"
	f.try(
		formTry{form: "account_tokens.html post make", what: "a while after signing in", who: f.ada, path: "/account/tokens", fill: map[string]string{"name": "Later"}, says: "Confirm that it is you"},
		formTry{form: form, what: "with nothing", who: f.ada, fill: map[string]string{"confirmPassword": ""}, unsent: true,
			problem: "Your password: this is not yours; nothing was changed; try again.", focus: "confirmPassword", secret: []string{"confirmPassword"}},
		formTry{form: form, what: "with a wrong password", who: f.ada, fill: map[string]string{"confirmPassword": "wrong horse battery"},
			problem: "Your password: this is not yours; nothing was changed; try again.", focus: "confirmPassword", secret: []string{"confirmPassword"}},
		formTry{form: form, what: "with the password", who: f.ada, fill: map[string]string{"confirmPassword": password}, says: "is made", then: func(t *testing.T) {
			tokens, _, err := f.directory.PermanentTokens(t.Context(), f.user(t, "ada").ID, everything)
			if err != nil || !slices.ContainsFunc(tokens, func(made storage.PermanentToken) bool { return made.Name == "Later" }) {
				t.Errorf("the tokens are %v (%v)", tokens, err)
			}
		}},
	)
}
