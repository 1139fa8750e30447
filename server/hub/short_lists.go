package hub

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/server/web"
	"gatehouse/storage"
)

// answerShortList answers a page of a list that is there as a whole, in its order or as orderBy says; known are the fields
// that it can be filtered and sorted by. The error is a [*storage.UnknownField].
func answerShortList(w http.ResponseWriter, kind, key string, list storage.List, entities []map[string]any, fields web.Fields, known ...string) error {
	if err := checkShortList(list, known); err != nil {
		return err
	}
	kept := slices.DeleteFunc(entities, func(entity map[string]any) bool {
		met, err := meets(list.Filter, valuesOf(entity, known))
		return err != nil || !met || list.After != "" && valueOf(entity, "id") <= list.After
	})
	slices.SortStableFunc(kept, func(a, b map[string]any) int { return compareBy(list.Order, a, b) })
	total := len(kept)
	kept = kept[min(list.Skip, total):]
	if list.Top != web.Everything {
		kept = kept[:min(list.Top, len(kept))]
	}
	answerPage(w, kind, key, list, int64(total), kept, fields)
	return nil
}

// checkShortList refuses a field that the list does not have, also when the list is empty.
func checkShortList(list storage.List, known []string) error {
	if _, err := meets(list.Filter, valuesOf(nil, known)); err != nil {
		return err
	}
	for _, by := range list.Order {
		if !slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, by.Field) }) {
			return &storage.UnknownField{Field: by.Field, Parameter: "orderBy", Position: by.Position, Known: slices.Sorted(slices.Values(known))}
		}
	}
	return nil
}

// valuesOf are the fields of an entity as a query sees them.
func valuesOf(entity map[string]any, known []string) named {
	values := named{}
	for _, name := range known {
		values[strings.ToLower(name)] = []string{valueOf(entity, name)}
	}
	return values
}

// valueOf is the text of a field, whose name counts without case.
func valueOf(entity map[string]any, field string) string {
	for name, value := range entity {
		if strings.EqualFold(name, field) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

// compareBy compares two entities by the first field that is different.
func compareBy(order []storage.Order, a, b map[string]any) int {
	for _, by := range order {
		result := cmp.Compare(storage.Fold(valueOf(a, by.Field)), storage.Fold(valueOf(b, by.Field)))
		if by.Descending {
			result = -result
		}
		if result != 0 {
			return result
		}
	}
	return 0
}
