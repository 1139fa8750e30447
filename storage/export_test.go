package storage

// Structs are all that stand for a row of a table.
func Structs() []any {
	return []any{&AgreementConsent{}, &Attempts{}, &Consent{}, &Credential{}, &Grant{}, &Group{}, &groupMember{}, &Key{}, &PermanentToken{},
		&redirectURI{}, &revocation{}, &Service{}, &ServiceSecret{}, &Session{}, &UntrustedRedirectURI{}, &User{}}
}
