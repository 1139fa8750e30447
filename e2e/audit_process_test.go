package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// TestTheAuditLogIsWrittenToItsEndAndVerifiedByACommand: what was gathered is there after a signal to stop, and what
// somebody does to the database afterwards is found.
func TestTheAuditLogIsWrittenToItsEndAndVerifiedByACommand(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		p := newPlace(t, options, "GATEHOUSE_AUDIT_TOKENS=on", "GATEHOUSE_PUBLIC_URL=http://gatehouse.test")
		server := p.start(t, "--listen", "127.0.0.1:0")
		p.run(t, "user", "create", "--login", "ann")
		server.stop(t)
		if said := p.run(t, "audit", "verify"); strings.Contains(said, "TAMPERED") || !strings.Contains(said, "security") {
			t.Errorf("verify says:\n%s", said)
		}
		names := map[string]auditEvent{}
		for _, line := range strings.Split(p.run(t, "audit", "export"), "\n") {
			var event auditEvent
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			names[event.Name+" "+event.Target.Name] = event
		}
		if made := names["user.created ann"]; made.Author.Type != "operator" || made.Author.Name == "" {
			t.Errorf("the operator who made ann is not in the log: %+v", made)
		}
		for _, name := range []string{"key.created seal", "key.created audit", "setting.changed ", "user.created admin"} {
			if names[name].Sequence == 0 {
				t.Errorf("%s is not in the chain: %+v", name, names[name])
			}
		}
		p.execute(t, "DELETE FROM audit_events WHERE category = 'security' AND sequence = 2")
		verify := p.command(t, "audit", "verify")
		said, err := verify.CombinedOutput()
		if err == nil || !strings.Contains(string(said), "TAMPERED number 2: missing") {
			t.Errorf("after an event was deleted: %v\n%s", err, said)
		}
	})
}
