package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/server/login"
	"gatehouse/server/oauth2"
	"gatehouse/storage"
)

// subject is a server on a database of its own, which is measured.
type subject struct {
	database string
	folder   string
	// environment is what the server needs of our own variables.
	environment []string
	server      *child

	// healthyAfter is how long a start on the existing database takes to the first answer that the server is ready.
	healthyAfter time.Duration
	// fsync is how long the disk of the folder takes to make a small write durable.
	fsync time.Duration
	// databaseURL is that of the PostgreSQL database; "" on SQLite.
	databaseURL string
	// databaseVersion is that of the PostgreSQL server; "" on SQLite.
	databaseVersion string
	// idleMemory is what the server occupies after its start and a first token, peakMemory the most it ever did; both in
	// bytes, and 0 when not known.
	idleMemory, peakMemory int64

	// password is that of the administrator, whose login is admin.
	password string
	// clientID names a trusted service, and basic is the Authorization header by which it authenticates.
	clientID, basic string
	// cookie is the Cookie header of a browser in which a user is signed in.
	cookie string
	// bearer is the Authorization header with a permanent token of the administrator; "" when lists are not measured.
	bearer string
}

// callback is the redirect URI of the service. Nobody is sent there.
const callback = "http://127.0.0.1:1/callback"

// start starts the server on the subject's database.
func (s *subject) start(ctx context.Context, more ...string) (err error) {
	more = append(more, unreachedLimits...)
	s.server, err = startChild(ctx, append(more, s.environment...), "serve", "--data", s.folder, "--listen", "127.0.0.1:0")
	return err
}

// use makes the subject one on PostgreSQL.
func (s *subject) use(databaseURL string) {
	s.databaseURL, s.environment = databaseURL, []string{"GATEHOUSE_DATABASE_URL=" + databaseURL}
}

// look finds out what the measurements depend on: the version of PostgreSQL and the speed of the disk.
func (s *subject) look(ctx context.Context) (err error) {
	if s.databaseURL != "" {
		if s.databaseVersion, err = storage.Version(ctx, s.databaseURL); err != nil {
			return err
		}
	}
	s.fsync, err = fsyncTime(s.folder)
	return err
}

// fill has the server make its database, registers a service and signs an administrator in. Then the server is stopped.
func (s *subject) fill(ctx context.Context) (err error) {
	s.password = rand.Text()
	if err := s.start(ctx, "GATEHOUSE_ADMIN_LOGIN=admin", "GATEHOUSE_ADMIN_PASSWORD="+s.password); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.stop()) }()
	if err := s.register(ctx, s.password); err != nil {
		return fmt.Errorf("register a service: %w", err)
	}
	if err := s.signIn(ctx, s.password); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

func (s *subject) register(ctx context.Context, password string) error {
	admin := "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+password))
	body := fmt.Sprintf(`{"name": "Bench", "trusted": true, "redirectUris": [%q]}`, callback)
	_, text, err := s.send(ctx, "/api/rest/services?fields=id,secret", http.Header{"Authorization": {admin}, "Content-Type": {"application/json"}}, body, http.StatusOK)
	if err != nil {
		return err
	}
	var service struct{ ID, Secret string }
	if err := json.Unmarshal(text, &service); err != nil {
		return err
	}
	s.clientID = service.ID
	s.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(service.ID+":"+service.Secret))
	return s.protect(ctx, admin)
}

func (s *subject) signIn(ctx context.Context, password string) error {
	form := url.Values{"username": {"admin"}, "password": {password}}
	response, _, err := s.send(ctx, login.InteractivePath, http.Header{"Content-Type": {formType}}, form.Encode(), http.StatusSeeOther)
	if err != nil {
		return err
	}
	for _, cookie := range response.Cookies() {
		s.cookie = cookie.Name + "=" + cookie.Value
	}
	return nil
}

