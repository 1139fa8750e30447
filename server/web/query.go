package web

import (
	"strings"

	"gatehouse/storage"
)

// Bounds of a query. People type the former; clients are known to send a few terms.
const (
	maxQueryLength = 4096 // bytes
	maxQueryDepth  = 20
	maxQueryTerms  = 200
)

// ParseQuery reads the value of a `query` parameter in Hub's query language:
//
//	applicationName: YouTrack and not (name: {My Service}, test* or has: homeUrl)
//
// Terms are `field: value`, where commas list values of which one will do, tuples `field(sub: value, ...)`, which are
// the fields "field/sub", and texts. A value stands as it is, in braces, or in double quotes, in which a backslash goes
// before a quote and a backslash; an asterisk after it makes it a prefix. Terms are joined by `or`, more tightly by
// `and`, and more tightly yet by standing side by side, which is `and` but for values of the same field, of which one
// will do. Keywords and field names are read without regard to case; after a colon a keyword is a value.
//
// A query without any term is nil. Anything else, or more than 4,096 bytes, 20 levels or 200 terms, is a *BadParameter
// that says where.
func ParseQuery(text string) (*storage.Filter, error) {
	p := &queryParser{scanner: scanner{parameter: "query", text: text}}
	if err := p.check(maxQueryLength); err != nil {
		return nil, err
	}
	if p.peek() == "" {
		return nil, nil
	}
	filter, err := p.or(1)
	if err != nil {
		return nil, err
	}
	if next := p.peek(); next != "" {
		return nil, p.fault("%q is not expected at position %d", next, p.position())
	}
	return filter, nil
}

// queryParser reads
//
//	or     = and *( "or" and )
//	and    = run *( "and" run )
//	run    = 1*( *"not" item )
//	item   = "(" or ")" | field | tuple | value
//	field  = name ":" value *( "," value )
//	tuple  = name "(" field *( [ "," ] field ) ")"
//	value  = ( word | "{" text "}" | quoted ) [ "*" ]
type queryParser struct {
	scanner
	terms int // read so far
}

func (p *queryParser) or(depth int) (*storage.Filter, error) {
	alternatives, err := p.list("or", depth, p.and)
	if err != nil || len(alternatives) == 1 {
		return first(alternatives), err
	}
	return &storage.Filter{Any: alternatives}, nil
}

func (p *queryParser) and(depth int) (*storage.Filter, error) {
	conditions, err := p.list("and", depth, p.run)
	if err != nil || len(conditions) == 1 {
		return first(conditions), err
	}
	return &storage.Filter{All: conditions}, nil
}

func first(filters []*storage.Filter) *storage.Filter {
	if len(filters) == 0 {
		return nil
	}
	return filters[0]
}

// list reads operands with an operator between them.
func (p *queryParser) list(operator string, depth int, operand func(int) (*storage.Filter, error)) ([]*storage.Filter, error) {
	var filters []*storage.Filter
	for {
		filter, err := operand(depth)
		if err != nil {
			return nil, err
		}
		filters = append(filters, filter)
		if !p.keyword(operator) {
			return filters, nil
		}
	}
}

// run reads items that stand side by side. Hub joins those of the same field by or; "is" and "has" are no fields in
// this respect, since each of their words is one.
func (p *queryParser) run(depth int) (*storage.Filter, error) {
	var items []*storage.Filter
	places := map[string]int{}
	for {
		item, field, err := p.signed(depth)
		if err != nil {
			return nil, err
		}
		place, again := places[field]
		switch {
		case field == "" || field == "is" || field == "has":
			items = append(items, item)
		case again:
			items[place] = &storage.Filter{Any: append(values(items[place]), values(item)...)}
		default:
			places[field] = len(items)
			items = append(items, item)
		}
		if p.atEndOfRun() {
			break
		}
	}
	if len(items) == 1 {
		return items[0], nil
	}
	return &storage.Filter{All: items}, nil
}

// values are the leaves of a field with one value or several.
func values(field *storage.Filter) []*storage.Filter {
	if field.Any != nil {
		return field.Any
	}
	return []*storage.Filter{field}
}

func (p *queryParser) atEndOfRun() bool {
	next := p.peek()
	return next == "" || next == ")" || next == "," || next == ":" || next == "}" || p.isKeyword("and") || p.isKeyword("or")
}

// signed reads an item with what negates it, and the field in lower case if it is one without negation.
func (p *queryParser) signed(depth int) (*storage.Filter, string, error) {
	if depth > maxQueryDepth {
		return nil, "", p.fault("the term at position %d lies too deep; at most %d levels are accepted", p.position(), maxQueryDepth)
	}
	if !p.keyword("not") {
		return p.item(depth)
	}
	item, _, err := p.signed(depth + 1)
	return &storage.Filter{Not: item}, "", err
}

