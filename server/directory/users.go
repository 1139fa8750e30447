package directory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// NewUser is what is needed to create a user.
type NewUser struct {
	// ID is made up when it is empty.
	ID    string
	Login string
	// Name is what others see; the login when empty.
	Name  string
	Email string
	// Password may be left out only with PasswordLater: then nobody can sign in as the user until one is set.
	Password      string
	PasswordLater bool
	Admin         bool
	Developer     bool
	Banned        bool
	BanReason     string
}

// CreateUserAs creates a user for actor; see [Directory.CreateUser]. The error is [ErrForbidden] for whoever is no
// administrator.
func (d *Directory) CreateUserAs(ctx context.Context, actor Actor, n NewUser) (storage.User, error) {
	if !actor.Admin() {
		return storage.User{}, ErrForbidden
	}
	return d.CreateUser(ctx, n)
}

// CreateUser creates a user who can sign in by password, if there is one. The error is [*InvalidField] for a login that
// is taken or a password that is too short.
func (d *Directory) CreateUser(ctx context.Context, n NewUser) (storage.User, error) {
	user := d.newUser(n)
	hash, err := d.hashOfNewUser(ctx, user, n)
	if err != nil {
		return storage.User{}, err
	}
	err = d.store.Tx(ctx, func(tx *storage.Tx) error {
		if err := insertUser(ctx, tx, user); err != nil {
			return err
		}
		err := d.audit.Record(ctx, tx, audit.Event{Name: audit.UserCreated, Target: auditUser(user), Changes: audit.Diff(nil, userFacts(user))})
		if err != nil || hash == "" {
			return err
		}
		return tx.SetCredential(storage.Credential{UserID: user.ID, Hash: hash, UpdatedAt: user.CreatedAt})
	})
	d.users.forget(user.ID)
	return user, takenIfConflict(err)
}

func (d *Directory) newUser(n NewUser) storage.User {
	now := storage.At(d.now())
	user := storage.User{ID: n.ID, Login: strings.TrimSpace(n.Login), Name: n.Name, Email: strings.TrimSpace(n.Email),
		Admin: n.Admin, Developer: n.Developer && !n.Admin, Banned: n.Banned, CreatedAt: now, UpdatedAt: now}
	if user.ID == "" {
		user.ID = uuid.NewString()
	}
	if strings.TrimSpace(user.Name) == "" {
		user.Name = user.Login
	}
	if n.Banned {
		user.BanReason = n.BanReason
	}
	return user
}

// hashOfNewUser checks what was sent and hashes the password, "" when there is none.
func (d *Directory) hashOfNewUser(ctx context.Context, user storage.User, n NewUser) (string, error) {
	if err := checkUser(user); err != nil || n.PasswordLater && n.Password == "" {
		return "", err
	}
	return d.hashNewPassword(ctx, user, n.Password)
}

func (d *Directory) hashNewPassword(ctx context.Context, user storage.User, password string) (string, error) {
	if err := checkNewPassword(user, password); err != nil {
		return "", err
	}
	hash, err := d.passwords.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

func insertUser(ctx context.Context, tx *storage.Tx, user storage.User) error {
	if _, err := tx.User(ctx, user.ID); err == nil {
		return &InvalidField{Field: "id", Reason: "a user with this id exists already", Conflict: true}
	} else if !IsNotFound(err) {
		return err
	}
	if err := checkTaken(ctx, tx, user); err != nil {
		return err
	}
	return tx.InsertUser(user)
}

// checkTaken names the field in which another user has the value already.
func checkTaken(ctx context.Context, tx *storage.Tx, user storage.User) error {
	field, err := tx.TakenField(ctx, user)
	if err != nil || field == "" {
		return err
	}
	return &InvalidField{Field: field, Reason: "another user has it already", Conflict: true}
}

// takenIfConflict is for two who take a login or an e-mail address at the same moment.
func takenIfConflict(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return &InvalidField{Field: "login", Reason: "a user with this login or e-mail address exists already", Conflict: true}
	}
	return err
}

// UserByIDOrLogin finds a user as they are now by id, else by login without case.
func (d *Directory) UserByIDOrLogin(ctx context.Context, name string) (storage.User, error) {
	if !isText(name) {
		return storage.User{}, storage.ErrNotFound
	}
	user, err := d.store.User(ctx, name)
	if IsNotFound(err) {
		return d.store.UserWithLogin(ctx, name)
	}
	return user, err
}

// HasAdmin says whether there is an administrator.
func (d *Directory) HasAdmin(ctx context.Context) (bool, error) { return d.store.HasAdmin(ctx) }