// token gets tokens at the token endpoint (RFC 6749 section 5.1).
func (s *subject) token(ctx context.Context, form url.Values) (accessToken, refreshToken string, err error) {
	_, text, err := s.send(ctx, oauth2.TokenPath, http.Header{"Authorization": {s.basic}, "Content-Type": {formType}}, form.Encode(), http.StatusOK)
	if err != nil {
		return "", "", err
	}
	var tokens struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	err = json.Unmarshal(text, &tokens)
	return tokens.AccessToken, tokens.RefreshToken, err
}

// send posts something that is not measured, and expects a status.
func (s *subject) send(ctx context.Context, path string, header http.Header, body string, status int) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.server.base+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header, request.Close = header, true
	// A client would follow the redirect of a sign-in.
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("the answer is %d, and not %d: %s", response.StatusCode, status, text)
	}
	return response, text, err
}

// starts is how often the start is measured; the median counts.
const starts = 3

// measureStart starts the server on its existing database, and leaves it running after the last start.
func (s *subject) measureStart(ctx context.Context) error {
	var times []time.Duration
	for {
		began := time.Now()
		if err := s.start(ctx); err != nil {
			return err
		}
		err := s.ready(ctx)
		times = append(times, time.Since(began))
		if err == nil && len(times) == starts {
			break
		}
		if err := errors.Join(err, s.server.stop()); err != nil {
			return err
		}
	}
	slices.Sort(times)
	s.healthyAfter = times[starts/2]
	if _, _, err := s.token(ctx, url.Values{"grant_type": {"client_credentials"}}); err != nil {
		return errors.Join(err, s.server.stop())
	}
	s.idleMemory = s.server.memory("VmRSS")
	return nil
}

// ready asks the server whether it is ready, which includes its database.
func (s *subject) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.base+"/readyz", nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the server is not ready: %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// flow is a kind of request that is measured.
type flow struct {
	name string
	// scripts makes a script for each connection; together they can make at least so many requests.
	scripts func(ctx context.Context, s *subject, connections, requests int) ([]script, error)
}

// flows are those that there are. It is never changed.
var flows = []flow{
	{"client-credentials", clientCredentials},
	{"introspection", introspection},
	{"refresh", refresh},
	{"exchange", exchange},
	{"authorization", authorization},
	{"guard", guarding},
}

func flowNames() []string {
	var names []string
	for _, f := range flows {
		names = append(names, f.name)
	}
	return names
}

// clientCredentials is RFC 6749 section 4.4.
func clientCredentials(_ context.Context, s *subject, connections, _ int) ([]script, error) {
	request := formPost(oauth2.TokenPath, s.basic, "grant_type=client_credentials")
	return slices.Repeat([]script{always(request, `"access_token"`)}, connections), nil
}

// introspection is RFC 7662, of a user's access token by the service that it is meant for.
func introspection(ctx context.Context, s *subject, connections, _ int) ([]script, error) {
	codes, err := s.codes(ctx, 1, 1)
	if err != nil {
		return nil, err
	}
	accessToken, _, err := s.token(ctx, codeForm(codes[0]))
	if err != nil {
		return nil, err
	}
	request := formPost(oauth2.IntrospectPath, s.basic, url.Values{"token": {accessToken}}.Encode())
	return slices.Repeat([]script{always(request, `"active":true`)}, connections), nil
}

// refresh is RFC 6749 section 6: each connection has a grant of its own, and sends the refresh token that the answer
// before has brought.
func refresh(ctx context.Context, s *subject, connections, _ int) ([]script, error) {
	codes, err := s.codes(ctx, connections, connections)
	if err != nil {
		return nil, err
	}
	scripts := make([]script, len(codes))
	for i, code := range codes {
		_, refreshToken, err := s.token(ctx, codeForm(code))
		if err != nil {
			return nil, err
		}
		scripts[i] = s.refreshing(refreshToken)
	}
	return scripts, nil
}

