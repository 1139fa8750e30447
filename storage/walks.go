package storage

import (
	"fmt"
	"slices"
	"strings"
)

// maxAlternatives bounds the queries that a list is put together from.
const maxAlternatives = 12

// maxCompared bounds the alternatives that are compared with each other: a query may have hundreds.
const maxCompared = 4 * maxAlternatives

// split takes the filter, and what the list is among, apart into alternatives of parts all of which have to be met; none
// for a list without either. A filter with too many alternatives is a part of its own.
func (l *largeList) split() (alternatives [][]*Filter) {
	if l.Filter != nil {
		alternatives = l.alternativesOf(l.Filter)
		if len(alternatives) <= maxCompared {
			alternatives = l.distinct(alternatives)
		}
		if len(alternatives) > maxAlternatives {
			alternatives = [][]*Filter{{l.Filter}}
		}
	}
	if l.entity.among == nil {
		return alternatives
	}
	among := &Filter{related: l.entity.among}
	if l.Filter == nil {
		return [][]*Filter{{among}}
	}
	for i, parts := range alternatives {
		alternatives[i] = append([]*Filter{among}, parts...)
	}
	return alternatives
}

func (l *largeList) alternativesOf(f *Filter) (alternatives [][]*Filter) {
	switch {
	case len(f.Any) > 0:
		for _, one := range f.Any {
			alternatives = append(alternatives, l.alternativesOf(one)...)
		}
		return alternatives
	case len(f.All) > 0:
		alternatives = [][]*Filter{{}}
		for _, part := range f.All {
			if alternatives = product(alternatives, l.alternativesOf(part)); len(alternatives) > maxAlternatives {
				return [][]*Filter{{f}}
			}
		}
		return alternatives
	case f.Field == "" && f.Not == nil:
		return l.searched(f)
	}
	return [][]*Filter{{f}}
}

// distinct leaves out alternatives that are met only by what meets another: "x or x*" looks for x in most fields twice.
func (l *largeList) distinct(alternatives [][]*Filter) (distinct [][]*Filter) {
	for i, parts := range alternatives {
		needless := false
		for j, others := range alternatives {
			if i != j && len(parts) == 1 && len(others) == 1 && l.covers(others[0], parts[0]) {
				needless = needless || j < i || !l.covers(parts[0], others[0])
			}
		}
		if !needless {
			distinct = append(distinct, parts)
		}
	}
	return distinct
}

// covers says whether all that meets a leaf meets another leaf on the same field, as far as their values tell.
func (l *largeList) covers(f, covered *Filter) bool {
	if !strings.EqualFold(f.Field, covered.Field) {
		return false
	}
	field, isField := l.compiler().field(f.Field)
	if !isField || field.ofGroup {
		return false
	}
	value, coveredValue := field.folded(f.Value), field.folded(covered.Value)
	if field.isPrefix(f) {
		return strings.HasPrefix(coveredValue, value)
	}
	return !field.isPrefix(covered) && coveredValue == value
}

func product(alternatives, others [][]*Filter) (both [][]*Filter) {
	for _, a := range alternatives {
		for _, other := range others {
			both = append(both, slices.Concat(a, other))
		}
	}
	return both
}

// searched has an alternative for each field that a text is looked for in.
func (l *largeList) searched(f *Filter) (alternatives [][]*Filter) {
	if l.entity.words != nil && !f.Prefix {
		words := l.compiler().wordsThatBegin(f.Value)
		return [][]*Filter{{{Field: "id", Value: f.Value}}, {{related: &words}}}
	}
	for _, field := range l.entity.fields {
		switch {
		case field.text == notSearched:
		case field.text == containsText:
			return [][]*Filter{{f}}
		default:
			alternatives = append(alternatives, []*Filter{{Field: field.name, Value: f.Value, Prefix: f.Prefix || field.text == beginsWithText}})
		}
	}
	return alternatives
}

// byName is the order in which indexes have the entities that meet a condition.
const byName = "name_folded"

// canWalk says whether an index has what meets an alternative in the order of the list.
func (l *largeList) canWalk(a *alternative) bool {
	_, _, ok := l.walk(a.parts, 0, 0)
	return ok
}

