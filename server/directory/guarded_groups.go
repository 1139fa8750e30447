package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/storage"
)

// Guarding says that a change of a group would change whom the guard lets in, which has to be forced.
type Guarding struct {
	// APIs are the ids of the protected APIs whose rules name the group.
	APIs []string
	// LocksOut says that these would let no administrator in any more.
	LocksOut bool
}

func (e *Guarding) Error() string {
	if e.LocksOut {
		return "every administrator would be locked out of protected APIs, whose rules name this group: " + e.Shown()
	}
	return "the rules of protected APIs name this group: " + e.Shown()
}

// Shown lists the APIs, or the first of many and their number.
func (e *Guarding) Shown() string {
	shown := strings.Join(e.APIs[:min(len(e.APIs), maxShownAPIs)], ", ")
	if more := len(e.APIs) - maxShownAPIs; more > 0 {
		shown += fmt.Sprintf(" + %d", more)
	}
	return shown
}

// maxShownAPIs bounds a text.
const maxShownAPIs = 10

// checkUnguarded refuses when rules name a group.
func checkUnguarded(ctx context.Context, tx *storage.Tx, group storage.Group) error {
	apis, err := apisNaming(ctx, tx, group)
	if err != nil || len(apis) == 0 {
		return err
	}
	refused := &Guarding{}
	for _, api := range apis {
		refused.APIs = append(refused.APIs, api.ID)
	}
	return refused
}

// checkAdministratorsStay refuses when the rules of an API that name a group let no administrator in any more.
func checkAdministratorsStay(ctx context.Context, tx *storage.Tx, group storage.Group) error {
	apis, err := apisNaming(ctx, tx, group)
	if err != nil {
		return err
	}
	refused := &Guarding{LocksOut: true}
	for _, api := range apis {
		if !api.Rules.Enabled || len(api.Rules.Groups) == 0 {
			continue
		}
		admitted, err := admitsAdministrator(ctx, tx, api.Rules)
		if err != nil {
			return err
		}
		if !admitted {
			refused.APIs = append(refused.APIs, api.ID)
		}
	}
	if len(refused.APIs) > 0 {
		return refused
	}
	return nil
}

// apisNaming lists the protected APIs whose rules name a group. Whoever stores such rules waits for the lock of the group,
// which the caller holds.
func apisNaming(ctx context.Context, tx *storage.Tx, group storage.Group) ([]ProtectedAPI, error) {
	rows, err := tx.ProtectedAPIsWith(ctx, group.ID)
	if err != nil {
		return nil, err
	}
	var naming []ProtectedAPI
	for _, row := range rows {
		api, err := compiledAPI(row)
		if err != nil {
			return nil, err
		}
		if slices.Contains(slices.Concat(api.Rules.Groups, api.Rules.ReadOnlyGroups, api.Rules.TokenGroups), group.ID) {
			naming = append(naming, api)
		}
	}
	return naming, nil
}
