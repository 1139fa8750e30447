package hub

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/storage"
)

// named is an entity that is not in a table, as a query sees it: the values of each field that it has, where any of
// several counts.
type named map[string][]string

// meets says whether an entity meets a filter; a nil filter is met. The error is a [*storage.UnknownField].
func meets(f *storage.Filter, entity named) (bool, error) {
	switch {
	case f == nil:
		return true, nil
	case f.Not != nil:
		met, err := meets(f.Not, entity)
		return !met, err
	case len(f.All) > 0:
		return meetsEach(f.All, entity, true)
	case len(f.Any) > 0:
		return meetsEach(f.Any, entity, false)
	}
	values, known := entity[strings.ToLower(f.Field)]
	if !known {
		return false, &storage.UnknownField{Field: f.Field, Parameter: "query", Position: f.Position, Known: slices.Sorted(maps.Keys(entity))}
	}
	return slices.ContainsFunc(values, func(value string) bool { return meetsValue(f, value) }), nil
}

// meetsEach says whether all filters are met, or else whether any is. It looks at each, since each may be wrong.
func meetsEach(filters []*storage.Filter, entity named, all bool) (bool, error) {
	count := 0
	for _, f := range filters {
		met, err := meets(f, entity)
		if err != nil {
			return false, err
		}
		if met {
			count++
		}
	}
	return count == len(filters) || !all && count > 0, nil
}

func meetsValue(f *storage.Filter, value string) bool {
	value, wanted := storage.Fold(value), storage.Fold(f.Value)
	return value == wanted || f.Prefix && strings.HasPrefix(value, wanted)
}
