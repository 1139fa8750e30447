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
	CountedUpTo = 1000
	// lookedAtFirst is how many of the list are looked at, in its order, for a page of what no index has in this order.
	lookedAtFirst = 5000
)

// largeList is a part of a list that is to be read without looking at much more than that part.
type largeList struct {
	reader
	entity filterable
	List
	// order are the expressions to sort by, id the last of them.
	order []string
	// alternatives are those of the filter; what meets one of them is in the list.
	alternatives []*alternative
	// groups are those that leaves of the filter ask for the members of.
	groups map[*Filter]string
	// many are the leaves for which there are more related rows than CountedUpTo.
	many map[*Filter]bool
	// totals are the rows of list_totals that matter here.
	totals map[string]int64
	// matching are the ids of all that is in the list, in its order, when counting has found them: few meet each of several
	// alternatives, and what meets more than one of them counts once.
	matching []string
}

// alternative is met by what meets all of its parts.
type alternative struct {
	parts []*Filter
	// count is how many meet it, at most one more than CountedUpTo unless it is known anyway.
	count int64
}

// findLarge does what find does for an entity of which there may be a million, in milliseconds: what is counted and what
// is sorted is bounded, and where it cannot be, an index that has all that is asked for is read.
func findLarge[T any](ctx context.Context, r reader, entity filterable, list List, id func(T) string) ([]T, int64, error) {
	db := r.db.WithContext(ctx)
	if entity.postgres {
		db = withPlansOfItsOwn(db)
	}
	l := &largeList{reader: reader{db}, entity: entity, List: list}
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
	for _, parts := range l.split() {
		l.alternatives = append(l.alternatives, &alternative{parts: parts})
	}
	l.groups = map[*Filter]string{}
	if err := l.eachLeaf(l.findGroup); err != nil {
		return translate("find groups", err)
	}
	names := []string{l.entity.table}
	_ = l.eachLeaf(func(f *Filter) error {
		if r, isRelated := l.compiler().relatedTo(f); isRelated && r.total != "" {
			names = append(names, r.total)
		}
		return nil
	})
	if l.totals, err = l.readTotals(names); err != nil {
		return err
	}
	l.many = map[*Filter]bool{}
	return translate("find related rows", l.eachLeaf(l.findMany))
}

// compiler makes conditions for the databases to read what meets them from the indexes that they choose.
func (l *largeList) compiler() *compiler {
	return &compiler{filterable: l.entity, groups: l.groups, many: l.many}
}

// eachLeaf calls do for every leaf of the alternatives until there is an error.
func (l *largeList) eachLeaf(do func(*Filter) error) error {
	for _, a := range l.alternatives {
		for _, part := range a.parts {
			if err := part.eachLeaf(do); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Filter) eachLeaf(do func(*Filter) error) error {
	parts := slices.Concat(f.All, f.Any)
	if f.Not != nil {
		parts = append(parts, f.Not)
	}
	for _, part := range parts {
		if err := part.eachLeaf(do); err != nil {
			return err
		}
	}
	if len(parts) > 0 {
		return nil
	}
	return do(f)
}

// findGroup finds the group that a leaf asks for the members of; how to look for these depends on how many there are.
func (l *largeList) findGroup(f *Filter) error {
	field, _ := l.compiler().field(f.Field)
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

// page finds the ids of the page and of one more, if there are more.
func (l *largeList) page(total int64) ([]string, error) {
	switch {
	case l.Top == 0 || total <= int64(l.Skip) && (l.Filter == nil || total <= CountedUpTo):
		return nil, nil
	case len(l.matching) > 0:
		return l.matching[min(l.Skip, len(l.matching)):min(l.Skip+l.Top+1, len(l.matching))], nil
	case len(l.alternatives) == 0:
		where, values := l.where(nil, nil, l.compiler())
		return l.read(l.walked(where, values, l.Skip, l.Top+1))
	case len(l.alternatives) == 1 && total > CountedUpTo:
		if query, values, ok := l.walk(l.alternatives[0].parts, l.Skip, l.Top+1); ok {
			return l.read(query, values)
		}
	}
	if total > CountedUpTo && slices.ContainsFunc(l.alternatives, func(a *alternative) bool { return a.count > CountedUpTo && !l.canWalk(a) }) {
		if ids, err := l.early(); err != nil || len(ids) > l.Top {
			return ids, err
		}
	}
	query, values := l.union(l.Skip + l.Top + 1)
	return l.read(fmt.Sprintf("SELECT * FROM (%s) AS matching ORDER BY %s LIMIT ? OFFSET ?", query, l.bySelected()), append(values, l.Top+1, l.Skip))
}

func (l *largeList) read(query string, values []any) (ids []string, err error) {
	var rows []struct{ ID string }
	err = l.db.Raw(query, values...).Scan(&rows).Error
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, err
}

// where is the condition that all parts are met, and values are those of the placeholders before.
func (l *largeList) where(parts []*Filter, values []any, c *compiler) (string, []any) {
	c.values = values
	conditions := []string{}
	if l.After != "" {
		conditions, c.values = append(conditions, "id > ?"), append(c.values, l.After)
	}
	for _, part := range parts {
		// prepare has seen to it that there is no error.
		condition, _ := c.condition(part)
		conditions = append(conditions, condition)
	}
	if len(conditions) == 0 {
		return "1 = 1", values
	}
	return strings.Join(conditions, " AND "), c.values
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

// walked reads an index in the order of the list, and leaves out what does not meet the condition.
func (l *largeList) walked(where string, values []any, skip, top int) (string, []any) {
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT ? OFFSET ?", l.selected(), l.entity.table, where, strings.Join(l.order, ", ")),
		append(values, top, skip)
}

// union finds what meets the alternatives, in the cheapest way for each: all of those that few meet, and as many of the
// others as come first in the list.
func (l *largeList) union(first int) (string, []any) {
	var queries []string
	var values []any
	for i, a := range l.alternatives {
		query, more, ok := "", []any(nil), false
		if a.count > CountedUpTo {
			query, more, ok = l.walk(a.parts, 0, first)
		}
		if !ok {
			query, more = l.found(a.parts)
		}
		queries = append(queries, fmt.Sprintf("SELECT * FROM (%s) AS alternative%d", query, i))
		values = append(values, more...)
	}
	return strings.Join(queries, " UNION "), values
}

// found finds all that meets the parts. The limit keeps the databases from walking the whole list in its order instead.
func (l *largeList) found(parts []*Filter) (string, []any) {
	c := l.compiler()
	c.many = nil
	where, values := l.where(parts, nil, c)
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s LIMIT %d", l.selected(), l.entity.table, where, math.MaxInt32), values
}

// early looks for the page among those that come first in the list: most filters that many entities meet are met by some
// of these. It finds fewer than a page and one more when there are not enough among them.
func (l *largeList) early() ([]string, error) {
	first := strings.TrimSuffix(l.order[0], descending)
	var bound any
	after, values := l.where(nil, nil, l.compiler())
	err := l.db.Raw(fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT 1 OFFSET %d", first, l.entity.table, after,
		strings.Join(l.order, ", "), lookedAtFirst), values...).Row().Scan(&bound)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	compare := " <= ?"
	if first != l.order[0] {
		compare = " >= ?"
	}
	c := l.compiler()
	c.walked = !l.entity.postgres
	whole := &Filter{}
	for _, a := range l.alternatives {
		whole.Any = append(whole.Any, &Filter{All: a.parts})
	}
	where, values := l.where([]*Filter{whole}, []any{bound}, c)
	return l.read(l.walked(first+compare+" AND "+where, values, l.Skip, l.Top+1))
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
