package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The bounds of lists of entities of which there may be a million.
const (
	// MaxPage is how many entities a page of a large list has at most.
	MaxPage = 10_000
	// CountedUpTo is how many that meet a filter are counted. A greater total of a large list with a filter says that
	// there are at least so many; it is greater than all that the page shows as long as there are more.
	CountedUpTo = 10_000
)

// related are the rows of another table that belong to the entities of a list.
type related struct {
	// total is the name under which list_totals counts the rows.
	total string
	// column of the table is the id of the entity.
	table, column string
	// condition, which may be "", has one placeholder, for value.
	condition string
	value     any
}

// largeList is a part of a list that is to be read without looking at much more than that part.
type largeList struct {
	reader
	entity filterable
	List
	// order are the expressions to sort by, id the last of them.
	order []string
	// groups are those that leaves of the filter ask for the members of.
	groups map[*Filter]string
	// frequent are the leaves that look for a text that many words begin with.
	frequent map[*Filter]bool
	// totals are the rows of list_totals that matter here.
	totals map[string]int64
}

// findLarge does what find does for an entity of which there may be a million, in milliseconds: what is counted and what
// is sorted is bounded, and where it cannot be, an index that has all that is asked for is read.
func findLarge[T any](ctx context.Context, r reader, entity filterable, list List, id func(T) string) ([]T, int64, error) {
	l := &largeList{reader: reader{r.db.WithContext(ctx)}, entity: entity, List: list}
	if err := l.prepare(); err != nil {
		return nil, 0, err
	}
	total, err := l.count()
	if err != nil {
		return nil, 0, translate("count list", err)
	}
	ids, err := l.page(total)
	if err != nil {
		return nil, 0, translate("read list", err)
	}
	if l.Filter != nil && total > CountedUpTo && len(ids) > 0 {
		total = max(total, int64(l.Skip+len(ids)))
	}
	ids = ids[:min(len(ids), l.Top)]
	rows, err := findByValues[T](ctx, r, "id", ids)
	places := make(map[string]int, len(ids))
	for i, id := range ids {
		places[id] = i
	}
	slices.SortFunc(rows, func(a, b T) int { return places[id(a)] - places[id(b)] })
	return rows, total, err
}

// prepare checks what is asked for and reads the totals.
func (l *largeList) prepare() (err error) {
	if _, _, err = l.entity.where(l.Filter, l.Visible); err != nil {
		return err
	}
	if l.order, err = l.entity.orderBy(l.Order, l.Visible); err != nil {
		return err
	}
	if l.Top < 0 || l.Top > MaxPage {
		l.Top = MaxPage
	}
	names := []string{l.entity.table}
	l.groups = map[*Filter]string{}
	if err := l.findGroups(l.Filter); err != nil {
		return translate("find groups", err)
	}
	l.frequent = map[*Filter]bool{}
	if err := l.findFrequent(l.Filter); err != nil {
		return translate("find words", err)
	}
	for _, id := range l.groups {
		names = append(names, membersOf(id).total)
	}
	if l.entity.among != nil {
		names = append(names, l.entity.among.total)
	}
	for _, condition := range l.entity.relations {
		names = append(names, condition.total)
	}
	l.totals, err = l.readTotals(names)
	return err
}

// findGroups finds the groups that leaves of a filter ask for the members of; how to look for these depends on how many
// there are.
func (l *largeList) findGroups(f *Filter) error {
	if f == nil {
		return nil
	}
	for _, part := range slices.Concat(f.All, f.Any, []*Filter{f.Not}) {
		if err := l.findGroups(part); err != nil {
			return err
		}
	}
	field, _ := (&compiler{filterable: l.entity}).field(f.Field)
	if !field.ofGroup || f.Prefix {
		return nil
	}
	var ids []string
	err := l.db.Model(&Group{}).Where(field.column+" = ?", field.folded(f.Value)).Pluck("id", &ids).Error
	for _, id := range ids {
		l.groups[f] = id
	}
	return err
}

