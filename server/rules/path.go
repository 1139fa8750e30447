package rules

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pathSet finds the longest path that a request lies at or beneath, in as many look-ups as the request has segments.
type pathSet struct {
	// exact are the paths as they are written, by which a request gets past the guard.
	exact map[string]Access
	// strict are the paths that ask for sign-in, folded: an API that makes no difference between /Admin and /admin must
	// not be open by one of them.
	strict map[string]bool
}

func parsePaths(paths []Path) (pathSet, error) {
	set := pathSet{map[string]Access{}, map[string]bool{}}
	if len(paths) > maxPaths {
		return set, invalid("paths", "%d are too many; up to %d are accepted", len(paths), maxPaths)
	}
	var seen []string
	for _, path := range paths {
		trimmed := trimSlash(path.Path)
		switch {
		case !strings.HasPrefix(path.Path, "/") || ambiguous(path.Path):
			return set, invalid("paths", "%q is no path; one that begins with / is accepted, decoded, without a query and without // . .. ; and %%", shortened(path.Path))
		case !slices.Contains([]Access{Open, SignIn, Bypass}, path.Access):
			return set, invalid("paths", "%q: access %s, %s or %s is accepted", shortened(path.Path), Open, SignIn, Bypass)
		case slices.Contains(seen, fold(trimmed)):
			return set, invalid("paths", "%q is there twice; leave one of them out", shortened(path.Path))
		}
		seen = append(seen, fold(trimmed))
		if path.Access == SignIn {
			set.strict[fold(trimmed)] = true
		} else {
			set.exact[trimmed] = path.Access
		}
	}
	return set, nil
}

func fold(path string) string { return strings.ToLower(path) }

// trimSlash makes /a/ of the same as /a, and "" of /.
func trimSlash(path string) string { return strings.TrimSuffix(path, "/") }

// Target is what a request is for, as the guard reads its URI.
type Target struct {
	// Path is decoded.
	Path string
	// Query is still encoded.
	Query string
	// Ambiguous says that the API might read the path as another one. Such a path is never open.
	Ambiguous bool
}

// ParseTarget reads a request URI in origin form (RFC 9112 section 3.2.1): a path, perhaps with a query. It returns false
// for anything else, and for a path that is not well-formed.
func ParseTarget(uri string) (Target, bool) {
	path, query, _ := strings.Cut(uri, "?")
	decoded := path
	if strings.Contains(path, "%") {
		var err error
		if decoded, err = url.PathUnescape(path); err != nil {
			return Target{}, false
		}
	}
	if !strings.HasPrefix(path, "/") || !utf8.ValidString(decoded) || strings.ContainsFunc(decoded, unicode.IsControl) {
		return Target{}, false
	}
	encodedSlash := strings.Count(decoded, "/") != strings.Count(path, "/")
	return Target{Path: decoded, Query: query, Ambiguous: encodedSlash || ambiguous(decoded)}, true
}

// ambiguous says whether programs differ in how they read a decoded path: empty segments and those of dots, parameters
// behind a semicolon, backslashes, and what could be decoded once more.
func ambiguous(path string) bool {
	if strings.ContainsAny(path, `;\%?#`) || strings.Contains(path, "//") {
		return true
	}
	if !strings.Contains(path, "/.") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// Access says what the path of a target asks for, and which path of the rules says so; "" when none does, and sign-in is
// asked for.
func (c *Compiled) Access(target Target) (Access, string) {
	if len(c.paths.exact) == 0 || target.Ambiguous {
		return SignIn, ""
	}
	path, folded := trimSlash(target.Path), ""
	if len(c.paths.strict) > 0 {
		folded = fold(path)
	}
	// A path and its folded form can differ in length, but not in their segments.
	for {
		if c.paths.strict[folded] && len(c.paths.strict) > 0 {
			return SignIn, orRoot(folded)
		}
		if access, ok := c.paths.exact[path]; ok {
			return access, orRoot(path)
		}
		if path == "" {
			return SignIn, ""
		}
		path, folded = parent(path), parent(folded)
	}
}

// parent is the path without its last segment, "" for the root.
func parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
