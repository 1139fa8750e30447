package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// raw sends bytes over a connection of its own and returns all that comes back until the server closes it.
func (s *testServer) raw(t *testing.T, sent string) string {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, sent); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(connection)
	if err != nil {
		t.Fatalf("%q: the server does not close the connection: %v after %q", sent, err, got)
	}
	return string(got)
}

func TestMalformedRequestsAre400AndEndTheConnection(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	const smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	post := "POST " + tokenPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	for name, sent := range map[string]string{
		"no version":                     "GET /healthz\r\n\r\n" + smuggled,
		"a space too many":               "GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		"a NUL in the line":              "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		"no method":                      " /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		"no host":                        "GET /healthz HTTP/1.1\r\n\r\n" + smuggled,
		"two hosts":                      "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled,
		"a host that is none":            "GET /healthz HTTP/1.1\r\nHost: x y\r\n\r\n" + smuggled,
		"two lengths":                    post + "Content-Length: 3\r\nContent-Length: 40\r\n\r\na=b" + smuggled,
		"a list of lengths":              post + "Content-Length: 3, 40\r\n\r\na=b" + smuggled,
		"a signed length":                post + "Content-Length: +3\r\n\r\na=b" + smuggled,
		"a length that is none":          post + "Content-Length: 0x3\r\n\r\na=b" + smuggled,
		"an encoding that is not known":  post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"two encodings":                  post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
		"a blank before the colon":       post + "Content-Length : 3\r\n\r\na=b" + smuggled,
		"a folded header":                post + "X: a\r\n b\r\nTransfer-Encoding:\r\n chunked, x\r\n\r\n0\r\n\r\n" + smuggled,
		"a header without a colon":       "GET /healthz HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n" + smuggled,
		"a control character in a value": "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x01b\r\n\r\n" + smuggled,
		"a carriage return in a value":   "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n" + smuggled,
		"a name that is folded":          "GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n" + smuggled,
		"a chunk line without its end":   post + "Transfer-Encoding: chunked\r\n\r\n3\na=b\r\n0\r\n\r\n" + smuggled,
		"a chunk longer than it says":    post + "Transfer-Encoding: chunked\r\n\r\n2\r\na=b\r\n0\r\n\r\n" + smuggled,
		"a negative chunk size":          post + "Transfer-Encoding: chunked\r\n\r\n-1\r\na=b\r\n0\r\n\r\n" + smuggled,
		"a chunk size without end":       post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na=b\r\n0\r\n\r\n" + smuggled,
		"a chunk size that is none":      post + "Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n" + smuggled,
	} {
		got := s.raw(t, sent)
		if answers := strings.Count(got, "HTTP/1.1 "); answers != 1 || !regexp.MustCompile(`^HTTP/1\.1 (400|501) `).MatchString(got) {
			t.Errorf("%s: %d answers: %.300q", name, answers, got)
		}
	}
}

func TestNothingIsSmuggledBehindAChunkedBody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	const smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	head := "POST " + tokenPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	for _, sent := range []string{
		head + "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n" + smuggled,
		head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		head + "Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\n" + smuggled,
		// A chunked body that a proxy takes for none.
		strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
	} {
		got := s.raw(t, sent)
		if strings.Count(got, "HTTP/1.") != 1 || strings.Contains(got, `"status":"ok"`) {
			t.Errorf("%q is answered %q", sent, got)
		}
	}
}

func TestLargeHeadersAndBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	if got := s.get(t, "/healthz", header("X-Large", strings.Repeat("x", 64<<10))); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of header: %d", got.status)
	}
	if got := s.post(t, tokenPath, url.Values{"grant_type": {strings.Repeat("x", 65<<10)}}); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("65 KiB of form: %d %s", got.status, got.body)
	}
	if got := s.rest(t, http.MethodPost, "/services", fields{"name": strings.Repeat("x", 300<<10)}); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("300 KiB of JSON: %d %s", got.status, got.body)
	}
	if got := s.rest(t, http.MethodPost, "/services", strings.Repeat("[", 100)); got.status != http.StatusBadRequest {
		t.Errorf("a text for an object: %d %s", got.status, got.body)
	}
}

// TestSlowClientsKeepNobodyWaiting has clients that never finish what they began: others are answered beside them, and the
// server ends every one of them, in whatever part of the request it has stopped.
func TestSlowClientsKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	p, address := newPlace(t, storage.Options{}), freeAddress(t)
	p.start(t, "--listen", address, "--max-connections", "1000")
	begun := []string{"", "G", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", "POST " + tokenPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"}
	var slow []net.Conn
	for i := range 400 {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if _, err := io.WriteString(connection, begun[i%len(begun)]); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, connection)
	}
	serverAt(address).get(t, "/readyz").ok(t)
	for i, connection := range slow[:len(begun)] {
		if err := connection.SetReadDeadline(time.Now().Add(3 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a client that stops after %q keeps its connection", begun[i])
		}
	}
}

func TestConnectionsBeyondTheLimitWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	p, address := newPlace(t, storage.Options{}), freeAddress(t)
	p.start(t, "--listen", address, "--max-connections", "2")
	var open []net.Conn
	for range 3 {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		open = append(open, connection)
	}
	ask := func(connection net.Conn) {
		if _, err := io.WriteString(connection, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	answered := func(connection net.Conn) error {
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", response.StatusCode)
		}
		return err
	}
	for _, connection := range open[:2] {
		ask(connection)
		if err := answered(connection); err != nil {
			t.Fatal(err)
		}
	}
	ask(open[2])
	open[2].SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if err := answered(open[2]); err == nil {
		t.Error("a third connection is served beside the two that are allowed")
	}
	open[0].Close()
	open[2].SetReadDeadline(time.Time{})
	if err := answered(open[2]); err != nil {
		t.Errorf("when one of two is closed the third is not served: %v", err)
	}
}

func TestNoLinkOfOursIsMadeOfWhatARequestSays(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, trustingLoopback)
	a := s.register(t, nil)
	lies := func(r *http.Request) {
		r.Host = "evil.example"
		for name, value := range map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil",
			"X-Original-Url": "/evil", "X-Rewrite-Url": "/evil", "X-Forwarded-Server": "evil.example", "Forwarded": "for=1.2.3.4;host=evil.example;proto=https"} {
			r.Header.Set(name, value)
		}
	}
	for _, path := range []string{"/", "/auth/login", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/nothing", "/api/nothing",
		strings.TrimPrefix(a.authorizeURL(), s.url), authorizePath + "?client_id=none", "/errors/invalid_grant", "/api/rest/oauth2/logout"} {
		got := s.get(t, path, lies)
		if told := fmt.Sprint(got.header, got.body); strings.Contains(told, "evil") {
			t.Errorf("%s repeats the host of the request: %.600s", path, told)
		}
	}
	if got := s.post(t, tokenPath, url.Values{}, lies); strings.Contains(got.body, "evil") {
		t.Errorf("an error repeats the host of the request: %s", got.body)
	}
}

func TestAddressesAreBelievedFromTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	trusting, alone := onSQLite(t, trustingLoopback), onSQLite(t)
	for name, test := range map[string]struct {
		sent           http.Header
		trusted, alone string
	}{
		"nothing":                      {http.Header{}, "127.0.0.1", "127.0.0.1"},
		"X-Forwarded-For":              {http.Header{"X-Forwarded-For": {"203.0.113.7"}}, "203.0.113.7", "127.0.0.1"},
		"one that the client made up":  {http.Header{"X-Forwarded-For": {"198.51.100.1, 203.0.113.7, 10.0.0.1"}}, "203.0.113.7", "127.0.0.1"},
		"Forwarded":                    {http.Header{"Forwarded": {`for=198.51.100.1, for="203.0.113.7:4711";proto=https;by=10.0.0.1`}}, "203.0.113.7", "127.0.0.1"},
		"Forwarded with IPv6":          {http.Header{"Forwarded": {`For="[2001:db8:cafe::17]:4711"`, "for=10.1.2.3"}}, "2001:db8:cafe::17", "127.0.0.1"},
		"Forwarded with a hidden name": {http.Header{"Forwarded": {"for=_hidden, for=10.1.2.3"}}, "10.1.2.3", "127.0.0.1"},
		"Forwarded without for":        {http.Header{"Forwarded": {"proto=https"}}, "127.0.0.1", "127.0.0.1"},
		"both":                         {http.Header{"X-Forwarded-For": {"203.0.113.7"}, "Forwarded": {"for=198.51.100.1"}}, "203.0.113.7", "127.0.0.1"},
		"X-Real-IP":                    {http.Header{"X-Real-Ip": {"203.0.113.7"}}, "127.0.0.1", "127.0.0.1"},
	} {
		for want, s := range map[string]*testServer{test.trusted: trusting, test.alone + " ": alone} {
			ada := s.browser(t, "ada")
			request := ada.visit(t, s.url+"/auth/login").form(t).request(t, "", "username", "ada", "password", password)
			for header, values := range test.sent {
				request.Header[header] = values
			}
			if got := s.do(t, request); got.status != http.StatusSeeOther {
				t.Fatalf("%s: signing in is answered %d", name, got.status)
			}
			sessions := s.rest(t, http.MethodGet, "/users/ada/sessions?fields=address", nil).ok(t)["sessions"].([]any)
			if got := sessions[0].(map[string]any)["address"]; got != strings.TrimSpace(want) {
				t.Errorf("%s: the address is %v, want %s", name, got, want)
			}
			s.rest(t, http.MethodDelete, "/users/ada/sessions", nil).mustBe200(t)
		}
	}
}