// readTotals reads the totals that triggers keep; what has none is 0.
func (r reader) readTotals(names []string) (map[string]int64, error) {
	var rows []listTotal
	if err := r.db.Where("list IN ?", names).Find(&rows).Error; err != nil {
		return nil, translate("read totals", err)
	}
	totals := map[string]int64{}
	for _, row := range rows {
		totals[row.List] = row.Total
	}
	return totals, nil
}

// listTotal is how many entities there are of a kind; triggers keep it.
type listTotal struct {
	List  string `gorm:"primaryKey"`
	Total int64
}

// count is exact without a filter. With one it is exact up to CountedUpTo, and else one more.
func (l *largeList) count() (int64, error) {
	switch {
	case l.Filter == nil && l.entity.among != nil:
		return l.totals[l.entity.among.total], nil
	case l.Filter == nil:
		return l.totals[l.entity.table], nil
	}
	if l.isSearch() {
		return l.countSearched()
	}
	where, values := l.where(l.Filter, false)
	query := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) AS matching", l.entity.table, where, CountedUpTo+1)
	var total int64
	err := l.db.Raw(query, values...).Scan(&total).Error
	return total, err
}

// page finds the ids of the page and of one more, if there are more.
func (l *largeList) page(total int64) ([]string, error) {
	filtered := l.Filter != nil || l.entity.among != nil
	switch {
	case l.Top == 0 || total <= int64(l.Skip) && (l.Filter == nil || total <= CountedUpTo):
		return nil, nil
	case !filtered || l.After != "" && total > CountedUpTo || l.Filter != nil && l.inOrder(l.Filter):
		return l.read(l.inOrderOf(l.Filter, false, l.Skip, l.Top+1))
	case total <= CountedUpTo && len(l.frequent) == 0:
		return l.read(l.sorted(l.Filter, CountedUpTo, l.Skip, l.Top+1))
	}
	if ids, err := l.early(); err != nil || len(ids) > l.Top {
		return ids, err
	}
	// All that have a word are found at once now.
	l.frequent = nil
	return l.read(l.all())
}

func (l *largeList) read(query string, values []any) (ids []string, err error) {
	var rows []struct{ ID string }
	err = l.db.Raw(query, values...).Scan(&rows).Error
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, err
}

// where is the condition of a filter, which may be nil, and of what the list is among. When the list is walked in its
// order, SQLite has to be kept from reading what meets the filter and sorting that.
func (l *largeList) where(filter *Filter, walked bool) (string, []any) {
	c := &compiler{filterable: l.entity, walked: walked && !l.entity.postgres, few: l.isFew, groups: l.groups, frequent: l.frequent}
	conditions := []string{}
	if l.After != "" {
		conditions, c.values = append(conditions, "id > ?"), append(c.values, l.After)
	}
	if l.entity.among != nil {
		conditions = append(conditions, c.isAmong(*l.entity.among))
	}
	if filter != nil {
		// prepare has seen to it that there is no error.
		condition, _ := c.condition(filter)
		conditions = append(conditions, condition)
	}
	if len(conditions) == 0 {
		return "1 = 1", nil
	}
	return strings.Join(conditions, " AND "), c.values
}

// isFew says whether there are so few rows that an index of the list's entity need not be walked to find them.
func (l *largeList) isFew(r related) bool { return l.totals[r.total] <= CountedUpTo }

// inOrder says whether what meets the filter lies together in the order of the list.
func (l *largeList) inOrder(filter *Filter) bool {
	if slices.ContainsFunc(filter.All, l.inOrder) {
		return true
	}
	field, _ := (&compiler{filterable: l.entity}).field(filter.Field)
	return field.column != "" && field.within == "" && field.column == strings.TrimSuffix(l.order[0], descending)
}

const descending = " DESC"

// selected are the columns of a query that is sorted by others: the id, and what the list is sorted by as k0, k1, ...
func (l *largeList) selected() string {
	columns := "id"
	for i, by := range l.order[:len(l.order)-1] {
		columns += fmt.Sprintf(", %s AS k%d", strings.TrimSuffix(by, descending), i)
	}
	return columns
}

// bySelected is the order by the columns of selected.
func (l *largeList) bySelected() string {
	by := make([]string, len(l.order))
	for i, expression := range l.order {
		by[i] = fmt.Sprint("k", i)
		if i == len(l.order)-1 {
			by[i] = "id"
		}
		if strings.HasSuffix(expression, descending) {
			by[i] += descending
		}
	}
	return strings.Join(by, ", ")
}

