package web

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of a field list. The longest that a known client sends has some 30 names, three deep.
const (
	maxFieldsLength = 8192 // bytes
	maxFieldsDepth  = 8
	maxFieldNames   = 512
)

const fieldBlanks = " \t\r\n"

// basicFields are what is left of a nested entity when nobody asked for its fields.
var basicFields = []string{"id", "type", "name", "key"}

// Fields is a parsed field list: the names asked for, each with the names asked for beneath it. A nil value is a name
// without any beneath. A nil Fields means that nothing was asked for in particular: all immediate fields of the
// entity, with nested entities reduced to those of "id", "type", "name" and "key" that they have.
type Fields map[string]Fields

// ParseFields reads the value of a `fields` parameter, such as `id,profile(email/email,avatar/url)`. Commas separate
// names; what lies beneath a name is written `a/b` or `a(b,c(d))`, mixed freely. Blanks around names and empty items
// between commas are ignored, a text without any name is nil. If a name is given both alone and with names beneath it,
// the latter count. Anything else, or more than 8,192 bytes, 8 levels or 512 names, is a *BadParameter that says where.
func ParseFields(text string) (Fields, error) {
	p := &fieldParser{text: text}
	if len(text) > maxFieldsLength {
		return nil, fieldsFault("the list has %d bytes; at most %d are accepted", len(text), maxFieldsLength)
	}
	fields := Fields{}
	if err := p.list(fields, 1); err != nil {
		return nil, err
	}
	if p.peek() != "" {
		return nil, fieldsFault("the closing parenthesis at position %d has no opening one", p.at+1)
	}
	if len(fields) == 0 {
		return nil, nil
	}
	return fields, nil
}

func fieldsFault(format string, args ...any) error {
	return &BadParameter{Name: "fields", Reason: fmt.Sprintf(format, args...)}
}

// fieldParser walks over a field list:
//
//	list = item *( "," item )
//	item = [ name [ "/" item | "(" list ")" ] ]
type fieldParser struct {
	text  string
	at    int // index of the next byte
	names int // read so far
}

func (p *fieldParser) skipBlanks() {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], fieldBlanks))
}

// peek returns the next byte that is not a blank, "" at the end.
func (p *fieldParser) peek() string {
	p.skipBlanks()
	return p.text[p.at:min(p.at+1, len(p.text))]
}

func (p *fieldParser) list(into Fields, depth int) error {
	for {
		if err := p.item(into, depth); err != nil {
			return err
		}
		if p.peek() != "," {
			return nil
		}
		p.at++
	}
}

func (p *fieldParser) item(into Fields, depth int) error {
	name, err := p.name(depth)
	if err != nil {
		return err
	}
	next := p.peek()
	nested := next == "/" || next == "("
	switch {
	case name == "" && nested:
		return fieldsFault("a name is missing before %q at position %d", next, p.at+1)
	case name == "":
		return nil
	case !nested:
		if _, known := into[name]; !known {
			into[name] = nil
		}
		return nil
	}
	if into[name] == nil {
		into[name] = Fields{}
	}
	if next == "/" {
		return p.step(into[name], depth+1)
	}
	return p.group(into[name], depth+1)
}

// step reads what follows a slash, which must be a name.
func (p *fieldParser) step(into Fields, depth int) error {
	slash, before := p.at, p.names
	p.at++
	if err := p.item(into, depth); err != nil {
		return err
	}
	if p.names == before {
		return fieldsFault("a name is missing after \"/\" at position %d", slash+1)
	}
	return nil
}

// group reads a list in parentheses, which must hold a name.
func (p *fieldParser) group(into Fields, depth int) error {
	opened, before := p.at, p.names
	p.at++
	if err := p.list(into, depth); err != nil {
		return err
	}
	if p.peek() != ")" {
		return fieldsFault("the parenthesis opened at position %d is not closed", opened+1)
	}
	p.at++
	if p.names == before {
		return fieldsFault("the parentheses at position %d are empty; leave them out or put names in", opened+1)
	}
	if next := p.peek(); next != "" && next != "," && next != ")" {
		return fieldsFault("a comma is missing after the closing parenthesis, at position %d", p.at+1)
	}
	return nil
}

