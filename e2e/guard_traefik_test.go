package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// asTraefik is the question that Traefik's forwardAuth sends for POST https://wiki.example.com/pages?limit=10 from
// 192.0.2.7, with trustForwardHeader off: a GET with all headers of the client, but for those of the connection, and
// X-Forwarded- headers of its own in place of the client's.
func asTraefik(credentials change) []change {
	changes := []change{credentials}
	for name, value := range map[string]string{
		"Accept": "*/*", "Accept-Encoding": "gzip", "Content-Type": "application/json", "User-Agent": "curl/8.5.0", "Cookie": "session=of-the-wiki",
		"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "wiki.example.com", "X-Forwarded-Method": "POST", "X-Forwarded-Port": "443",
		"X-Forwarded-Proto": "https", "X-Forwarded-Server": "proxy", "X-Forwarded-Uri": "/pages?limit=10", "X-Real-Ip": "192.0.2.7",
		// What a client sends under our names comes along, and must mean nothing.
		"Remote-User": "root", "Guard-Reason": "allowed", "Forwarded": "for=127.0.0.1",
	} {
		changes = append(changes, header(name, value))
	}
	return changes
}

func TestTheGuardJudgesWhatTraefikAsks(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, trustingLoopback)
	readers := s.group(t, "Readers", "ada")
	api := s.protect(t, "wiki", fields{"reverseProxy": true, "addresses": []string{"192.0.2.0/24", "127.0.0.1"}})
	token := api.permanent(t, "ada")
	ask := func(credentials change) answer {
		return s.get(t, "/api/rest/guard?api=wiki", asTraefik(credentials)...)
	}
	allowed := ask(token)
	wantReason(t, "a token", allowed, "200 allowed")
	if got := allowed.header.Get("Remote-User"); got != "ada" {
		t.Errorf("Remote-User is %q", got)
	}
	wantReason(t, "nothing", ask(func(*http.Request) {}), "401 credentials_missing")
	api.rules(t, fields{"readOnlyGroups": []any{fields{"id": readers}}})
	s.clock.advance(time.Second)
	refused := ask(token)
	wantReason(t, "writing, where reading is allowed", refused, "403 read_only")
	// Traefik hands the whole answer on to the client.
	if said := refused.refused(t, http.StatusForbidden, "Forbidden"); !strings.Contains(said, "POST") || refused.header.Get("Remote-User") != "" {
		t.Errorf("the client reads %q, with Remote-User %q", said, refused.header.Get("Remote-User"))
	}
	api.rules(t, fields{"readOnlyGroups": []any{}, "addresses": []string{"198.51.100.0/24", "127.0.0.1"}})
	wantReason(t, "the address of the client", ask(token), "403 address_not_allowed")
}