// inOrderOf reads an index in the order of the list, and leaves out what does not meet the filter.
func (l *largeList) inOrderOf(filter *Filter, walked bool, skip, top int) (string, []any) {
	where, values := l.where(filter, walked)
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT ? OFFSET ?", l.selected(), l.entity.table, where, strings.Join(l.order, ", ")),
		append(values, top, skip)
}

// sorted finds what meets the filter, at most so many, and sorts that. The limit inside keeps the databases from walking
// the whole list in its order instead.
func (l *largeList) sorted(filter *Filter, most, skip, top int) (string, []any) {
	where, values := l.where(filter, false)
	return fmt.Sprintf("SELECT * FROM (SELECT %s FROM %s WHERE %s LIMIT %d) AS matching ORDER BY %s LIMIT ? OFFSET ?",
		l.selected(), l.entity.table, where, most, l.bySelected()), append(values, top, skip)
}

// early looks for the page among those that come first in the list: most filters that many entities meet are met by some
// of these. It finds fewer than a page and one more when there are not enough among them.
func (l *largeList) early() ([]string, error) {
	first := strings.TrimSuffix(l.order[0], descending)
	var bound any
	err := l.db.Raw(fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d", first, l.entity.table, strings.Join(l.order, ", "), CountedUpTo)).Row().Scan(&bound)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	compare := " <= ?"
	if first != l.order[0] {
		compare = " >= ?"
	}
	where, values := l.where(l.Filter, true)
	return l.read(fmt.Sprintf("SELECT id FROM %s WHERE %s%s AND %s ORDER BY %s LIMIT ? OFFSET ?", l.entity.table, first, compare, where,
		strings.Join(l.order, ", ")), append(append([]any{bound}, values...), l.Top+1, l.Skip))
}

// all finds everything that meets the filter, in the cheapest way for each of its alternatives.
func (l *largeList) all() (string, []any) {
	if l.Filter == nil || len(l.Filter.Any) == 0 {
		return l.sorted(l.Filter, math.MaxInt32, l.Skip, l.Top+1)
	}
	var parts []string
	var values []any
	for i, alternative := range l.Filter.Any {
		read := func(f *Filter, skip, top int) (string, []any) { return l.sorted(f, math.MaxInt32, skip, top) }
		if l.inOrder(alternative) {
			read = func(f *Filter, skip, top int) (string, []any) { return l.inOrderOf(f, false, skip, top) }
		}
		part, more := read(alternative, 0, l.Skip+l.Top+1)
		parts = append(parts, fmt.Sprintf("SELECT * FROM (%s) AS alternative%d", part, i))
		values = append(values, more...)
	}
	return fmt.Sprintf("SELECT * FROM (%s) AS matching ORDER BY %s LIMIT ? OFFSET ?", strings.Join(parts, " UNION "), l.bySelected()),
		append(values, l.Top+1, l.Skip)
}

// isAmong asks whether an entity has a related row.
func (c *compiler) isAmong(r related) string {
	condition := r.condition
	if condition != "" {
		c.values = append(c.values, r.value)
	}
	// The databases read what is in a list first, so it may not be long.
	if c.few == nil || c.few(r) {
		if condition != "" {
			condition = " WHERE " + condition
		}
		return fmt.Sprintf("id IN (SELECT %s FROM %s%s)", r.column, r.table, condition)
	}
	if condition != "" {
		condition = " AND " + condition
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s = %s.id%s)", r.table, r.column, c.table, condition)
}

// afterPrefix is the least text that is greater than all texts that begin with prefix, in the order of code points, which
// is that of the bytes of UTF-8; "" when there is none.
func afterPrefix(prefix string) string {
	runes := []rune(prefix)
	for len(runes) > 0 {
		last := len(runes) - 1
		switch runes[last] {
		case '\U0010ffff':
			runes = runes[:last]
			continue
		case '\ud7ff': // surrogates, which no text has, follow
			runes[last] = '\ue000'
		default:
			runes[last]++
		}
		return string(runes)
	}
	return ""
}
