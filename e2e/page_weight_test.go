package e2e

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// heaviestPage is how many bytes a page may have with all that it loads, as they are sent.
const heaviestPage = 60 << 10

// sent is how many bytes an answer has on its way, and what is in it; where gzip is asked for it has to be of use.
func (b *browser) sent(t *testing.T, address string) (int, *http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*")
	r.Header.Set("Accept-Encoding", "gzip")
	response, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	counted := &counting{reader: response.Body}
	body := io.Reader(counted)
	if response.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(counted); err != nil {
			t.Fatal(err)
		}
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return counted.bytes, response, string(content)
}

// counting counts what is read through it.
type counting struct {
	reader io.Reader
	bytes  int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.bytes += n
	return n, err
}

func TestPagesForSigningInAndConsentAreLight(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	for name, address := range map[string]string{"sign-in": s.url + "/auth/login?client_id=" + a.id, "consent": a.authorizeURL()} {
		p := ada.visit(t, address)
		total, response, _ := ada.sent(t, address)
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is answered with %d %v: a page with a form token is not compressed", name, response.StatusCode, response.Header)
		}
		files := 0
		for _, link := range append(elements(p.document(t), "link"), elements(p.document(t), "script")...) {
			target, err := p.address.Parse(attribute(link, "href") + attribute(link, "src"))
			if err != nil {
				t.Fatal(err)
			}
			bytes, response, _ := ada.sent(t, target.String())
			if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("%s is answered with %d %v", target, response.StatusCode, response.Header)
			}
			total += bytes
			files++
		}
		t.Logf("%s: %d bytes in %d files", name, total, files+1)
		if files < 3 || total > heaviestPage {
			t.Errorf("%s has %d bytes in %d files, want at most %d", name, total, files+1, heaviestPage)
		}
	}
}

func TestTheFirstPaintOfPagesIsMeasured(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	a := s.register(t, nil)
	s.user(t, "ada")
	run(t, tab, chromedp.Navigate(s.url+"/auth/login"))
	signInTab(t, tab, "ada")
	waitFor(t, tab, "location.pathname === '/'")
	for name, address := range map[string]string{"sign-in": s.url + "/auth/login?" + url.Values{"client_id": {a.id}}.Encode(), "consent": a.authorizeURL()} {
		run(t, tab, chromedp.Navigate(address))
		waitFor(t, tab, "performance.getEntriesByName('first-contentful-paint').length === 1")
		t.Logf("%s: the first paint is after %d ms", name, evaluate[int64](t, tab, "Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime)"))
	}
}