// walk reads an index that has what meets one of the parts in the order of the list, and leaves out what does not meet the
// others. It is not ok when there is no such index.
func (l *largeList) walk(parts []*Filter, skip, top int) (query string, values []any, ok bool) {
	best := l.best(parts)
	if l.rank(best) == 0 {
		return "", nil, false
	}
	others := slices.DeleteFunc(slices.Clone(parts), func(f *Filter) bool { return f == best })
	c := l.compiler()
	c.walked = !l.entity.postgres
	if r, isRelated := c.relatedTo(best); isRelated && r.table != "" {
		query, values = l.walkRelated(r, others, c, skip, top)
		return query, values, true
	}
	where := ""
	if field, _ := c.field(best.Field); field.startsByName && field.isPrefix(best) {
		where, values = start{field.column, field.folded(best.Value)}.condition()
	} else {
		where, values = l.where([]*Filter{best}, nil, l.compiler())
	}
	if len(others) > 0 || l.After != "" {
		var more string
		more, values = l.where(others, values, c)
		where += " AND " + more
	}
	query, values = l.walked(where, values, skip, top)
	return query, values, true
}

// best is the part of which the index narrows the list down most.
func (l *largeList) best(parts []*Filter) *Filter {
	return slices.MaxFunc(parts, func(a, b *Filter) int { return l.rank(a) - l.rank(b) })
}

// walkRelated reads an index of related rows that are sorted as the list is.
func (l *largeList) walkRelated(r related, others []*Filter, c *compiler, skip, top int) (string, []any) {
	where, values := r.where(), slices.Clone(r.values)
	if r.start.column != "" {
		where, values = r.start.condition()
	}
	if len(others) > 0 {
		var more string
		more, values = l.where(others, values, c)
		where += fmt.Sprintf(" AND EXISTS (SELECT 1 FROM %[1]s WHERE %[1]s.id = %[2]s AND %[3]s%[4]s)", l.entity.table, r.column, more, oneByOne)
	}
	distinct := "DISTINCT "
	if r.distinct {
		distinct = ""
	}
	order := byName
	if strings.HasSuffix(l.order[0], descending) {
		order += descending
	}
	return fmt.Sprintf("SELECT %[1]s%[2]s AS id, %[3]s AS k0 FROM %[4]s WHERE %[5]s ORDER BY %[6]s, %[2]s LIMIT ? OFFSET ?",
		distinct, r.column, byName, r.table, where, order), append(values, top, skip)
}

// rank says how well an index narrows the list down to what meets a part, in the order of the list; 0 when none does.
func (l *largeList) rank(f *Filter) int {
	c := l.compiler()
	field, isField := c.field(f.Field)
	if isField && field.of == nil && field.column == strings.TrimSuffix(l.order[0], descending) {
		return 1
	}
	if l.After != "" || len(l.order) != 2 {
		return 0
	}
	by := strings.TrimSuffix(l.order[0], descending)
	r, isRelated := c.relatedTo(f)
	switch {
	case isRelated && r.table == "" && slices.Contains(r.sortedBy, by):
		return 3
	case by != byName:
		return 0
	case isRelated:
		return r.rank()
	}
	if f.Not != nil {
		if r, isRelated := c.relatedTo(f.Not); isRelated && r.table == "" {
			return 3
		}
		return 0
	}
	switch _, isCondition := lookUp(c.conditions, f.name()); {
	case isCondition && !slices.Contains(c.unsorted, f.name()):
		return 3
	case isField && field.startsByName && field.isPrefix(f):
		return start{field.column, field.folded(f.Value)}.rank()
	case isField && field.sortedByName && !field.isPrefix(f):
		return 4
	}
	return 0
}

func (r related) rank() int {
	switch {
	case !slices.Contains(r.sortedBy, byName):
		return 0
	case r.start.column != "":
		return r.start.rank()
	}
	return 4
}

func (s start) rank() int {
	switch letters := len([]rune(s.prefix)); {
	case letters >= startLengths[0]:
		return 5
	case letters > 0:
		return 2
	}
	return 0
}
