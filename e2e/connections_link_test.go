package e2e

import (
	"net/http"
	"testing"
)

func TestTheAccountLeadsToTheConnections(t *testing.T) {
	t.Parallel()
	b := onSQLite(t).browser(t, "ada").signedIn(t)
	for _, link := range elements(b.visit(t, b.url+"/account").document(t), "a") {
		if attribute(link, "href") == "/connections" {
			if p := b.visit(t, b.url+"/connections"); p.status != http.StatusOK {
				t.Errorf("the page answers %d", p.status)
			}
			return
		}
	}
	t.Error("no link leads to /connections")
}
