package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Filter is a condition on the entities of a list. One of All, Any and Not is set, or else it is a leaf, which compares
// a field or looks for a text.
type Filter struct {
	// All holds if each of these does, Any if one of these does, Not if this one does not.
	All, Any []*Filter
	Not      *Filter

	// Field is the name in Hub's REST API, in any case; "" looks for Value as a text, wherever the entity has one. The
	// fields "is" and "has" take a word for a value, as in "is: trusted".
	Field string
	// Value is what the field has to be, without regard to case but for ids.
	Value string
	// Prefix asks for a field that begins with Value.
	Prefix bool
	// Position is where the leaf stands in the query, counted in characters from 1.
	Position int

	// related, when it is set, is all that this leaf asks for.
	related *related
}

// Order is a field to sort a list by.
type Order struct {
	// Field is the name in Hub's REST API, in any case.
	Field      string
	Descending bool
	// Position is where the field stands in the parameter, counted in characters from 1.
	Position int
}

// List says which part of a list is asked for, and in which order.
type List struct {
	// Filter leaves out what does not meet it; nil for none.
	Filter *Filter
	// Order sorts by the first field, what is equal by the second, and so on; empty is the order of the entity.
	Order []Order
	// Visible names the fields that Filter and Order may use, "is: " and "has: " with their word; nil for all of them.
	// Who does not see a field must not learn its value by filtering or sorting.
	Visible []string
	// After is the id behind which the list begins; it is sorted by id then. "" is for the beginning.
	After string
	// Skip is how many to leave out at the start, Top how many to read at most; -1 for all, of a large list [MaxPage].
	Skip, Top int
}

// UnknownField says that a list cannot be filtered or sorted by a field.
type UnknownField struct {
	// Field is what was asked for, such as "colour" or "is: purple".
	Field string
	// Parameter is where it was named, "query" or "orderBy", Position the place in it, counted in characters from 1.
	Parameter string
	Position  int
	// Known are the names that may stand there.
	Known []string
	// Hidden says that there is such a field, but not among those of [List.Visible].
	Hidden bool
}

func (e *UnknownField) Error() string {
	problem := "there is no such field"
	if e.Hidden {
		problem = "not visible to the caller"
	}
	return fmt.Sprintf("%s: %s at position %d: %s", e.Parameter, e.Field, e.Position, problem)
}

// filterable says what the lists of an entity can be filtered and sorted by.
type filterable struct {
	fields []filterField
	// conditions are named "is: trusted", "has: homeUrl"; sql is the condition.
	conditions []namedSQL
	// orders have the expression to sort by; defaultOrder is for who does not ask.
	orders       []namedSQL
	defaultOrder string
	postgres     bool

	// table is that of an entity of which there may be a million, for findLarge.
	table string
	// among says that only entities with such a row are in the list; nil for all.
	among *related
	// words is the table that has what begins with each word of some fields; nil for none.
	words *wordTable
	// relations are the conditions that say that there is a related row, by their names.
	relations map[string]related
	// unsorted are the conditions for which no index has the entities by name.
	unsorted []string
}

// filterField is a field that can be compared with a value.
type filterField struct {
	// name is Hub's.
	name string
	// column is the SQL expression that is compared with the value, after fold has seen that; nil leaves it as it is.
	column string
	fold   func(string) string
	// ofGroup says that the column is one of groups that are unique, and members of the group meet the filter.
	ofGroup bool
	// of are the rows of another table, one of which has to meet the comparison; nil for the entity itself.
	of *related
	// sortedByName says that an index has what is equal by name, startsByName that two have what begins alike.
	sortedByName, startsByName bool
	// byteOrder says that the column is in order of bytes, so that an index has what begins with a prefix together.
	byteOrder bool
	// startsWith makes every value a prefix.
	startsWith bool
	text       textUse
}

// textUse says how a field takes part in the search for a text.
type textUse int

const (
	notSearched textUse = iota
	// equalToText is for ids: a part of one is nothing that people look for.
	equalToText
	containsText
	// beginsWithText is for large tables: an index answers it.
	beginsWithText
	// inWords is for the fields whose words are in the table that filterable.words names.
	inWords
)

type namedSQL struct{ name, sql string }

// wordTable has, in its column text, the fields of an entity in lower case from the beginning of each word on.
type wordTable struct {
	name string
	// column is the id of the entity.
	column string
}

// find reads a part of a list and counts all that the filter lets through. The error is an [*UnknownField] if the list
// names a field that the entity does not have.
func find[T any](ctx context.Context, r reader, entity filterable, list List) ([]T, int64, error) {
	where, values, err := entity.where(list.Filter, list.Visible)
	if err != nil {
		return nil, 0, err
	}
	order, err := entity.orderBy(list.Order, list.Visible)
	if err != nil {
		return nil, 0, err
	}
	matching := r.db.WithContext(ctx).Model(new(T))
	if where != "" {
		matching = matching.Where(where, values...)
	}
	matching = matching.Session(&gorm.Session{})
	var total int64
	if err := matching.Count(&total).Error; err != nil {
		return nil, 0, translate("count list", err)
	}
	if list.After != "" {
		matching = matching.Where("id > ?", list.After)
	}
	var rows []T
	err = matching.Order(strings.Join(order, ", ")).Offset(list.Skip).Limit(list.Top).Find(&rows).Error
	return rows, total, translate("read list", err)
}

// where compiles a filter to a condition with placeholders and the values for them; a nil filter to "".
func (e filterable) where(filter *Filter, visible []string) (string, []any, error) {
	if filter == nil {
		return "", nil, nil
	}
	c := &compiler{filterable: e, visible: visible}
	sql, err := c.condition(filter)
	return sql, c.values, err
}

// orderBy compiles to the expressions of an ORDER BY. The id comes last, so that pages do not overlap.
func (e filterable) orderBy(order []Order, visible []string) ([]string, error) {
	if len(order) == 0 {
		return strings.Split(e.defaultOrder, ", "), nil
	}
	expressions := make([]string, 0, len(order)+1)
	for _, by := range order {
		expression, known := lookUp(e.orders, by.Field)
		if !known || !isVisible(by.Field, visible) {
			return nil, &UnknownField{Field: by.Field, Parameter: "orderBy", Position: by.Position,
				Known: onlyVisible(names(e.orders), visible), Hidden: known}
		}
		if by.Descending {
			expression += descending
		}
		expressions = append(expressions, expression)
	}
	if i := slices.IndexFunc(expressions, isID); i >= 0 {
		return expressions[:i+1], nil // what comes behind makes no difference
	}
	return append(expressions, "id"), nil
}

func isID(expression string) bool { return strings.TrimSuffix(expression, descending) == "id" }

func lookUp(list []namedSQL, name string) (string, bool) {
	i := slices.IndexFunc(list, func(n namedSQL) bool { return strings.EqualFold(n.name, name) })
	if i < 0 {
		return "", false
	}
	return list[i].sql, true
}

func names(list []namedSQL) []string {
	names := make([]string, len(list))
	for i, item := range list {
		names[i] = item.name
	}
	return names
}

func isVisible(name string, visible []string) bool {
	return visible == nil || slices.ContainsFunc(visible, func(v string) bool { return strings.EqualFold(v, name) })
}

func onlyVisible(names, visible []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !isVisible(name, visible) })
}

func isPostgres(db *gorm.DB) bool { return db.Name() == "postgres" }
