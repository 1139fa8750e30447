package storage

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

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

// count is exact without a filter. With one it is exact up to CountedUpTo, and else greater.
func (l *largeList) count() (total int64, err error) {
	if len(l.alternatives) == 0 {
		return l.totals[l.entity.table], nil
	}
	var sum, most int64
	for _, a := range l.alternatives {
		if a.count, err = l.countOf(a); err != nil {
			return 0, err
		}
		sum, most = sum+a.count, max(most, a.count)
	}
	if len(l.alternatives) == 1 || most > CountedUpTo {
		return most, nil
	}
	if sum == 0 {
		return 0, nil
	}
	query, values := l.union(0)
	l.matching, err = l.read(fmt.Sprintf("SELECT * FROM (%s) AS matching ORDER BY %s", query, l.bySelected()), values)
	return int64(len(l.matching)), err
}

// countOf counts what meets an alternative.
func (l *largeList) countOf(a *alternative) (int64, error) {
	if r, isRelated := l.compiler().relatedTo(a.parts[0]); isRelated && len(a.parts) == 1 && l.After == "" {
		if r.total != "" && r.distinct {
			return l.totals[r.total], nil
		}
		if l.many[a.parts[0]] {
			return l.countRelated(r)
		}
	}
	// Nothing but the related rows says where to look.
	if best := l.best(a.parts); l.many[best] && !slices.ContainsFunc(a.parts, func(f *Filter) bool { return f != best && f.Not == nil }) {
		if query, values, ok := l.walk(a.parts, 0, CountedUpTo+1); ok {
			return l.number(query, values)
		}
	}
	where, values := l.where(a.parts, nil, l.compiler())
	return l.number(fmt.Sprintf("SELECT 1 FROM %s WHERE %s%s LIMIT %d", l.entity.table, where, l.countedBy(a.parts), CountedUpTo+1), values)
}

// countedBy is an order in which an index has what meets one of the parts: else the databases may read the table from its
// beginning until they have found enough, which may be at the end.
func (l *largeList) countedBy(parts []*Filter) string {
	for _, part := range parts {
		field, isField := l.compiler().field(part.Field)
		if isField && field.of == nil && field.isPrefix(part) {
			return " ORDER BY " + field.column
		}
		if r, isRelated := l.compiler().relatedTo(part); (!isRelated || r.table == "") && l.rank(part) > 0 {
			return " ORDER BY " + strings.Join(l.order, ", ")
		}
	}
	return ""
}

// countRelated counts the entities that related rows belong to. As a rule there are only a few rows to each, so that not
// all of the rows need to be read.
func (l *largeList) countRelated(r related) (entities int64, err error) {
	for _, rows := range []int{4 * (CountedUpTo + 1), math.MaxInt32} {
		query := fmt.Sprintf("SELECT count(DISTINCT entity) AS entities, count(*) AS rows FROM (SELECT %s AS entity FROM %s WHERE %s%s LIMIT %d) AS found",
			r.column, r.table, r.where(), r.counted(), rows)
		var counted struct{ Entities, Rows int64 }
		if err := l.db.Raw(query, r.values...).Scan(&counted).Error; err != nil {
			return 0, err
		}
		if entities = counted.Entities; entities > CountedUpTo || counted.Rows < int64(rows) {
			break
		}
	}
	return entities, nil
}

// findMany finds out whether a leaf asks for many related rows.
func (l *largeList) findMany(f *Filter) error {
	r, isRelated := l.compiler().relatedTo(f)
	if isText := f.Field == "" && !f.Prefix; isText && !isRelated && l.entity.words != nil {
		r, isRelated = l.compiler().wordsThatBegin(f.Value), true
	}
	switch {
	case !isRelated || r.table == "":
		return nil
	case r.total != "":
		l.many[f] = l.totals[r.total] > CountedUpTo
		return nil
	}
	rows, err := l.number(fmt.Sprintf("SELECT 1 FROM %s WHERE %s%s LIMIT %d", r.table, r.where(), r.counted(), CountedUpTo+1), r.values)
	l.many[f] = rows > CountedUpTo
	return err
}

// number counts the rows of a query.
func (l *largeList) number(query string, values []any) (rows int64, err error) {
	err = l.db.Raw("SELECT count(*) FROM ("+query+") AS counted", values...).Scan(&rows).Error
	return rows, err
}