// UserNamed finds a user by login, id or e-mail address.
func (d *Directory) UserNamed(ctx context.Context, name string) (storage.User, error) {
	return d.store.UserNamed(ctx, name)
}

// Authenticated is a user whose password was right.
type Authenticated struct {
	User storage.User
	// Mark is the user's revocation mark, read before the password hash.
	Mark int64
	At   time.Time
	// hash is the stored one that the password fitted.
	hash string
}

// AuthenticateUser checks a password; name is a login, an id or an e-mail address, and from the address of the client.
// Failures are counted here alone, so that they are counted once, however somebody tries. The
// errors are [ErrCredentials], [ErrBanned] (only when the password is right), [*Throttled] and [ErrBusy].
func (d *Directory) AuthenticateUser(ctx context.Context, name, password string, from netip.Addr) (Authenticated, error) {
	if password == "" || len(password) > maxPasswordBytes || len(name) > 320 || !isText(name) {
		d.audit.Gather(ctx, signInRefused(storage.User{}, "no login or password that anybody can have"))
		return Authenticated{}, ErrCredentials
	}
	release, err := d.passwords.acquire(ctx)
	if err != nil {
		return Authenticated{}, err
	}
	defer release()
	candidate, err := d.credentialOf(ctx, name)
	if err != nil {
		return Authenticated{}, err
	}
	subjects, err := d.admit(ctx, candidate, name, from)
	if err != nil {
		return Authenticated{}, err
	}
	matches, err := d.passwords.matches(candidate.hash, password)
	if err != nil {
		return Authenticated{}, err
	}
	if !matches || candidate.user.ID == "" {
		return Authenticated{}, errors.Join(ErrCredentials, d.countFailure(ctx, subjects, signInRefused(candidate.user, candidate.problem())))
	}
	return d.accept(ctx, candidate, subjects)
}

// admit lists what failures are counted for, unless there were too many.
func (d *Directory) admit(ctx context.Context, candidate candidate, name string, from netip.Addr) ([]attemptSubject, error) {
	subjects := attemptSubjects(candidate.account(name), from)
	err := d.checkThrottle(ctx, subjects)
	if throttled := (*Throttled)(nil); errors.As(err, &throttled) {
		d.audit.Gather(ctx, signInRefused(candidate.user, "too many failed attempts"))
	}
	return subjects, err
}

// accept is for a candidate whose password was right.
func (d *Directory) accept(ctx context.Context, candidate candidate, subjects []attemptSubject) (Authenticated, error) {
	if err := d.forgetFailures(ctx, subjects); err != nil {
		return Authenticated{}, err
	}
	if candidate.user.Banned {
		d.audit.Gather(ctx, signInRefused(candidate.user, "banned"))
		return Authenticated{}, ErrBanned
	}
	audit.Identify(ctx, auditUser(candidate.user))
	return Authenticated{User: candidate.user, Mark: candidate.mark, At: d.now(), hash: candidate.hash}, nil
}

type candidate struct {
	user storage.User
	mark int64
	hash string
}

// problem says why a password that does not match is refused.
func (c candidate) problem() string {
	if c.user.ID == "" {
		return "unknown login, or no password"
	}
	return "wrong password"
}

// signInRefused is the event of a refused sign-in. What was typed as login is not in it, unless it is somebody's: some type
// their password there.
func signInRefused(user storage.User, cause string) audit.Event {
	event := audit.Event{Name: audit.SignInRefused, Cause: cause}
	if user.ID != "" {
		event.Target = auditUser(user)
	}
	return event
}

// account is the name under which failures are counted: one for all spellings of a user that exists.
func (c candidate) account(name string) string {
	if c.user.ID != "" {
		return c.user.ID
	}
	return storage.Fold(name)
}

// credentialOf finds a user with the password hash, reading the mark before both. For a name that nobody has, or a
// user without a password, it returns a decoy.
func (d *Directory) credentialOf(ctx context.Context, name string) (candidate, error) {
	named, err := d.store.UserNamed(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return candidate{hash: d.passwords.decoy}, nil
	} else if err != nil {
		return candidate{}, err
	}
	marks, err := d.store.Marks(ctx, storage.UserSubject(named.ID))
	if err != nil {
		return candidate{}, err
	}
	user, err := d.store.User(ctx, named.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return candidate{hash: d.passwords.decoy}, nil
	} else if err != nil {
		return candidate{}, err
	}
	credential, err := d.store.Credential(ctx, user.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return candidate{hash: d.passwords.decoy}, nil
	}
	return candidate{user, marks[0], credential.Hash}, err
}
