package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"gatehouse/server/guard"
	"gatehouse/server/rules"
)

// protect makes a protected API of the service, with rules of every kind, all of which let the administrator pass: a group
// that they are in, a hundred paths and ranges of addresses, and a rate limit that nobody reaches.
func (s *subject) protect(ctx context.Context, admin string) error {
	header := http.Header{"Authorization": {admin}, "Content-Type": {"application/json"}}
	for _, made := range []struct{ path, body string }{
		{"/api/rest/usergroups", `{"id": "bench", "name": "Bench"}`},
		{"/api/rest/usergroups/bench/users", `{"id": "admin"}`},
	} {
		if _, _, err := s.send(ctx, made.path, header, made.body, http.StatusOK); err != nil {
			return err
		}
	}
	var addresses []string
	var paths []rules.Path
	for i := range 100 {
		addresses = append(addresses, fmt.Sprintf("10.%d.0.0/16", i))
		paths = append(paths, rules.Path{Path: fmt.Sprintf("/rest/public/%d", i), Access: rules.Open})
	}
	body, err := json.Marshal(map[string]any{"id": s.clientID, "addresses": append(addresses, "127.0.0.0/8"), "paths": paths,
		"groups": []any{map[string]string{"id": "bench"}}, "readOnlyGroups": []any{map[string]string{"id": "bench"}},
		"rateLimit": rules.RateLimit{Requests: 1_000_000_000, Seconds: 60}})
	if err != nil {
		return err
	}
	_, _, err = s.send(ctx, guard.Path+"/apis", header, string(body), http.StatusOK)
	return err
}

// guarding is the question of a reverse proxy about a request with a user's access token.
func guarding(ctx context.Context, s *subject, connections, _ int) ([]script, error) {
	codes, err := s.codes(ctx, 1, 1)
	if err != nil {
		return nil, err
	}
	accessToken, _, err := s.token(ctx, codeForm(codes[0]))
	if err != nil {
		return nil, err
	}
	request := fmt.Appendf(nil, "GET %s?api=%s HTTP/1.1\r\nHost: gatehouse\r\nAuthorization: Bearer %s\r\n"+
		"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /rest/pages/1?limit=10\r\n\r\n", guard.Path, s.clientID, accessToken)
	one := script{next: func() []byte { return request }, status: http.StatusOK}
	return slices.Repeat([]script{one}, connections), nil
}
