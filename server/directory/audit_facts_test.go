package directory

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// unrecorded are the fields that a change is not recorded of: derived, counted, or secret.
var unrecorded = []string{
	"ID", "KeyFolded", "NameFolded", "LoginFolded", "EmailFolded", "CreatedAt", "UpdatedAt", "Revision", "Version of User", "Version of Group",
	"Secrets", "SealedSecret", "Mark", "Immutable", "HasPassword", "ImplicitFlowSince", "Hash", "LastUsedAt", "Name of PermanentToken", "Key of Permission", "ServiceID of Permission", "ServiceID of Site",
	"Version of Permission", "Version of Site", "Version of Provider",
	"Generation", "IdleExpiresAt", "ExpiresAt of Grant", "LastAddress of Grant",
	"SealedTokens", "ProviderID", "Version of Connection", "RenewingUntil", "RenewedAt", "ExpiresAt of Connection",
}

func TestEveryFieldOfAnEntityIsRecordedOrLeftOutOnPurpose(t *testing.T) {
	check(t, serviceFacts)
	check(t, userFacts)
	check(t, groupFacts)
	check(t, grantFacts)
	check(t, permanentTokenFacts)
	check(t, permissionFacts)
	check(t, siteFacts)
	check(t, providerFacts)
	check(t, connectionFacts)
}

// check changes one field after the other and wants each change in the facts.
func check[T any](t *testing.T, facts func(T) []audit.Fact) {
	t.Helper()
	kind := reflect.TypeFor[T]()
	for i := range kind.NumField() {
		var zero, changed T
		field := reflect.ValueOf(&changed).Elem().Field(i)
		setOther(t, field)
		recorded := len(audit.Diff(facts(zero), facts(changed))) > 0
		name := kind.Field(i).Name
		left := slices.Contains(unrecorded, name) || slices.Contains(unrecorded, name+" of "+kind.Name())
		if recorded == left {
			t.Errorf("%s of %s: recorded %t; record it, or name it in unrecorded", name, kind.Name(), recorded)
		}
	}
}

func setOther(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Interface().(type) {
	case storage.Time:
		field.Set(reflect.ValueOf(storage.At(time.Unix(1_900_000_000, 0))))
		return
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString("other")
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Int64, reflect.Int:
		field.SetInt(7)
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	default:
		t.Fatalf("a field of type %v; teach setOther", field.Type())
	}
}
