package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxFormBytes bounds the body of an OAuth request.
	maxFormBytes = 64 << 10
	// maxJSONBytes bounds the body of a REST request, which may hold an icon.
	maxJSONBytes = 256 << 10
	maxJSONDepth = 20
)

func invalidRequest(format string, args ...any) *Fault {
	return Refuse(http.StatusBadRequest, "invalid_request", format, args...)
}

// Form reads the parameters of an OAuth request from its body: a form, or a JSON object of texts, numbers and truth
// values. A body of more than 64 KiB, a multipart body and a parameter that is sent twice are refused (RFC 6749 section
// 3.2); parameters in the query do not count.
func Form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, invalidRequest("the Content-Type header is malformed; use application/x-www-form-urlencoded or application/json")
	}
	body, err := readAll(w, r, maxFormBytes)
	if err != nil {
		return nil, err
	}
	var form url.Values
	switch kind {
	case "application/x-www-form-urlencoded":
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, invalidRequest("the body is not a well-formed form; separate parameters by &, and write ; as %%3B and %% as %%25")
		}
	case "application/json":
		if form, err = formOfJSON(body); err != nil {
			return nil, err
		}
	default:
		return nil, invalidRequest("the Content-Type %q is not accepted; use application/x-www-form-urlencoded or application/json", kind)
	}
	return form, CheckParameters(form)
}

// CheckParameters refuses a parameter that is sent twice, and text that is not UTF-8 or holds a NUL.
func CheckParameters(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 {
			return invalidRequest("the parameter %q is sent %d times; send it once", name, len(values))
		}
		if !utf8.ValidString(values[0]) || bytes.IndexByte([]byte(values[0]), 0) >= 0 {
			return invalidRequest("the parameter %q is not UTF-8 text", name)
		}
	}
	return nil
}

func formOfJSON(body []byte) (url.Values, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	form := url.Values{}
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, invalidRequest("the body is not a JSON object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, invalidRequest("the body is not well-formed JSON")
		}
		value, err := decoder.Token()
		if err != nil {
			return nil, invalidRequest("the body is not well-formed JSON")
		}
		switch value := value.(type) {
		case json.Delim:
			return nil, invalidRequest("the parameter %q is not text; send a flat JSON object", name)
		case nil:
		default:
			form.Add(name.(string), fmt.Sprint(value))
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, invalidRequest("the body is not well-formed JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, invalidRequest("the body goes on after its JSON object")
	}
	return form, nil
}

// DecodeJSON reads the JSON object that is the body of a REST request into v; names that v does not have are passed
// over, as Hub does, and null leaves a field out. A body of more than 256 KiB, that is not UTF-8, with a value of another
// type, or with anything behind the object is refused.
func DecodeJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	return faultOfJSON(json.Unmarshal(body, v))
}

// DecodeKnownJSON is [DecodeJSON] for bodies in which a slip of the pen must not go unseen: a name that v does not have is
// refused.
func DecodeKnownJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	// What is behind the object is looked for by Valid, since a decoder stops before it.
	if !json.Valid(body) {
		return errNoJSON()
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return faultOfJSON(decoder.Decode(v))
}

func errNoJSON() *Fault {
	return Refuse(http.StatusBadRequest, "bad_request", "the body is not a well-formed JSON object")
}

// readJSON reads a body that is an object as far as it has been looked at.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Header.Get("Content-Type") != "" && (err != nil || kind != "application/json") {
		return nil, Refuse(http.StatusUnsupportedMediaType, "bad_request", "the body has to be JSON; send it with the header Content-Type: application/json")
	}
	body, err := readAll(w, r, maxJSONBytes)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return nil, errNoJSON()
	}
	if tooDeep(body) {
		return nil, Refuse(http.StatusBadRequest, "bad_request", "the body is nested more than %d levels deep", maxJSONDepth)
	}
	return body, nil
}

// faultOfJSON says what is wrong with a body by the error of decoding it.
func faultOfJSON(err error) error {
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType) && wrongType.Field != "":
		fault := Refuse(http.StatusBadRequest, "bad_request", "%s: has the wrong type: %s", wrongType.Field, wrongType.Value)
		fault.Field = wrongType.Field
		return fault
	}
	if quoted, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		name, _ := strconv.Unquote(quoted)
		name = strings.ToValidUTF8(name[:min(len(name), maxShownName)], "")
		fault := Refuse(http.StatusBadRequest, "bad_request", "%q: is not a field here; look at how it is spelled", name)
		fault.Field = name
		return fault
	}
	return errNoJSON()
}

// maxShownName bounds what is repeated of a name, in bytes.
const maxShownName = 100

// tooDeep counts brackets and braces outside of strings.
func tooDeep(body []byte) bool {
	depth, inText, escaped := 0, false, false
	for _, c := range body {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped, inText = c == '\\', c != '"'
		case c == '"':
			inText = true
		case c == '{' || c == '[':
			if depth++; depth > maxJSONDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// Image reads the image that is the body of a REST request, of at most limit bytes. What it is, its bytes say.
func Image(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") != "" && (err != nil || kind != "image/png" && kind != "image/jpeg") {
		return nil, Refuse(http.StatusUnsupportedMediaType, "bad_request", "the body has to be an image; send it with the header Content-Type: image/png or image/jpeg")
	}
	return readAll(w, r, limit)
}

func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, Refuse(http.StatusRequestEntityTooLarge, "invalid_request", "the body is larger than %d KiB", limit>>10)
	case err != nil:
		return nil, &Fault{Status: http.StatusBadRequest, Code: "invalid_request", Description: "the body could not be read", Cause: err}
	}
	return body, nil
}
