package storage

// Structs are all that stand for a row of a table.
func Structs() []any {
	return []any{&AgreementConsent{}, &Attempts{}, &Connection{}, &Consent{}, &Credential{}, &Grant{}, &Group{}, &groupMember{}, &Key{}, &PermanentToken{},
		&AuditChain{}, &AuditEvent{}, &AuditedSetting{}, &guardAllowance{}, &ProtectedAPI{}, &Provider{}, &PushedRequest{}, &serviceUse{},
		&grantedPermission{}, &Permission{}, &Site{},
		&redirectURI{}, &revocation{}, &Service{}, &ServiceSecret{}, &Session{}, &UntrustedRedirectURI{}, &User{}}
}
