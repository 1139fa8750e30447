package storage

import (
	"fmt"
	"slices"
)

// frequentFrom is from how many words on that begin with a text the entities are looked at one after the other, in the
// order of the list, instead of all that have such a word being found and sorted.
const frequentFrom = 1000

// findFrequent finds the leaves of a filter that look for a text that many words begin with.
func (l *largeList) findFrequent(f *Filter) error {
	if f == nil || l.entity.words == nil {
		return nil
	}
	for _, part := range slices.Concat(f.All, f.Any, []*Filter{f.Not}) {
		if err := l.findFrequent(part); err != nil {
			return err
		}
	}
	if !isText(f) {
		return nil
	}
	c := &compiler{filterable: l.entity}
	var words int
	query := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) AS matching", l.entity.words.name, c.beginsWord(f), frequentFrom)
	err := l.db.Raw(query, c.values...).Scan(&words).Error
	if words == frequentFrom {
		l.frequent[f] = true
	}
	return err
}

// isText says whether a leaf looks for a text in the words of an entity.
func isText(f *Filter) bool {
	return f.Field == "" && !f.Prefix && f.Not == nil && len(f.All) == 0 && len(f.Any) == 0
}

// isSearch says whether a list is asked for nothing but a text in words.
func (l *largeList) isSearch() bool {
	return l.entity.words != nil && l.entity.among == nil && l.After == "" && isText(l.Filter)
}

// countSearched counts in the table of words alone, and whoever has the text for an id, up to one more than CountedUpTo.
func (l *largeList) countSearched() (total int64, err error) {
	c := &compiler{filterable: l.entity, values: []any{l.Filter.Value}}
	query := fmt.Sprintf("SELECT count(*) FROM (SELECT id FROM %s WHERE id = ? UNION SELECT %s FROM %s WHERE %s LIMIT %d) AS matching",
		l.entity.table, l.entity.words.column, l.entity.words.name, c.beginsWord(l.Filter), CountedUpTo+1)
	err = l.db.Raw(query, c.values...).Scan(&total).Error
	return total, err
}
