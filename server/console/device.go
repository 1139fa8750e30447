package console

import (
	"strings"

	"gatehouse/templates/texts"
)

// browsers and systems are the marks in a User-Agent header, those first that stand beside others' marks.
var (
	browsers = []struct{ mark, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}
	systems = []struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// deviceOf says in words what a User-Agent header tells about a browser and its system, which is a guess and nothing to
// rely on.
func deviceOf(language *texts.Language, userAgent string) string {
	browser, system := "", ""
	for _, each := range browsers {
		if browser == "" && strings.Contains(userAgent, each.mark) {
			browser = each.name
		}
	}
	for _, each := range systems {
		if system == "" && strings.Contains(userAgent, each.mark) {
			system = each.name
		}
	}
	switch {
	case browser != "" && system != "":
		return language.Say("account.sessions.device", "browser", browser, "system", system)
	case browser+system != "":
		return browser + system
	case userAgent != "":
		name, _, _ := strings.Cut(userAgent, " ")
		return name
	}
	return language.Say("account.sessions.unknown")
}
