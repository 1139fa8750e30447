package storage

import (
	"fmt"
	"slices"
	"strings"
)

// compiler makes the condition of a filter and collects the values for its placeholders, in their order.
type compiler struct {
	filterable
	visible []string
	values  []any
	// walked makes SQLite read no index for what is compared.
	walked bool
	// many are the leaves for which there are so many related rows that each entity is rather asked for its own.
	many map[*Filter]bool
	// groups are the ids of the groups that leaves ask for the members of, as far as they are known.
	groups map[*Filter]string
}

func (c *compiler) condition(f *Filter) (string, error) {
	switch {
	case f.Not != nil:
		condition, err := c.condition(f.Not)
		return "NOT (" + condition + ")", err
	case len(f.All) > 0:
		return c.joined(f.All, " AND ")
	case len(f.Any) > 0:
		return c.joined(f.Any, " OR ")
	case f.related != nil:
		return c.isAmong(f, *f.related), nil
	case f.Field == "":
		return c.text(f), nil
	}
	return c.leaf(f)
}

func (c *compiler) joined(filters []*Filter, operator string) (string, error) {
	conditions := make([]string, len(filters))
	for i, f := range filters {
		var err error
		if conditions[i], err = c.condition(f); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(conditions, operator) + ")", nil
}

// text asks whether a field of those that are searched has the text of the filter.
func (c *compiler) text(f *Filter) string {
	if c.words != nil && !f.Prefix {
		return c.hasWord(f)
	}
	var conditions []string
	for _, field := range c.fields {
		value := field.folded(f.Value)
		switch {
		case field.text == notSearched:
		case f.Prefix || field.text == beginsWithText:
			conditions = append(conditions, c.begins(field, value))
		case field.text == containsText:
			conditions = append(conditions, c.like(field, "%"+escapeLike(value)+"%"))
		default:
			conditions = append(conditions, c.equals(field, value))
		}
	}
	if len(conditions) == 0 {
		return "1 = 0"
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// hasWord asks whether the text of the filter stands at the beginning of a word, or is the id.
func (c *compiler) hasWord(f *Filter) string {
	c.values = append(c.values, f.Value)
	words := c.wordsThatBegin(f.Value)
	c.values = append(c.values, words.values...)
	if c.many[f] {
		return fmt.Sprintf("(id = ? OR %s)", words.exists(c.table))
	}
	return fmt.Sprintf("id IN (SELECT id FROM %s WHERE id = ? UNION %s)", c.table, words.list())
}

// leaf compares a field, or takes the condition that a word stands for.
func (c *compiler) leaf(f *Filter) (string, error) {
	name := f.name()
	field, isField := c.field(name)
	condition, isCondition := lookUp(c.conditions, name)
	switch {
	case !isField && !isCondition || !isVisible(name, c.visible):
		return "", &UnknownField{Field: name, Parameter: "query", Position: f.Position,
			Known: onlyVisible(c.known(), c.visible), Hidden: isField || isCondition}
	}
	if r, isRelated := c.relatedTo(f); isRelated {
		return c.isAmong(f, r), nil
	}
	if isCondition {
		return condition, nil
	}
	return c.comparison(field, f), nil
}

// name is what the leaf compares or, with its word, the condition that it names.
func (f *Filter) name() string {
	name := f.Field
	if isWordField(name) {
		name += ": " + f.Value
		if f.Prefix {
			name += "*"
		}
	}
	return name
}

// isWordField says whether the value of a field is part of a condition's name.
func isWordField(name string) bool {
	return strings.EqualFold(name, "is") || strings.EqualFold(name, "has")
}

func (c *compiler) comparison(field filterField, f *Filter) string {
	if field.isPrefix(f) {
		return c.begins(field, field.folded(f.Value))
	}
	return c.equals(field, field.folded(f.Value))
}

// isPrefix says whether a leaf on the field asks for what begins with the value.
func (f filterField) isPrefix(leaf *Filter) bool { return leaf.Prefix || f.startsWith }

func (c *compiler) equals(field filterField, value string) string {
	c.values = append(c.values, value)
	return c.compared(field) + " = ?"
}

// begins compares in the way that the database can answer from an index: by a range where the index is in order of bytes,
// as all are in SQLite; else PostgreSQL may have one for LIKE.
func (c *compiler) begins(field filterField, value string) string {
	if c.postgres && !field.byteOrder {
		return c.like(field, escapeLike(value)+"%")
	}
	column, end := c.compared(field), afterPrefix(value)
	c.values = append(c.values, value)
	if end == "" {
		return column + " >= ?"
	}
	c.values = append(c.values, end)
	return fmt.Sprintf("(%s >= ? AND %s < ?)", column, column)
}

func (c *compiler) like(field filterField, pattern string) string {
	c.values = append(c.values, pattern)
	return c.compared(field) + ` LIKE ? ESCAPE '\'`
}

// compared is the column of a field in a comparison.
func (c *compiler) compared(field filterField) string {
	if c.walked && field.of == nil {
		return "+" + field.column
	}
	return field.column
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func escapeLike(text string) string { return likeEscaper.Replace(text) }

func (f filterField) folded(value string) string {
	if f.fold == nil {
		return value
	}
	return f.fold(value)
}

func (c *compiler) field(name string) (filterField, bool) {
	i := slices.IndexFunc(c.fields, func(f filterField) bool { return strings.EqualFold(f.name, name) })
	if i < 0 {
		return filterField{}, false
	}
	return c.fields[i], true
}

// known lists what a query may name.
func (c *compiler) known() []string {
	known := make([]string, len(c.fields))
	for i, field := range c.fields {
		known[i] = field.name
	}
	return append(known, names(c.conditions)...)
}

// withoutCase is the SQL for a text in which the case of ASCII letters does not count, and foldASCII what makes a value
// alike: the databases agree on no others.
func withoutCase(expression string, postgres bool) string {
	if postgres {
		expression += ` COLLATE "C"`
	}
	return "lower(" + expression + ")"
}

func foldASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}
