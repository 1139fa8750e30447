package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/storage"
)

// demonstrates runs gatehouse demo and returns what it says of itself, by name.
func (p place) demonstrates(t *testing.T) (*process, map[string]string) {
	t.Helper()
	command := p.command(t, "demo", "--listen", "127.0.0.1:0", "--app-listen", "127.0.0.1:0")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := &process{command: command, out: bufio.NewReader(out)}
	t.Cleanup(func() { s.kill() })
	s.readTo(t, "Everything is gone")
	said := map[string]string{}
	for _, line := range strings.Split(s.printed, "\n") {
		if words := strings.Fields(line); strings.HasPrefix(line, "  ") && len(words) > 1 {
			said[words[0]] = strings.TrimSuffix(words[1], ",")
		}
	}
	return s, said
}

// clickOn presses the link or button of a tab that has these words.
func clickOn(t *testing.T, tab context.Context, words string) {
	t.Helper()
	found := fmt.Sprintf("[...document.querySelectorAll('a, button')].find((e) => e.textContent.includes(%q) && !e.closest('details:not([open])'))", words)
	waitFor(t, tab, "document.readyState === 'complete' && "+found)
	script(t, tab, found+".click()")
}

// heading waits for the heading of the page that a tab shows.
func heading(t *testing.T, tab context.Context, words string) {
	t.Helper()
	waitFor(t, tab, fmt.Sprintf("document.readyState === 'complete' && document.querySelector('h1') && document.querySelector('h1').textContent.includes(%q)", words))
}

func TestTheDemoTakesATokenApartAndItsAppNoticesTheRevocation(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	p := newPlace(t, storage.Options{}, "GATEHOUSE_DATABASE_URL=postgres://of-a-real-server.invalid/", "TMPDIR="+t.TempDir())
	demo, said := p.demonstrates(t)
	fill := func(login string) {
		waitFor(t, tab, "document.querySelector('#username') && document.readyState === 'complete'")
		script(t, tab, fmt.Sprintf(`document.querySelector('#username').value = %q; document.querySelector('#password').value = %q;
			document.querySelector('button[type=submit]').click()`, login, said["Password"]))
	}
	run(t, tab, chromedp.Navigate(said["App"]))
	if german := serverAt(strings.TrimPrefix(said["App"], "http://")).get(t, "/", header("Accept-Language", "de")); !strings.Contains(german.body, `<html lang="de">`) || !strings.Contains(german.body, "Eine App, die Leute anmeldet") {
		t.Errorf("in German the app says %s", german.body)
	}
	clickOn(t, tab, "Sign in through Demo app")
	fill("ann")
	clickOn(t, tab, "Deny")
	heading(t, tab, "That did not work")
	waitFor(t, tab, "document.querySelector('[role=alert]').textContent.includes('You did not allow it')")
	clickOn(t, tab, "Sign in through Demo app")
	clickOn(t, tab, "Allow")
	heading(t, tab, "Hello Ann Example")
	shown := evaluate[string](t, tab, "document.body.innerText")
	for _, want := range []string{"gh_at_", `"active": true`, `"preferred_username": "ann"`, `"alg": "RS256"`, "answered with 200"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the app does not show %s: %s", want, shown)
		}
	}
	keepScreenshot(t, tab, "demo")
	clickOn(t, tab, "Revoke the token")
	heading(t, tab, "The app has noticed")
	if shown := evaluate[string](t, tab, "document.body.innerText"); !strings.Contains(shown, `"active": false`) || !strings.Contains(shown, "userinfo answers 401") {
		t.Errorf("after the revocation the app shows %s", shown)
	}

	clickOn(t, tab, "Sign in through Demo intranet")
	heading(t, tab, "Hello Ann Example")
	clickOn(t, tab, "your account")
	heading(t, tab, "Apps")
	script(t, tab, "document.querySelectorAll('details').forEach((folded) => (folded.open = true))")
	clickOn(t, tab, "Revoke access of Demo intranet")
	waitFor(t, tab, "document.querySelector('.done')")
	run(t, tab, chromedp.Navigate(said["App"]))
	heading(t, tab, "The app has noticed")

	if folder := evaluate[string](t, tab, "document.title"); folder != "Demo app" {
		t.Errorf("the title is %q", folder)
	}
	demo.stop(t)
	left, err := filepath.Glob(filepath.Join(tempOf(p), "gatehouse-demo-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("the demo leaves %v (%v)", left, err)
	}
}

// tempOf is the folder for temporary files of a place.
func tempOf(p place) string {
	folder := ""
	for _, variable := range p.environment {
		if value, ok := strings.CutPrefix(variable, "TMPDIR="); ok {
			folder = value
		}
	}
	return folder
}
