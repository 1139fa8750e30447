package web

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
)

// DefaultTop is how many entries a page holds if the caller does not say.
const DefaultTop = 100

// Everything as Page.Top asks for all entries; Hub clients send it as `$top=-1`.
const Everything = -1

// BadParameter is a request parameter that cannot be understood.
type BadParameter struct {
	Name   string // the parameter as it is documented, such as "$top"
	Reason string // what is wrong and what is accepted, fit for the caller's eyes
}

// Error names the parameter, what is wrong with it and what is accepted.
func (e *BadParameter) Error() string {
	return "parameter " + e.Name + ": " + e.Reason
}

// Page is the part of a list that the caller asked for.
type Page struct {
	Skip int // entries left out at the start, 0 or more
	Top  int // entries at most; 0 asks for the total alone, Everything for all
}

// ParsePage reads `$skip` and `$top`, or `skip` and `top` where those with the dollar sign are absent. Without them the
// page is the first DefaultTop entries. Of a repeated parameter the first counts. Anything that is not a whole number
// in range is a *BadParameter.
func ParsePage(q url.Values) (Page, error) {
	skip, err := pageNumber(q, "skip", 0, 0)
	if err != nil {
		return Page{}, err
	}
	top, err := pageNumber(q, "top", DefaultTop, Everything)
	if err != nil {
		return Page{}, err
	}
	return Page{Skip: skip, Top: top}, nil
}

// pageNumber reads one number of at least lowest, or the fallback if it is absent or empty.
func pageNumber(q url.Values, name string, fallback, lowest int) (int, error) {
	text := q.Get("$" + name)
	if text == "" {
		text = q.Get(name)
	}
	if text == "" {
		return fallback, nil
	}
	// Clients in Java ask for Integer.MAX_VALUE when they mean everything, so the bound is theirs.
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil || int(number) < lowest {
		return 0, &BadParameter{Name: "$" + name, Reason: pageReason(text, lowest)}
	}
	return int(number), nil
}

func pageReason(text string, lowest int) string {
	const longest = 40
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	accepted := fmt.Sprintf("a whole number from 0 to %d", math.MaxInt32)
	if lowest == Everything {
		accepted += ", or -1 for everything"
	}
	return fmt.Sprintf("%q is not accepted; it must be %s", text, accepted)
}

// Envelope wraps one page of a list in the form that Hub clients read: kind is the type marker ("ServicesPage"), key
// names the array ("services"), total counts the entries of the whole list. The page is echoed as it was asked for.
// The array is empty rather than null if there are no items.
func Envelope(kind, key string, page Page, total int, items []map[string]any) map[string]any {
	if items == nil {
		items = []map[string]any{}
	}
	return map[string]any{"type": kind, "skip": page.Skip, "top": page.Top, "total": total, key: items}
}