func (s *subject) refreshing(refreshToken string) script {
	newest := []byte(refreshToken)
	return script{
		next: func() []byte {
			return formPost(oauth2.TokenPath, s.basic, "grant_type=refresh_token&refresh_token="+string(newest))
		},
		status: http.StatusOK,
		read: func(a answer) error {
			_, rest, found := bytes.Cut(a.body, []byte(`"refresh_token":"`))
			newest = append(newest[:0], rest[:max(0, bytes.IndexByte(rest, '"'))]...)
			if !found || len(newest) == 0 {
				return fmt.Errorf("the answer has no refresh token: %s", a.body)
			}
			return nil
		},
	}
}

// exchange is RFC 6749 section 4.1.3 with a refresh token in the answer. The codes are made before, and are used in the
// order in which they were made, since they do not live long.
func exchange(ctx context.Context, s *subject, connections, requests int) ([]script, error) {
	codes, err := s.codes(ctx, connections, requests)
	if err != nil {
		return nil, err
	}
	var used atomic.Int64
	one := always(nil, `"refresh_token"`)
	one.next = func() []byte {
		i := int(used.Add(1)) - 1
		if i >= len(codes) {
			return nil
		}
		return formPost(oauth2.TokenPath, s.basic, codeForm(codes[i]).Encode())
	}
	return slices.Repeat([]script{one}, connections), nil
}

// authorization is RFC 6749 section 4.1.1 for somebody who is signed in, with a service that nobody has to approve.
func authorization(_ context.Context, s *subject, connections, _ int) ([]script, error) {
	return slices.Repeat([]script{s.authorizing(func() bool { return true }, func(string) {})}, connections), nil
}

// authorizing makes authorization requests while more says so, and hands over the codes.
func (s *subject) authorizing(more func() bool, got func(code string)) script {
	query := url.Values{"response_type": {"code"}, "client_id": {s.clientID}, "redirect_uri": {callback}, "access_type": {"offline"}, "state": {"0123456789"}}
	request := fmt.Appendf(nil, "GET %s?%s HTTP/1.1\r\nHost: gatehouse\r\nCookie: %s\r\n\r\n", oauth2.AuthorizePath, query.Encode(), s.cookie)
	return script{
		next: func() []byte {
			if !more() {
				return nil
			}
			return request
		},
		status: http.StatusFound,
		read: func(a answer) error {
			_, rest, found := strings.Cut(string(a.location), callback+"?code=")
			code, _, _ := strings.Cut(rest, "&")
			if !found || code == "" {
				return fmt.Errorf("the answer leads to %s, without a code", a.location)
			}
			got(code)
			return nil
		},
	}
}

// codesWithin bounds the time in which codes are made: the first of them has to live until the last is made.
const codesWithin = 45 * time.Second

// codes has about n authorization codes made, the oldest first; fewer when they take too long.
func (s *subject) codes(ctx context.Context, connections, n int) ([]string, error) {
	codes := make([]string, n)
	var asked, made atomic.Int64
	one := s.authorizing(
		func() bool { return asked.Add(1) <= int64(n) },
		func(code string) { codes[made.Add(1)-1] = code },
	)
	_, err := drive(ctx, s.server.address, slices.Repeat([]script{one}, connections), codesWithin)
	return codes[:made.Load()], err
}

func codeForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}
}

const formType = "application/x-www-form-urlencoded"

// formPost is a request as it goes over the wire. There is no Authorization header when authorization is empty.
func formPost(path, authorization, form string) []byte {
	request := make([]byte, 0, 512+len(form))
	request = append(request, "POST "+path+" HTTP/1.1\r\nHost: gatehouse\r\nContent-Type: "+formType+"\r\n"...)
	if authorization != "" {
		request = append(request, "Authorization: "+authorization+"\r\n"...)
	}
	request = append(request, "Content-Length: "...)
	request = strconv.AppendInt(request, int64(len(form)), 10)
	return append(append(request, "\r\n\r\n"...), form...)
}

// unreachedLimits have the server count requests, as it does by default, but turn none away.
var unreachedLimits = []string{"GATEHOUSE_RATE_LIMIT_SERVICE=100000000/1m", "GATEHOUSE_RATE_LIMIT_TOKEN=100000000/1m", "GATEHOUSE_RATE_LIMIT_ADDRESS=100000000/1m"}