// name reads up to the next delimiter; the name may be empty.
func (p *fieldParser) name(depth int) (string, error) {
	p.skipBlanks()
	start := p.at
	length := strings.IndexAny(p.text[start:], ",/()")
	if length < 0 {
		length = len(p.text) - start
	}
	p.at += length
	name := strings.TrimRight(p.text[start:p.at], fieldBlanks)
	if name == "" {
		return "", nil
	}
	p.names++
	if blank := strings.IndexAny(name, fieldBlanks); blank >= 0 {
		return "", fieldsFault("a comma is missing at position %d; names are separated by commas", start+blank+1)
	}
	if depth > maxFieldsDepth {
		return "", fieldsFault("the name at position %d lies too deep; at most %d levels are accepted", start+1, maxFieldsDepth)
	}
	if p.names > maxFieldNames {
		return "", fieldsFault("there are too many names, from position %d on; at most %d are accepted", start+1, maxFieldNames)
	}
	return name, nil
}

// Names says whether the list has the name; one that asks for nothing in particular has none.
func (f Fields) Names(name string) bool {
	_, named := f[name]
	return named
}

// String prints the list in its canonical form: names in order, one name beneath as `a/b`, several as `a(b,c)`. It is
// never longer than the text that was parsed, and parses to the same Fields.
func (f Fields) String() string {
	items := make([]string, 0, len(f))
	for _, name := range slices.Sorted(maps.Keys(f)) {
		switch beneath := f[name]; len(beneath) {
		case 0:
			items = append(items, name)
		case 1:
			items = append(items, name+"/"+beneath.String())
		default:
			items = append(items, name+"("+beneath.String()+")")
		}
	}
	return strings.Join(items, ",")
}

// Project returns a copy of the entity that holds only what the list names; names that the entity lacks are ignored.
// It descends into map[string]any, []any and []map[string]any, other values are kept whole and shared with the entity.
func (f Fields) Project(entity map[string]any) map[string]any {
	if f == nil {
		return immediateFields(entity)
	}
	projected := make(map[string]any, len(f))
	for name, beneath := range f {
		if value, known := entity[name]; known {
			projected[name] = eachObject(value, beneath.Project)
		}
	}
	return projected
}

func immediateFields(entity map[string]any) map[string]any {
	projected := make(map[string]any, len(entity))
	for name, value := range entity {
		projected[name] = eachObject(value, onlyBasicFields)
	}
	return projected
}

// onlyBasicFields reduces an object inside of another: an entity, which has an id by which the rest can be read, to its
// basic fields. A value without an id of its own, such as an avatar, stays.
func onlyBasicFields(entity map[string]any) map[string]any {
	if _, isEntity := entity["id"]; !isEntity {
		return immediateFields(entity)
	}
	projected := make(map[string]any, len(basicFields))
	for _, name := range basicFields {
		if value, known := entity[name]; known {
			projected[name] = eachObject(value, onlyBasicFields)
		}
	}
	return projected
}

// eachObject applies reduce to the value if it is an object, or to every object of a list.
func eachObject(value any, reduce func(map[string]any) map[string]any) any {
	switch value := value.(type) {
	case map[string]any:
		if value == nil {
			return value
		}
		return reduce(value)
	case []any:
		if value == nil {
			return value
		}
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = eachObject(item, reduce)
		}
		return list
	case []map[string]any:
		if value == nil {
			return value
		}
		list := make([]map[string]any, len(value))
		for i, item := range value {
			list[i], _ = eachObject(item, reduce).(map[string]any)
		}
		return list
	}
	return value
}
