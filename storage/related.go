package storage

import (
	"fmt"
	"strings"
)

// related are rows of another table that belong to the entities of a list.
type related struct {
	// total is the name under which list_totals counts the rows; "" when they are not counted.
	total string
	// distinct says that no two of the rows belong to the same entity.
	distinct bool
	// table has the rows, in which column is the id of the entity. An empty table is that of the entities themselves.
	table, column string
	// condition, which may be "", is what the rows meet, and values are those of its placeholders.
	condition string
	values    []any
	// compared is the column that the condition compares, if it has an index; it may be "".
	compared string
	// sortedBy are what the entities may be sorted by so that an index has the rows in this order.
	sortedBy []string
	// start is what a column of the rows begins with, if that is the condition.
	start start
}

// start is what the text in a column begins with.
type start struct{ column, prefix string }

// startLengths are the numbers of letters for which there is an index with the first letters of a column before the name
// that the list is sorted by, the greatest first.
var startLengths = [...]int{3, 1}

// condition is met by what begins with the prefix, and has placeholders for the values; it is "" when there is no index.
// Letters beyond those that the index has are compared in a way for which there is no index, and of which PostgreSQL thinks
// that half of the rows meet it, so that it does not rather find all that begins with the prefix and sort it.
func (s start) condition() (condition string, values []any) {
	runes := []rune(s.prefix)
	for _, length := range startLengths {
		switch {
		case len(runes) == length:
			return s.first(length), []any{s.prefix}
		case len(runes) > length:
			return s.first(length) + " AND coalesce(" + s.first(len(runes)) + ", false)", []any{string(runes[:length]), s.prefix}
		}
	}
	return "", nil
}

// first is met by those whose so many first letters are a value.
func (s start) first(letters int) string {
	return fmt.Sprintf("substr(%s, 1, %d) = ?", s.column, letters)
}

// relatedTo are the rows that a leaf asks for, if it asks for such.
func (c *compiler) relatedTo(f *Filter) (related, bool) {
	if f.related != nil {
		return *f.related, true
	}
	if id, known := c.groups[f]; known {
		return membersOf(id), true
	}
	for name, relation := range c.relations {
		if strings.EqualFold(name, f.name()) {
			return relation, true
		}
	}
	field, _ := c.field(f.Field)
	if field.of == nil {
		return related{}, false
	}
	rows := &compiler{filterable: c.filterable}
	r := *field.of
	r.condition = rows.comparison(field, f)
	r.values, r.compared = rows.values, field.column
	return r, true
}

// wordsThatBegin are the words of entities that begin with a text.
func (c *compiler) wordsThatBegin(text string) related {
	word := filterField{column: c.words.name + ".text", byteOrder: true}
	rows := &compiler{filterable: c.filterable}
	condition := rows.begins(word, Fold(text))
	return related{table: c.words.name, column: c.words.column, condition: condition, values: rows.values, compared: word.column,
		sortedBy: []string{byName}, start: start{word.column, Fold(text)}}
}

// isAmong asks whether an entity has a related row.
func (c *compiler) isAmong(f *Filter, r related) string {
	c.values = append(c.values, r.values...)
	switch {
	case r.table == "":
		return r.condition
	case c.many[f]:
		return r.exists(c.table)
	}
	return fmt.Sprintf("id IN (%s)", r.list())
}

// list is a query for the ids of the entities. The databases read all of it, so it may not be long.
func (r related) list() string {
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s", r.column, r.table, r.where())
}

// exists asks for a row that belongs to an entity of a table.
func (r related) exists(entities string) string {
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s = %s.id AND %s%s)", r.table, r.column, entities, r.where(), oneByOne)
}

// oneByOne, at the end of a subquery, keeps PostgreSQL from reading all of a table at once for what is asked for one row
// after the other.
const oneByOne = " LIMIT 1 OFFSET 0"

func (r related) where() string {
	if r.condition == "" {
		return "1 = 1"
	}
	return r.condition
}

// counted is an order that keeps the databases from reading the table from its beginning to find some of the rows.
func (r related) counted() string {
	if r.compared == "" {
		return ""
	}
	return " ORDER BY " + r.compared
}
