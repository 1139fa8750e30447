package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/storage"
)

// Bounds of an order.
const (
	maxOrderLength = 1024 // bytes
	maxOrderFields = 10
)

// maxSkip bounds how much of a list is passed over: whoever wants more of it goes on behind an id.
const maxSkip = 100_000

// ParseList reads what part of a list is asked for from `query`, `orderBy`, `$after`, `$skip` and `$top`. The error is a
// *BadParameter, also for a list that is to begin behind an id but is sorted by something else, and for more than 100,000
// entries to be left out.
func ParseList(q url.Values) (storage.List, error) {
	page, err := ParsePage(q)
	if err != nil {
		return storage.List{}, err
	}
	filter, err := ParseQuery(q.Get("query"))
	if err != nil {
		return storage.List{}, err
	}
	order, err := ParseOrder(q.Get("orderBy"))
	if err != nil {
		return storage.List{}, err
	}
	list := storage.List{Filter: filter, Order: order, After: q.Get("$after"), Skip: page.Skip, Top: page.Top}
	if list.Skip > maxSkip {
		return list, &BadParameter{Name: "$skip", Reason: fmt.Sprintf("at most %d entries can be left out; "+
			"for a longer list ask for orderBy=id, and send the id of the last entry of each page as $after for the next", maxSkip)}
	}
	return list, checkAfter(&list)
}

// checkAfter sees to it that what begins behind an id is sorted by it.
func checkAfter(list *storage.List) error {
	if list.After == "" {
		return nil
	}
	after := &scanner{parameter: "$after", text: list.After}
	if err := after.check(maxOrderLength); err != nil {
		return err
	}
	if len(list.Order) > 1 || len(list.Order) == 1 && (!strings.EqualFold(list.Order[0].Field, "id") || list.Order[0].Descending) {
		return &BadParameter{Name: "$after", Reason: "the list is sorted by something else; ask for orderBy=id, or leave $after out"}
	}
	list.Order = []storage.Order{{Field: "id", Position: 1}}
	return nil
}

// ParseOrder reads the value of an `orderBy` parameter in Hub's sort language: fields, each followed by `:asc` or
// `:desc` or neither, in order of weight, with commas between them. A blank in place of the colon and `-name` for
// `name:desc` are understood too. A text without any field is nil. Anything else, or more than 1,024 bytes or 10
// fields, is a *BadParameter that says where.
func ParseOrder(text string) ([]storage.Order, error) {
	s := &scanner{parameter: "orderBy", text: text}
	if err := s.check(maxOrderLength); err != nil {
		return nil, err
	}
	var order []storage.Order
	for s.peek() != "" {
		if len(order) == maxOrderFields {
			return nil, s.fault("there are too many fields, from position %d on; at most %d are accepted", s.position(), maxOrderFields)
		}
		by, err := s.orderField()
		if err != nil {
			return nil, err
		}
		order = append(order, by)
		if s.take(",") && s.peek() == "" {
			return nil, s.fault("a field is expected at position %d, after the comma", s.position())
		}
	}
	return order, nil
}

func (s *scanner) orderField() (storage.Order, error) {
	by := storage.Order{Descending: s.take("-")}
	s.peek()
	by.Position = s.position()
	if by.Field = s.word(":"); by.Field == "" {
		return by, s.fault("a field is expected at position %d", by.Position)
	}
	colon := s.take(":")
	s.peek()
	at, position := s.at, s.position()
	switch direction := s.word(":"); {
	case strings.EqualFold(direction, "asc"):
	case strings.EqualFold(direction, "desc"):
		by.Descending = !by.Descending
	case colon:
		return by, s.fault("asc or desc is expected at position %d, after %q", position, shortened(by.Field)+":")
	default:
		s.at = at
	}
	return by, nil
}

// unknownFieldFault tells a caller which fields there are to filter and sort by: 400 if the one that was named is none
// of them, 403 if it is hidden from the caller.
func unknownFieldFault(unknown *storage.UnknownField) *Fault {
	known, field := strings.Join(unknown.Known, ", "), shortened(unknown.Field)
	if unknown.Hidden {
		return &Fault{Status: http.StatusForbidden, Code: "Forbidden", Field: field, Cause: unknown, Description: fmt.Sprintf(
			"parameter %s: only an administrator may use %s, at position %d; you may use %s", unknown.Parameter, field, unknown.Position, known)}
	}
	return &Fault{Status: http.StatusBadRequest, Code: "bad_request", Field: unknown.Parameter, Cause: unknown, Description: fmt.Sprintf(
		"parameter %s: there is no %s, at position %d; there are %s", unknown.Parameter, field, unknown.Position, known)}
}

// shortened is for texts of the caller that are repeated in an error.
func shortened(text string) string {
	const longest = 40
	if utf8.RuneCountInString(text) > longest {
		return string([]rune(text)[:longest]) + "..."
	}
	return text
}

// scanner walks over the text of a parameter.
type scanner struct {
	parameter, text string
	at              int // index of the next byte
}

func (s *scanner) fault(format string, args ...any) error {
	return &BadParameter{Name: s.parameter, Reason: fmt.Sprintf(format, args...)}
}

// position counts characters from 1.
func (s *scanner) position() int { return utf8.RuneCountInString(s.text[:s.at]) + 1 }

// check refuses what is too long, and what PostgreSQL does not take for text.
func (s *scanner) check(longest int) error {
	if len(s.text) > longest {
		return s.fault("the text has %d bytes; at most %d are accepted", len(s.text), longest)
	}
	for i, r := range s.text {
		if _, size := utf8.DecodeRuneInString(s.text[i:]); r == 0 || r == utf8.RuneError && size == 1 {
			s.at = i
			return s.fault("the character at position %d is not accepted; text in UTF-8 without NUL is", s.position())
		}
	}
	return nil
}

// ahead returns the next byte, "" at the end.
func (s *scanner) ahead() string { return s.text[s.at:min(s.at+1, len(s.text))] }

// peek skips blanks and returns the next byte, "" at the end.
func (s *scanner) peek() string {
	s.at = len(s.text) - len(strings.TrimLeftFunc(s.text[s.at:], unicode.IsSpace))
	return s.ahead()
}

// take skips blanks and the delimiter, if that is next.
func (s *scanner) take(delimiter string) bool {
	if s.peek() != delimiter {
		return false
	}
	s.at++
	return true
}

// word reads up to a blank or a delimiter, of which there are more; it may be empty.
func (s *scanner) word(more string) string {
	s.peek()
	rest := s.text[s.at:]
	end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`(){}",`+more, r) })
	if end < 0 {
		end = len(rest)
	}
	s.at += end
	return rest[:end]
}

// isKeyword says whether the next word is the keyword.
func (s *scanner) isKeyword(keyword string) bool {
	ahead := *s
	return strings.EqualFold(ahead.word(":"), keyword)
}

// keyword skips the keyword, if that is next.
func (s *scanner) keyword(keyword string) bool {
	if !s.isKeyword(keyword) {
		return false
	}
	s.word(":")
	return true
}
