package directory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"gatehouse/server/rules"
	"gatehouse/storage"
)

// on checks what rules become by the patch, and compiles them. The error is an [*InvalidField].
func (p ProtectedAPIPatch) on(ctx context.Context, tx *storage.Tx, before rules.Rules, from netip.Addr) (*rules.Compiled, error) {
	after := before
	p.apply(&after)
	var named []string
	for _, list := range []struct {
		field  string
		groups *[]GroupReference
		ids    *[]string
	}{
		{"groups", p.Groups, &after.Groups}, {"readOnlyGroups", p.ReadOnlyGroups, &after.ReadOnlyGroups}, {"tokenGroups", p.TokenGroups, &after.TokenGroups},
	} {
		if list.groups == nil {
			continue
		}
		ids, err := groupIDs(ctx, tx, list.field, *list.groups)
		if err != nil {
			return nil, err
		}
		*list.ids = ids
		named = append(named, ids...)
	}
	if err := lockGroups(ctx, tx, named); err != nil {
		return nil, err
	}
	compiled, err := rules.Compile(after)
	if wrong := (*rules.Invalid)(nil); errors.As(err, &wrong) {
		return nil, &InvalidField{Field: wrong.Field, Reason: wrong.Reason}
	} else if err != nil {
		return nil, err
	}
	if p.Force {
		return compiled, nil
	}
	return compiled, checkLockOut(ctx, tx, compiled, from)
}

// apply sets all that can be set without the database.
func (p ProtectedAPIPatch) apply(r *rules.Rules) {
	set(&r.Enabled, p.Enabled)
	set(&r.BasicAllowed, p.BasicAllowed)
	set(&r.AccessTokensAllowed, p.AccessTokensAllowed)
	set(&r.PermanentTokensAllowed, p.PermanentTokensAllowed)
	set(&r.TokenCreators, p.TokenCreators)
	set(&r.Addresses, p.Addresses)
	set(&r.ReverseProxy, p.ReverseProxy)
	set(&r.AddressHeader, p.AddressHeader)
	set(&r.Paths, p.Paths)
	set(&r.RateLimit, p.RateLimit)
	set(&r.AuditLog, p.AuditLog)
}

// maxNamedGroups bounds the queries that one list of groups causes.
const maxNamedGroups = 200

func groupIDs(ctx context.Context, tx *storage.Tx, field string, groups []GroupReference) ([]string, error) {
	if len(groups) > maxNamedGroups {
		return nil, &InvalidField{Field: field, Reason: fmt.Sprintf("up to %d groups are accepted", maxNamedGroups)}
	}
	var ids []string
	for _, named := range groups {
		group, err := findGroup(ctx, tx, named)
		if IsNotFound(err) {
			return nil, &InvalidField{Field: field, Reason: fmt.Sprintf("there is no group %q; name one that there is by its id or name", cut(named.ID+named.Name, 100))}
		} else if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, group.ID) {
			ids = append(ids, group.ID)
		}
	}
	return ids, nil
}

// lockGroups keeps groups from being deleted until the transaction ends; in one order, so that two who do it wait for each
// other and not for ever.
func lockGroups(ctx context.Context, tx *storage.Tx, ids []string) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if _, err := tx.LockGroup(ctx, id); IsNotFound(err) {
			return &InvalidField{Field: "groups", Reason: fmt.Sprintf("the group %q was deleted just now; leave it out", id)}
		} else if err != nil {
			return err
		}
	}
	return nil
}

func findGroup(ctx context.Context, tx *storage.Tx, named GroupReference) (storage.Group, error) {
	switch {
	case !isText(named.ID) || !isText(named.Name):
		return storage.Group{}, storage.ErrNotFound
	case named.ID != "":
		return tx.Group(ctx, named.ID)
	}
	return tx.GroupNamed(ctx, named.Name)
}

// checkLockOut refuses rules under which no administrator could call the API, or not the one who sets them.
func checkLockOut(ctx context.Context, tx *storage.Tx, compiled *rules.Compiled, from netip.Addr) error {
	const remedy = `; change that, or send "force": true if it is meant`
	switch {
	case !compiled.Enabled:
		return nil
	case !compiled.BasicAllowed && !compiled.AccessTokensAllowed && !compiled.PermanentTokensAllowed:
		return &InvalidField{Field: "accessTokensAllowed", Reason: "no credentials would be accepted, and every administrator be locked out" + remedy}
	case from.IsValid() && !compiled.AllowsAddress(from.Unmap()):
		return &InvalidField{Field: "addresses", Reason: fmt.Sprintf("your own address, %s, would be locked out", from.Unmap()) + remedy}
	case len(compiled.Groups) == 0:
		return nil
	}
	admitted, err := admitsAdministrator(ctx, tx, compiled)
	if err != nil || admitted {
		return err
	}
	return &InvalidField{Field: "groups", Reason: "no administrator is in any of these groups, so that every administrator would be locked out" + remedy}
}

// admitsAdministrator says whether rules let an administrator read, by the groups that administrators are in.
func admitsAdministrator(ctx context.Context, tx *storage.Tx, compiled *rules.Compiled) (bool, error) {
	admins, err := tx.LockAdmins(ctx)
	if err != nil {
		return false, err
	}
	groups, err := tx.GroupsOfEach(ctx, admins)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(admins, func(admin string) bool {
		return compiled.GroupRule(idsOf(groups[admin]), "GET") == ""
	}), nil
}

func idsOf(groups []storage.Group) []string {
	ids := make([]string, len(groups))
	for i, group := range groups {
		ids[i] = group.ID
	}
	return ids
}
