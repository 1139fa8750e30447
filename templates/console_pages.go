package templates

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"regexp"
	"strings"
	"time"

	"gatehouse/templates/texts"
)

// consolePages are the pages for those who are signed in, and their files.
var consolePages = map[string]any{
	"confirm.html":          Confirm{},
	"account_profile.html":  AccountProfile{},
	"account_apps.html":     AccountApps{},
	"account_tokens.html":   AccountTokens{},
	"account_sessions.html": AccountSessions{},
	"account_password.html": AccountPassword{},
	"connections.html":      Connections{},
	"apps.html":             Apps{},
	"app_kinds.html":        AppKinds{},
	"app_new.html":          NewApp{},
	"app_made.html":         AppMade{},
	"app_settings.html":     AppSettings{},
	"app_secrets.html":      AppSecrets{},
	"app_start.html":        AppStart{},
	"app_permissions.html":  AppPermissions{},
	"app_flow.html":         AppFlow{},
	"app_errors.html":       AppErrors{},
	"admin_overview.html":   AdminOverview{},
	"admin_settings.html":   AdminSettings{},
	"admin_keys.html":       AdminKeys{},
	"admin_users.html":      AdminUsers{},
	"admin_access.html":     AdminAccess{},
	"admin_user.html":       AdminUser{},
	"admin_groups.html":     AdminGroups{},
	"admin_group.html":      AdminGroup{},
	"admin_token.html":      AdminToken{},
	"admin_audit.html":      AdminAudit{},
}

// consoleIn are the consolePages in a layout, by the type of what they show.
func consoleIn(layout page) map[reflect.Type]page {
	frame := layout.with("console.html")
	pages := make(map[reflect.Type]page, len(consolePages))
	for file, shows := range consolePages {
		pages[reflect.TypeOf(shows)] = frame.with(file)
	}
	return pages
}

// Console writes a page for somebody who is signed in; page is one of the structs that embed [Frame]. Its forms post
// form_token and, where there are several, action.
func (p *Pages) Console(w io.Writer, page any) error {
	of, ok := p.console[reflect.TypeOf(page)]
	if !ok {
		return fmt.Errorf("there is no page for %T", page)
	}
	return render(w, of, page)
}

// tab is a link to a page of a section.
type tab struct {
	Path    string
	Name    template.HTML
	Current bool
}

// tabOf makes the link to the page with the name tab.
func tabOf(frame any, name, path string, words template.HTML) (tab, error) {
	current := reflect.ValueOf(frame).FieldByName("Tab")
	if !current.IsValid() {
		return tab{}, fmt.Errorf("%T has no frame", frame)
	}
	return tab{path, words, current.String() == name}, nil
}

// momentIn makes the function that writes a time of RFC 3339 for people, in UTC, as the element time; "" is never. Anything
// else stays as it is.
func momentIn(language *texts.Language) func(moment string) template.HTML {
	return func(moment string) template.HTML {
		if moment == "" {
			return template.HTML(`<span class="quiet">` + template.HTMLEscapeString(language.Say("frame.never")) + `</span>`) // #nosec G203 -- a text of the catalogue, escaped
		}
		said := moment
		if at, err := time.Parse(time.RFC3339, moment); err == nil {
			said = language.Moment(at)
		}
		return template.HTML(`<time datetime="` + template.HTMLEscapeString(moment) + `">` + template.HTMLEscapeString(said) + `</time>`) // #nosec G203 -- both are escaped
	}
}

// focused are the attributes of the field that a problem is about: the cursor goes there.
func focused(problem *FormProblem, field string) template.HTMLAttr {
	if problem == nil || problem.Field != field {
		return ""
	}
	return ` aria-invalid="true" autofocus`
}

// invalid are the attributes of a field that has no other description.
func invalid(problem *FormProblem, field string) template.HTMLAttr {
	if attributes := focused(problem, field); attributes != "" {
		return attributes + ` aria-describedby="problem"`
	}
	return ""
}

// opened unfolds the part of a page with the form that was refused.
func opened(problem *FormProblem, form string) template.HTMLAttr {
	if problem == nil || problem.Form != form {
		return ""
	}
	return " open"
}

// download is the address of a file of text that the page itself carries.
func download(kind, content string) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString([]byte(content))) // #nosec G203 -- base64 of a kind that the page chooses
}

// shellWord quotes text for a shell, where it needs that.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_.:/=-]+$`)

// quoted writes text as a literal that Go, JavaScript, Python, TOML and Apache read alike.
func quoted(text string) (string, error) {
	var literal strings.Builder
	encoder := json.NewEncoder(&literal)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return strings.TrimSuffix(literal.String(), "\n"), err
}
