package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/storage"
)

// listRow is what was measured of a kind of request.
type listRow struct {
	database string
	request  listRequest
	measured measurement
}

// keptLists measures the lists that an earlier run has kept, and makes and keeps them when there are none yet.
func (b *bench) keptLists(ctx context.Context, database string) error {
	s := &subject{database: database, folder: filepath.Join(b.options.keep, database)}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	if database == onPostgres {
		s.use(b.options.database)
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	// The file is written last, so that lists without it are not whole.
	tokenFile := filepath.Join(s.folder, "bench-token")
	kept, err := os.ReadFile(tokenFile) // #nosec G304 -- the folder is the one that the operator names
	if s.bearer = string(kept); errors.Is(err, fs.ErrNotExist) {
		if err = b.fillLists(ctx, s); err == nil {
			err = os.WriteFile(tokenFile, []byte(s.bearer), 0o600)
		}
	}
	if err != nil {
		return err
	}
	return b.listsOf(ctx, s)
}

// listsOf measures every kind of request to the lists, one request after the other.
func (b *bench) listsOf(ctx context.Context, s *subject) (err error) {
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.stop()) }()
	for _, request := range b.listRequests() {
		measured, err := s.measureList(ctx, request, b.options)
		if err != nil {
			return fmt.Errorf("%s: %w", request.name, err)
		}
		fmt.Fprintf(b.progress, "%s: %s: p50 %s, p99 %s\n", s.database, request.name, milliseconds(measured.median), milliseconds(measured.p99))
		b.report.lists = append(b.report.lists, listRow{s.database, request, measured})
	}
	b.report.subjects = append(b.report.subjects, s)
	return nil
}

// listRequests are those that are to be measured.
func (b *bench) listRequests() []listRequest {
	return slices.DeleteFunc(listRequests(), func(r listRequest) bool { return !strings.Contains(r.name, b.options.kinds) })
}

// fillLists has the server make its database, gives its administrator a permanent token, and fills the lists when the
// server has stopped.
func (b *bench) fillLists(ctx context.Context, s *subject) error {
	fmt.Fprintf(b.progress, "%s: making %d users and %d services\n", s.database, b.options.users, b.options.services)
	password := rand.Text()
	if err := s.start(ctx, "GATEHOUSE_ADMIN_LOGIN=admin", "GATEHOUSE_ADMIN_PASSWORD="+password); err != nil {
		return err
	}
	if err := errors.Join(s.makeToken(ctx, password), s.server.stop()); err != nil {
		return err
	}
	return storage.FillLists(ctx, storage.Options{URL: s.databaseURL, Folder: s.folder}, b.options.users, b.options.services)
}

func (s *subject) makeToken(ctx context.Context, password string) error {
	header := http.Header{"Content-Type": {"application/json"},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+password))}}
	body := fmt.Sprintf(`{"name": "Bench", "scope": [{"id": %q}]}`, storage.HubServiceID)
	_, text, err := s.send(ctx, "/api/rest/users/me/permanenttokens?fields=token", header, body, http.StatusOK)
	if err != nil {
		return fmt.Errorf("make a permanent token: %w", err)
	}
	var made struct{ Token string }
	err = json.Unmarshal(text, &made)
	s.bearer = "Bearer " + made.Token
	return err
}

// measureList sends a kind of request often enough to warm up, and then as often as the options say.
func (s *subject) measureList(ctx context.Context, request listRequest, options benchOptions) (measured measurement, err error) {
	n := options.users
	if strings.HasPrefix(request.path, servicesList) {
		n = options.services
	}
	first := 0
	for _, requests := range []int{max(1, options.requests/10), options.requests} {
		i, end := first, first+requests
		one := always(nil, `"id":"`)
		one.next = func() []byte {
			if i >= end {
				return nil
			}
			i++
			return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: gatehouse\r\nAuthorization: %s\r\n\r\n", request.target(i, n), s.bearer)
		}
		if measured, err = drive(ctx, s.server.address, []script{one}, time.Hour); err != nil {
			return measured, err
		}
		first = end
	}
	return measured, nil
}

// listAim is what the p99 of a list stays below.
const listAim = 20 * time.Millisecond

// printLists writes what was measured of lists as Markdown.
func (r *benchReport) printLists(out io.Writer, options benchOptions) error {
	var text strings.Builder
	text.WriteString("| Request |")
	for _, s := range r.subjects {
		fmt.Fprintf(&text, " %[1]s p50 | %[1]s p99 |", productName(s.database))
	}
	text.WriteString("\n| --- |" + strings.Repeat(" ---: |", 2*len(r.subjects)) + "\n")
	above := 0
	for _, request := range listRequests() {
		if !slices.ContainsFunc(r.lists, func(row listRow) bool { return row.request.name == request.name }) {
			continue
		}
		fmt.Fprintf(&text, "| %s |", request.name)
		for _, s := range r.subjects {
			i := slices.IndexFunc(r.lists, func(row listRow) bool { return row.database == s.database && row.request.name == request.name })
			measured := r.lists[i].measured
			fmt.Fprintf(&text, " %s | %s |", milliseconds(measured.median), milliseconds(measured.p99))
			if measured.p99 > listAim {
				above++
			}
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, "\n- %d users and %d services; %d requests of each kind, with other values each, one after the other\n", options.users, options.services, options.requests)
	fmt.Fprintf(&text, "- %d of %d are above %s at p99\n", above, len(r.lists), milliseconds(listAim))
	for _, fact := range r.facts() {
		fmt.Fprintf(&text, "- %s\n", fact)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// listRequest is a kind of request to a list.
type listRequest struct {
	name string
	// path is that of the list, with its parameters, in which %s stands for the value, as people would write them.
	path string
	// value is that of the i-th request to a list of n; nil when all requests are alike.
	value func(i, n int) string
}

// target is the i-th request's path with its query (RFC 9112 section 3.2.1).
func (l listRequest) target(i, n int) string {
	value := ""
	if l.value != nil {
		value = l.value(i, n)
	}
	path, query, _ := strings.Cut(strings.ReplaceAll(l.path, "%s", value), "?")
	parameters := url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		if name, text, found := strings.Cut(pair, "="); found {
			parameters.Set(name, text)
		}
	}
	return path + "?" + parameters.Encode()
}
