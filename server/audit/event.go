package audit

// Name says what happened.
type Name string

// Category is a part of the log with a chain, a switch and a retention of its own, so that what anybody can cause in any
// number does not push out what matters.
type Category string

// The categories.
const (
	// Security holds sign-ins, consents, grants, revocations and every change of who may do what.
	Security Category = "security"
	// Refusals holds what was refused, which strangers can cause.
	Refusals Category = "refusals"
	// Tokens holds the tokens that programs get without a person.
	Tokens Category = "tokens"
	// Guard holds the decisions of the API guard.
	Guard Category = "guard"
)

// Categories lists all categories.
func Categories() []Category { return []Category{Security, Refusals, Tokens, Guard} }

// The names of events. A change has the old and new values of the fields that it changed.
const (
	SignedIn      Name = "user.signed-in"
	SignedOut     Name = "user.signed-out"
	SignInRefused Name = "user.sign-in-refused"
	// SessionEnded is a session that was ended from elsewhere.
	SessionEnded Name = "user.session-ended"

	UserCreated     Name = "user.created"
	UserChanged     Name = "user.changed"
	UserDeleted     Name = "user.deleted"
	PasswordChanged Name = "user.password-changed"
	PasswordDeleted Name = "user.password-deleted"

	AgreementAccepted Name = "agreement.accepted"
	AgreementRevoked  Name = "agreement.revoked"

	GroupCreated  Name = "group.created"
	GroupChanged  Name = "group.changed"
	GroupDeleted  Name = "group.deleted"
	MemberAdded   Name = "group.member-added"
	MemberRemoved Name = "group.member-removed"

	ServiceRegistered   Name = "service.registered"
	ServiceChanged      Name = "service.changed"
	ServiceDeleted      Name = "service.deleted"
	RedirectURIRejected Name = "service.redirect-uri-rejected"

	ConsentGiven     Name = "consent.given"
	ConsentWithdrawn Name = "consent.withdrawn"

	// GrantCreated is a code or password that was exchanged, or a token that an app got in the fragment.
	GrantCreated Name = "grant.created"
	GrantEnded   Name = "grant.ended"
	// CodeReused and RefreshTokenReused are alarms: somebody has a copy. The grant has been ended.
	CodeReused         Name = "grant.code-reused"
	RefreshTokenReused Name = "grant.refresh-token-reused"

	// GrantRefreshed and TokenIssued are of the category [Tokens]; the latter is a service's own token.
	GrantRefreshed Name = "grant.refreshed"
	TokenIssued    Name = "token.issued"
	TokenRevoked   Name = "token.revoked"

	PermanentTokenCreated Name = "permanent-token.created"
	PermanentTokenRevoked Name = "permanent-token.revoked"

	ProviderCreated Name = "provider.created"
	ProviderChanged Name = "provider.changed"
	ProviderDeleted Name = "provider.deleted"

	// ConnectionCreated is a provider that a person has let this server act for them at; ConnectionEnded is by the person,
	// or by the provider, which the cause says.
	ConnectionCreated Name = "connection.created"
	ConnectionChanged Name = "connection.changed"
	ConnectionEnded   Name = "connection.ended"

	KeyCreated     Name = "key.created"
	KeyRetired     Name = "key.retired"
	SettingChanged Name = "setting.changed"

	// RequestRefused is a request that was answered with a refusal; the cause says which.
	RequestRefused Name = "request.refused"

	// The decisions of the API guard; the cause names the rule.
	GuardAllowed     Name = "guard.allowed"
	GuardRefused     Name = "guard.refused"
	GuardRateLimited Name = "guard.rate-limited"

	ProtectedAPICreated Name = "protected-api.created"
	ProtectedAPIChanged Name = "protected-api.changed"
	ProtectedAPIDeleted Name = "protected-api.deleted"

	// EventsLost says how many gathered events could not be kept.
	EventsLost Name = "audit.events-lost"
)

// categories are those of the names that are not in [Security].
var categories = map[Name]Category{
	SignInRefused:    Refusals,
	RequestRefused:   Refusals,
	GrantRefreshed:   Tokens,
	TokenIssued:      Tokens,
	GuardAllowed:     Guard,
	GuardRefused:     Guard,
	GuardRateLimited: Guard,
}

// Category returns the category of the events with a name.
func (n Name) Category() Category {
	if category, ok := categories[n]; ok {
		return category
	}
	return Security
}

// Subject is somebody or something that an event is about, with its name at that time.
type Subject struct {
	// Type is "user", "service", "group", "grant", or whatever else there is.
	Type, ID, Name string
}

// Event is something that has happened, as far as the context does not know it.
type Event struct {
	Name Name
	// Target is what or whom it happened to.
	Target Subject
	// Cause says why something was refused.
	Cause   string
	Changes []Change
	// Author and Service take the place of those that the context knows, if they are set.
	Author, Service Subject
}

// Change is a field with its values before and after, which encode as JSON; nil where there was or is none.
type Change struct {
	Field string `json:"field"`
	Old   any    `json:"oldValue"`
	New   any    `json:"newValue"`
}

// Fact is a field of an entity that may be recorded, and its value.
type Fact struct {
	Field string
	Value any
}
