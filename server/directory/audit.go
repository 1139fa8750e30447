package directory

import (
	"context"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// AuditSubject is the actor as the author of events.
func (a Actor) AuditSubject() audit.Subject {
	switch {
	case a.User != nil:
		return auditUser(*a.User)
	case a.Service != nil:
		return AuditService(*a.Service)
	}
	return audit.Subject{}
}

func auditUser(user storage.User) audit.Subject {
	return audit.Subject{Type: "user", ID: user.ID, Name: user.Login}
}

// AuditService is a service as what an event is about.
func AuditService(service storage.Service) audit.Subject {
	return audit.Subject{Type: "service", ID: service.ID, Name: service.Name}
}

func auditGroup(group storage.Group) audit.Subject {
	return audit.Subject{Type: "group", ID: group.ID, Name: group.Name}
}

func auditPermanentToken(token storage.PermanentToken) audit.Subject {
	return audit.Subject{Type: "permanent-token", ID: token.ID, Name: token.Name}
}

func auditGrant(id string) audit.Subject { return audit.Subject{Type: "grant", ID: id} }

// auditUserWithID is a user as what an event is about, with the login if they still exist. It may read the database, so
// it is called before a transaction and not in one.
func (d *Directory) auditUserWithID(ctx context.Context, id string) audit.Subject {
	user, err := d.users.get(ctx, id)
	if err != nil {
		return audit.Subject{Type: "user", ID: id}
	}
	return auditUser(user)
}

// auditServiceWithID is as auditUserWithID for a service.
func (d *Directory) auditServiceWithID(ctx context.Context, id string) audit.Subject {
	service, err := d.services.get(ctx, id)
	if err != nil {
		return audit.Subject{Type: "service", ID: id}
	}
	return AuditService(service)
}

// named is a user or service with the name that it has now.
func (d *Directory) named(ctx context.Context, subject audit.Subject) audit.Subject {
	switch subject.Type {
	case "user":
		return d.auditUserWithID(ctx, subject.ID)
	case "service":
		return d.auditServiceWithID(ctx, subject.ID)
	}
	return subject
}