func (p *queryParser) item(depth int) (*storage.Filter, string, error) {
	switch next := p.peek(); {
	case next == "(":
		group, err := p.group(depth)
		return group, "", err
	case next == "{" || next == `"`:
		text, err := p.value("", "")
		return text, "", err
	case next == "" || next == ")" || next == "}" || next == "," || next == ":" || p.isKeyword("and") || p.isKeyword("or"):
		return nil, "", p.fault("a term is expected at position %d", p.position())
	}
	start := p.at
	name := p.word(":")
	if p.ahead() == "(" {
		tuple, err := p.tuple(name, depth)
		return tuple, "", err
	}
	if p.peek() == ":" {
		p.at = start
		field, err := p.field("")
		return field, strings.ToLower(name), err
	}
	p.at = start
	text, err := p.value("", ":")
	return text, "", err
}

func (p *queryParser) group(depth int) (*storage.Filter, error) {
	opened := p.position()
	p.at++
	group, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	return group, p.closed(opened)
}

func (p *queryParser) closed(opened int) error {
	if !p.take(")") {
		return p.fault("a closing parenthesis is expected at position %d, for the one at position %d", p.position(), opened)
	}
	return nil
}

// tuple reads the fields in the parentheses after a name.
func (p *queryParser) tuple(name string, depth int) (*storage.Filter, error) {
	opened := p.position()
	p.at++
	var fields []*storage.Filter
	for {
		field, err := p.field(name + "/")
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		if !p.take(",") && (p.peek() == ")" || p.peek() == "") {
			break
		}
	}
	if err := p.closed(opened); err != nil {
		return nil, err
	}
	if len(fields) == 1 {
		return fields[0], nil
	}
	return &storage.Filter{All: fields}, nil
}

// field reads a name, a colon and the values, of which one will do. The prefix goes before the name.
func (p *queryParser) field(prefix string) (*storage.Filter, error) {
	p.peek()
	position := p.position()
	name := p.word(":")
	if name == "" || !p.take(":") {
		return nil, p.fault("a field with a colon and a value is expected at position %d", position)
	}
	var leaves []*storage.Filter
	for {
		leaf, err := p.value(prefix+name, "")
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
		if p.peek() != "," || prefix != "" && p.fieldFollows() {
			break
		}
		if p.fieldFollows() {
			return nil, p.fault("a value is expected after the comma at position %d; fields are joined by and or by or, and a value with a colon goes in braces", p.position())
		}
		p.at++
	}
	leaves[0].Position = position
	if len(leaves) == 1 {
		return leaves[0], nil
	}
	return &storage.Filter{Any: leaves}, nil
}

// fieldFollows says whether a name and a colon stand after the comma, and not a URL.
func (p *queryParser) fieldFollows() bool {
	ahead := p.scanner
	ahead.at++
	return ahead.word(":") != "" && ahead.peek() == ":" && !strings.HasPrefix(ahead.text[ahead.at:], "://")
}

// value reads a value of a field, or a text if that is "". A bare word ends before one of the delimiters, too.
func (p *queryParser) value(field, delimiters string) (*storage.Filter, error) {
	next := p.peek()
	leaf := &storage.Filter{Field: field, Position: p.position()}
	if p.terms++; p.terms > maxQueryTerms {
		return nil, p.fault("there are too many terms, from position %d on; at most %d are accepted", leaf.Position, maxQueryTerms)
	}
	var err error
	switch next {
	case "{":
		leaf.Value, err = p.braced()
	case `"`:
		leaf.Value, err = p.quoted()
	default:
		leaf.Value = p.word(delimiters)
		if leaf.Value == "" {
			return nil, p.fault("a value is expected at position %d, after %q", leaf.Position, shortened(field)+":")
		}
		leaf.Value, leaf.Prefix = strings.CutSuffix(leaf.Value, "*")
		return leaf, nil
	}
	if p.ahead() == "*" {
		p.at++
		leaf.Prefix = true
	}
	return leaf, err
}

func (p *queryParser) braced() (string, error) {
	opened := p.position()
	text, _, closed := strings.Cut(p.text[p.at+1:], "}")
	if !closed {
		return "", p.fault("the brace opened at position %d is not closed", opened)
	}
	p.at += len(text) + len("{}")
	return text, nil
}

func (p *queryParser) quoted() (string, error) {
	opened := p.position()
	var text strings.Builder
	for at := p.at + 1; at < len(p.text); at++ {
		rest := p.text[at:]
		switch {
		case rest[0] == '"':
			p.at = at + 1
			return text.String(), nil
		case strings.HasPrefix(rest, `\"`) || strings.HasPrefix(rest, `\\`):
			at++
		}
		text.WriteByte(p.text[at])
	}
	return "", p.fault("the quote opened at position %d is not closed", opened)
}
